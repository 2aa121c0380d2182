/*
 * All ports of one address: which are open, which closed, which silent, and how many may have been
 * missed. Who asks is a process without rights (minato-sweep); what is asked when, what an answer
 * settles and what is proven is decided here, from bytes and times that are given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/when.h"

/* ---- what to ask ---- */

enum sweep_mode {
	SWEEP_CONNECT, /* TCP by connect(2): needs no right */
	SWEEP_RAW,     /* TCP by packets of our own: needs CAP_NET_RAW at the start */
	SWEEP_UDP,     /* chosen ports, each by what its service understands */
	SWEEP_MODES,
};

enum {
	SWEEP_RATE_DEFAULT = 10000, /* packets per second */
	SWEEP_RATE_MAX = 1000000,   /* what "max" is */
	SWEEP_UDP_PORTS_MAX = 64,   /* each takes more than a second: RFC 1812 4.3.2.8 */
	SWEEP_TRIES_MAX = 8,        /* of one port */
	SWEEP_SOURCES_MAX = 1024,   /* that questions come from: the more, the quicker is bind(2) */
	SWEEP_SOURCES_MIN = 128,    /* that a range has to have, the canaries' included */
	SWEEP_CANARIES_MAX = 3072,  /* under way at once */
	SWEEP_REJECTERS_MAX = 8,    /* who sent ICMP errors; more are not told apart */
	SWEEP_STATES_BYTES = 4096,  /* of one report */
};

/* A flat value, so that it can cross processes. */
struct sweep_order {
	uint32_t mode; /* enum sweep_mode */
	uint32_t rate; /* packets per second, 1..SWEEP_RATE_MAX */
	struct addr target;
	uint16_t source_first, source_last; /* outside the ephemeral range */
	uint16_t control;                   /* UDP: a port where nobody should listen */
	uint64_t seed;                      /* of the order of ports and of the cookies */
	struct portset ports;               /* without 0 */
};

/* Whether every field is within its range. */
bool sweep_order_valid(const struct sweep_order *order);

/*
 * The largest stretch of unprivileged ports outside the ephemeral range, for our own source ports.
 * @param low, high  of ip_local_port_range. @return 0; -ERANGE when less than SWEEP_SOURCES_MIN are
 * left.
 */
int sweep_sources(uint16_t *first, uint16_t *last, uint16_t low, uint16_t high);

/* How many of the source ports, from the first on, are for questions; canaries have the rest. */
uint16_t sweep_question_sources(const struct sweep_order *order);

/* ---- what became of it ---- */

/* Of a port. */
enum sweep_state {
	SWEEP_UNASKED,
	SWEEP_SILENT,   /* asked, and nothing came */
	SWEEP_OPEN,     /* it answers */
	SWEEP_CLOSED,   /* the host says that nobody listens */
	SWEEP_REJECTED, /* an ICMP error says that it may not be reached */
	SWEEP_HELD,     /* UDP: closed ports are told and this one is not: open, or filtered */
	SWEEP_STATES,
};

/* "open", "closed", "filtered", ...: the stable words of JSON. Silent UDP ports are "unknown". */
const char *sweep_state_name(enum sweep_state state, enum sweep_mode mode);

/* Who sent ICMP errors. */
struct sweep_rejecter {
	uint8_t type, code;
	struct addr from;
	uint32_t count;
};

/* What the bound rests on. */
struct sweep_facts {
	uint32_t mode;
	uint32_t asked;    /* ports */
	uint32_t answered; /* ports */
	uint32_t unasked;
	/* Ports, by the number of times they were asked while the loss was measured. */
	uint32_t silent[SWEEP_TRIES_MAX + 1];
	uint32_t canaries, lost; /* questions to ports known to answer */
	uint32_t rounds;
};

enum sweep_proof {
	SWEEP_PROVEN_ALL,       /* every port answered: none can be missed */
	SWEEP_PROVEN_BOUND,     /* fewer than so many are missed */
	SWEEP_UNPROVEN_SILENCE, /* nothing ever answered, so the loss is not known */
	SWEEP_UNPROVEN_LOSS,    /* too much is lost, the bound is above what counts as proof */
	SWEEP_UNPROVEN_ENDED,   /* it was ended before all was asked */
	SWEEP_UNPROVEN_UDP,     /* of UDP nothing is proven */
	SWEEP_PROOFS,
};

const char *sweep_proof_name(enum sweep_proof proof);

/* Fewer than one missed port in so many whole sweeps. */
#define SWEEP_BOUND 0.01

/*
 * How many open ports can be expected to be missed, at most: of all that were asked, those of which
 * every question was lost, with the upper end of what the canaries say of loss (Wilson, one-sided
 * 99 %).
 * @param bound  set for SWEEP_PROVEN_ALL (0), SWEEP_PROVEN_BOUND and SWEEP_UNPROVEN_LOSS, else -1.
 */
enum sweep_proof sweep_prove(double *bound, const struct sweep_facts *facts);

/* The upper end of a share: `lost` of `count`, 1 when count is 0. */
double sweep_loss_at_most(uint32_t lost, uint32_t count);

/* How often each of `asked` ports has to be asked for SWEEP_BOUND, 0 < loss < 1. */
unsigned sweep_tries_needed(uint32_t asked, double loss);

/* ---- one sweep, without its sockets ---- */

struct sweep;

/* @return NULL without memory. The order is copied. */
struct sweep *sweep_new(const struct sweep_order *order, usec_t now);
/* @return NULL. */
struct sweep *sweep_free(struct sweep *sweep);

enum sweep_step {
	SWEEP_SEND, /* `question` has to go out now */
	SWEEP_WAIT, /* until `until`, or an answer */
	SWEEP_DONE,
};

struct sweep_question {
	uint16_t port, source;
	bool canary;
	usec_t until; /* it counts as lost then */
};

/* What is to be done next. */
enum sweep_step sweep_next(struct sweep *sweep, usec_t now, struct sweep_question *question,
			   usec_t *until);

/* The question could not be sent for want of room: it was not asked. Only the last one given. */
void sweep_take_back(struct sweep *sweep, const struct sweep_question *question);

/*
 * An answer came. @param source  our port that was asked from: tells canaries.
 * @param took  0 = not known. Answers to what was never asked change nothing.
 */
void sweep_hear(struct sweep *sweep, uint16_t port, uint16_t source, enum sweep_state state,
		usec_t now, usec_t took);
/* Who said it, with SWEEP_REJECTED. */
void sweep_note_rejecter(struct sweep *sweep, uint8_t type, uint8_t code, const struct addr *from);

/* Another limit from now on, 1..SWEEP_RATE_MAX: others that shared it began or ended. */
void sweep_set_rate(struct sweep *sweep, uint32_t rate);

/* How it goes. */
struct sweep_progress {
	uint32_t total, settled; /* ports; settled: an answer came */
	uint32_t round;          /* from 1 */
	uint32_t rate;           /* packets per second, now */
	uint64_t sent;           /* packets */
	uint32_t canaries, lost; /* as of the facts */
	usec_t left; /* about; of this round and one more at least when silent ones are */
};
void sweep_progress(struct sweep_progress *out, const struct sweep *sweep, usec_t now);
void sweep_facts(struct sweep_facts *out, const struct sweep *sweep);
/* One byte for each of the 65,536 ports, enum sweep_state. */
const uint8_t *sweep_states(const struct sweep *sweep);
/* @return how many. */
uint32_t sweep_rejecters(struct sweep_rejecter out[SWEEP_REJECTERS_MAX], const struct sweep *sweep);
uint64_t sweep_sent(const struct sweep *sweep);

/* ---- packets of SWEEP_RAW, pure ---- */

enum { SWEEP_PACKET_BYTES = 64 };

/* A number that only who got our packet can know (RFC 6528, without the clock). */
uint32_t sweep_cookie(uint64_t seed, const struct addr *target, uint16_t port, uint16_t source);

/*
 * A SYN. IPv4 with its header, as IP_HDRINCL wants it; IPv6 from the TCP header on, checksum left
 * to the kernel (IPV6_CHECKSUM). @return bytes.
 */
size_t sweep_syn(uint8_t out[SWEEP_PACKET_BYTES], const struct sweep_order *order,
		 const struct addr *from, uint16_t port, uint16_t source);

/*
 * Reads what came: IPv4 from its header on, IPv6 from the TCP header on.
 * @return whether it answers one of our questions (SYN+ACK or RST with our cookie).
 */
bool sweep_read_answer(const struct sweep_order *order, const uint8_t *bytes, size_t length,
		       uint16_t *port, uint16_t *source, enum sweep_state *state);

/* What is said to an UDP port. @return bytes, at most `room`; at least one. `room` >= 1200. */
size_t sweep_udp_question(uint8_t *out, size_t room, uint16_t port);

/* Whether an ICMP error from the target itself says that a UDP port is closed. */
bool sweep_icmp_closed(const struct addr *target, uint8_t type, uint8_t code,
		       const struct addr *from);

/* Whether an ICMP error is about the port, and settles it: prohibited, or unreachable as a port.
 * That a host or network is not reached may be otherwise a moment later. */
bool sweep_icmp_settles(const struct addr *target, uint8_t type, uint8_t code);

/* ---- reports of minato-sweep ---- */

enum sweep_report_kind {
	SWEEP_REPORT_PROGRESS,
	SWEEP_REPORT_STATES,
	SWEEP_REPORT_END, /* the last one */
	SWEEP_REPORTS,
};

struct sweep_end {
	int32_t error; /* errno: nothing could be sent; 0 = none */
	uint32_t interrupted;
	uint64_t sent;
	usec_t took;
	struct sweep_facts facts;
	uint32_t rejecter_count;
	struct sweep_rejecter rejecters[SWEEP_REJECTERS_MAX];
};

struct sweep_report {
	uint32_t kind;
	union {
		struct sweep_progress progress;
		struct {
			uint32_t first; /* a multiple of SWEEP_STATES_BYTES */
			uint8_t states[SWEEP_STATES_BYTES];
		} part;
		struct sweep_end end;
	};
};

bool sweep_report_valid(const struct sweep_report *report);

/* ---- carrying an order out: for minato-sweep ---- */

/* Sockets that take a right to open; -1 = could not be. */
struct sweep_raw {
	int ipv4, ipv6;
};
#define SWEEP_RAW_NONE                                                                             \
	{                                                                                          \
		-1, -1                                                                             \
	}
/* Opens what it may. */
void sweep_raw_open(struct sweep_raw *out);
void sweep_raw_close(struct sweep_raw *raw);

/*
 * Processes that ask by connect(2) where one may hold too few descriptors for it: the hard limit of
 * RLIMIT_NOFILE is of each process.
 */
enum { SWEEP_HANDS_MAX = 16 };
struct sweep_hands {
	unsigned count; /* 0 = one process is enough, or no other could be started */
	uint32_t each;  /* connections that one of them may hold */
	struct sweep_hand {
		int channel;
		uint32_t under_way;
	} hand[SWEEP_HANDS_MAX];
	unsigned next;
};
/*
 * Starts as many as are needed, each of which first calls `give_rights_away`, and ends when its
 * channel does. Before any descriptor is opened that they need not have.
 * @param channel  of this process, which they close.
 */
void sweep_hands_start(struct sweep_hands *out, int (*give_rights_away)(void), int channel);
void sweep_hands_end(struct sweep_hands *hands);

/* Sends a report. @return 0; negative errno: nobody listens any more. */
typedef int sweep_tell_function(void *data, const struct sweep_report *report);

/*
 * Until it is done, or anything but a rate (uint32_t) comes on `stop`, or its other end closes.
 * SWEEP_RAW without its socket becomes SWEEP_CONNECT, and the facts say so.
 * @return 0, after SWEEP_REPORT_END; negative errno of `tell`, or -ENOMEM.
 */
int sweep_run(const struct sweep_order *order, const struct sweep_raw *raw,
	      struct sweep_hands *hands, int stop, sweep_tell_function *tell, void *data);

/* ---- asking ---- */

/* One minato-sweep at work. */
struct sweep_job {
	struct sweep_order order;
	int channel; /* -1 = none; poll it for POLLIN */
	int process;
	bool ended;
	int error; /* negative errno: it failed or misbehaved */
	struct sweep_progress progress;
	struct sweep_end end;
	uint8_t states[65536];
	uint32_t told; /* how often all of them were told: now and then, and at the end */
};

/* Starts it. @return 0; -ENOENT it is not installed; other negative errno: then there is nothing to
 * be ended. */
int sweep_job_start(struct sweep_job *job, const struct sweep_order *order, struct err *e);
/* Takes one report. @return 1 there may be more; 0 it has ended (see `error`). */
int sweep_job_hear(struct sweep_job *job);
/* Another limit from now on. */
void sweep_job_rate(struct sweep_job *job, uint32_t rate);
/* Asks it to end with what it knows; reports still come. */
void sweep_job_stop(struct sweep_job *job);
/*
 * Waits for the end of the process; kills it where it misbehaved, or has not told its end.
 * @param e  gets why it failed.
 * @return 0, it has told its end; -ECANCELED that was not waited for; -ELIBACC, -EIO, -EBADMSG it
 *         failed or misbehaved.
 */
int sweep_job_end(struct sweep_job *job, struct err *e);
