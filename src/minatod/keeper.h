/* The keeper: keeps the confirmed rules in the kernel, and tells what happens to them. */
#pragma once

#include "base/vec.h"
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
	usec_t told_since;   /* of a keeper before this one: what is older was told; 0 = all was */
	uint32_t generation; /* of the kernel's rules when they were looked at last */
	struct enforce_status status; /* as it was then */
	VEC(struct keeper_told) told;
	struct str drift;                           /* of the last look */
	uint32_t restored;                          /* times, keepers before this one included */
	struct wire_rules rules;                    /* as last told */
	char said[sizeof(((struct err *)0)->text)]; /* the last fault in the log */
};

/* Looks at record and kernel, mends what is to be mended, tells what is new, plans the next look.
 */
void keeper_look(struct keeper *keeper);

/* To the parent; what it does not take is told with the next look's state. */
void keeper_tell(struct keeper *keeper, const struct wire_rules *rules);
void keeper_tell_news(struct keeper *keeper, const struct wire_rules_news *news);

/* A fault once in the log, however often it comes in a row. */
void keeper_say(struct keeper *keeper, const char *text);
