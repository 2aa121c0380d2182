/*
 * A scan or a flood as a person is told of it: what the detector saw, joined to the policy. It
 * grows while it goes on; an event tells of its beginning and one of its end, and both carry all of
 * it that fits a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/when.h"
#include "model/event.h"
#include "model/protocol.h"

enum {
	INCIDENT_SHOWN = 8,     /* addresses and ports that are named */
	INCIDENT_ANSWERED = 16, /* ports that answered and are named */
	INCIDENT_WORD_BYTES = 16,
	INCIDENT_WORDS_BYTES = 64,
};

/* A port that was asked for and answered. */
struct incident_port {
	uint16_t port;
	uint16_t protocol; /* enum protocol: TCP, UDP */
	bool declared;     /* the policy says that it is open */
};

/* A flat value, so that it can cross processes. Unknown = zero or "". */
struct incident {
	uint64_t id;                     /* 1, 2, ..., unique on this host while it is remembered */
	char kind[INCIDENT_WORD_BYTES];  /* "scan", "slow", "sweep", "distributed", "decoy", "flood"
					  */
	char probe[INCIDENT_WORD_BYTES]; /* what most of its packets were: "syn", "udp", ... */
	char probes[INCIDENT_WORDS_BYTES]; /* all of them, separated by commas */
	char tool[INCIDENT_WORD_BYTES];    /* "nmap"; "" = not known */
	bool ended;
	bool through;         /* whom it asked are machines behind this host: no policy of it */
	bool policy;          /* there is one: `declared` and `undeclared_count` say something */
	struct prefix source; /* an address, or the /24 or /64; ADDR_NONE = from everywhere */
	struct addr victim;   /* the first host that was asked */
	uint32_t source_count;
	uint32_t host_count;
	uint32_t port_count;   /* different ports that were asked for, 0..65536 */
	uint32_t answer_count; /* of them answered */
	uint32_t
		undeclared_count; /* of those that answered and are named here: not in the policy */
	uint32_t alarm_ports;     /* closed ports until it was noticed */
	usec_t alarm_usec;        /* time until then */
	uint64_t packet_count;
	usec_t first, last; /* wall clock */
	usec_t lasted;      /* between them, by a clock that is never set back */
	struct addr sources[INCIDENT_SHOWN];
	uint16_t ports[INCIDENT_SHOWN]; /* in the order they came */
	uint32_t answered_count;        /* of `answered` */
	struct incident_port answered[INCIDENT_ANSWERED];
};

/* Whether words are words and counts fit their tables: what comes from another process. */
bool incident_is_valid(const struct incident *incident);

/*
 * The event that tells of it.
 * @param kind  EVENT_SCAN_STARTED or EVENT_SCAN_ENDED.
 * @param time  when it was noticed or had ended, wall clock. Lists that do not fit are cut.
 */
void incident_write(struct event *out, const struct incident *incident, enum event_kind kind,
		    usec_t time);

/* The reverse, as far as the event says. @return 0; -EINVAL for another kind of event, or one whose
 * detail is no such thing. */
int incident_read(struct incident *out, const struct event *event);

/* Sorts them, the latest first, and leaves of each one what says most: its end if it has one.
 * @return how many are left. */
size_t incidents_fold(struct incident *items, size_t count);
