/* Decoding of the records that our BPF programs write (bpf/records.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bpf/records.h"
#include "model/event.h"
#include "model/inventory.h"
#include "observe/observe.h"
#include "observe/owners.h"

/* Listening sockets as the iterator saw them, beside those that hold them. */
struct sightings {
	struct holdings holdings;
	/* Namespaces whose sockets were listed otherwise; their listeners are not noted. */
	const struct inventory *inventory;
	VEC(struct listener_record) foreign; /* in namespaces that could not be listed */
	VEC(int32_t) more;                   /* processes that hold more than their records tell */
};

void sightings_deinit(struct sightings *sightings);

/*
 * Each takes whole records off the front of `bytes` into its structure.
 * @param data struct sightings; struct holdings; struct process_table; namespace callback's.
 * @return bytes taken; -EBADMSG for a record that cannot be; -ENOMEM.
 */
ssize_t records_take_listeners(const void *bytes, size_t length, void *data);
ssize_t records_take_connections(const void *bytes, size_t length, void *data);
ssize_t records_take_processes(const void *bytes, size_t length, void *data);

/*
 * Adds a listener for each socket in `foreign` (once, however many hold it), and an entry marked
 * invisible for a namespace that is not there yet. @return 0 or -ENOMEM.
 */
int sightings_add_foreign(struct sightings *sightings, struct inventory *inventory);

/* What the iterator tells of a process. */
struct process_facts {
	int32_t pid;
	int32_t parent_pid;
	uint32_t uid;
	uint32_t netns;
	uint64_t started_ns; /* since boot */
	char name[OWNER_NAME_BYTES];
	const char *executable; /* in the arena of the table; may end in " (deleted)"; or NULL */
};

struct process_table {
	struct arena *arena; /* for the paths */
	VEC(struct process_facts) list;
};

/* Brings the table into the order of pids. */
void process_table_sort(struct process_table *table);
/* By pid, after sorting; NULL when it is not there. */
const struct process_facts *process_table_find(const struct process_table *table, int32_t pid);

/*
 * What an address did at a port. @return 0; -EBADMSG when it is no such record.
 */
int records_peer(struct observe_peer *out, const void *bytes, size_t length);

/*
 * One record of the event ring. @param boot_offset wall time minus time since boot.
 * @return 0; -EBADMSG when it is too short or of no known kind.
 */
int records_event(struct event *out, const void *bytes, size_t length, usec_t boot_offset);
