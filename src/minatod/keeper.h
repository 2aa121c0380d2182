/* The keeper: keeps the confirmed rules in the kernel, and tells what happens to them. */
#pragma once

#include <net/if.h>

#include "base/vec.h"
#include "common/contradictions.h"
#include "daemon.h"
#include "enforce/enforce.h"

enum {
	KEEPER_RESTORES_MAX = 10, /* within a minute: two tools must not fight at full speed */
	KEEPER_LINES_MAX = 20,    /* of a difference, each way */
};

/* What was told of an entry of the record. */
struct keeper_told {
	unsigned number;
	enum enforce_state_kind kind;
};

/* What is known of the policy that holds. */
struct keeper_policy {
	unsigned number; /* of its state; 0 = none is known */
	struct enforce_ports *ports;
	bool repair; /* defaults: repair: yes */
};

/* Rules of other tools. */
struct keeper_others {
	usec_t look_at; /* monotonic: when to look next */
	usec_t first; /* monotonic: when the first change since the last look was heard; 0 = none */
	usec_t free_at; /* monotonic: not earlier again */
	int32_t pid;    /* who committed the last of them; 0 = not heard */
	char process[16];
	struct contradictions found; /* as last told */
};

/* Who was refused, as the kernel counts it; what would be while the policy is only observed. */
struct keeper_counts {
	usec_t look_at; /* monotonic */
	usec_t read;    /* wall time of the last reading; 0 = none yet */
	struct enforce_counts
		told[ENFORCE_COUNTINGS]; /* by key: what was told of each source and port */
	struct enforce_counts refused; /* by key: what the kernel had counted at the last reading */
	struct enforce_counts asked;   /* by key: what the doors had counted then */
};

/* One interface that is not loopback. */
struct keeper_interface {
	uint32_t index;
	char name[IF_NAMESIZE];
	int error;    /* errno of attaching; 0 = packets are heard there */
	bool earlier; /* a program of somebody else's comes before ours */
};

/* Where packets are heard. */
struct keeper_taps {
	struct tap *tap; /* NULL = there is none */
	int links;       /* socket of rtnetlink */
	usec_t look_at;  /* monotonic */
	VEC(struct keeper_interface) all;
	uint32_t beyond; /* interfaces that there was no room for */
	struct wire_tapped told;
};

struct keeper {
	const char *directory; /* of the record */
	int parent;            /* socket */
	int notices;           /* socket of the kernel's notifications; -1 = the slow look alone */
	struct enforce_news news;
	usec_t look_at;    /* monotonic: when to look next */
	usec_t busy_since; /* another minato holds the record since then; 0 = none does */
	usec_t restores[KEEPER_RESTORES_MAX]; /* monotonic, a ring */
	unsigned restore_count;
	bool left_alone;     /* restored too often: that was told, until a restore works again */
	bool looked;         /* once */
	bool recorded;       /* what stood in the record at the start was told */
	uint32_t generation; /* of the kernel's rules when they were looked at last */
	struct enforce_status status; /* as it was then */
	VEC(struct keeper_told) told;
	struct str drift;        /* of the last look */
	uint32_t restored;       /* times, keepers before this one included */
	struct wire_rules rules; /* as last told */
	struct keeper_policy policy;
	struct keeper_others others;
	struct keeper_counts counts;
	struct keeper_taps taps;
	char said[sizeof(((struct err *)0)->text)]; /* the last fault in the log */
};

/* Looks at record and kernel, mends what is to be mended, tells what is new, plans the next look.
 */
void keeper_look(struct keeper *keeper);

/* To the parent; what it does not take is told with the next look's state. */
void keeper_tell(struct keeper *keeper, const struct wire_rules *rules);
int keeper_tell_news(const struct keeper *keeper, const struct event *news);
/* To a new engine: everything as if nothing had been told. */
void keeper_tell_again(struct keeper *keeper);

/* ---- keeper_policy.c ---- */

/*
 * Reads the policy of the state that holds, when it is another or something of it has ended since,
 * and tells which declarations have ended. @param number  0 = none holds.
 */
void keeper_policy_take(struct keeper *keeper, const struct enforce_states *states, unsigned number,
			usec_t now);
/* Monotonic: when something of it ends next. */
usec_t keeper_policy_ends_at(const struct keeper *keeper);

/* ---- keeper_others.c ---- */

/* Plans a look at the rules of other tools: after a burst of changes, or at once. */
void keeper_others_soon(struct keeper *keeper, bool at_once);
/* Looks, and tells where they contradict the policy. */
void keeper_others_look(struct keeper *keeper);

/* ---- keeper_counts.c ---- */

/* Tells of whom the kernel refused since the last time; plans the next time. */
void keeper_counts_look(struct keeper *keeper);
/* The kernel begins to count anew: the table is another one. */
void keeper_counts_anew(struct keeper *keeper);

/* ---- keeper_taps.c ---- */

/* Begins to follow the interfaces; NULL = there is no tap. */
void keeper_taps_open(struct keeper *keeper, struct tap *tap);
/* What rtnetlink tells. */
void keeper_taps_hear(struct keeper *keeper);
/* Looks whether ours are still there. */
void keeper_taps_look(struct keeper *keeper);
void keeper_taps_tell_again(struct keeper *keeper);

/* A fault once in the log, however often it comes in a row. */
void keeper_say(struct keeper *keeper, const char *text);
