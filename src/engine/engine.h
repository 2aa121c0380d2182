/* The engine: takes stock, hears events, remembers them, answers the face. No rights, no exec. */
#pragma once

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "anomaly/anomaly.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "common/process.h"
#include "devices/devices.h"
#include "guard/guard.h"
#include "looker.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/inventory.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "store/store.h"
#include "wire/wire.h"
#include "writer.h"

enum {
	ENGINE_QUESTIONS_MAX =
		256, /* that wait for a sweep; more are answered from what is known */
	ENGINE_PROCESSES_MAX = 8,
	ENGINE_INCIDENTS_MAX = 1024, /* the sentry has 320; the others are out of the store */
	ENGINE_DESCRIBED = 64,
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
	uint64_t written; /* about events: waits until this id is written */
};

struct engine_sweep {
	sd_event_source *timer, *looked;
	struct looker *looker;
	bool running;     /* from asking for diag sockets to the end of the look */
	bool looking;     /* the looker has it */
	bool again;       /* something changed while it looked: the next comes soon */
	size_t answers;   /* questions that this look answers: the first so many */
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
	struct writer *writer;
	bool writable; /* there is a store; otherwise state.fault says why not */
	sd_event_source *source;
	struct writer_state state;
	uint64_t last_id;
	uint64_t refused; /* events that the writer had no room or no store for */
	uint64_t unsent;  /* events that the face had no room for, since the last notice */
};

struct announced;

/* What is known of a process that opened a port lately. */
struct engine_described {
	int32_t pid; /* 0 = nothing */
	usec_t time;
	char process[EVENT_NAME_BYTES];
	char executable[EVENT_PATH_BYTES];
	char unit[EVENT_NAME_BYTES * 2];
	char container[EVENT_NAME_BYTES * 2];
};

/* The kernel's events. */
struct engine_events {
	struct observe_events *reader; /* NULL = sweeps alone, for this reason */
	char reason[WIRE_TEXT_BYTES];
	sd_event_source *source;
	unsigned sources; /* enum observe_event_source_mask */
	uint64_t received, lost;
	struct observe_sockets own_sockets;                  /* of this namespace */
	struct engine_described described[ENGINE_DESCRIBED]; /* by pid */
	struct announced *announced; /* sockets that events told of lately */
};

/* The ring of a guard. */
struct engine_ring {
	struct guard_attempts *reader; /* NULL = no guard */
	sd_event_source *source;
};

/* Binds and connects that the guards refused or told of. */
struct engine_attempts {
	struct engine_ring rings[GUARD_HOOKS];
	struct guard_repeats repeats;
	VEC(struct event) recent; /* oldest first */
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
	struct policy next;   /* read while a look was running against the other */
	bool next_waits, next_declared;
	usec_t read; /* when */
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

/* Of the packet filter, as the keeper told. */
struct engine_rules {
	struct wire_rules state;
	VEC(struct event) told; /* of the record, by this daemon or one before it */
	size_t contradiction_count, coming_count;
	struct contradiction contradictions[CONTRADICTIONS_MAX];
	struct contradiction coming[CONTRADICTIONS_MAX]; /* a list that is not whole yet */
};

/* A connection to one of our ports, from one look to the next. */
struct engine_flow {
	uint64_t key;
	struct anomaly_port at;
	struct addr address;
	bool over, handshake;
};

struct engine_flows {
	struct engine_flow *items; /* sorted by key */
	size_t count, room;
};

/* What is usual, and what is not. */
struct engine_anomalies {
	struct anomaly_model *model;   /* NULL = there was no memory for it */
	char fault[WIRE_TEXT_BYTES];   /* of its file; "" = none */
	sd_event_source *timer;        /* each minute, also while looks are too dear */
	usec_t saved;                  /* monotonic */
	usec_t looked;                 /* monotonic: the last look with connections; 0 = none */
	uint32_t own;                  /* inode of the daemon's namespace */
	struct engine_flows flows;     /* of that one */
	struct observe_tally *tallies; /* OBSERVE_TALLY_SLOTS: as they were then, by slot */
	bool tallied;                  /* they were read from the present programs */
	uint64_t overflows;            /* the kernel's counter then */
	bool overflows_known;
};

/* A scan that goes on. */
struct engine_incident {
	struct incident item;
	bool recalled; /* out of the store: nobody has told this engine of it yet */
};

struct engine_incidents {
	VEC(struct engine_incident) going_on; /* at most ENGINE_INCIDENTS_MAX */
	uint64_t next;                        /* number of the next one */
	bool heard;                           /* of a sentry, once */
	struct wire_watched watched;          /* as the sentry told last */
	struct wire_tapped tapped;            /* as the keeper did */
};

/* What the sentry was told of open ports: TCP, UDP. */
struct engine_open_ports {
	bool sent[2][WIRE_SLICES];
	uint8_t bits[2][WIRE_SLICES][WIRE_SLICE_PORTS / 8];
};

/* Other machines: what was told of them. */
struct engine_devices {
	struct devices_seen seen;
	VEC(struct event) recalled; /* out of the store, while it is read */
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
	struct engine_attempts attempts;
	struct engine_policy policy;
	struct engine_rules rules;
	struct engine_anomalies anomalies;
	struct engine_incidents incidents;
	struct engine_open_ports open_ports;
	struct engine_devices devices;
	struct findings findings; /* of the last sweep */
	struct engine_standing standing;
	VEC(struct engine_question) questions;       /* for a sweep */
	VEC(struct engine_question) event_questions; /* for the writer */
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
/* Whether events told already what a sweep's difference says now. */
bool events_were_told(const struct engine *engine, const struct event *event);
/* Forgets what no sweep will meet any more. */
void events_forget_old(struct engine *engine);
void events_deinit(struct engine *engine);

/* Unit, container and executable of the process of an event, as far as it can be told. */
void events_describe(struct engine *engine, struct event *event);

/* ---- attempts.c ---- */

/* Recent ones out of the store: findings must outlive an engine. */
void attempts_recall(struct engine *engine);
/* Begins to read a guard's ring, which stays the caller's; -1 = there is no guard. */
void attempts_start(struct engine *engine, enum guard_hook hook, uint32_t ring_bytes, int fd);
/* Those of the last hour, for a review. @return how many. */
size_t attempts_recent(const struct engine *engine, const struct event **out);
/* What was counted and is to be told by now; forgets what is old. */
void attempts_sweep(struct engine *engine);
/* Tells what waits, and ends. */
void attempts_end(struct engine *engine);

/* ---- policy.c ---- */

/* Asks the parent for the policy's files, then reads it. */
void policy_reload(struct engine *engine);
/* One of them; the descriptor stays the caller's. */
void policy_file(struct engine *engine, uint32_t request, const struct wire_file *answer, int fd);
/* NULL = none. */
const struct policy *policy_now(const struct engine *engine);
/* A look has ended: the policy may be exchanged. */
void policy_after_look(struct engine *engine);
void policy_end(struct engine *engine);

/* ---- findings.c ---- */

/* What stood when the last daemon ended, out of the store. */
void findings_recall(struct engine *engine);
/* Takes the findings of a look and records what has come and what has gone. */
void findings_take(struct engine *engine, struct findings *findings);
/* The contradictions of other tools' rules are others than before. */
void findings_of_rules(struct engine *engine);

/* ---- record.c ---- */

void record_start(struct engine *engine);
/* Gives the event an id, remembers it and tells the face. */
void record_event(struct engine *engine, struct event *event);
/* Whether the event of this id is safe, or never will be. */
bool record_is_written(const struct engine *engine, uint64_t id);
/* Writes what waits and ends the writer. */
void record_end(struct engine *engine);

/* ---- rules.c ---- */

/* Messages of the keeper, passed on by the parent. */
void rules_state(struct engine *engine, const struct wire_rules *rules);
void rules_news(struct engine *engine, const struct event *news);
void rules_contradiction(struct engine *engine, const struct wire_contradiction *contradiction);
/* What was told of the record before, out of the store. */
void rules_recall(struct engine *engine);
void rules_end(struct engine *engine);

/* ---- incidents.c ---- */

/* Messages of sentry and keeper, passed on by the parent. */
void incidents_take(struct engine *engine, const struct wire_incident *told);
void incidents_watched(struct engine *engine, const struct wire_watched *watched);
void incidents_tapped(struct engine *engine, const struct wire_tapped *tapped);
/* There is a sentry; what an earlier one saw has ended. @param news  it was started just now. */
void incidents_of_new_sentry(struct engine *engine, bool news);
/* What went on, out of the store, and the next number. */
void incidents_recall(struct engine *engine);
void incidents_end(struct engine *engine);

/* ---- open_ports.c ---- */

/* Tells the sentry which ports are open, as far as it was not told. */
void open_ports_tell(struct engine *engine);
/* To one that is new. */
void open_ports_tell_all(struct engine *engine);
/* A listener was opened: told at once, before anybody connects. */
void open_ports_opened(struct engine *engine, const struct event *event);

/* ---- devices.c ---- */

/* Tells the keeper which other machines are declared. */
void devices_tell(struct engine *engine);
/* What was told before, out of the store. */
void devices_recall(struct engine *engine);
/* An event of another machine that is recorded: an audit's. */
void devices_event(struct engine *engine, const struct event *event);
/* One of them has answered somebody, says the sentry: recorded when that port is news. */
void devices_answered(struct engine *engine, const struct wire_answered *answered);
/* "devices" of the status. */
json_t *devices_status(const struct engine *engine, usec_t now);
void devices_end(struct engine *engine);

/* ---- answer.c ---- */

/* Answers at once, or when the sweep that it needs is done. */
void answer_question(struct engine *engine, uint32_t request, const struct wire_query *query);
/* After something was written: questions about events that waited for it. */
void answer_written(struct engine *engine);
/* After a sweep: the first so many, which waited for it. */
void answer_waiting(struct engine *engine, size_t count);

/* ---- filter.c ---- */

bool filter_takes_listener(const struct wire_query *query, const struct inventory *inventory,
			   const struct listener *listener);
bool filter_takes_connection(const struct wire_query *query, const struct inventory *inventory,
			     const struct connection *connection);
