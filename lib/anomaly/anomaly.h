/*
 * What is unusual on the ports of this host. Learned from counters alone, no payload: who listens
 * where, which networks come, how much goes through a port at each hour of the week. Pure: numbers
 * and clocks in, anomalies out; nothing waits, so that weeks are replayed in milliseconds.
 *
 * Between two ticks the caller tells what it saw: anomaly_listener(), anomaly_traffic() and so on,
 * in any order; anomaly_tick() then judges. What it finds stands in a list with its evidence until
 * it is over, becomes usual, or somebody says that it is fine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/protocol.h"

/* Stable numbers: they are saved. Add at the end. */
enum anomaly_kind {
	ANOMALY_NONE = 0,
	ANOMALY_NEW_LISTENER = 1,    /* on a high port, where nobody listened before */
	ANOMALY_PROGRAM_CHANGED = 2, /* a known port is held by another program */
	ANOMALY_FIRST_OUTBOUND = 3,  /* of a service that never connected anywhere */
	ANOMALY_NEW_NETWORK = 4,     /* a /24 or /64 that never came to an administration port */
	ANOMALY_BURST = 5,           /* far outside the range of this hour of the week */
	ANOMALY_QUEUE_OVERFLOW = 6,  /* connections are dropped because nobody accepts them */
	ANOMALY_BRUTE_FORCE = 7,     /* many short connections of one source to a login port */
	ANOMALY_KIND_LAST = ANOMALY_BRUTE_FORCE,
};

/* What is counted at a port. Stable numbers. */
enum anomaly_metric {
	ANOMALY_CONNECTIONS = 0, /* accepted */
	ANOMALY_PEERS = 1,       /* distinct addresses */
	ANOMALY_KIBIBYTES = 2,   /* both directions */
	ANOMALY_REFUSED = 3,     /* packets that the rules refused */
	ANOMALY_FAILED = 4,      /* handshakes that were not finished, connections without a byte */
	ANOMALY_METRICS = 5,
};

enum {
	ANOMALY_ID_BYTES = 9, /* eight digits, base 16 */
	ANOMALY_NAME_BYTES = 64,
	ANOMALY_PORTS_MAX = 512,         /* whose traffic is learned */
	ANOMALY_STANDING_MAX = 256,      /* at once; more are counted */
	ANOMALY_STANDING_OF_ONE_MAX = 8, /* of one kind at one port; more are counted with them */
	ANOMALY_NEWS_OF_AN_HOUR = 20,    /* of one kind; more are in the list only */
	ANOMALY_FINE_MAX = 512,          /* remembered; then the oldest goes */
	ANOMALY_SOURCES_MAX = 1024,      /* at login ports, in the last ten minutes */
	ANOMALY_FILE_BYTES_MAX = 4 << 20,
	/* How long must be watched before somebody is said to be unusual. */
	ANOMALY_LEARN_LISTENERS_MINUTES = 1440,
	ANOMALY_LEARN_OUTBOUND_MINUTES = 7 * 1440,
	ANOMALY_LEARN_NETWORKS_MINUTES = 14 * 1440,
	ANOMALY_LEARN_BURSTS_MINUTES = 14 * 1440,
	/* What stands so long and is not told to be over becomes usual. */
	ANOMALY_USUAL_MINUTES = 7 * 1440,
	ANOMALY_BUCKET_SECONDS = 300,   /* in which traffic is counted */
	ANOMALY_BRUTE_MINUTES = 10,     /* the window of brute force */
	ANOMALY_BRUTE_CONNECTIONS = 30, /* that many in it, four of five of them over already */
	ANOMALY_OVERFLOWS = 10,         /* in a bucket */
};

/* A port of a network namespace. */
struct anomaly_port {
	uint64_t netns; /* anomaly_netns() */
	enum protocol protocol;
	uint16_t port;
};

/* One that stands, with its evidence. Unused = zero. */
struct anomaly {
	char id[ANOMALY_ID_BYTES]; /* of kind and place: the same next time */
	enum anomaly_kind kind;
	enum anomaly_metric metric; /* BURST */
	struct anomaly_port at;
	char program[ANOMALY_NAME_BYTES]; /* that listens or connects now */
	char before[ANOMALY_NAME_BYTES];  /* PROGRAM_CHANGED: who held the port */
	struct prefix source;             /* NEW_NETWORK, BRUTE_FORCE; destination of OUTBOUND */
	uint16_t remote_port;             /* FIRST_OUTBOUND */
	bool ephemeral; /* NEW_LISTENER: in the range of the kernel, where numbers change */
	/*
	 * BURST: in five minutes. BRUTE_FORCE: connections in ten minutes. QUEUE_OVERFLOW: dropped
	 * in five minutes, `high` = room of the queue. NEW_NETWORK: `high` = networks that are
	 * known here. NEW_LISTENER, FIRST_OUTBOUND: `high` = days of watching without one.
	 */
	uint64_t now, low, high;
	uint32_t weeks; /* BURST: of this hour that are known, 0..4 */
	uint32_t more;  /* further ones of this kind here, without a place of their own */
	usec_t since, last;
	/* For the library itself. */
	uint32_t began, renewed; /* minutes of watching */
	uint32_t seen;           /* number of the tick */
	bool told;
};

struct anomaly_listener {
	struct anomaly_port at;
	struct addr address;
	const char *program;     /* as anomaly_program() shortens it; NULL = not known */
	uint32_t queue, backlog; /* TCP, as struct listener */
	bool ephemeral;          /* a number that the kernel gives away by itself */
	bool declared;           /* by the policy: somebody has said that it is right */
	bool activated;          /* held by systemd for a service that is not started yet */
	bool admin, login;       /* what the catalogue says of the service */
};

/* Counted at a port since it was told last. */
struct anomaly_traffic {
	struct anomaly_port at;
	uint64_t connections, bytes, refused, failed;
};

/* Connections of one address to a port since it was told last. */
struct anomaly_peer {
	struct anomaly_port at;
	struct addr address;
	uint32_t opened, ended;
};

/* A connection that this host began. Name lookups over UDP do not count. */
struct anomaly_outbound {
	uint64_t netns;
	enum protocol protocol;
	const char *program; /* as in struct anomaly_listener */
	struct addr address;
	uint16_t port;
};

struct anomaly_clock {
	usec_t wall, monotonic;
	int32_t offset_seconds; /* of local time to UTC */
};

struct anomaly_model;

/*
 * Makes one that knows nothing.
 * @param secret  random, so that nobody can choose networks that are taken for known ones; it is
 *                saved along.
 * @return 0 or -ENOMEM.
 */
int anomaly_new(struct anomaly_model **out, const uint64_t secret[2]);
/* @return NULL. NULL is allowed. */
struct anomaly_model *anomaly_free(struct anomaly_model *model);

/* The namespace of a name; 0 for NULL, which is the host's. */
uint64_t anomaly_netns(const char *name);

/*
 * A program's name that outlives its updates: the last part of the path, without the numbers at its
 * end ("/usr/bin/python3.11" -> "python"). @param out ANOMALY_NAME_BYTES. @return out.
 */
const char *anomaly_program(char *out, const char *path);

/* ---- telling ---- */

void anomaly_listener(struct anomaly_model *model, const struct anomaly_listener *listener);
/* Ports where nobody listens are passed over. */
void anomaly_traffic(struct anomaly_model *model, const struct anomaly_traffic *traffic);
void anomaly_peer(struct anomaly_model *model, const struct anomaly_peer *peer);
void anomaly_outbound(struct anomaly_model *model, const struct anomaly_outbound *outbound);
/* Connections dropped in this namespace because a queue was full, since it was told last. */
void anomaly_overflows(struct anomaly_model *model, uint64_t netns, uint64_t count);

/*
 * Judges what was told since the last tick. Time is the sum of the monotonic clock's steps; the
 * wall clock only says which hour of the week it is, so that it may be set as one likes.
 * @param looked  all listeners were told since the last tick: one that was not is closed.
 */
void anomaly_tick(struct anomaly_model *model, const struct anomaly_clock *clock, bool looked);

/* ---- asking ---- */

/* The next one that has begun and was not handed out; NULL = none. Valid until the next call of any
 * other function. */
const struct anomaly *anomaly_news(struct anomaly_model *model);
/* Those that stand, in no order. */
const struct anomaly *anomaly_standing(const struct anomaly_model *model, size_t *count);
/* What was said to be fine: `last` = when, `now` = up to twice of it. */
const struct anomaly *anomaly_fines(const struct anomaly_model *model, size_t *count);
/* Minutes watched so far. */
uint32_t anomaly_minutes(const struct anomaly_model *model);
/* Ports whose traffic is learned. */
size_t anomaly_ports(const struct anomaly_model *model);
/* Anomalies that found no room in the list, since the model was made. */
uint64_t anomaly_unlisted(const struct anomaly_model *model);
/* Of all tables together, now and at most. */
size_t anomaly_bytes(const struct anomaly_model *model);
size_t anomaly_bytes_max(void);

/*
 * This is fine: it ends and is not told again (of numbers: until twice as many).
 * @return 0; -ENOENT when no such one stands.
 */
int anomaly_fine(struct anomaly_model *model, const char *id, usec_t now);
/* It is not: what was said is forgotten. @return 0; -ENOENT when nothing of that id was said. */
int anomaly_not_fine(struct anomaly_model *model, const char *id);

/* "anomaly-burst" and so on: ids of data/messages/findings.yaml. */
const char *anomaly_kind_name(enum anomaly_kind kind);
/* "connections", "peers", "kibibytes", "refused", "failed". */
const char *anomaly_metric_name(enum anomaly_metric metric);

/* ---- saving ---- */

/* Appends the whole model as bytes. @param out of at least ANOMALY_FILE_BYTES_MAX. @return 0,
 * -ENOMEM. */
int anomaly_save(const struct anomaly_model *model, struct str *out);

/* Outcome of anomaly_load(). */
enum anomaly_outcome {
	ANOMALY_FINE_ONLY = 1,    /* what was learned is damaged; what was said to be fine is not */
	ANOMALY_LEARNED_ONLY = 2, /* the reverse */
};

/*
 * Fills a model that was just made. @param bytes any.
 * @return 0; ANOMALY_FINE_ONLY, ANOMALY_LEARNED_ONLY; -EBADMSG when nothing can be read,
 * -EPROTONOSUPPORT when it was written by a newer version: then the model is empty; -ENOMEM.
 */
int anomaly_load(struct anomaly_model *model, const void *bytes, size_t length);
