/* What outbound: says of unit and executable: held by BPF, from the moment that it is confirmed. */
#include <errno.h>

#include "base/io/clock.h"
#include "guard_follow.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

/* Beside the bind guard: the two come and go apart. */
struct place {
	char directory[512];
	struct guard_place guard;
};

static void find_place(struct place *out)
{
	out->guard = guard_place();
	(void)snprintf(out->directory, sizeof(out->directory), "%s-outbound", out->guard.directory);
	out->guard.directory = out->directory;
}

/* @param connect  untouched on failure; else to be freed. */
static int compile(struct guard_connect *connect, const struct place *place,
		   const struct policy *policy, const struct context *context, struct err *e)
{
	const struct enforce_environment day = rules_environment(context);
	const struct guard_days days = { .day_end = day.day_end,
					 .boot = context->now - clock_boot_offset() };
	struct guard_environment environment;
	int r = guard_environment_read(&environment, &place->guard, context->now, e);
	return r < 0 ? r : guard_connect_compile(connect, policy, &days, &environment, e);
}

/* ---- what plan says of it ---- */

static const char *sentence(enum guard_note_kind kind)
{
	switch (kind) {
	case GUARD_NOTE_NO_EXECUTABLE:
		return _("the folder of its executable does not exist, so nobody may connect by "
			 "it");
	case GUARD_NOTE_TOO_LONG:
		return _("the name of its unit or executable is too long to compare, so nobody "
			 "may connect by it");
	case GUARD_NOTE_WEAK:
		return _("weak: everybody may start this executable and load code into it; add "
			 "unit: or user:");
	default: /* of a user who is not known it is told elsewhere */
		return NULL;
	}
}

/* One declaration that is not held to as it is written. */
struct remark {
	const struct policy_declaration *declaration;
	const char *kind; /* for machines */
	const char *sentence;
};

typedef void remark_function(const struct remark *remark, void *data);

static void each_unheld(const struct policy *policy, const char *reason, remark_function *function,
			void *data)
{
	char text[512];
	(void)snprintf(text, sizeof(text),
		       _("not held to its program here, so any program may connect by it: %s"),
		       reason);
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		if (policy_names_program(&d->program)) {
			function(&(struct remark){ d, "not_held", text }, data);
		}
	}
}

static void each_remark(const struct policy *policy, const struct context *context,
			remark_function *function, void *data)
{
	struct guard_connect connect = { 0 };
	struct err e = ERR_INIT;
	struct place place;
	if (!guard_keeps_outbound(policy)) {
		return;
	}
	find_place(&place);
	if (guard_connect_check(&place.guard, &e) < 0 ||
	    compile(&connect, &place, policy, context, &e) < 0) {
		each_unheld(policy, err_text(&e), function, data);
		return;
	}
	for (size_t i = 0; i < connect.notes.count; i++) {
		const struct guard_note *note = &connect.notes.items[i];
		const char *text = sentence(note->kind);
		if (text != NULL) {
			function(&(struct remark){ note->declaration, guard_note_name(note->kind),
						   text },
				 data);
		}
	}
	guard_connect_deinit(&connect);
}

static void add_line(const struct remark *remark, void *data)
{
	(void)str_printf(data, "  ! outbound: %s: %s\n", remark->declaration->entry.name,
			 remark->sentence); /* kept in its error */
}

void programs_add(struct str *out, const struct policy *policy, const struct context *context)
{
	each_remark(policy, context, add_line, out);
}

static void add_item(const struct remark *remark, void *data)
{
	json_array_append_new(data, json_pack("{s:s, s:s, s:s}", "declaration",
					      remark->declaration->entry.name, "remark",
					      remark->kind, "detail", remark->sentence));
}

json_t *programs_json(const struct policy *policy, const struct context *context)
{
	json_t *list = json_array();
	each_remark(policy, context, add_item, list);
	return list;
}

bool programs_lost(const struct policy *policy)
{
	struct err e = ERR_INIT;
	struct guard_connect_status status = { 0 };
	struct place place;
	if (policy == NULL || !guard_keeps_outbound(policy) || !enforce_limits_outbound(policy)) {
		return false;
	}
	find_place(&place);
	return guard_connect_status(&status, &place.guard, &e) < 0 || !status.held;
}

/* ---- holding it ---- */

static int hold(const struct policy *policy, const struct context *context, struct err *e)
{
	struct guard_connect connect = { 0 };
	struct place place;
	find_place(&place);
	if (!guard_keeps_outbound(policy) || !enforce_limits_outbound(policy)) {
		return guard_connect_release(&place.guard, e);
	}
	int r = compile(&connect, &place, policy, context, e);
	if (r == 0) {
		r = guard_connect_hold(&place.guard, &connect, e);
	}
	guard_connect_deinit(&connect);
	return r;
}

int programs_hold(const struct policy *policy, const struct context *context)
{
	struct err e = ERR_INIT;
	if (hold(policy, context, &e) == 0) {
		return EXIT_IN_ORDER;
	}
	complain(context, err_text(&e), NULL);
	complain(context, _("so what outbound: says of unit: and executable: does not hold"),
		 "minato apply");
	return EXIT_ERROR;
}

int programs_release(const struct context *context)
{
	struct err e = ERR_INIT;
	struct place place;
	find_place(&place);
	place.guard.without_bpf = false; /* away with it also where BPF is not to be used */
	if (guard_connect_release(&place.guard, &e) < 0) {
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}
