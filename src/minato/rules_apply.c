/* From a compared pair of policies to rules in the kernel. */
#include "rules_apply.h"
#include "guard/guard.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "proof.h"
#include "words.h"

static int failed(const struct context *context, const struct err *e, const char *next)
{
	complain(context, err_text(e), next);
	return e->code == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
}

/* ---- may it be done? ---- */

static int refuse_lock_out(const struct context *context, const struct cuts *cuts,
			   const struct apply *apply)
{
	if (apply->even_if || (!cuts->mine && !cuts->never)) {
		return EXIT_IN_ORDER;
	}
	complain(context,
		 cuts->mine_ends ? _("refused: the login that you type this in would be cut")
		 : cuts->mine
			 ? _("refused: the login that you type this in could not come in again")
		 : cuts->never_ends
			 ? _("refused: somebody whom never_cut: names would be cut")
			 : _("refused: somebody whom never_cut: names could not come in again"),
		 "minato apply --even-if-it-cuts-me");
	return EXIT_ERROR;
}

static int show(const struct rules *rules, const struct cuts *cuts, const struct context *context)
{
	struct str text = STR_INIT(1 << 26);
	rules_add_names(&text, rules);
	rules_add_changes(&text, rules, context);
	rules_add_shut(&text, rules, context);
	cuts_add(&text, cuts);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* ---- doing it ---- */

struct work {
	struct rules *rules;
	const struct context *context;
	const struct apply *apply;
	unsigned number;
	bool outbound;
	struct enforce_moment loaded;
	bool layer; /* rules_text is one over the confirmed generation */
	struct str policy, rules_text, summary;
};

/* Only what is different, where the kernel's rules are just those that the record says. */
static int write_layer(struct work *work, const struct enforce_environment *environment,
		       struct err *e)
{
	struct rules *rules = work->rules;
	unsigned layers = 0;
	if (!rules_are_known(rules)) {
		return ENFORCE_WHOLE;
	}
	int r = enforce_layers(&layers, rules->status.confirmed, e);
	if (r < 0 || layers >= ENFORCE_LAYERS_MAX) {
		return r < 0 ? r : ENFORCE_WHOLE;
	}
	return enforce_layer(&work->rules_text, rules_before(rules), &rules->wanted.policy,
			     &rules->changes, work->number, rules->status.confirmed, environment,
			     e);
}

static int prepare(struct work *work, struct err *e)
{
	struct rules *rules = work->rules;
	const struct policy *policy = &rules->wanted.policy;
	struct enforce_environment environment = rules_environment(work->context);
	environment.grace = enforce_states_grace(&rules->states, environment.now);
	work->number = enforce_states_next(&rules->states, &rules->status);
	work->outbound = enforce_limits_outbound(policy);
	int r = policy_preserve(&work->policy, policy);
	if (r < 0) {
		return err_system(e, r, "cannot write the policy down");
	}
	r = write_layer(work, &environment, e);
	work->layer = r == 0;
	if (r == ENFORCE_WHOLE) {
		r = enforce_rules(&work->rules_text, policy, work->number, &environment, e);
	}
	if (r == 0) {
		rules_add_summary(&work->summary, &rules->changes);
		rules_add_guard_summary(&work->summary, rules);
		rules_add_defend_summary(&work->summary, rules);
		r = work->summary.error;
	}
	return r;
}

/* On disk before anything happens: a full disk must not leave rules that nobody knows of. */
static int record(struct work *work, struct err *e)
{
	struct enforce_state state;
	rules_order(&state, work->rules, work->context, work->number, work->apply->command,
		    str_text(&work->summary));
	return enforce_states_add(&work->rules->states, &state, str_text(&work->policy), e);
}

/* Nobody can be cut off by it, so that nobody has to prove anything. */
static bool proves_itself(const struct work *work)
{
	return work->rules->changes.frees_only || work->apply->at_once;
}

static int settle(struct rules *rules, unsigned number, enum enforce_state_kind kind, struct err *e)
{
	int r = enforce_states_settle(&rules->states, number, kind, clock_now(), e);
	if (r == 0) {
		r = enforce_status(&rules->status, e);
	}
	return r == 0 ? enforce_states_sweep(&rules->states, &rules->status, e) : r;
}

static int refuse_disproved(const struct proof *proof, const struct context *context,
			    const struct apply *apply)
{
	if (proof->mine && !apply->even_if) {
		complain(context,
			 _("refused: other rules would keep the login out that you type this in"),
			 "minato apply --even-if-it-cuts-me");
		return EXIT_ERROR;
	}
	if (proof->disproved > 0 && apply->refuse_disproved) {
		complain(
			context,
			_("refused: what the policy says would not hold; change those rules or the "
			  "policy, or leave the proof out"),
			"minato apply --unproven");
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

/* What contradicts is told in any case. */
static int prove(struct work *work)
{
	struct proof proof;
	struct err e = ERR_INIT;
	int code = EXIT_IN_ORDER;
	if (work->apply->unproven) {
		return code;
	}
	const struct proof_rules candidate = { .text = str_text(&work->rules_text),
					       .number = work->number,
					       .layer = work->layer,
					       .brief = work->apply->brief };
	if (proof_make(&proof, work->rules, work->context, &candidate, &e) < 0) {
		proof_complain(work->context, &e);
	} else {
		struct str text = STR_INIT(1 << 20);
		proof_add(&text, &proof);
		code = print_text(&text);
		str_deinit(&text);
		code = code == EXIT_IN_ORDER ? refuse_disproved(&proof, work->context, work->apply)
					     : code;
	}
	proof_deinit(&proof);
	return code;
}

/* After each transaction: whether nobody else changed rules since these, and since the old ones
 * were found as they should be. */
static void count_ours(struct work *work)
{
	enforce_moment_step(&work->loaded);
	enforce_moment_step(&work->rules->looked);
}

static void mark(const struct work *work)
{
	const struct rules *rules = work->rules;
	enforce_states_mark(&rules->states, work->number, &work->loaded);
	if (rules->before != NULL && rules->status.confirmed != work->number) {
		enforce_states_mark(&rules->states, rules->status.confirmed, &rules->looked);
	}
}

static int activate(struct work *work, struct err *e)
{
	const bool tried = !proves_itself(work);
	if (tried) {
		/* The programs first: never is a port open to more than both policies say. */
		programs_try(&work->rules->wanted.policy, rules_before(work->rules), work->context,
			     work->apply->seconds);
	}
	int r = tried ? enforce_try(work->number, work->outbound, work->apply->seconds, e)
		      : enforce_confirm(work->number, work->outbound, false, e);
	if (r == 0) {
		count_ours(work);
		mark(work);
	}
	if (r == 0 && !tried) {
		/* The next command writes it down, if this cannot. */
		(void)settle(work->rules, work->number, ENFORCE_CONFIRMED, NULL);
	}
	return r;
}

static int carry_out(struct work *work, struct err *e)
{
	int r = record(work, e);
	if (r < 0) {
		return r;
	}
	work->loaded = enforce_now();
	r = enforce_load(str_text(&work->rules_text), work->number, work->outbound,
			 &work->rules->status, e);
	if (r == 0) {
		count_ours(work);
		r = rules_watch_passing(work->rules, work->context, e);
	}
	if (r == 0) {
		r = rules_seed(work->rules, work->context, false, e);
	}
	if (r == 0) {
		r = activate(work, e);
	}
	if (r < 0) { /* the rules that held before still hold */
		(void)settle(work->rules, work->number, ENFORCE_REVERTED, NULL);
		programs_cancel(work->context);
		return r;
	}
	/* What came between the look and the rules; if it fails, it is a few at most. */
	(void)rules_seed(work->rules, work->context, true, NULL);
	rules_tidy_later(work->number, str_text(&work->rules_text), work->outbound,
			 proves_itself(work) ? 0 : work->apply->seconds, work->context);
	return 0;
}

/* ---- asking ---- */

char rules_ask_key(const char *question, unsigned seconds)
{
	struct termios before;
	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		return 0;
	}
	struct termios raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw); /* else Return has to be typed too */
	(void)fputs(question, stderr);
	(void)fflush(stderr); /* nowhere to complain */
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;
	if (poll(&wait, 1, (int)seconds * 1000) == 1 && read(STDIN_FILENO, &key, 1) != 1) {
		key = 0;
	}
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before); /* as it was */
	(void)fputc('\n', stderr);                       /* nowhere to complain */
	return key;
}

static int keep(struct rules *rules, const struct context *context, unsigned number)
{
	struct err e = ERR_INIT;
	const bool outbound = enforce_limits_outbound(&rules->wanted.policy);
	struct enforce_moment moment = enforce_states_moment(&rules->states, number);
	int r = enforce_confirm(number, outbound, true, &e);
	if (r == ENFORCE_TOO_LATE) {
		complain(context, _("too late: the kernel has put the old rules back"),
			 "minato apply");
		(void)settle(rules, number, ENFORCE_REVERTED, NULL);
		programs_cancel(context);
		return EXIT_ERROR;
	}
	if (r == 0) {
		enforce_moment_step(&moment);
		enforce_states_mark(&rules->states, number, &moment);
		r = settle(rules, number, ENFORCE_CONFIRMED, &e);
	}
	if (r < 0) {
		return failed(context, &e, "minato plan");
	}
	/* Before anything is told: the connection that it is told to may be gone. */
	rules_follow_guard(rules, context);
	const int held = programs_hold(&rules->wanted.policy, context);
	struct str text = STR_INIT(256);
	str_printf(&text, _("state %u is confirmed\n"), number);
	int code = print_text(&text);
	str_deinit(&text);
	return code == EXIT_IN_ORDER ? held : code;
}

int rules_keep(struct rules *rules, const struct context *context)
{
	struct err e = ERR_INIT;
	if (enforce_status(&rules->status, &e) < 0) {
		return failed(context, &e, "minato plan");
	}
	return rules->status.candidate == 0 ? EXIT_IN_ORDER
					    : keep(rules, context, rules->status.candidate);
}

int rules_cancel(struct rules *rules, const struct context *context, unsigned number, struct err *e)
{
	const unsigned confirmed = rules->status.confirmed;
	struct enforce_moment moment = enforce_states_moment(&rules->states, confirmed);
	int r = enforce_cancel(e);
	programs_cancel(context);
	if (r == 0) {
		enforce_moment_step(&moment);
		enforce_states_mark(&rules->states, confirmed, &moment);
	}
	return r < 0 ? r : settle(rules, number, ENFORCE_REVERTED, e);
}

static int take_back(struct rules *rules, const struct context *context, unsigned number)
{
	struct err e = ERR_INIT;
	/* Somebody else may try something by now: that is not what was asked about. */
	const bool waits = rules->status.candidate == number;
	if ((waits ? rules_cancel(rules, context, number, &e)
		   : settle(rules, number, ENFORCE_REVERTED, &e)) < 0) {
		return failed(context, &e, "minato rollback");
	}
	complain(context, _("taken back: the rules are as they were before"), NULL);
	return EXIT_ERROR;
}

/* Meanwhile somebody else may have answered, or the time may be over. */
static int answered(struct rules *rules, const struct context *context, unsigned number)
{
	struct err e = ERR_INIT;
	int r = enforce_states_resume(&rules->states, &e);
	if (r == 0) {
		r = enforce_status(&rules->status, &e);
	}
	if (r < 0) {
		return failed(context, &e, "minato plan");
	}
	const struct enforce_state *state = enforce_states_find(&rules->states, number);
	if (rules->status.confirmed != number &&
	    (state == NULL || state->kind != ENFORCE_CONFIRMED)) {
		return -1; /* still to be decided */
	}
	struct str text = STR_INIT(256);
	str_printf(&text, _("state %u is confirmed\n"), number);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int ask(struct rules *rules, const struct context *context, unsigned number,
	       unsigned seconds)
{
	char question[512];
	(void)snprintf(question, sizeof(question),
		       _("Keep these rules? y keeps them, any other key or %u s without one takes "
			 "them back: "),
		       seconds);
	enforce_states_pause(&rules->states);
	const char key = rules_ask_key(question, seconds);
	int code = answered(rules, context, number);
	if (code >= 0) {
		return code;
	}
	return key == 'y' || key == 'Y' ? keep(rules, context, number)
					: take_back(rules, context, number);
}

static int tell_what_next(const struct work *work)
{
	struct str text = STR_INIT(1024);
	int held = EXIT_IN_ORDER;
	if (proves_itself(work)) { /* before anything is told, as in keep() */
		rules_follow_guard(work->rules, work->context);
		held = programs_hold(&work->rules->wanted.policy, work->context);
	}
	if (!work->rules->changes.frees_only && work->apply->at_once) {
		str_printf(&text, _("state %u holds\n"), work->number);
	} else if (proves_itself(work)) {
		str_printf(
			&text,
			_("state %u holds; it only lets more in, so nothing has to be confirmed\n"),
			work->number);
	} else {
		str_printf(&text,
			   _("state %u is tried for %u s; then the kernel puts the old rules "
			     "back by itself.\n"
			     "From a new connection, to prove that you still get in, type:\n"),
			   work->number, work->apply->seconds);
		str_add(&text, "  minato confirm\n");
	}
	int code = print_text(&text);
	str_deinit(&text);
	return code == EXIT_IN_ORDER ? held : code;
}

static int try_it(struct work *work)
{
	struct err e = ERR_INIT;
	int r = rules_check_conntrack(work->rules, &e);
	if (r == 0) {
		r = prepare(work, &e);
	}
	int code = r < 0 ? failed(work->context, &e, "minato plan") : prove(work);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (carry_out(work, &e) < 0) {
		return failed(work->context, &e, "minato plan");
	}
	if (work->apply->hold) {
		return EXIT_IN_ORDER;
	}
	if (!proves_itself(work) && work->rules->login.kind == LOGIN_TERMINAL) {
		return ask(work->rules, work->context, work->number, work->apply->seconds);
	}
	return tell_what_next(work);
}

static int check(struct rules *rules, const struct context *context, const struct apply *apply)
{
	struct cuts cuts = { 0 };
	int code = cuts_find(&cuts, rules, context) < 0 ? EXIT_ERROR : EXIT_IN_ORDER;
	if (code == EXIT_IN_ORDER) {
		code = show(rules, &cuts, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = refuse_lock_out(context, &cuts, apply);
	}
	vec_free(&cuts.list);
	return code;
}

int rules_apply(struct rules *rules, const struct context *context, const struct apply *apply)
{
	if (rules->status.candidate != 0) {
		complain(context, _("a change waits for its confirmation already"),
			 "minato confirm, or minato rollback");
		return EXIT_ERROR;
	}
	if (!rules_differ(rules)) {
		struct str text = STR_INIT(1 << 20);
		rules_add_names(&text, rules);
		str_add(&text, _("The rules are those of the policy.\n"));
		const int held = programs_hold(&rules->wanted.policy, context);
		int code = print_text(&text);
		str_deinit(&text);
		return code == EXIT_IN_ORDER ? held : code;
	}
	int code = check(rules, context, apply);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct work work = { .rules = rules,
			     .context = context,
			     .apply = apply,
			     .policy = STR_INIT(POLICY_TEXT_BYTES_MAX),
			     .rules_text = STR_INIT(ENFORCE_TEXT_BYTES_MAX),
			     .summary = STR_INIT(1 << 16) };
	code = try_it(&work);
	str_deinit(&work.policy);
	str_deinit(&work.rules_text);
	str_deinit(&work.summary);
	return code;
}

int rules_apply_policy(const struct context *context, const struct apply *apply,
		       const struct policy *known, struct policy *wanted)
{
	struct rules rules = { RULES_INIT, .keep_names = apply->keep_names };
	int code = rules_need_root(context);
	if (code == EXIT_IN_ORDER) {
		code = rules_want(&rules, context, wanted);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_open_knowing(&rules, context, true, known);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_compare(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_look(&rules, context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_apply(&rules, context, apply);
	}
	rules_close(&rules);
	return code;
}

/* ---- confirming ---- */

static int nothing_waits(const struct rules *rules, const struct context *context)
{
	const size_t count = rules->states.count;
	const bool reverted = count > 0 && rules->states.items[count - 1].kind == ENFORCE_REVERTED;
	complain(context,
		 reverted ? _("nothing waits for a confirmation: the last change was taken back")
			  : _("nothing waits for a confirmation"),
		 "minato plan");
	return EXIT_ERROR;
}

int rules_confirm(struct rules *rules, const struct context *context)
{
	const unsigned number = rules->status.candidate;
	const struct enforce_state *state = enforce_states_find(&rules->states, number);
	const struct login *login = &rules->login;
	if (number == 0 || state == NULL) {
		return nothing_waits(rules, context);
	}
	struct err e = ERR_INIT;
	if (enforce_states_policy(&rules->wanted.policy, &rules->states, number, &e) < 0) {
		return failed(context, &e, "minato rollback");
	}
	switch (login->kind) {
	case LOGIN_NETWORK:
		if (login->since_boot > state->applied_boot) {
			return keep(rules, context, number);
		}
		complain(context,
			 _("this connection is older than the change, so it proves nothing; log in "
			   "anew "
			   "(not through a shared connection: ssh -S none) and confirm there"),
			 "ssh -S none HOST minato confirm");
		return EXIT_ERROR;
	case LOGIN_DETACHED:
		complain(context,
			 _("typed inside a session that outlives its connection (tmux, screen), "
			   "this "
			   "proves nothing; log in anew and confirm there"),
			 "ssh -S none HOST minato confirm");
		return EXIT_ERROR;
	case LOGIN_TERMINAL:
		return ask(rules, context, number,
			   (unsigned)(rules->status.candidate_left / USEC_PER_SEC) + 1);
	case LOGIN_NONE:
		break;
	}
	complain(context,
		 _("this is neither a login from the network nor a terminal, so it proves nothing"),
		 "ssh -S none HOST minato confirm");
	return EXIT_ERROR;
}
