/* The guard: keeps the confirmed rules in the kernel, and tells what happens to them. */
#pragma once

#include "base/vec.h"
#include "daemon.h"
#include "enforce/enforce.h"

enum {
	GUARD_RESTORES_MAX = 10, /* within a minute: two tools must not fight at full speed */
	GUARD_LINES_MAX = 20,    /* of a difference, each way */
};

/* What was told of an entry of the record. */
struct guard_told {
	unsigned number;
	enum enforce_state_kind kind;
};

struct guard {
	const char *directory; /* of the record */
	int parent;            /* socket */
	int notices;           /* socket of the kernel's notifications; -1 = the slow look alone */
	struct enforce_news news;
	usec_t look_at;    /* monotonic: when to look next */
	usec_t busy_since; /* another minato holds the record since then; 0 = none does */
	usec_t restores[GUARD_RESTORES_MAX]; /* monotonic, a ring */
	unsigned restore_count;
	bool left_alone;     /* restored too often: that was told, until a restore works again */
	bool looked;         /* once */
	usec_t told_since;   /* of a guard before this one: what is older was told; 0 = all was */
	uint32_t generation; /* of the kernel's rules when they were looked at last */
	struct enforce_status status; /* as it was then */
	VEC(struct guard_told) told;
	struct str drift;                           /* of the last look */
	uint32_t restored;                          /* times, guards before this one included */
	struct wire_rules rules;                    /* as last told */
	char said[sizeof(((struct err *)0)->text)]; /* the last fault in the log */
};

/* Looks at record and kernel, mends what is to be mended, tells what is new, plans the next look.
 */
void guard_look(struct guard *guard);

/* To the parent; what it does not take is told with the next look's state. */
void guard_tell(struct guard *guard, const struct wire_rules *rules);
void guard_tell_news(struct guard *guard, const struct wire_rules_news *news);

/* A fault once in the log, however often it comes in a row. */
void guard_say(struct guard *guard, const char *text);
