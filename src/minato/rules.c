/* What the commands that change rules share. */
#include "rules.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "config.h"
#include "look.h"
#include "observe/observe.h"
#include "words.h"

enum { DRIFT_LINES_MAX = 100, LOCK_STEP_MS = 20 };

static const usec_t LOCK_WAIT_USEC = 2 * USEC_PER_SEC;

const char *rules_directory(void)
{
	const char *directory = getenv("MINATO_RULES_DIRECTORY");
	return directory != NULL && directory[0] == '/' ? directory : MINATO_RULES_DIRECTORY;
}

struct enforce_environment rules_environment(const struct context *context)
{
	return enforce_environment_at(context->now);
}

static int complain_of(const struct context *context, const struct err *e, int r)
{
	const char *next = NULL;
	if (r == -ENOPKG) {
		next = "sudo apt-get install libnftables1";
	} else if (r == -EBUSY) {
		next = "minato plan";
	}
	complain(context, err_text(e), next);
	return r == -EPERM || r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* The daemon's keeper holds the lock while it puts something right: that is a moment. */
static int open_states(struct enforce_states *out, bool change, struct err *e)
{
	const usec_t end = clock_monotonic() + LOCK_WAIT_USEC;
	for (;;) {
		struct err mine = ERR_INIT;
		int r = enforce_states_open(out, rules_directory(), change, &mine);
		if (r != -EBUSY || clock_monotonic() > end) {
			return r < 0 ? err_set(e, r, "%s", err_text(&mine)) : r;
		}
		enforce_states_close(out);
		(void)poll(NULL, 0, LOCK_STEP_MS); /* woken early it merely looks sooner */
	}
}

/* The record may be missing where nothing was ever applied; without root the kernel is not asked.
 */
static int open_both(struct rules *rules, bool change, struct err *e)
{
	int r = open_states(&rules->states, change, e);
	rules->recorded = r == 0;
	if (r == -ENOENT && !change) {
		*e = ERR_INIT;
		r = 0;
	}
	if (r < 0) {
		return r;
	}
	r = enforce_status(&rules->status, e);
	rules->verified = r == 0;
	if (r == -EPERM && !change && geteuid() != 0) {
		*e = ERR_INIT;
		r = 0;
	}
	return r;
}

/* The number of the rules that hold, by the kernel or else by the record; 0 = none. */
static unsigned number_before(const struct rules *rules)
{
	if (rules->verified) {
		return rules->status.confirmed;
	}
	const struct enforce_state *state =
		rules->recorded ? enforce_states_confirmed(&rules->states) : NULL;
	return state == NULL ? 0 : state->number;
}

static int find_before(struct rules *rules, const struct policy *known, struct err *e)
{
	const unsigned number = number_before(rules);
	rules->missing = rules->verified && number == 0 && rules->recorded &&
			 enforce_states_confirmed(&rules->states) != NULL;
	if (number == 0) {
		return 0;
	}
	if (!rules->recorded) {
		return err_set(e, ENOENT,
			       "the kernel has rules of minato (state %u) that %s does not know",
			       number, rules_directory());
	}
	if (known != NULL && known->text != NULL &&
	    enforce_states_has_text(&rules->states, number, known->text)) {
		rules->before = known;
		return 0;
	}
	int r = enforce_states_policy(&rules->recorded_policy, &rules->states, number, e);
	rules->before = r == 0 ? &rules->recorded_policy : NULL;
	return r;
}

int rules_need_root(const struct context *context)
{
	if (geteuid() != 0) {
		complain(context, _("changing the rules of the packet filter needs root"),
			 "sudo minato apply");
		return EXIT_RIGHTS;
	}
	return EXIT_IN_ORDER;
}

int rules_open(struct rules *out, const struct context *context, bool change)
{
	return rules_open_knowing(out, context, change, NULL);
}

int rules_open_knowing(struct rules *out, const struct context *context, bool change,
		       const struct policy *known)
{
	out->drift = STR_INIT(1 << 24);
	inventory_init(&out->inventory, 0);
	int code = change ? rules_need_root(context) : EXIT_IN_ORDER;
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct err e = ERR_INIT;
	int r = open_both(out, change, &e);
	if (r == 0 && change) {
		r = enforce_settle(&out->states, &out->status, context->now, &e);
	}
	if (r == 0) {
		r = find_before(out, known, &e);
	}
	return r < 0 ? complain_of(context, &e, r) : EXIT_IN_ORDER;
}

void rules_close(struct rules *rules)
{
	enforce_states_close(&rules->states);
	judgement_deinit(&rules->wanted);
	policy_deinit(&rules->recorded_policy);
	str_deinit(&rules->drift);
	vec_free(&rules->stale_users);
	enforce_changes_deinit(&rules->changes);
	guard_changes_deinit(&rules->guard_changes);
	inventory_deinit(&rules->inventory);
}

const struct policy *rules_before(const struct rules *rules)
{
	return rules->before;
}

bool rules_are_known(const struct rules *rules)
{
	return rules->verified && rules->status.framed && rules->drift.length == 0 &&
	       rules->stale_users.count == 0 &&
	       enforce_drift_known(&rules->states, rules->status.confirmed);
}

bool rules_differ(const struct rules *rules)
{
	return enforce_changes_any(&rules->changes) || rules_guard_differs(rules) ||
	       rules->missing || rules->drift.length > 0 || rules->stale_users.count > 0 ||
	       (rules->verified && rules->status.confirmed == 0) ||
	       (rules->before != NULL && rules->verified && !rules->status.framed);
}

/* What another tool did to our table. */
static int find_drift(struct rules *rules, struct err *e)
{
	return rules->before != NULL && rules->verified
		       ? enforce_drift(&rules->drift, &rules->states, rules->status.confirmed,
				       DRIFT_LINES_MAX, e)
		       : 0;
}

/* What became of the users that rules know by their numbers. */
static int find_stale_users(struct rules *rules, const struct enforce_environment *environment,
			    struct err *e)
{
	vec_free(&rules->stale_users);
	return rules->before != NULL && rules->verified
		       ? enforce_state_stale_users(&rules->stale_users, &rules->states,
						   rules->status.confirmed, rules->before,
						   environment, e)
		       : 0;
}

int rules_want(struct rules *rules, const struct context *context, struct policy *given)
{
	if (given != NULL) {
		rules->wanted.declared = true;
		rules->wanted.policy = *given;
		*given = (struct policy){ 0 };
		judge_take_names(&rules->wanted.policy);
		return rules_freeze(rules, context);
	}
	int code = judge_policy(&rules->wanted, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (!rules->wanted.declared) {
		complain(context, _("there is no policy yet"), "minato init");
		return EXIT_ERROR;
	}
	return rules_freeze(rules, context);
}

int rules_compare(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	const struct enforce_environment environment = rules_environment(context);
	int r = enforce_changes(&rules->changes, rules_before(rules), &rules->wanted.policy,
				&environment, &e);
	if (r == 0) {
		r = find_drift(rules, &e);
	}
	if (r == 0) {
		r = find_stale_users(rules, &environment, &e);
	}
	if (r == 0) {
		r = rules_compare_guard(rules, context, &e);
	}
	return r < 0 ? complain_of(context, &e, r) : EXIT_IN_ORDER;
}

int rules_look(struct rules *rules, const struct context *context)
{
	inventory_deinit(&rules->inventory);
	int code =
		look_or_complain(&rules->inventory, context, OBSERVE_OWNERS | OBSERVE_CONNECTIONS);
	if (code != EXIT_IN_ORDER) {
		inventory_init(&rules->inventory, 0);
		return code;
	}
	login_find(&rules->login, &rules->inventory);
	return EXIT_IN_ORDER;
}

void rules_order(struct enforce_state *out, const struct rules *rules,
		 const struct context *context, unsigned number, const char *command,
		 const char *summary)
{
	*out = (struct enforce_state){ .number = number,
				       .kind = ENFORCE_PENDING,
				       .applied = context->now,
				       .applied_boot = clock_now() - clock_boot_offset(),
				       .by = rules->login.who,
				       .from = rules->login.from,
				       .command = command,
				       .summary = summary };
}
