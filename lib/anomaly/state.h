/* What the parts of the library share. */
#pragma once

#include "anomaly/anomaly.h"

enum {
	HOURS = 168, /* of a week */
	WEEKS = 4,   /* remembered */
	SKETCH_BYTES = 64,
};

/* ---- known.c: things that were seen before ---- */

enum known_kind {
	KNOWN_LISTENERS,  /* ports where somebody listened */
	KNOWN_PROGRAMS,   /* programs at a port */
	KNOWN_NETWORKS,   /* networks at a port */
	KNOWN_SERVICES,   /* programs that listen */
	KNOWN_OUTBOUND,   /* services that connect */
	KNOWN_NAMESPACES, /* each is learned from its own beginning */
	KNOWN_LEVELS,     /* numbers that are usual beyond the learned range; `value` = code */
	KNOWN_KINDS,
};

struct known {
	uint64_t key;
	uint32_t first, last; /* minutes of watching */
	uint32_t value;
};

/* Sorted by key. */
struct known_set {
	struct known *items;
	size_t count, room;
};

size_t known_max(enum known_kind kind);
/* NULL = never seen. */
struct known *known_find(const struct known_set *set, uint64_t key);
/* Finds or adds; of a full set those unseen for longest go. NULL without memory. */
struct known *known_add(struct anomaly_model *model, enum known_kind kind, uint64_t key);
void known_remove(struct known_set *set, uint64_t key);
/* As known_find, and seen now. */
struct known *known_touch(struct anomaly_model *model, enum known_kind kind, uint64_t key);

/* Keys nobody can foresee without the secret. */
uint64_t key_of(const struct anomaly_model *model, const struct anomaly_port *at, const char *text,
		const struct prefix *prefix);

/* ---- traffic.c: numbers of a port ---- */

struct port_record {
	struct anomaly_port at;
	char program[ANOMALY_NAME_BYTES];
	uint32_t minutes; /* watched while somebody listened */
	uint32_t seen;    /* minute when somebody listened last */
	uint32_t queue, backlog;
	uint32_t full_ticks; /* one after another with a full queue */
	bool listening;      /* since the last tick with a look */
	bool admin, login;
	uint32_t networks;    /* that are known */
	uint32_t new_today;   /* networks */
	float new_a_day;      /* smoothed */
	uint32_t day_minutes; /* of the day that new_today counts */
	/* The bucket that is being filled. */
	uint64_t counts[ANOMALY_METRICS]; /* that of PEERS is the sketch */
	uint8_t sketch[SKETCH_BYTES];
	/* The hour. */
	uint8_t peak[ANOMALY_METRICS]; /* code of the greatest bucket */
	uint8_t buckets;
	/* The range of this hour. */
	bool ranged;
	uint8_t limit[ANOMALY_METRICS]; /* codes; 0 = nothing is known */
	uint8_t low[ANOMALY_METRICS], high[ANOMALY_METRICS];
	uint8_t weeks;
	/* Greatest bucket of each hour of the last weeks: 1 + code, 0 = not watched. */
	uint8_t cells[ANOMALY_METRICS][HOURS][WEEKS];
};

/* Numbers as eighths of an octave: 0 = 0, 8 = 1, 88 = 2047. */
uint8_t code_of(uint64_t value);
uint64_t value_of(uint8_t code);

struct port_record *port_find(const struct anomaly_model *model, const struct anomaly_port *at);
/* NULL when the table is full of ports that are listened on, or without memory. */
struct port_record *port_make(struct anomaly_model *model, const struct anomaly_port *at);
void sketch_add(uint8_t sketch[SKETCH_BYTES], uint64_t hash);
uint64_t sketch_count(const uint8_t sketch[SKETCH_BYTES]);
/* Another hour has begun: that of before is learned. */
void traffic_hour(struct anomaly_model *model, int64_t hour);
void traffic_tick(struct anomaly_model *model);

/* ---- source.c: who comes to login ports ---- */

struct source {
	uint64_t key; /* 0 = free */
	struct anomaly_port at;
	struct prefix who;
	uint32_t minute; /* of the newest count */
	uint32_t total;  /* of opened */
	uint16_t opened[ANOMALY_BRUTE_MINUTES], ended[ANOMALY_BRUTE_MINUTES]; /* by minute */
};

void source_add(struct anomaly_model *model, const struct anomaly_peer *peer);
void source_tick(struct anomaly_model *model);

/* ---- watch.c ---- */

void watch_tick(struct anomaly_model *model);
void watch_day(struct port_record *port, uint32_t minutes);
/*
 * What a listener is known by: its port. In the range of numbers that the kernel gives away a
 * program has another one after each start: there it is the program.
 */
uint64_t listener_key(const struct anomaly_model *model, const struct anomaly_port *at,
		      bool ephemeral, const char *program);

/* ---- standing.c ---- */

enum raised {
	RAISED_USUAL,  /* somebody said that it is fine, or it stood long enough */
	RAISED_STANDS, /* now or already */
};

/* @param candidate  kind, place and evidence; the rest is filled in. */
enum raised standing_raise(struct anomaly_model *model, const struct anomaly *candidate);
struct anomaly *standing_find(struct anomaly_model *model, const struct anomaly *like);
void standing_tick(struct anomaly_model *model, bool looked);

struct overflow {
	uint64_t netns;
	uint64_t count; /* of the bucket */
	uint64_t fresh; /* of them since the last tick */
};

enum { OVERFLOWS_MAX = 64 };

struct anomaly_model {
	uint64_t secret[2];
	usec_t watched;   /* sum of time */
	usec_t wall;      /* of the last tick */
	usec_t monotonic; /* likewise; 0 = none in this life */
	uint32_t ticks;
	int64_t hour;        /* local, since 1970; INT64_MIN = none yet */
	int64_t closed_hour; /* whose cells were written last */
	usec_t step;         /* of this tick */
	usec_t bucket;       /* length of the bucket so far */
	uint64_t unlisted;
	struct known_set known[KNOWN_KINDS];
	struct port_record **ports;
	size_t port_count;      /* ANOMALY_PORTS_MAX at most */
	struct source *sources; /* ANOMALY_SOURCES_MAX */
	size_t source_end;      /* beyond it all are free */
	VEC(struct anomaly) standing;
	VEC(struct anomaly) fine;
	uint32_t news_hour; /* of watching, that the next counts */
	uint32_t news[ANOMALY_KIND_LAST + 1];
	struct overflow overflows[OVERFLOWS_MAX]; /* of the bucket */
	size_t overflow_count;
};

static inline uint32_t minute_of(const struct anomaly_model *model)
{
	return (uint32_t)(model->watched / USEC_PER_MIN);
}
