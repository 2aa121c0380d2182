/* Everything else about the processes that hold sockets. */
#include "observe/io/details.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/str.h"
#include "observe/io/containers.h"
#include "observe/io/iterator.h"
#include "observe/process-text.h"
#include "observe/records.h"

enum {
	ARGUMENTS_MAX_BYTES = 16 * 1024, /* longer command lines are cut */
	FILE_BYTES = 64 * 1024,
	PATH_BYTES = 64,
	PASSWD_BYTES = 16 * 1024,
	NSEC_PER_USEC = 1000,
};

/* What many processes share is asked for once. */
struct user {
	uint32_t uid;
	const char *name; /* NULL = has none */
	UT_hash_handle hh;
};

struct group {
	const char *cgroup;
	const char *unit, *slice, *container_id, *container_name, *container_runtime;
	UT_hash_handle hh;
};

struct detailing {
	struct inventory *inventory;
	struct arena *arena;
	struct arena scratch; /* users, groups, table's paths */
	struct process_table table;
	struct user *users;
	struct group *groups;
	usec_t boot_offset;
	long ticks_per_second;
	char buffer[FILE_BYTES];
};

/* The text of /proc/PID/NAME in `buffer`; @return its length or negative errno. */
static long read_proc(struct detailing *d, int32_t pid, const char *name, size_t room)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return file_read_into(d->buffer, room, AT_FDCWD, path);
}

static const char *user_name(struct detailing *d, uint32_t uid)
{
	struct user *user = NULL;
	HASH_FIND(hh, d->users, &uid, sizeof(uid), user);
	if (user != NULL) {
		return user->name;
	}
	user = arena_alloc(&d->scratch, sizeof(*user));
	if (user == NULL) {
		return NULL;
	}
	struct passwd entry;
	struct passwd *found = NULL;
	char strings[PASSWD_BYTES];
	if (getpwuid_r(uid, &entry, strings, sizeof(strings), &found) == 0 && found != NULL) {
		user->name = arena_strdup(d->arena, found->pw_name);
	}
	user->uid = uid;
	HASH_ADD(hh, d->users, uid, sizeof(user->uid), user);
	return user->name;
}

static const char *copy_if_any(struct detailing *d, const char *text)
{
	return text[0] == '\0' ? NULL : arena_strdup(d->arena, text);
}

static void name_group(struct detailing *d, struct group *group)
{
	struct observe_cgroup names;
	observe_cgroup_parse(&names, group->cgroup);
	group->unit = copy_if_any(d, names.unit);
	group->slice = copy_if_any(d, names.slice);
	group->container_id = copy_if_any(d, names.container_id);
	group->container_runtime = names.runtime;
	char name[CONTAINER_NAME_BYTES];
	if (group->container_id != NULL &&
	    container_name(name, "", names.runtime, names.container_id) == 0) {
		group->container_name = arena_strdup(d->arena, name);
	}
}

static const struct group *group_of(struct detailing *d, const char *path)
{
	struct group *group = NULL;
	HASH_FIND_STR(d->groups, path, group);
	if (group != NULL) {
		return group;
	}
	group = arena_alloc(&d->scratch, sizeof(*group));
	const char *kept = group == NULL ? NULL : arena_strdup(d->arena, path);
	if (kept == NULL) {
		return NULL;
	}
	group->cgroup = kept;
	name_group(d, group);
	HASH_ADD_KEYPTR(hh, d->groups, group->cgroup, strlen(group->cgroup), group);
	return group;
}

static void take_cgroup(struct detailing *d, struct process *process)
{
	const struct group *group = NULL;
	if (read_proc(d, process->pid, "cgroup", sizeof(d->buffer)) > 0) {
		group = group_of(d, process_cgroup(d->buffer));
	}
	if (group != NULL) {
		process->cgroup = group->cgroup;
		process->unit = group->unit;
		process->slice = group->slice;
		process->container_id = group->container_id;
		process->container_name = group->container_name;
		process->container_runtime = group->container_runtime;
	}
}

static void take_executable(struct detailing *d, struct process *process,
			    const struct process_facts *facts)
{
	char path[EVENT_PATH_BYTES * 16];
	if (facts != NULL && facts->executable != NULL) {
		(void)str_copy(path, sizeof(path), facts->executable);
	} else {
		char link[PATH_BYTES];
		(void)snprintf(link, sizeof(link), "/proc/%d/exe", process->pid);
		ssize_t length = readlink(link, path, sizeof(path) - 1);
		if (length <= 0) {
			return;
		}
		path[length] = '\0';
	}
	process->executable_deleted = process_executable_deleted(path);
	process->executable = arena_strdup(d->arena, path);
}

/* Parent, start and name of any process. @return false when it is gone or hidden. */
static bool lookup(struct detailing *d, int32_t pid, struct process_facts *out)
{
	const struct process_facts *facts = process_table_find(&d->table, pid);
	if (facts != NULL) {
		*out = *facts;
		return true;
	}
	struct process_stat stat;
	if (read_proc(d, pid, "stat", sizeof(d->buffer)) <= 0 ||
	    process_stat_parse(&stat, d->buffer) < 0) {
		return false;
	}
	const uint64_t nsec_per_tick = 1000000000ULL / (uint64_t)d->ticks_per_second;
	*out = (struct process_facts){ .pid = pid,
				       .parent_pid = stat.parent_pid,
				       .started_ns = stat.started_ticks * nsec_per_tick };
	memcpy(out->name, stat.name, sizeof(out->name));
	return true;
}

static void take_parents(struct detailing *d, struct process *process)
{
	int32_t pid = process->parent_pid;
	struct process_facts facts;
	while (pid > 0 && process->parent_count < PROCESS_PARENTS_MAX && lookup(d, pid, &facts)) {
		process->parents[process->parent_count++] = (struct process_parent){
			.pid = pid,
			.name = arena_strdup(d->arena, facts.name),
		};
		pid = facts.parent_pid;
	}
}

/* /proc tells start times in ticks of 10 ms (USER_HZ), BPF in nanoseconds, and two readings of the
 * clocks differ by a microsecond: in whole ticks the same process has the same start every time. */
static usec_t whole_ticks(usec_t time)
{
	const usec_t tick = USEC_PER_SEC / 100;
	return time / tick * tick;
}

static void take_process(struct detailing *d, struct process *process)
{
	struct process_facts facts = { 0 };
	process->detailed = true;
	if (lookup(d, process->pid, &facts)) {
		process->parent_pid = facts.parent_pid;
		process->started =
			whole_ticks((usec_t)(facts.started_ns / NSEC_PER_USEC)) + d->boot_offset;
	}
	take_executable(d, process, process_table_find(&d->table, process->pid));
	take_parents(d, process);
	take_cgroup(d, process);
	if (process->uid != UINT32_MAX) {
		process->user = user_name(d, process->uid);
	}
	long length = read_proc(d, process->pid, "cmdline", ARGUMENTS_MAX_BYTES);
	if (length > 0) {
		(void)process_arguments(d->buffer, (size_t)length);
		process->arguments = arena_strdup(d->arena, d->buffer);
	}
}

/* Held by systemd, the host's or a user's: it opened the socket for a unit (systemd.socket(5)). */
static void mark_activated(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->owners.count; i++) {
		const struct owner *owner = &inventory->owners.items[i];
		const char *name = inventory->processes.items[owner->process].name;
		if (name != NULL && strcmp(name, "systemd") == 0) {
			inventory->listeners.items[owner->listener].socket_activated = true;
		}
	}
}

static void read_table(struct detailing *d, const struct observe_request *request)
{
	d->table.arena = &d->scratch;
	/* Where /proc was enough for the owners, it is for the rest. */
	const bool by_proc = d->inventory->coverage.owner_source == OWNER_SOURCE_PROC;
	_cleanup_(close_fdp) int fd =
		by_proc ? -1
			: iterator_open(ITERATOR_PROCESS_DETAILS, request->bpf_directory,
					request->without, NULL);
	if (fd >= 0) {
		/* What it told before an error is true all the same; /proc has the rest. */
		(void)iterator_read(fd, records_take_processes, &d->table);
	}
	process_table_sort(&d->table);
}

int find_details(struct inventory *inventory, const struct observe_request *request, struct err *e)
{
	mark_activated(inventory);
	struct detailing *d = calloc(1, sizeof(*d));
	if (d == NULL) {
		return err_system(e, ENOMEM, "details of processes");
	}
	d->inventory = inventory;
	d->arena = &inventory->arena;
	d->boot_offset = whole_ticks(clock_boot_offset());
	d->ticks_per_second = sysconf(_SC_CLK_TCK);
	arena_init(&d->scratch, 0);
	read_table(d, request);
	for (size_t i = 0; i < inventory->processes.count; i++) {
		take_process(d, &inventory->processes.items[i]);
	}
	HASH_CLEAR(hh, d->users);
	HASH_CLEAR(hh, d->groups);
	vec_free(&d->table.list);
	arena_deinit(&d->scratch);
	free(d);
	return 0;
}
