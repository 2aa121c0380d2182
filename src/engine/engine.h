/* The engine: takes stock, hears events, remembers them, answers the face. No rights, no exec. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "common/process.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/inventory.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "store/store.h"
#include "wire/wire.h"

enum {
	ENGINE_QUESTIONS_MAX =
		256, /* that wait for a sweep; more are answered from what is known */
	ENGINE_PROCESSES_MAX = 8,
	ENGINE_SWEEP_SECONDS_ALONE = 10, /* between sweeps when no event tells of changes */
};

/* A process of the daemon, for `status`. */
struct engine_process {
	char name[WIRE_NAME_BYTES];
	int32_t pid;
	uint32_t restarts;
};

struct engine_question {
	uint32_t request;
	struct wire_query query;
};

struct engine_sweep {
	sd_event_source *timer;
	bool running;     /* waiting for diag sockets */
	unsigned flags;   /* that questions ask for beyond the usual: enum observe_flags */
	usec_t last_cost; /* CPU time of the last one */
	usec_t last_end;  /* monotonic */
	usec_t interval;  /* until the next */
	usec_t due;       /* monotonic: when it comes */
	uint64_t count;
	uint64_t failures;
	struct observe_sockets sockets; /* of the running one */
	sd_event_source *limit;         /* for the helper's answer */
};

/* What is remembered and how far. */
struct engine_record {
	struct store *store; /* NULL = it could not be opened; then `fault` says why */
	sd_event_source *flush;
	bool flush_waits;
	uint64_t last_id, written_id;
	uint64_t unstored; /* events that could not be remembered */
	uint64_t unsent;   /* events that the face had no room for, since the last notice */
	char fault[WIRE_TEXT_BYTES];
};

struct announced;

/* The kernel's events. */
struct engine_events {
	struct observe_events *reader; /* NULL = sweeps alone, for this reason */
	char reason[WIRE_TEXT_BYTES];
	sd_event_source *source;
	unsigned sources; /* enum observe_event_source_mask */
	uint64_t received, lost;
	struct observe_sockets own_sockets; /* of this namespace */
	struct announced *announced;        /* told by an event, not yet met by a sweep */
};

/* A file of the policy, as the parent opened it. */
struct engine_file {
	char path[WIRE_TEXT_BYTES];
	uint32_t request;
	int error;   /* -EINPROGRESS until it has come */
	char *bytes; /* NUL-terminated */
	size_t length;
};

struct engine_policy {
	bool declared;
	struct policy policy; /* zeroed when there is none */
	usec_t read;          /* when */
	char fault[WIRE_TEXT_BYTES];
	uint32_t last_request;
	VEC(struct engine_file) files; /* while it is being read; the policy itself first */
};

/* Findings as places, sorted. */
struct engine_standing {
	struct event *items;
	size_t count;
	size_t room;
};

struct engine {
	sd_event *loop;
	struct wire_setup setup;
	int state;   /* the store's directory */
	int runtime; /* the runtime directory */
	char bpf_directory[64];
	unsigned without; /* enum observe_without */
	struct link parent, face;
	struct engine_process processes[ENGINE_PROCESSES_MAX];
	unsigned process_count;
	bool known; /* `inventory` is filled */
	struct inventory inventory;
	struct engine_sweep sweep;
	struct engine_record record;
	struct engine_events events;
	struct engine_policy policy;
	struct findings findings; /* of the last sweep */
	struct engine_standing standing;
	VEC(struct engine_question) questions;
};

/* ---- sweep.c ---- */

/* Plans the first sweep at once. @return 0 or negative errno. */
int sweep_start(struct engine *engine, struct err *e);
/* Begins one now, unless one runs. */
void sweep_now(struct engine *engine);
/* Plans one for when it is affordable: something changed. */
void sweep_soon(struct engine *engine);
/* As soon as it is affordable for one who waits. @param more  further enum observe_flags. */
void sweep_for_question(struct engine *engine, unsigned more);
/* Messages of the parent about diag sockets. Takes the descriptor. */
void sweep_socket(struct engine *engine, const struct wire_netns *netns, int *fd);
void sweep_sockets_end(struct engine *engine);
void sweep_deinit(struct engine *engine);

/* ---- events.c ---- */

/* Begins to read the ring: descriptors of ring and counters, which stay the caller's. */
void events_start(struct engine *engine, const struct wire_ring *ring, const int *fds);
/* Records what waits in the ring. */
void events_read(struct engine *engine);
/* Whether an event told what a sweep's difference says now; forgets it then. */
bool events_were_told(struct engine *engine, const struct event *event);
/* Forgets what no sweep will meet any more. */
void events_forget_old(struct engine *engine);
void events_deinit(struct engine *engine);

/* ---- policy.c ---- */

/* Asks the parent for the policy's files, then reads it. */
void policy_reload(struct engine *engine);
/* One of them; the descriptor stays the caller's. */
void policy_file(struct engine *engine, uint32_t request, const struct wire_file *answer, int fd);
/* NULL = none. */
const struct policy *policy_now(const struct engine *engine);
void policy_end(struct engine *engine);

/* ---- findings.c ---- */

/* What stood when the last daemon ended, out of the store. */
void findings_recall(struct engine *engine);
/* Reviews the inventory and records what has come and what has gone. */
void findings_review(struct engine *engine);

/* ---- record.c ---- */

void record_start(struct engine *engine);
/* Gives the event an id, remembers it and tells the face. */
void record_event(struct engine *engine, struct event *event);
/* Makes everything recorded so far durable and tells the face so. */
void record_flush(struct engine *engine);
void record_deinit(struct engine *engine);

/* ---- answer.c ---- */

/* Answers at once, or when the sweep that it needs is done. */
void answer_question(struct engine *engine, uint32_t request, const struct wire_query *query);
/* After a sweep: those that waited for it. */
void answer_waiting(struct engine *engine);

/* ---- filter.c ---- */

bool filter_takes_listener(const struct wire_query *query, const struct inventory *inventory,
			   const struct listener *listener);
bool filter_takes_connection(const struct wire_query *query, const struct inventory *inventory,
			     const struct connection *connection);
