/* What outbound: says of unit, executable and container: held by BPF. */
#include <errno.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "guard_follow.h"
#include "observe/observe.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

/* Beside the bind guard: the two come and go apart. */
struct place {
	char directory[GUARD_DIRECTORY_BYTES];
	struct guard_place guard;
};

static void find_place(struct place *out)
{
	const struct guard_place bind = guard_place();
	out->guard = guard_place_of(GUARD_HOOK_CONNECT, &bind, out->directory);
}

static bool has_own_network(void *context, const char *id)
{
	(void)context; /* the state files are those of this host */
	return observe_container_network("", id) == OBSERVE_NETWORK_OWN;
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
	if (r < 0) {
		return r;
	}
	environment.container = guard_find_container;
	environment.own_network = has_own_network;
	return guard_connect_compile(connect, policy, &days, &environment, e);
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
	case GUARD_NOTE_NO_CONTAINER:
		return _("there is no container of that name here, so nobody may connect by it");
	case GUARD_NOTE_OWN_NETWORK:
		return _("this container has a network of its own: what it sends is forwarded, so "
			 "nobody may connect by it; declare it under forward:, from: its address");
	case GUARD_NOTE_CONTAINER:
		return _("beside container: only user: counts; unit: and executable: are not "
			 "looked at");
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

/* Whether connect() is to be asked: by a policy that only observes, to be told of, where that is
 * possible. */
static bool wants(const struct policy *policy, const struct place *place)
{
	if (policy == NULL || !guard_keeps_outbound(policy)) {
		return false;
	}
	return enforce_limits_outbound(policy) ||
	       (policy_observes(policy, NULL) && guard_connect_check(&place->guard, NULL) == 0);
}

bool programs_stand(void)
{
	struct place place;
	find_place(&place);
	return access(place.guard.directory, F_OK) == 0;
}

bool programs_lost(const struct policy *policy, const struct context *context)
{
	struct err e = ERR_INIT;
	struct guard_connect connect = { 0 };
	struct place place;
	bool holds = false;
	find_place(&place);
	if (!wants(policy, &place)) {
		return false;
	}
	int r = compile(&connect, &place, policy, context, &e);
	if (r == 0) {
		r = guard_connect_holds(&holds, &place.guard, &connect, &e);
	}
	guard_connect_deinit(&connect);
	return r < 0 || !holds;
}

/* ---- holding it ---- */

/* In one step from set to set; a guard that is new, or gone, is another ring to read. */
static int put(const struct place *place, const struct guard_connect *connect, usec_t until,
	       struct err *e)
{
	struct guard_connect_status before = { 0 };
	int r = guard_connect_status(&before, &place->guard, e);
	if (r == 0) {
		r = until == 0 ? guard_connect_hold(&place->guard, connect, e)
			       : guard_connect_try(&place->guard, connect, until, e);
	}
	if (r == 0 && !before.attached) {
		guard_tell_daemon(GUARD_HOOK_CONNECT);
	}
	return r;
}

static int release(const struct place *place, struct err *e)
{
	int r = guard_connect_release(&place->guard, e);
	if (r == 0) {
		guard_tell_daemon(GUARD_HOOK_CONNECT);
	}
	return r;
}

static int hold(const struct policy *policy, const struct context *context, struct err *e)
{
	struct guard_connect connect = { 0 };
	struct place place;
	bool holds = false;
	find_place(&place);
	if (!wants(policy, &place)) {
		return programs_stand() ? release(&place, e) : 0;
	}
	int r = compile(&connect, &place, policy, context, e);
	if (r == 0) {
		r = guard_connect_holds(&holds, &place.guard, &connect, e);
	}
	if (r == 0) { /* what is tried ends with it */
		r = holds ? guard_connect_cancel(&place.guard, e) : put(&place, &connect, 0, e);
	}
	guard_connect_deinit(&connect);
	return r;
}

static void complain_of(const struct context *context, const struct err *e)
{
	complain(context, err_text(e), NULL);
	complain(context,
		 _("so what outbound: says of unit:, executable: and container: does not hold"),
		 "minato apply");
}

int programs_hold(const struct policy *policy, const struct context *context)
{
	struct err e = ERR_INIT;
	if (hold(policy, context, &e) == 0) {
		return EXIT_IN_ORDER;
	}
	complain_of(context, &e);
	return EXIT_ERROR;
}

/* ---- trying it ---- */

static int try(const struct policy *policy, const struct context *context, usec_t until,
	       struct err *e)
{
	struct guard_connect connect = { 0 };
	struct guard_connect_status status = { 0 };
	struct place place;
	find_place(&place);
	if (!wants(policy, &place) &&
	    (guard_connect_status(&status, &place.guard, NULL) < 0 || !status.held)) {
		/* Nothing is kept, and nothing is to be; something tried before may be left. */
		return guard_connect_cancel(&place.guard, e);
	}
	int r = compile(&connect, &place, policy, context, e);
	if (r == 0) {
		r = put(&place, &connect, until, e);
	}
	guard_connect_deinit(&connect);
	return r;
}

void programs_try(const struct policy *policy, const struct policy *before,
		  const struct context *context, unsigned seconds)
{
	struct err e = ERR_INIT;
	/* A second later than the packet filter: in between nobody is let out whom neither knows.
	 */
	const usec_t until = clock_monotonic() + (usec_t)(seconds + 1) * USEC_PER_SEC;
	if (programs_lost(before, context) && programs_hold(before, context) != EXIT_IN_ORDER) {
		return;
	}
	if (try(policy, context, until, &e) < 0) {
		complain_of(context, &e);
	}
}

void programs_cancel(const struct context *context)
{
	struct err e = ERR_INIT;
	struct place place;
	find_place(&place);
	if (guard_connect_cancel(&place.guard, &e) < 0) {
		complain(context, err_text(&e), NULL); /* the kernel ends it by its clock */
	}
}

int programs_release(const struct context *context)
{
	struct err e = ERR_INIT;
	struct place place;
	find_place(&place);
	if (programs_stand() && release(&place, &e) < 0) {
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}
