/* Who may come through a door, as values that can be compared. Private to lib/enforce. */
#pragma once

#include "enforce/access.h"

/* One way in; every given condition must hold. */
struct grant {
	struct prefix from;            /* family ADDR_NONE = from anywhere */
	const char *interface;         /* of the declaration; NULL = no condition */
	const char *who_interface;     /* of the who; likewise */
	struct policy_program program; /* outbound: who may; each field likewise */
	struct policy_mac mac;
	struct policy_rate rate;
	usec_t left; /* 0 = does not end */
	/* Of what is passed on: where it may go; NULL = anywhere. */
	const struct policy_declaration *way;
	const struct policy *policy; /* whose declaration that is */
};

struct grants {
	VEC(struct grant) list;
};

enum {
	/* Comparisons of two doors; beyond it they count as simply different. */
	GRANTS_COMPARED_MAX = 4000000,
};

/* Appends what a door grants. @return 0 or -ENOMEM. */
int grants_of_door(struct grants *out, const struct policy *policy, const struct access *access,
		   const struct door *door);
/* Appends the grant to everybody. @return 0 or -ENOMEM. */
int grants_to_all(struct grants *out);

/* Whether whoever gets in by `b` also gets in by `a`. False when it would take too long to tell. */
bool grants_cover(const struct grants *a, const struct grants *b);
