/*
 * Who scans this host: notes of packets in, incidents out. Pure: time comes with the notes, all
 * memory is taken at the beginning. Why it judges as it does: docs/design/detect.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"
#include "model/packet.h"
#include "model/protocol.h"

/* ---- what is found ---- */

enum detect_shape {
	DETECT_SCAN,        /* one source, many ports */
	DETECT_SLOW,        /* likewise, found by a window of a quarter of an hour or longer */
	DETECT_SWEEP,       /* one source, few ports of many hosts (seen on a router) */
	DETECT_DISTRIBUTED, /* many sources, each some of the ports */
	DETECT_DECOY, /* many sources, all the same ports at once: most are forged (nmap -D) */
	DETECT_FLOOD, /* not a scan: one port, or from everywhere, more than can be meant */
	DETECT_SHAPES,
};

enum detect_probe {
	DETECT_SYN,     /* made by a tool: without the options of an operating system */
	DETECT_CONNECT, /* SYN as operating systems send it: connect(2) */
	DETECT_FIN,
	DETECT_NULL,   /* no flag at all */
	DETECT_XMAS,   /* FIN, PSH, URG in any mixture but FIN alone */
	DETECT_MAIMON, /* FIN and ACK */
	DETECT_ACK,    /* nmap's ACK and window scans send the same packets */
	DETECT_UDP,
	DETECT_PROBES,
};

enum detect_tool {
	DETECT_TOOL_NONE, /* not known */
	DETECT_NMAP,
	DETECT_MASSCAN,
	DETECT_ZMAP,
	DETECT_TOOLS,
};

/* The stable words of JSON and logs: "scan", "syn", "nmap"; "" for no tool. */
const char *detect_shape_name(enum detect_shape shape);
const char *detect_probe_name(enum detect_probe probe);
const char *detect_tool_name(enum detect_tool tool);

enum { DETECT_SHOWN = 8, DETECT_ANSWERED = 16 };

/* A port that was asked for and answered. */
struct detect_answer {
	uint16_t port;
	uint8_t protocol; /* 6 TCP, 17 UDP */
};

struct detect_incident {
	uint64_t id; /* 1, 2, ... */
	enum detect_shape shape;
	enum detect_probe probe; /* what most of its packets were */
	enum detect_tool tool;   /* whose marks at least half of them carry */
	uint8_t probes;          /* bit n: enum detect_probe n was among them */
	bool ended;
	bool through;          /* it goes through this host, to others behind it */
	struct prefix source;  /* an address, or the /24 or /64; ADDR_NONE = from everywhere */
	struct addr victim;    /* the first host that was asked */
	uint32_t source_count; /* estimated beyond some hundred for floods */
	uint32_t host_count;   /* hosts that were asked, 1 but for those on a router */
	uint32_t port_count;   /* different ports that were asked, 0..65536 */
	uint32_t answer_count; /* of them answered: SYN-ACK, or a datagram */
	uint32_t alarm_ports;  /* different closed ports until it was noticed */
	usec_t alarm_usec;     /* time from the first of its packets until then */
	uint64_t packet_count;
	usec_t first, last; /* by the clock of the notes, whatever was done to it */
	usec_t lasted;      /* between them, by time that is never set back */
	struct addr sources[DETECT_SHOWN];
	uint16_t ports[DETECT_SHOWN];                   /* in the order they came */
	struct detect_answer answered[DETECT_ANSWERED]; /* the first so many of answer_count */
};

enum detect_change {
	DETECT_STARTED = 1,
	DETECT_GREW = 2,
	DETECT_ENDED = 4,
};

/* ---- how it judges ---- */

enum {
	DETECT_HOSTS_MAX = 64,
	DETECT_LOOK_AHEAD_NOTES = 65536, /* notes that wait at most */
};

struct detect_parameters {
	/* Of the sequential hypothesis test (Jung, Paxson, Berger, Balakrishnan, "Fast Portscan
	 * Detection Using Sequential Hypothesis Testing", IEEE S&P 2004, section 5.1). */
	double false_alarm;    /* share of honest sources that may be called scanners */
	double miss;           /* share of scanners that may be missed */
	double honest_success; /* how often an honest source finds the port open that it asks for */
	double scan_success;   /* how often a scanner does */

	usec_t grace;      /* a port that was open is not held against anybody for so long */
	usec_t quiet;      /* an incident ends after so long without a packet, or its window */
	usec_t look_ahead; /* notes wait so long, so that an answer tells of an open port before the
			    * question is judged; 0 when listeners are told by detect_opened() */
	usec_t settling;   /* for so long from the first note on the other sides of connections that
			    * the   host has forgotten ask after them: ACK, or FIN and ACK, to ports
			    * from   ephemeral_first on */
	uint16_t ephemeral_first; /* from here on systems choose ports for their own connections */
	uint32_t crowd_ports;     /* closed ports within a minute from everywhere together... */
	uint32_t crowd_sources;   /* ...by so many sources are one distributed scan */
	uint32_t flood_rate;      /* unanswered packets a second to one port that are a flood */
	uint32_t sources_max;     /* addresses remembered, and a quarter as many networks */
	uint32_t incidents_max;   /* at once; each up to 16 KiB */
	/* What is watched are machines behind a router: whoever asks many of them finds some that
	 * are switched off, so each open port speaks for him; bare ACKs are those of connections
	 * that are older than the watching; and where a network never answered within a day its
	 * answers may go another way. */
	bool through;
	uint64_t secret[2]; /* so that nobody can choose addresses that push others out */
	/* Who is watched. None: the caller hands over nothing but packets of the host that it
	 * watches, and marks those that it sent (PACKET_SENT). */
	struct prefix hosts[DETECT_HOSTS_MAX];
	size_t host_count;
};

/* 1 %, 1 %, 0.8, 0.2; 10 min, 5 min, no look-ahead; 10 min; 32768; 32 ports of 8; 1,000/s; 32,768;
 * 256. */
struct detect_parameters detect_defaults(void);
/* For what goes through a router: `through`, one false alarm in 10,000, 3 s of look-ahead, 64
 * incidents, half as many sources. */
struct detect_parameters detect_defaults_through(void);

struct detect;

/* @return 0; -EINVAL for parameters outside their ranges; -ENOMEM. About 25 MiB by default. */
int detect_new(struct detect **out, const struct detect_parameters *parameters, struct err *e);
void detect_free(struct detect *detect);

/* ---- what it is told ---- */

/* A port is open on every watched host, until detect_closed() and its grace. TCP or UDP. */
void detect_opened(struct detect *detect, enum protocol protocol, uint16_t port);
void detect_closed(struct detect *detect, enum protocol protocol, uint16_t port);

/*
 * One packet. Those of watched hosts tell which ports are in use; those to them are judged.
 * A step back of the clock by up to a second is packets out of order; by more, a clock that was
 * set: then time goes on from there.
 */
void detect_note(struct detect *detect, const struct packet_note *note);

/*
 * So many packets like this one asked for an open port and were not followed up, says who counts
 * them; each of them by itself would be no evidence.
 * @param like  its time is when they were counted, its source one of theirs.
 */
void detect_unanswered(struct detect *detect, const struct packet_note *like, uint64_t count);

/* Time goes on without packets: ends what is quiet. */
void detect_tick(struct detect *detect, usec_t now);

/* There will be no more: judges what waits, ends every incident. */
void detect_finish(struct detect *detect);

/* ---- what it says ---- */

/*
 * The next change, oldest first; changes of one incident that were not fetched are one.
 * @param out  as it is now.
 * @return 0 no change; else bits of enum detect_change.
 */
int detect_next(struct detect *detect, struct detect_incident *out);

/*
 * The incident in a place, as it is now: what grew without having doubled is no change.
 * @param place  0 .. incidents_max - 1. @return false: nothing goes on there.
 */
bool detect_at(const struct detect *detect, uint32_t place, struct detect_incident *out);

/* Bytes it holds; constant but for incidents. */
size_t detect_memory(const struct detect *detect);
