/* minato guard: only the declared program binds a declared port. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "guard_text.h"
#include "judge.h"
#include "look.h"
#include "model/inventory.h"
#include "observe/observe.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json;
	bool even_never_cut;
	int mode; /* enum guard_mode */
};

#define FIELD(name) offsetof(struct config, name)

static const char *const modes[] = { "observe", "enforce", NULL };

static const struct option options[] = {
	{ "mode", 'm', OPTION_CHOICE, FIELD(mode), "observe|enforce",
	  N_("tell of binds that do not fit, or also refuse them (observe)"), .choices = modes },
	{ "even-never-cut", 0, OPTION_FLAG, FIELD(even_never_cut), NULL,
	  N_("refuse also on SSH and on ports that a never_cut: one uses") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("status for machines") },
};

/* Pins below MINATO_GUARD_DIRECTORY, binds below MINATO_GUARD_CGROUP: for tests and containers. */
static struct guard_place place(void)
{
	const char *directory = getenv("MINATO_GUARD_DIRECTORY");
	const char *cgroup = getenv("MINATO_GUARD_CGROUP");
	unsigned without = observe_without_parse(getenv("MINATO_WITHOUT"));
	return (struct guard_place){
		.directory = directory != NULL && directory[0] == '/' ? directory
								      : MINATO_GUARD_DIRECTORY,
		.cgroup = cgroup != NULL && cgroup[0] == '/' ? cgroup : NULL,
		.without_bpf = (without & (OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_BTF)) != 0,
	};
}

struct guard_place guard_where(void)
{
	return place();
}

static int fail(const struct context *context, const struct err *e)
{
	complain(context, err_text(e), NULL);
	return e->code == -EPERM || e->code == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* ---- on ---- */

/* The id of a container that runs, by the name that its runtime knows. */
static int find_container(void *context, char id[GUARD_ID_BYTES], const char *name)
{
	const struct inventory *inventory = context;
	for (size_t i = 0; i < inventory->processes.count; i++) {
		const struct process *process = &inventory->processes.items[i];
		if (process->container_name != NULL && process->container_id != NULL &&
		    strcmp(process->container_name, name) == 0) {
			(void)str_copy(id, GUARD_ID_BYTES, process->container_id);
			return 0;
		}
	}
	return -ENOENT;
}

static bool names_containers(const struct policy *policy)
{
	for (size_t i = 0; i < policy->declarations.count; i++) {
		if (policy->declarations.items[i].program.container != NULL) {
			return true;
		}
	}
	return false;
}

/* Containers are only looked for when the policy names one. @return an exit code. */
static int look_for_containers(struct inventory *out, const struct context *context,
			       const struct policy *policy)
{
	if (names_containers(policy)) {
		return look_or_complain(out, context,
					OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_ALL_NETNS);
	}
	inventory_init(out, context->now);
	return EXIT_IN_ORDER;
}

/* Adds the owned ports to those that the kernel never picks, in place of those that the guard
 * before added. @return whether they are too many: then none is added. */
static int reserve(bool *too_many, struct guard_table *table, struct portset *wanted,
		   const struct guard_status *before, struct err *e)
{
	struct portset now;
	struct portset added = { 0 };
	struct port_range ephemeral;
	int r = guard_reserved_read(&now, &ephemeral, e);
	if (r < 0) {
		return r;
	}
	if (before->here) {
		guard_unreserve(&now, &now, &before->reserved);
	}
	*wanted = now;
	*too_many = guard_reserve(wanted, &added, &now, &table->owned, &ephemeral) ==
		    GUARD_RESERVE_TOO_MUCH;
	guard_table_keep(table, &added);
	return 0;
}

static int load(const struct context *context, const struct guard_place *where,
		struct guard_table *table)
{
	struct err e = ERR_INIT;
	struct guard_status before;
	struct portset wanted;
	bool too_many = false;
	int r = guard_status(&before, where, &e);
	if (r == 0) {
		r = reserve(&too_many, table, &wanted, &before, &e);
	}
	if (r == 0) {
		r = guard_load(where, table, &e);
	}
	if (r == 0) {
		r = guard_reserved_write(&wanted, &e);
	}
	if (r < 0) {
		return fail(context, &e);
	}
	struct guard_status after;
	if (guard_status(&after, where, &e) < 0) {
		return fail(context, &e);
	}
	struct str out = STR_INIT(1 << 20);
	guard_add_status(&out, &after);
	guard_add_notes(&out, table);
	if (too_many) {
		str_add(&out, _("The guarded ports are too much of the ephemeral range to keep "
				"the kernel from picking one of them by itself.\n"));
	}
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int compile_and_load(const struct context *context, const struct config *config,
			    const struct policy *policy, struct inventory *inventory)
{
	const struct guard_place where = place();
	const struct guard_options wanted = { .mode = (enum guard_mode)config->mode,
					      .even_never_cut = config->even_never_cut };
	struct guard_environment environment;
	struct guard_table table = { 0 };
	struct err e = ERR_INIT;
	int r = guard_environment_read(&environment, &where, context->now, &e);
	if (r == 0) {
		environment.container = find_container;
		environment.context = inventory;
		r = guard_compile(&table, policy, &wanted, &environment, &e);
	}
	int code = r < 0 ? fail(context, &e) : load(context, &where, &table);
	guard_table_deinit(&table);
	return code;
}

static int on(const struct context *context, const struct config *config)
{
	struct judgement judgement;
	struct inventory inventory;
	int code = judge_policy(&judgement, context);
	if (code == EXIT_IN_ORDER && !judgement.declared) {
		complain(context, _("there is no policy yet"), "minato init");
		code = EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		code = look_for_containers(&inventory, context, &judgement.policy);
		if (code == EXIT_IN_ORDER) {
			code = compile_and_load(context, config, &judgement.policy, &inventory);
			inventory_deinit(&inventory);
		}
	}
	judgement_deinit(&judgement);
	return code;
}

/* ---- off and status ---- */

int guard_off(const struct context *context, bool quiet)
{
	const struct guard_place where = place();
	const struct guard_place with = { .directory = where.directory, .cgroup = where.cgroup };
	struct guard_status before;
	struct portset ports;
	struct port_range ephemeral;
	struct err e = ERR_INIT;
	int r = guard_status(&before, &with, &e);
	if (quiet && (r < 0 || !before.loaded)) {
		return EXIT_IN_ORDER; /* where there can be none, there is none to end */
	}
	if (r == 0) {
		r = guard_reserved_read(&ports, &ephemeral, &e);
	}
	/* The ports first: with the guard goes what it knows of them. */
	if (r == 0 && before.loaded && before.here) {
		guard_unreserve(&ports, &ports, &before.reserved);
		r = guard_reserved_write(&ports, &e);
	}
	if (r == 0) {
		r = guard_unload(&with, &e);
	}
	if (r < 0) {
		return fail(context, &e);
	}
	struct str out = STR_INIT(256);
	str_add(&out, before.loaded ? _("the bind guard is off\n") : _("no bind guard was on\n"));
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int off(const struct context *context, const struct config *config)
{
	(void)config; /* nothing of it concerns the end */
	return guard_off(context, false);
}

static int status(const struct context *context, const struct config *config)
{
	const struct guard_place where = place();
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
	N_("tells which programs would be refused, and refuses none"),
	"minato guard on --mode enforce",
	N_("refuses them"),
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
		   "people use is only watched. It stays until off or the next start of the "
		   "host."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 1,
	.run = run,
};
