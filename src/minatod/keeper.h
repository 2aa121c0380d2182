/* The keeper: keeps the confirmed rules in the kernel, and tells what happens to them. */
#pragma once

#include <net/if.h>

#include "base/vec.h"
#include "common/contradictions.h"
#include "daemon.h"
#include "defend/defend.h"
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
/* Other machines that are declared, as their list comes. */
struct keeper_devices {
	uint16_t count;
	uint8_t addresses[WIRE_DEVICES_MAX + WIRE_DEVICES_PART][WIRE_DEVICE_BYTES];
};

struct keeper_taps {
	struct tap *tap; /* NULL = there is none */
	int links;       /* socket of rtnetlink */
	usec_t look_at;  /* monotonic */
	VEC(struct keeper_interface) all;
	uint32_t beyond; /* interfaces that there was no room for */
	struct wire_tapped told;
};

enum {
	KEEPER_FLOODS_MAX = 8,
	KEEPER_INCIDENTS_MAX = 64, /* that a decoy may still prove */
};

struct keeper_flood {
	uint64_t incident;
	usec_t until; /* since boot */
};

/* What is known of the policy for it. */
enum keeper_knows {
	KEEPER_KNOWS_NOTHING, /* it could not be read yet: what stands is left as it is */
	KEEPER_KNOWS_NONE,    /* the record says that none is to hold */
	KEEPER_KNOWS_POLICY,
};

/* What is done about who scans. */
struct keeper_defence {
	enum keeper_knows knows;
	struct policy policy;      /* that is to hold, whether its rules are lost just now or not */
	struct defend_facts facts; /* as they were read last */
	usec_t facts_free_at;      /* monotonic: not earlier again */
	struct portset published[2]; /* TCP, UDP: seen to lead on, to a container perhaps */
	struct portset open[2];      /* TCP, UDP: as the kernel was told, open without a socket */
	bool open_told;
	struct defend_table table;   /* who is kept out */
	struct defend_table watched; /* mode: observe: who would be */
	usec_t write_at;             /* monotonic: when the record is due; INT64_MAX = it is not */
	usec_t wrote;                /* monotonic */
	usec_t look_at;              /* monotonic */
	struct keeper_flood floods[KEEPER_FLOODS_MAX];
	struct incident incidents[KEEPER_INCIDENTS_MAX]; /* that go on; id 0 = none */
	bool unsure[KEEPER_INCIDENTS_MAX]; /* decided by facts that were older than they */
	usec_t unsure_until; /* monotonic: when to decide again; INT64_MAX = none is */
	unsigned next_incident;
	char said[160];      /* why nothing was done the last time */
	usec_t say_at;       /* monotonic: not earlier again */
	usec_t alerts_since; /* monotonic: the minute that is counted */
	unsigned alerts;
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
	struct keeper_devices devices;
	struct keeper_defence defence;
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
/* Tells of them when it is not known how many are kept out. */
void keeper_taps_tell(struct keeper *keeper);
void keeper_taps_tell_again(struct keeper *keeper);

/* ---- keeper_devices.c ---- */

/* A part of the list of other machines; when it is whole the tap is told. */
void keeper_devices_take(struct keeper *keeper, const struct wire_devices *part);

/* ---- keeper_facts.c ---- */

/* Reads who must not be kept out and who proved his address, unless that was done just now, and
 * tells the kernel whom to spare. @return false when it was not tried, as that was done just now.
 */
bool keeper_facts_read(struct keeper *keeper);

/* Tells the kernel which ports are open whether a socket is there or not. */
void keeper_facts_publish(struct keeper *keeper);

/* ---- keeper_bans.c ---- */

/* Reads the record, and brings the kernel to what it says. */
void keeper_bans_open(struct keeper *keeper);
/* Keeps somebody out: in the kernel, in the table, soon in the record. @return 0; negative errno.
 */
int keeper_bans_make(struct keeper *keeper, const struct defend_ban *ban, struct err *e);
/* Lets in again whose time is over. @param now  since boot. */
void keeper_bans_expire(struct keeper *keeper, usec_t now);
/* Lets in again who is spared by now, or whom the policy wants to keep out no more. */
void keeper_bans_review(struct keeper *keeper);
/* Writes the record. */
void keeper_bans_write(struct keeper *keeper);
/* Does what somebody ordered over the control socket, and answers. */
void keeper_bans_order(struct keeper *keeper, uint32_t request, const char *text);

/* ---- keeper_defence.c ---- */

/* An incident began, grew or ended. */
void keeper_defence_hear(struct keeper *keeper, const struct wire_incident *told);
/* Somebody completed a connection to a decoy port. */
void keeper_defence_trapped(struct keeper *keeper, const struct addr *address, uint16_t port);
/* Another policy is to hold, which is taken over; NULL = none. */
void keeper_defence_take(struct keeper *keeper, struct policy *policy);
/* What is to be done without being told, and when: monotonic. */
void keeper_defence_look(struct keeper *keeper);
void keeper_defence_turn(struct keeper *keeper);
usec_t keeper_defence_next(const struct keeper *keeper);

/* A fault once in the log, however often it comes in a row. */
void keeper_say(struct keeper *keeper, const char *text);
