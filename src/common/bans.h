/* What the daemon and the command line share of bans: the tap's place, the kernel's table, and who
 * is never kept out. */
#pragma once

#include "defend/defend.h"
#include "tap/tap.h"

/* Where the tap is pinned: MINATO_TAP_DIRECTORY, or /sys/fs/bpf/minato-tap. */
struct tap_place bans_tap_place(void);

/* A ban as the kernel holds it. */
struct tap_ban bans_for_kernel(const struct defend_ban *ban);

/*
 * What can be known without looking at connections: own addresses, gateways, name servers, logins.
 * Complete when all of it could be read.
 * @return enum defend_logins; negative errno.
 */
int bans_read_facts(struct defend_facts *facts, usec_t now, struct err *e);

/* Makes the kernel spare them. @return 0; negative errno. */
int bans_spare(struct tap *tap, const struct policy *policy, const struct defend_facts *facts,
	       struct err *e);

/* ---- orders of people, over the control socket or done at once ---- */

enum { BANS_ORDER_BYTES = 400 };
#define BANS_SPAN_MAX (366 * USEC_PER_DAY)

struct bans_order {
	bool remove;
	struct prefix prefix;
	usec_t span;                       /* of add: 1 s to BANS_SPAN_MAX */
	uint8_t verdict;                   /* of add: enum defend_verdict */
	char by[DEFEND_BY_BYTES];          /* who, from where */
	char purpose[DEFEND_REASON_BYTES]; /* of add: why */
};

/* As one line. @return its length; -EINVAL. */
int bans_order_write(char out[BANS_ORDER_BYTES], const struct bans_order *order);
/* Whether a text begins as one. */
bool bans_is_order(const char *text);
/* The reverse. @return 0; -EINVAL. */
int bans_order_read(struct bans_order *out, const char *text);

/*
 * Does it to the table. Who is spared is spared from people, too.
 * @param out  the ban that was made or taken away.
 * @return 0; enum defend_why; -ENOENT no such ban is there; -ENOMEM.
 */
int bans_order_do(struct defend_ban *out, struct defend_table *table,
		  const struct bans_order *order, const struct policy *policy,
		  const struct defend_facts *facts, const struct defend_stamp *now);

enum { BANS_ANSWER_BYTES = 512 };
/* What answers an order that ended so: "done", "none", "why N" or "fault SENTENCE". */
void bans_answer(char out[BANS_ANSWER_BYTES], int result, const struct err *e);
