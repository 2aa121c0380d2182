/*
 * What the daemon's processes say to each other: typed messages of bounded length over a
 * SOCK_SEQPACKET pair, one message a packet, file descriptors beside it. Every number is little
 * endian; every message has a row in a table that says which fields it has, who may send it and how
 * many descriptors come with it. Anything that does not fit its row is refused as a whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"
#include "model/event.h"
#include "model/foreign.h"
#include "model/incident.h"

/* Who speaks. A message is accepted only from those named in its row. */
enum wire_sender {
	WIRE_PARENT = 1,
	WIRE_ENGINE = 2,
	WIRE_FACE = 4,
	WIRE_HELPER = 8,
	WIRE_KEEPER = 16,
	WIRE_SENTRY = 32,
	WIRE_DECOY = 64,
};

enum wire_type {
	WIRE_NONE = 0,
	WIRE_SETUP,         /* parent -> child: how to run; first message */
	WIRE_READY,         /* child -> parent: the set-up is done, rights are dropped */
	WIRE_PING,          /* parent -> child */
	WIRE_PONG,          /* child -> parent */
	WIRE_STOP,          /* parent -> child: end in order */
	WIRE_RELOAD,        /* parent -> engine: read the policy again; -> keeper: tell all again */
	WIRE_PEER,          /* parent -> engine, face: a new socket to the other one */
	WIRE_RING,          /* helper -> parent -> engine: the kernel's event ring, or why none */
	WIRE_CHILD,         /* parent -> engine: a process of ours started (for status and log) */
	WIRE_NETNS_WANTED,  /* engine -> parent -> helper: a diag socket in every other netns */
	WIRE_NETNS,         /* helper -> parent -> engine: one of them */
	WIRE_NETNS_END,     /* helper -> parent -> engine: that was all */
	WIRE_FILE_WANTED,   /* engine -> parent: open a file of the policy for reading */
	WIRE_FILE,          /* parent -> engine: it, or why not */
	WIRE_QUERY,         /* face -> engine */
	WIRE_ANSWER,        /* engine -> face: status of HTTP and a sealed memory file of JSON */
	WIRE_EVENT,         /* engine -> face: something happened and is written */
	WIRE_WRITTEN,       /* engine -> face: events up to this id survive whatever happens */
	WIRE_LOST,          /* engine -> face: so many events could not be passed on */
	WIRE_RULES,         /* keeper -> parent -> engine: how the rules are */
	WIRE_RULES_NEWS,    /* keeper -> parent -> engine: what happened to them */
	WIRE_CONTRADICTION, /* keeper -> parent -> engine: a rule of another tool */
	WIRE_ATTEMPTS,      /* helper -> parent -> engine: the ring of the bind guard, or none */
	WIRE_FINE,          /* parent -> engine: a person says that an anomaly is fine */
	WIRE_TAP,           /* helper -> parent -> sentry: where packets are heard, or why not */
	WIRE_TAPPED,        /* keeper -> parent -> engine: at which interfaces it hears them */
	WIRE_OPEN_PORTS,    /* engine -> parent -> sentry: a part of the ports that are open */
	WIRE_INCIDENT,      /* sentry -> parent -> engine: somebody scans, goes on or has ended */
	WIRE_WATCHED,       /* sentry -> parent -> engine: how the sentry is */
	WIRE_ORDER,         /* parent -> keeper: what somebody ordered over the control socket */
	WIRE_ORDERED,       /* keeper -> parent: what came of it */
	WIRE_DECOYS,  /* keeper -> parent: ports to be held as decoys; parent -> sentry: that are */
	WIRE_TRAPPED, /* decoy -> parent -> keeper: somebody completed a connection there */
	WIRE_DEVICES, /* engine -> parent -> keeper: addresses of other machines, declared */
	WIRE_ANSWERED, /* sentry -> parent -> engine: one of them has answered somebody */
	WIRE_TYPE_LAST = WIRE_ANSWERED,
};

enum {
	WIRE_BYTES_MAX = 8192, /* of one encoded message */
	WIRE_FDS_MAX = 12,
	WIRE_TEXT_BYTES = 256,
	WIRE_NAME_BYTES = 64,
};

/* Descriptors of an engine: the state directory, the runtime directory. Of a face: the listening
 * socket. Of a sentry: none. */
struct wire_setup {
	usec_t started;         /* when the daemon was started */
	uint32_t sweep_seconds; /* shortest time between two sweeps, 1..86400 */
	uint32_t keep_days;     /* events are remembered so long, 1..36500 */
	uint32_t restarts;      /* of this child, since the daemon was started */
	uint32_t group;         /* gid of the readers */
	char runtime_directory[WIRE_TEXT_BYTES];
	char state_directory[WIRE_TEXT_BYTES];
	char policy[WIRE_TEXT_BYTES]; /* path, "" = none asked for */
	bool policy_given;            /* the policy was named, so that a missing one is a fault */
};

/* Descriptors: the ring, the counters, and to the parent the links that keep the programs attached;
 * or none and the reason. */
struct wire_ring {
	uint32_t sources;    /* enum observe_event_source_mask; 0 without a ring */
	uint32_t ring_bytes; /* its size */
	bool pinned;         /* the iterators are there */
	char reason[WIRE_TEXT_BYTES];
};

struct wire_child {
	char name[WIRE_NAME_BYTES]; /* "engine", "face" */
	int32_t pid;
	uint32_t restarts; /* since the daemon was started */
	bool news;         /* it was started just now; otherwise the engine was */
};

/* One descriptor: a NETLINK_SOCK_DIAG socket in that namespace; none = it could not be entered. */
struct wire_netns {
	uint32_t inode;
	uint64_t cookie;
	uint8_t kind; /* enum netns_kind */
	int32_t pid;  /* a process in it */
	char name[WIRE_NAME_BYTES];
};

/* How many were sent. */
struct wire_netns_end {
	uint32_t count;
};

struct wire_file_wanted {
	char path[WIRE_TEXT_BYTES];
};

/* One descriptor when error is 0. */
struct wire_file {
	uint32_t error; /* errno, 0 = opened */
};

enum wire_question {
	WIRE_QUESTION_STATUS = 1,
	WIRE_QUESTION_PORTS,
	WIRE_QUESTION_PORT,
	WIRE_QUESTION_FINDINGS,
	WIRE_QUESTION_EVENTS,
	WIRE_QUESTION_ANOMALIES,
	WIRE_QUESTION_INCIDENTS,
	WIRE_QUESTION_LAST = WIRE_QUESTION_INCIDENTS,
};

/* What is asked, with every filter typed; zero or "" = not asked for. */
struct wire_query {
	uint16_t question; /* enum wire_question */
	bool port_given;
	uint16_t first_port, last_port;
	bool connections;  /* PORTS: connections too */
	uint8_t class;     /* 1 system, 2 user, 3 dynamic */
	uint8_t exposure;  /* 1 + enum exposure */
	uint8_t severity;  /* enum severity: at least */
	uint16_t protocol; /* enum protocol */
	uint64_t kinds;    /* EVENTS: EVENT_BIT() of each; 0 = any */
	int32_t pid;
	uint32_t limit;
	uint64_t after;      /* EVENTS: ids greater than this */
	uint64_t incident;   /* INCIDENTS: the one with this number */
	usec_t since, until; /* EVENTS: since <= time < until; INCIDENTS: it went on within */
	struct prefix address;
	char process[EVENT_NAME_BYTES];
	char user[EVENT_NAME_BYTES];
	char unit[EVENT_NAME_BYTES * 2];
	char container[EVENT_NAME_BYTES * 2];
	char finding[EVENT_NAME_BYTES];
};

/* One descriptor: a memory file, sealed against writing and shrinking. */
struct wire_answer {
	uint16_t status; /* of HTTP: 200..599 */
	uint32_t length; /* bytes of JSON */
};

struct wire_written {
	uint64_t id;
};

struct wire_lost {
	uint64_t count;
};

/* How the rules of the packet filter are. */
struct wire_rules {
	bool watched;                 /* otherwise the reason says why not */
	char reason[WIRE_TEXT_BYTES]; /* English; "" = none */
	uint32_t state;               /* the confirmed one; 0 = no rules */
	usec_t since;                 /* when it was applied */
	char user[WIRE_NAME_BYTES];   /* by whom */
	char source[WIRE_NAME_BYTES]; /* from where */
	uint32_t candidate;           /* waits for its confirmation; 0 = none */
	usec_t candidate_until;       /* wall clock: then the kernel takes it back */
	bool lost;         /* they were removed again and again, and are not put back now */
	bool altered;      /* another tool changed lines, and they are still so */
	uint32_t restored; /* times, since the daemon was started */
};

/* The present contradictions one by one, as a list that is whole when the last has come. */
struct wire_contradiction {
	uint32_t index; /* from 0 */
	uint32_t count; /* of the list; 0 = it is empty, and this message is no item */
	struct contradiction item;
};

/* One descriptor: the ring of a guard; none = there is no guard. */
struct wire_attempts {
	uint8_t hook;        /* enum guard_hook */
	uint32_t ring_bytes; /* its size */
};

struct wire_fine {
	bool fine; /* otherwise it is not any more */
	char id[WIRE_NAME_BYTES];
};

/* How packets are heard. */
enum wire_tap_way {
	WIRE_TAP_NONE,    /* not at all, for the reason */
	WIRE_TAP_BPF,     /* by a program at each interface */
	WIRE_TAP_PACKETS, /* by a packet socket; the reason says why not by a program */
	WIRE_TAP_WAY_LAST = WIRE_TAP_PACKETS,
};

/* Descriptors: the ring and the counters, to the parent the programs too; or the packet socket; or
 * none. */
struct wire_tap {
	uint8_t way;         /* enum wire_tap_way */
	uint32_t ring_bytes; /* its size */
	uint32_t cpus;       /* of the counters */
	char reason[WIRE_TEXT_BYTES];
};

struct wire_tapped {
	uint32_t attached;               /* interfaces where packets are heard */
	uint32_t failed;                 /* ...and are not; the reason is that of the first */
	uint32_t beside;                 /* ...where programs of others stand before ours */
	uint32_t kept_out;               /* bans that hold */
	char reason[WIRE_TEXT_BYTES];    /* English, with the name of the interface */
	char neighbour[WIRE_NAME_BYTES]; /* the first of the interfaces with such a program */
};

enum {
	WIRE_SLICE_PORTS = 4096,
	WIRE_SLICES = 65536 / WIRE_SLICE_PORTS,
};

/* Ports `slice` * WIRE_SLICE_PORTS and so on; all slices are sent at first, later what changes. */
struct wire_open_ports {
	uint64_t next_incident;             /* number that the next incident shall have, >= 1 */
	uint16_t protocol;                  /* enum protocol: TCP, UDP */
	uint16_t slice;                     /* below WIRE_SLICES */
	uint8_t bits[WIRE_SLICE_PORTS / 8]; /* bit n % 8 of byte n / 8 is port n of it: open */
};

enum wire_incident_change {
	WIRE_INCIDENT_STARTED = 1,
	WIRE_INCIDENT_GREW = 2, /* also: a new engine is told of what goes on */
	WIRE_INCIDENT_ENDED = 4,
	WIRE_INCIDENT_CHANGES = 7,
};

struct wire_incident {
	uint8_t changes; /* enum wire_incident_change, or-ed; at least one */
	struct incident item;
};

/* Counted since this sentry was started. */
struct wire_watched {
	uint8_t way;                  /* enum wire_tap_way */
	uint32_t going_on;            /* incidents that have not ended */
	uint32_t addresses;           /* of this host that are watched */
	uint64_t notes;               /* packets that were looked at */
	uint64_t lost;                /* there was no room for */
	uint64_t limited;             /* beyond the rate that is looked at: a flood */
	uint64_t bytes;               /* memory of the detector */
	char reason[WIRE_TEXT_BYTES]; /* English: why not, or why not better; "" = none */
};

enum { WIRE_ORDER_BYTES = 512 };

/* ORDER, ORDERED: src/common/bans.h says what may stand in it. DECOYS: "23,3389". */
struct wire_order {
	char text[WIRE_ORDER_BYTES];
};

struct wire_trapped {
	struct addr address;
	uint16_t port;
};

enum {
	WIRE_DEVICES_PART = 256, /* addresses in one message */
	WIRE_DEVICES_MAX = 1024, /* in all of them */
	WIRE_DEVICE_BYTES = 16,  /* of an address; IPv4 as ::ffff:a.b.c.d */
};

/* The list comes in parts, from 0 on; it is whole with the part that says so. */
struct wire_devices {
	uint16_t first; /* place in the list of the first address of this part */
	uint16_t count; /* in this part */
	bool last;
	uint8_t addresses[WIRE_DEVICES_PART * WIRE_DEVICE_BYTES];
};

struct wire_answered {
	struct addr address; /* of the machine */
	struct addr asked_by;
	uint16_t port;
	bool through; /* by way of this host; otherwise this host asked */
};

struct wire_message {
	enum wire_type type;
	uint32_t request; /* ties an answer to its question; 0 = none */
	union {
		struct wire_setup setup;
		struct wire_ring ring;
		struct wire_child child;
		struct wire_netns netns;
		struct wire_netns_end netns_end;
		struct wire_file_wanted file_wanted;
		struct wire_file file;
		struct wire_query query;
		struct wire_answer answer;
		struct event event; /* EVENT, RULES_NEWS */
		struct wire_written written;
		struct wire_lost lost;
		struct wire_rules rules;
		struct wire_attempts attempts;
		struct wire_contradiction contradiction;
		struct wire_fine fine;
		struct wire_tap tap;
		struct wire_tapped tapped;
		struct wire_open_ports open_ports;
		struct wire_incident incident;
		struct wire_watched watched;
		struct wire_order order;
		struct wire_trapped trapped;
		struct wire_devices devices;
		struct wire_answered answered;
	};
};

/* The word of a type for logs; "?" for a number that is none. */
const char *wire_type_name(enum wire_type type);

/*
 * Writes a message as bytes.
 * @param room  bytes at `out`; WIRE_BYTES_MAX always suffices.
 * @return bytes written; -EINVAL for no such type or a value outside its row's bounds (an
 *         unterminated text, too); -ENOBUFS when `room` is too small.
 */
long wire_encode(uint8_t *out, size_t room, const struct wire_message *message);

/*
 * Reads one message. Nothing of `out` is kept from before; texts end with NUL and hold none.
 * @param sender  who sent the bytes: one of enum wire_sender.
 * @param fds     how many descriptors came beside them.
 * @return 0; -EBADMSG for anything that is not exactly one message: unknown type, short or long
 *         bytes, value out of bounds, unexpected number of descriptors; -EPERM for a message that
 *         this sender has no right to send.
 */
int wire_decode(struct wire_message *out, const uint8_t *bytes, size_t length,
		enum wire_sender sender, unsigned fds);

/* ---- io ---- */

/* Makes a pair of sockets, close-on-exec and non-blocking; larger buffers where we have the right.
 * @return 0 or negative errno of socketpair(2). */
int wire_pair(int pair[2], struct err *e);

/*
 * Sends one message, descriptors beside it (they stay the caller's).
 * @return 0; -EAGAIN when the reader is behind and its buffer is full; -EPIPE and the like when it
 *         is gone; as wire_encode.
 */
int wire_send(int socket, const struct wire_message *message, const int *fds, unsigned fd_count,
	      struct err *e);

/*
 * Receives one message.
 * @param fds  room for WIRE_FDS_MAX; set to the received descriptors, close-on-exec, which are the
 *             caller's now, and to -1. On failure none is left open.
 * @return 0; -EAGAIN nothing there; -ECONNRESET the other end is closed; as wire_decode.
 */
int wire_receive(struct wire_message *out, int fds[WIRE_FDS_MAX], int socket,
		 enum wire_sender sender, struct err *e);

/* Closes what wire_receive gave and nobody took. */
void wire_close(int fds[WIRE_FDS_MAX]);
