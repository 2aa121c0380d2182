/* What the commands that change rules share: the record, the kernel, both policies, the login. */
#pragma once

#include <jansson.h>

#include "base/vec.h"
#include "command.h"
#include "enforce/enforce.h"
#include "guard/guard.h"
#include "judge.h"
#include "login.h"
#include "model/inventory.h"

struct rules {
	struct enforce_states states;
	bool recorded; /* the record is open */
	struct enforce_status status;
	bool verified;           /* the kernel was asked; else the record is believed */
	struct judgement wanted; /* the policy of the file */
	bool keep_names;         /* host names stand for what they did, nobody is asked */
	usec_t asked;            /* when host names were asked for; 0 = they were not */
	struct policy recorded_policy;
	const struct policy *before; /* of the rules that hold; NULL = there are none */
	bool missing;                /* the record has confirmed rules, the kernel has none */
	struct str drift; /* lines of nft's listing that another tool added or took away */
	struct enforce_stale_users stale_users; /* of the policy before */
	struct enforce_changes changes;
	struct guard_changes guard_changes;
	bool guard_differs;    /* what stands in the kernel is not what the policy wants */
	char guard_fault[256]; /* why there can be no bind guard; "" = there can, or need not */
	struct inventory inventory; /* connections and listeners with owners */
	struct login login;
};

/* What it begins with, so that rules_close may follow at once. */
#define RULES_INIT .states = { .directory = -1, .lock = -1 }

/* Folder of the record: MINATO_RULES_DIRECTORY, or /var/lib/minato-rules. */
const char *rules_directory(void);

struct enforce_environment rules_environment(const struct context *context);

/* Whether rules may be changed. @return EXIT_IN_ORDER, or EXIT_RIGHTS after having complained. */
int rules_need_root(const struct context *context);

/*
 * Reads the policy file and freezes its host names, which may take seconds: nobody else has to wait
 * for the lock of the record meanwhile.
 * @param given  the policy when it was read already, which is taken over; NULL = read the file.
 * @return as rules_open; rules_close in every case.
 */
int rules_want(struct rules *rules, const struct context *context, struct policy *given);

/*
 * Opens the record and asks the kernel.
 * @param out     of RULES_INIT, or what rules_want left.
 * @param change  to change rules: needs root, takes the lock, settles what has timed out.
 * @return EXIT_IN_ORDER, or an exit code after having complained. rules_close in every case.
 */
int rules_open(struct rules *out, const struct context *context, bool change);
/* The same with a policy at hand that is likely the one that holds, so that it is not read again.
 * It must outlive the rules. @param known  NULL = none. */
int rules_open_knowing(struct rules *out, const struct context *context, bool change,
		       const struct policy *known);
void rules_close(struct rules *rules);

/* Compares the wanted policy with what holds. @return as rules_open. */
int rules_compare(struct rules *rules, const struct context *context);

/*
 * Asks for the host names of the wanted policy and freezes them, unless they are to be kept.
 * @return as rules_open: an exit code when one of them stands for nothing.
 */
int rules_freeze(struct rules *rules, const struct context *context);

/* Takes the inventory and finds the login. @return as rules_open. */
int rules_look(struct rules *rules, const struct context *context);

/* The policy that holds, NULL without rules. */
const struct policy *rules_before(const struct rules *rules);

/* Whether anything has to be done: changes, drift, or rules that somebody removed. */
bool rules_differ(const struct rules *rules);

/* Whether our table is known to be what the record says, without another tool's doing. Compared. */
bool rules_are_known(const struct rules *rules);

/* The order as the record keeps it. */
void rules_order(struct enforce_state *out, const struct rules *rules,
		 const struct context *context, unsigned number, const char *command,
		 const char *summary);

/* ---- words (rules_text.c) ---- */

void rules_add_changes(struct str *out, const struct rules *rules, const struct context *context);
/* The changes in one English line, for the record. Appends. */
void rules_add_summary(struct str *out, const struct enforce_changes *changes);
/* What host names stand for: "friend: home.example.net is 203.0.113.9 (asked now)". Appends. */
void rules_add_names(struct str *out, const struct rules *rules);
json_t *rules_names_json(const struct rules *rules);
json_t *rules_json(const struct rules *rules, const struct context *context);
/* "state 12 of 2026-11-27 10:00 by ops", or that there are no rules. Appends. */
void rules_add_state(struct str *out, const struct rules *rules, unsigned number);

/* ---- programs of outbound: (rules_programs.c) ---- */

/* Lines about declarations that are not held to as they are written. Appends. */
void programs_add(struct str *out, const struct policy *policy, const struct context *context);
json_t *programs_json(const struct policy *policy, const struct context *context);
/* Makes what a confirmed policy says of unit:, executable: and container: hold, and nothing else;
 * what is tried ends. The rules hold already: a failure is complained of and takes nothing back.
 * @return an exit code. */
int programs_hold(const struct policy *policy, const struct context *context);
/*
 * The same for a policy that is only tried: for so many seconds from now the kernel holds it, then
 * again what is confirmed, whatever becomes of every process. Failures are complained of.
 * @param before  what is confirmed; NULL = nothing.
 */
void programs_try(const struct policy *policy, const struct policy *before,
		  const struct context *context, unsigned seconds);
/* Whether anything of it stands in the kernel, confirmed or tried. */
bool programs_stand(void);
/* Ends what is tried at once, and what is left of it when its time is over. */
void programs_cancel(const struct context *context);
/* Whether what a confirmed policy says of them does not hold as it should: it was removed, could
 * not be loaded, or names stand for others by now.
 * @param policy  NULL = no rules. For root. */
bool programs_lost(const struct policy *policy, const struct context *context);
/* Ends it. @return an exit code. */
int programs_release(const struct context *context);

/* ---- the bind guard (rules_guard.c) ---- */

/* Compares what guards the policies ask for, and what stands in the kernel. @return 0; -ENOMEM. */
int rules_compare_guard(struct rules *rules, const struct context *context, struct err *e);
bool rules_guard_differs(const struct rules *rules);
/* One line for each port or range. Appends. */
void rules_add_guard(struct str *out, const struct rules *rules, const struct context *context);
/* The same for the record, in one English line. Appends. */
void rules_add_guard_summary(struct str *out, const struct rules *rules);
json_t *rules_guard_json(const struct rules *rules);
/*
 * After the wanted policy was confirmed, and not before: a candidate that the kernel takes back
 * leaves the guard as it was. It complains by itself: the rules hold without a guard too.
 */
void rules_follow_guard(const struct rules *rules, const struct context *context);

/* ---- live connections (rules_cut.c) ---- */

/* A connection into this host, or through it, that the new rules would not let in again. */
struct cut {
	enum enforce_direction direction; /* INBOUND, FORWARD */
	enum protocol protocol;
	uint16_t port, remote_port;
	struct addr remote;
	struct addr target;  /* forwarded: where it goes */
	const char *service; /* declaration or program that it goes to; NULL = not known */
	bool mine;           /* it is the login that the command is typed in */
	bool never;          /* never_cut names it */
	bool ends;           /* it is cut; else it stays until it ends by itself */
};

struct cuts {
	VEC(struct cut) list;
	bool mine, never;           /* one of them is */
	bool mine_ends, never_ends; /* one of them is, and is cut */
};

/* @return 0 or -ENOMEM. Free with vec_free(&cuts->list). */
int cuts_find(struct cuts *out, const struct rules *rules, const struct context *context);
/* Lines for people, at most ten. Appends. */
void cuts_add(struct str *out, const struct cuts *cuts);
json_t *cuts_json(const struct cuts *cuts);
/* Lines about programs that listen and that nobody reaches any more. Appends. */
void rules_add_shut(struct str *out, const struct rules *rules, const struct context *context);

/* ---- waiting (rules_wait.c) ---- */

/*
 * Leaves a process behind that keeps how the kernel lists rules that were just loaded and marked,
 * and cleans up when the candidate has timed out unconfirmed.
 * @param text     the rules as they were loaded
 * @param seconds  until they time out; 0 = they do not
 */
void rules_tidy_later(unsigned number, const char *text, bool outbound, unsigned seconds,
		      const struct context *context);
/* Leaves a process behind that does the work, without terminal and descriptors. Whoever counts on
 * it also counts on its death: the next command does the same. */
void rules_leave_behind(void (*work)(void *data), void *data);

/* ---- conntrack (rules_seed.c) ---- */

/* Whether the kernel can tell connections apart, and has room for those that live now.
 * @return 0; -EOPNOTSUPP; -ENOSPC; each with the sentence. */
int rules_check_conntrack(const struct rules *rules, struct err *e);
/* Before the first rules: makes the kernel know the connections that live. After them, `again`:
 * those that came in between. @return 0 or negative errno. */
int rules_seed(struct rules *rules, const struct context *context, bool again, struct err *e);
/*
 * Between loading the first rules of a router and letting packets meet them (rules_passing.c):
 * gives the kernel some seconds to meet the connections that pass through. Nothing where rules held
 * already, or nothing is passed on. @return 0 or negative errno.
 */
int rules_watch_passing(const struct rules *rules, const struct context *context, struct err *e);
