/* What the parts of the detector share. Private to lib/detect. */
#pragma once

#include "base/portset.h"
#include "cache.h"
#include "detect/detect.h"

enum {
	ITEMS = 16, /* remembered of each source; nine probes are the most that any window needs */
	OPEN_ITEMS = 6,
	CREDIT_MAX = 16, /* open ports that speak for a source beforehand, behind a router */
	STRAY_ITEMS = 5, /* so that they push out nothing that weighs more */
	CROWD_RING = 64,
	SMALL_SOURCE = 16,  /* ports of one source that is part of a distributed scan, at most */
	CROWDS = 256,       /* watched hosts whose crowd is remembered */
	FLOOD_PORTS = 1024, /* ports whose balance is remembered */
	LIVE_PORTS = 65536, /* ports in use that are remembered */
};

/* One port that a source asked for. */
struct item {
	usec_t time;   /* the detector's own */
	usec_t clock;  /* of the note */
	uint32_t host; /* host_number() */
	uint16_t port;
	uint8_t probe, tool;
	bool open;     /* it was in use: speaks for the source */
	bool answered; /* and said so to it */
	bool stray;    /* a forgotten connection may well have sent it */
};

/* A reference to an incident that may have ended since. */
struct incident_ref {
	uint32_t slot;
	uint64_t id; /* 0 = none */
};

/* An address, or a network (extra = prefix length). */
struct source {
	struct cache_head head;
	struct incident_ref incident;
	struct addr member; /* of a network: the first of its addresses */
	bool many;          /* ...and there were others */
	uint8_t credit;     /* open ports that no closed one has used up yet */
	bool flooded;       /* some of its packets may have been forged */
	uint8_t count;
	struct item items[ITEMS]; /* evidence first to last; the oldest makes room */
};

/* Evidence against one watched host, by whomever. */
struct crowd {
	struct cache_head head;
	struct incident_ref incident;
	uint8_t next, filled;
	bool waiting; /* scan or flood: not decided yet */
	usec_t since;
	uint32_t singles; /* sources since then */
	struct {
		usec_t time;
		struct addr source;
		uint16_t port;
	} ring[CROWD_RING];
};

struct flood {
	struct cache_head head;
	struct incident_ref incident;
	double balance; /* unanswered, less what leaks away */
	usec_t at, begun, first_clock;
	/* The last who asked, where somebody else counts the packets. */
	struct {
		struct addr source;
		usec_t time;
	} askers[DETECT_SHOWN];
	uint8_t next;
};

struct live {
	struct cache_head head;
};

struct incident {
	struct detect_incident seen;
	struct portset *ports, *answered; /* asked for; answered */
	struct portset *sources, *hosts;  /* hashes of addresses; of a flood, of several hosts */
	uint32_t by_probe[DETECT_PROBES];
	uint32_t by_tool[DETECT_TOOLS];
	usec_t begun, last; /* the detector's own time */
	usec_t quiet;
	uint8_t pending;      /* enum detect_change */
	uint64_t changed;     /* order of the first change that waits */
	uint32_t source_bits; /* in `sources` */
	bool slow, decoy, flood;
};

struct waiting {
	struct packet_note note;
	usec_t at;
};

struct detect {
	struct detect_parameters parameters;
	struct cache sources, networks, crowds, floods, live;
	struct portset open[2]; /* TCP, UDP: told by the caller */
	struct incident *incidents;
	uint64_t next_id, changes;
	unsigned pending; /* incidents with changes that wait */
	usec_t clock;     /* of the newest note */
	usec_t now;       /* never set back */
	usec_t swept;
	bool begun;
	struct waiting *queue; /* look-ahead, a ring */
	size_t queue_at, queue_count;
};

/* ---- judge.c: one packet by itself ---- */

/* What a packet probes for. @return enum detect_probe, or -1: it is no evidence of anything. */
int judge_probe(const struct detect_parameters *parameters, const struct packet_note *note);
enum detect_tool judge_tool(const struct packet_note *note, enum detect_probe probe);

/* ---- evidence.c: the sequential test ---- */

/*
 * Adds what a source asked for. @return false when it is known already, or there are enough open
 * ones: then nothing is changed but `answered`.
 */
bool evidence_add(struct source *source, const struct item *item);

/* Behind a router: a port that was open speaks for the source. */
void evidence_speak_for(struct source *source);
/* ...and has spoken against a closed one that it had not asked for before. @return whether. */
bool evidence_forgive(struct source *source, const struct item *item);

/* @param strangers how many independent parties the source may be, >= 1
 * @return 0 no alarm, else the window in which it is one. */
usec_t evidence_window(const struct detect_parameters *parameters, const struct source *source,
		       double strangers, usec_t now);

/* ---- incident.c ---- */

/* NULL when it has ended, or never was. */
struct incident *incident_of(const struct detect *detect, const struct incident_ref *ref);

/*
 * A new one with nobody in it, at the host that the note goes to. When all places are taken the
 * quietest ends, and gets free once its end was fetched.
 * @return NULL: no place or no memory.
 */
struct incident *incident_new(struct detect *detect, const struct packet_note *note,
			      struct incident_ref *ref);

/* It goes on with this packet. */
void incident_touch(struct detect *detect, struct incident *incident,
		    const struct packet_note *note);
/* One packet of it. */
void incident_count(struct detect *detect, struct incident *incident,
		    const struct packet_note *note, enum detect_probe probe, enum detect_tool tool);

/* One more of those who do it. */
void incident_add_source(struct detect *detect, struct incident *incident,
			 const struct addr *address);

/* A source becomes part of it, with what it did before. */
void incident_take(struct detect *detect, struct incident *incident, const struct incident_ref *ref,
		   struct source *source);

/* A source is no part of it after all: what it brought in is taken out. */
void incident_give_back(struct incident *incident, struct source *source);

void incident_answered(struct detect *detect, struct incident *incident, uint16_t port,
		       uint8_t protocol);
void incident_changed(struct detect *detect, struct incident *incident, enum detect_change change);
void incident_end(struct detect *detect, struct incident *incident);
void incident_deinit(struct incident *incident);

/* ---- alarm.c: from evidence to incidents ---- */

/* A packet that asks for a port, which is in use or not. */
void alarm_asked(struct detect *detect, const struct packet_note *note, enum detect_probe probe,
		 bool live);
/* A watched host answered from that port. */
void alarm_answered(struct detect *detect, const struct packet_note *note);

/* ---- crowd.c: what sources do that are nothing by themselves ---- */

/* The incident of the host's crowd that goes on, or NULL. */
struct incident *crowd_incident(const struct detect *detect, const struct addr *victim,
				struct incident_ref *ref);
/* Takes in whoever of the network is remembered and has no incident; NULL: of all, of the last
 * minute. */
void crowd_take(struct detect *detect, const struct addr *victim, const struct prefix *network,
		struct incident *incident, const struct incident_ref *ref);
/* From now on strangers who ask the host belong to that incident. */
void crowd_is(struct detect *detect, const struct addr *victim, const struct incident_ref *ref);
/* Whether forged sources flood the host, or are just being found out to. */
bool crowd_is_forged(const struct detect *detect, const struct addr *victim);
void crowd_asked(struct detect *detect, const struct packet_note *note, enum detect_probe probe);
/* Scan or flood, where nothing more came. */
void crowd_tick(struct detect *detect);

/* ---- flood.c ---- */

/* Many packets at once that nobody followed up. */
void flood_add(struct detect *detect, const struct packet_note *note, uint64_t count);
void flood_count(struct detect *detect, const struct packet_note *note, bool live);

/* ---- what is short ---- */

struct cache_key key_of(const struct addr *address);
struct cache_key key_of_network(const struct addr *address);
/* The last 32 bits of an address: watched hosts differ there, and they are not chosen by others. */
uint32_t host_number(const struct addr *address);
/* A number that nobody can foresee. */
uint32_t source_hash(const struct detect *detect, const struct addr *address);
