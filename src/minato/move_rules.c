/* The rules of the packet filter during a move. */
#include <errno.h>
#include <string.h>

#include "move.h"
#include "rules_apply.h"
#include "words.h"

static int fail(const struct moving *moving, const struct err *e)
{
	complain(moving->context, err_text(e), NULL);
	return EXIT_ERROR;
}

static void name_command(char out[MOVE_NAME_BYTES + 32], const struct moving *moving,
			 const char *suffix)
{
	(void)snprintf(out, MOVE_NAME_BYTES + 32, "move %s %u%s", moving->move.name,
		       moving->move.to, suffix);
}

/* ---- before ---- */

int moving_rules_ready(struct moving *moving)
{
	struct rules rules = { RULES_INIT, .keep_names = true };
	int code = rules_want(&rules, moving->context, NULL);
	if (code == EXIT_IN_ORDER) {
		code = rules_open(&rules, moving->context, false);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_compare(&rules, moving->context);
	}
	if (code == EXIT_IN_ORDER && rules.status.candidate != 0) {
		complain(moving->context, _("a change waits for its confirmation already"),
			 "minato confirm, or minato rollback");
		code = EXIT_ERROR;
	} else if (code == EXIT_IN_ORDER &&
		   (rules_before(&rules) == NULL || rules_differ(&rules))) {
		complain(moving->context,
			 _("the rules are not those of the policy yet, and a move must not bring "
			   "anything else with it"),
			 "minato plan, then sudo minato apply");
		code = EXIT_ERROR;
	}
	rules_close(&rules);
	return code;
}

/* ---- both ---- */

int moving_rules_open(struct moving *moving)
{
	struct rules rules = { RULES_INIT, .keep_names = true };
	char command[MOVE_NAME_BYTES + 32];
	name_command(command, moving, "");
	const struct apply apply = { .seconds = APPLY_SECONDS, .command = command };
	int code = rules_want(&rules, moving->context, NULL);
	if (code == EXIT_IN_ORDER) {
		code = rules_open(&rules, moving->context, true);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_compare(&rules, moving->context);
	}
	if (code == EXIT_IN_ORDER && !rules.changes.frees_only) {
		complain(moving->context,
			 _("the policy would keep somebody out who gets in now, so it is not "
			   "applied"),
			 "minato plan");
		code = EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_look(&rules, moving->context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_apply(&rules, moving->context, &apply);
	}
	rules_close(&rules);
	return code;
}

/* ---- back ---- */

static const struct move_file *policy_file(const struct move *move)
{
	for (size_t i = 0; i < move->files.count; i++) {
		if (move->files.items[i].room == MOVE_ROOM_POLICY) {
			return &move->files.items[i];
		}
	}
	return NULL;
}

/* @return 0; -EBADMSG it does not read, because a file that it includes has changed; others. */
static int read_policy(struct policy *out, const struct moving *moving,
		       const struct move_file *file, enum move_point point)
{
	struct policy_environment environment;
	struct portset reserved;
	struct policy_diagnostics diagnostics;
	policy_environment_read(&environment, &reserved, moving->context->now);
	int r = policy_parse(out, &diagnostics, file->path, file->at[point].bytes,
			     file->at[point].length, &environment);
	policy_diagnostics_deinit(&diagnostics);
	if (r == 0) {
		judge_take_names(out); /* what they stand for does not change while it moves */
	}
	return r == POLICY_INVALID ? -EBADMSG : r;
}

static bool same_policy(const struct policy *a, const struct policy *b)
{
	struct policy_changes changes;
	if (policy_diff(&changes, a, b) < 0) {
		return false;
	}
	const bool same = changes.list.count == 0;
	policy_changes_deinit(&changes);
	return same;
}

/* Whether these rules are those that the move made at that point. */
static bool is_of(const struct policy *rules, const struct moving *moving,
		  const struct move_file *file, enum move_point point)
{
	struct policy policy = { 0 };
	const bool is =
		read_policy(&policy, moving, file, point) == 0 && same_policy(rules, &policy);
	policy_deinit(&policy);
	return is;
}

/* A candidate that the move tries: the command that did was ended. */
static int end_candidate(struct rules *rules, const struct moving *moving,
			 const struct move_file *file, struct err *e)
{
	struct policy tried = { 0 };
	const unsigned number = rules->status.candidate;
	int r = number == 0 ? 0 : enforce_states_policy(&tried, &rules->states, number, e);
	if (number != 0 && r == 0 && is_of(&tried, moving, file, MOVE_AFTER)) {
		r = rules_cancel(rules, moving->context, number, e);
	}
	policy_deinit(&tried);
	return r;
}

/* What the rules before the move would do otherwise than those that hold. */
static int compare_with_before(struct rules *rules, const struct moving *moving,
			       const struct move_file *file, struct err *e)
{
	const struct enforce_environment environment = rules_environment(moving->context);
	int r = read_policy(&rules->wanted.policy, moving, file, MOVE_BEFORE);
	if (r < 0) {
		return err_system(e, r, "%s", file->path);
	}
	return enforce_changes(&rules->changes, rules_before(rules), &rules->wanted.policy,
			       &environment, e);
}

static int go_back(struct rules *rules, struct moving *moving)
{
	char command[MOVE_NAME_BYTES + 32];
	name_command(command, moving, " --undo");
	/* Nobody depends on what goes: the old port lets in whom it let in before. */
	const struct apply apply = { .seconds = APPLY_SECONDS,
				     .even_if = true,
				     .unproven = true,
				     .at_once = true,
				     .command = command };
	int code = rules_look(rules, moving->context);
	return code == EXIT_IN_ORDER ? rules_apply(rules, moving->context, &apply) : code;
}

static int back(struct rules *rules, struct moving *moving, const struct move_file *file)
{
	struct err e = ERR_INIT;
	const struct policy *now = rules_before(rules);
	if (end_candidate(rules, moving, file, &e) < 0) {
		return fail(moving, &e);
	}
	if (now == NULL) {
		return EXIT_IN_ORDER;
	}
	if (compare_with_before(rules, moving, file, &e) < 0) {
		return fail(moving, &e);
	}
	if (!enforce_changes_any(&rules->changes)) {
		return EXIT_IN_ORDER;
	}
	if (is_of(now, moving, file, MOVE_BOTH) || is_of(now, moving, file, MOVE_AFTER)) {
		return go_back(rules, moving);
	}
	complain(moving->context,
		 _("the rules were changed by something else since the move began, so they are "
		   "left alone"),
		 "minato plan");
	return EXIT_ERROR;
}

int moving_rules_back(struct moving *moving)
{
	struct rules rules = { RULES_INIT };
	const struct move_file *file = policy_file(&moving->move);
	if (file == NULL) {
		return EXIT_IN_ORDER;
	}
	int code = rules_open(&rules, moving->context, true);
	if (code == EXIT_IN_ORDER) {
		code = back(&rules, moving, file);
	}
	rules_close(&rules);
	return code;
}
