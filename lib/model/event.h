/* Something that happened to a port, and what was known of it at that moment. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/when.h"
#include "model/protocol.h"

/* Stable numbers: they are stored. Add at the end; there may be gaps. */
enum event_kind {
	EVENT_NONE = 0,
	EVENT_LISTENER_OPENED = 1, /* a program began to listen */
	EVENT_LISTENER_CLOSED = 2,
	EVENT_OWNER_CHANGED = 3, /* the same socket or port is now held by another program */
	EVENT_FINDING_RAISED = 4,
	EVENT_FINDING_CLEARED = 5,
	EVENT_DAEMON_STARTED = 6,
	EVENT_DAEMON_STOPPED = 7,
	EVENT_RECORDS_LOST = 8, /* `count` kernel records were lost; a sweep follows */
	EVENT_CHILD_RESTARTED = 9,
	EVENT_STORE_DAMAGED = 10, /* a day's file was damaged; `detail` = its new name */
	/* The rules of the packet filter; `count` = number of the state they are. */
	EVENT_RULES_LOST = 11,      /* `process` took them away, as far as that is known */
	EVENT_RULES_RESTORED = 12,  /* they were put back */
	EVENT_RULES_CHANGED = 13,   /* another tool changed them; `detail` = the first lines */
	EVENT_RULES_CONFIRMED = 14, /* `detail` = by whom, from where, what */
	EVENT_RULES_REVERTED = 15,  /* not confirmed in time, or undone; likewise */
	EVENT_RULES_TRIED = 16,     /* they wait for their confirmation; likewise */
	EVENT_RULES_OFF = 17,       /* removed on purpose; likewise */
	/* A program that is not declared for the port, see lib/guard; `detail` = who is declared,
	 * `count` = times. */
	EVENT_BIND_REFUSED = 18,
	EVENT_BIND_WATCHED = 19,        /* it would have been refused, and went through */
	EVENT_DECLARATION_EXPIRED = 20, /* its last day is over; `detail` = which, until when */
	/* `count` new packets of `address` to a closed port, told once a minute; `detail` = when
	 * the first may have come and the last came. */
	EVENT_REFUSED = 21,
	EVENT_WOULD_REFUSE = 22, /* likewise, and mode: observe let them in */
	EVENT_LET_IN = 23,       /* `count` new packets to an open port, from anywhere; likewise */
	/* Somebody scans this host: `cookie` = number of the incident, `address` = source, `port` =
	 * the first one asked for, `count` = ports, `finding` = its shape, `process` = the tool,
	 * `detail` = the evidence. */
	EVENT_SCAN_STARTED = 24,
	EVENT_SCAN_ENDED = 25,
	/* An address is kept out: `count` = seconds it is meant to last, or lasted; `finding` =
	 * shape of the incident, `detail` = what is done, why, on what evidence. */
	EVENT_BANNED = 26,
	EVENT_BAN_ENDED = 27,
	EVENT_ANOMALY = 28, /* not as learned; `finding` = which, `detail` = the evidence */
	/* A program that may not connect there, or not by that port, see lib/guard; `address` and
	 * `port` are the other end, `detail` = who is declared, `count` = times. Without a program
	 * the packet filter told it: `detail` as of EVENT_REFUSED. */
	EVENT_CONNECT_REFUSED = 29,
	EVENT_CONNECT_WATCHED = 30, /* it would have been refused, and went through */
	/* As EVENT_REFUSED, of what this host passes on between others; `port` is asked for there.
	 */
	EVENT_FORWARD_REFUSED = 31,
	EVENT_FORWARD_WOULD_REFUSE = 32,
	EVENT_FORWARD_PASSED = 33,
	/* A host that the policy does not declare was audited, on a person's word: `address`, and
	 * `detail` = the same. */
	EVENT_AUDITED = 34,
	/* A port of a host of the policy is open and was not, or the reverse: `address`, `port`
	 * (0 = more of them than are told one by one), `count` = ports that it stands for, 0 = one.
	 * `detail` = as lib/devices writes it of what answered in passing traffic, else an audit's
	 * words. */
	EVENT_PORT_OPENED = 35,
	EVENT_PORT_CLOSED = 36,
	EVENT_KIND_LAST = EVENT_PORT_CLOSED,
};

enum {
	EVENT_NAME_BYTES = 64,
	EVENT_PATH_BYTES = 256,
};

/* A set of kinds has a bit for each. */
#define EVENT_BIT(kind) (UINT64_C(1) << (kind))

/* A flat value, so that it can cross processes and be stored as it is. Unknown = zero or "". */
struct event {
	usec_t time;
	uint64_t id; /* given by the store: growing, unique; 0 = not stored yet */
	enum event_kind kind;
	enum protocol protocol;
	struct addr address;
	uint16_t port;
	uint32_t netns;  /* inode of the network namespace */
	uint64_t cookie; /* socket cookie */
	int32_t pid;
	uint32_t uid;   /* UINT32_MAX = not known */
	uint64_t count; /* of what the kind says */
	char process[EVENT_NAME_BYTES];
	char executable[EVENT_PATH_BYTES];
	char unit[EVENT_NAME_BYTES * 2];
	char container[EVENT_NAME_BYTES * 2];
	char finding[EVENT_NAME_BYTES]; /* id of a finding */
	char detail[EVENT_PATH_BYTES];  /* free text, machine-made */
};

/* Whether a kind has that number. */
bool event_kind_is_known(unsigned kind);
/* "listener_opened" and so on: the stable words of JSON and `minato log --kind`. */
const char *event_kind_name(enum event_kind kind);
/* The reverse. @return 0 or -EINVAL. */
int event_kind_parse(enum event_kind *out, const char *name);
