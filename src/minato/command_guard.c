/* minato guard: only the declared program binds a declared port. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guard_follow.h"
#include "guard_text.h"
#include "judge.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json;
	bool even_never_cut;
	int mode; /* enum mode */
};

#define FIELD(name) offsetof(struct config, name)

enum mode { MODE_OF_POLICY, MODE_OBSERVE, MODE_ENFORCE };

static const char *const modes[] = { "policy", "observe", "enforce", NULL };

static const struct option options[] = {
	{ "mode", 'm', OPTION_CHOICE, FIELD(mode), "policy|observe|enforce",
	  N_("tell of binds that do not fit, or also refuse them (as the policy says)"),
	  .choices = modes },
	{ "even-never-cut", 0, OPTION_FLAG, FIELD(even_never_cut), NULL,
	  N_("refuse also on SSH and on ports that a never_cut: one uses") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("status for machines") },
};

static int fail(const struct context *context, const struct err *e)
{
	complain(context, reason_words(err_text(e)), NULL);
	return e->code == -EPERM || e->code == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* ---- on ---- */

static int load(const struct context *context, struct guard_table *table)
{
	const struct guard_place where = guard_place();
	struct err e = ERR_INIT;
	struct guard_status after;
	bool too_many = false;
	int r = guard_put(&too_many, table, &e);
	if (r == 0) {
		r = guard_status(&after, &where, &e);
	}
	if (r < 0) {
		return fail(context, &e);
	}
	struct str out = STR_INIT(1 << 20);
	guard_add_loaded(&out, &after, table, too_many);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int compile_and_load(const struct context *context, const struct config *config,
			    const struct policy *policy)
{
	struct guard_options wanted = guard_options_of(policy);
	struct guard_table table = { 0 };
	struct err e = ERR_INIT;
	if (config->mode != MODE_OF_POLICY) {
		wanted.mode = config->mode == MODE_ENFORCE ? GUARD_ENFORCE : GUARD_OBSERVE;
	}
	wanted.even_never_cut = config->even_never_cut;
	int r = guard_table_here(&table, context, policy, &wanted, &e);
	int code = r < 0 ? fail(context, &e) : load(context, &table);
	guard_table_deinit(&table);
	return code;
}

/* The policy holds at the next apply, confirm, rollback or start of the host. */
static void tell_of_policy(const struct context *context, const struct config *config,
			   const struct policy *policy)
{
	const bool other =
		config->mode != MODE_OF_POLICY &&
		(policy->defaults.guard == POLICY_GUARD_ENFORCE) != (config->mode == MODE_ENFORCE);
	if (other || config->even_never_cut || policy->defaults.guard == POLICY_GUARD_OFF) {
		complain(context,
			 _("the policy says otherwise: this holds until the next minato apply or "
			   "start of the host; write guard: under defaults: to keep it"),
			 NULL);
	}
}

static int on(const struct context *context, const struct config *config)
{
	struct judgement judgement;
	int code = judge_policy(&judgement, context);
	if (code == EXIT_IN_ORDER && !judgement.declared) {
		complain(context, _("there is no policy yet"), "minato init");
		code = EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		code = compile_and_load(context, config, &judgement.policy);
	}
	if (code == EXIT_IN_ORDER) {
		tell_of_policy(context, config, &judgement.policy);
	}
	judgement_deinit(&judgement);
	return code;
}

/* ---- off and status ---- */

static int off(const struct context *context, const struct config *config)
{
	(void)config; /* nothing of it concerns the end */
	return guard_off(context, false);
}

static int status(const struct context *context, const struct config *config)
{
	const struct guard_place where = guard_place();
	struct guard_status now;
	struct err e = ERR_INIT;
	if (guard_status(&now, &where, &e) < 0) {
		return fail(context, &e);
	}
	struct str out = STR_INIT(1 << 20);
	if (config->json) {
		(void)view_print(&out, guard_json(&now, context), context->out_terminal);
	} else {
		guard_add_status(&out, &now);
	}
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static const struct verb {
	const char *name;
	int (*run)(const struct context *context, const struct config *config);
} verbs[] = {
	{ "status", status },
	{ "on", on },
	{ "off", off },
};

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	const char *word = count > 0 ? arguments[0] : "status";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, word) != 0) {
			continue;
		}
		if (geteuid() != 0) {
			char next[64];
			(void)snprintf(next, sizeof(next), "sudo minato guard %s", word);
			complain(context, _("the bind guard is root's"), next);
			return EXIT_RIGHTS;
		}
		return verbs[i].run(context, config);
	}
	complain(context, _("guard knows status, on and off"), "minato help guard");
	return EXIT_USAGE;
}

static const char *const examples[] = {
	"minato guard on",
	N_("as the policy says, without applying its rules"),
	"minato guard on --mode enforce",
	N_("refuses other programs, until the next minato apply"),
	NULL,
};

const struct command command_guard = {
	.name = "guard",
	.arguments = "[status | on | off]",
	.summary = N_("let only the declared program bind a declared port"),
	.description =
		N_("Any user may bind a port above 1023, also one whose service is stopped "
		   "right now. With the guard, a port with program: in the policy is bound by "
		   "that program alone; others get \"permission denied\". SSH and what never_cut: "
		   "people use is only watched. minato apply and restore bring it to what the "
		   "policy says (defaults: guard:); on and off change it until then."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 1,
	.run = run,
};
