/* The bind guard as the policy wants it. */
#include "guard_follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config.h"
#include "control.h"
#include "guard_text.h"
#include "look.h"
#include "observe/observe.h"
#include "words.h"

struct guard_place guard_place(void)
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

/* ---- the table ---- */

/* Also of a container that is about to start: its runtime writes it down before. */
int guard_find_container(void *context, char id[GUARD_ID_BYTES], const char *name)
{
	(void)context; /* the state files are those of this host */
	return observe_container_find(id, GUARD_ID_BYTES, "", name);
}

int guard_table_here(struct guard_table *out, const struct context *context,
		     const struct policy *policy, const struct guard_options *options,
		     struct err *e)
{
	const struct guard_place place = guard_place();
	struct guard_environment environment;
	int r = guard_environment_read(&environment, &place, context->now, e);
	if (r == 0) {
		environment.container = guard_find_container;
		r = guard_compile(out, policy, options, &environment, e);
	}
	return r;
}

/* ---- the daemon ---- */

/*
 * The daemon has no right to open the guard's ring: whoever loads a guard hands it over. Without a
 * daemon the records wait in the ring; the next one finds it when it starts.
 */
void guard_tell_daemon(enum guard_hook hook)
{
	char order[32];
	char answer[64];
	char directory[GUARD_DIRECTORY_BYTES];
	uint32_t bytes = 0;
	const struct guard_place bind = guard_place();
	struct guard_place place = guard_place_of(hook, &bind, directory);
	place.without_bpf = false; /* what is loaded is heard, however that came */
	_cleanup_(close_fdp) int ring = guard_ring(&bytes, hook, &place, NULL);
	(void)snprintf(order, sizeof(order), "%s %u",
		       hook == GUARD_HOOK_BIND ? "guard" : "outbound", ring < 0 ? 0 : bytes);
	/* It has the ring when it answers; it may be ending, or none runs. */
	(void)control_order(answer, sizeof(answer), order, ring, 1);
}

/* ---- on and off ---- */

/* Adds the owned ports to those that the kernel never picks, in place of those that the guard
 * before added. */
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

int guard_put(bool *too_many, struct guard_table *table, struct err *e)
{
	const struct guard_place place = guard_place();
	struct guard_status before;
	struct portset wanted;
	int r = guard_status(&before, &place, e);
	if (r == 0) {
		r = reserve(too_many, table, &wanted, &before, e);
	}
	if (r == 0) {
		r = guard_load(&place, table, e);
	}
	if (r == 0) {
		guard_tell_daemon(GUARD_HOOK_BIND);
		r = guard_reserved_write(&wanted, e);
	}
	return r;
}

int guard_remove(struct guard_status *before, struct err *e)
{
	struct guard_place place = guard_place();
	struct portset ports;
	struct port_range ephemeral;
	place.without_bpf = false; /* away with it also where BPF is not to be used */
	int r = guard_status(before, &place, e);
	if (r == 0) {
		r = guard_reserved_read(&ports, &ephemeral, e);
	}
	/* The ports first: with the guard goes what it knows of them. */
	if (r == 0 && before->loaded && before->here) {
		guard_unreserve(&ports, &ports, &before->reserved);
		r = guard_reserved_write(&ports, e);
	}
	if (r == 0) {
		r = guard_unload(&place, e);
	}
	if (r == 0 && before->loaded) {
		guard_tell_daemon(GUARD_HOOK_BIND);
	}
	return r;
}

static int fail(const struct context *context, const struct err *e)
{
	complain(context, reason_words(err_text(e)), NULL);
	return e->code == -EPERM || e->code == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

int guard_off(const struct context *context, bool quiet)
{
	struct guard_status before = { 0 };
	struct err e = ERR_INIT;
	int r = guard_remove(&before, &e);
	if (quiet && !before.loaded) {
		return EXIT_IN_ORDER; /* where there can be none, there is none to end */
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

/* ---- following the policy ---- */

/* What guards another network namespace is somebody else's. */
static int check_place(const struct guard_place *place, struct err *e)
{
	struct guard_status status;
	int r = guard_possible(place, e);
	if (r == 0) {
		r = guard_status(&status, place, e);
	}
	if (r == 0 && status.loaded && status.attached && !status.here) {
		return err_set(e, EBUSY,
			       "the bind guard of another network namespace stands in %s: minato "
			       "guard off ends it",
			       place->directory);
	}
	return r;
}

static int put_unless_it_holds(struct guard_table *table, const struct guard_place *place,
			       bool quiet, struct err *e)
{
	bool holds = false;
	bool too_many = false;
	struct guard_status after;
	int r = guard_holds(&holds, place, table, e);
	if (r == 0 && !holds) {
		r = guard_put(&too_many, table, e);
	}
	if (r < 0 || (holds && quiet)) {
		return r;
	}
	r = guard_status(&after, place, e);
	if (r == 0) {
		struct str out = STR_INIT(1 << 20);
		guard_add_loaded(&out, &after, table, too_many);
		(void)print_text(&out); /* it complains by itself */
		str_deinit(&out);
	}
	return r;
}

static int follow(const struct context *context, const struct policy *policy, bool quiet,
		  struct err *e)
{
	const struct guard_place place = guard_place();
	const struct guard_options options = guard_options_of(policy);
	struct guard_table table = { 0 };
	int r = check_place(&place, e);
	if (r == 0) {
		r = guard_table_here(&table, context, policy, &options, e);
	}
	if (r == 0) {
		r = put_unless_it_holds(&table, &place, quiet, e);
	}
	guard_table_deinit(&table);
	return r;
}

static bool stands_here(void)
{
	const struct guard_place place = guard_place();
	struct guard_status status;
	return guard_status(&status, &place, NULL) == 0 && status.loaded && status.here;
}

void guard_follow(const struct context *context, const struct policy *policy, bool quiet)
{
	struct err e = ERR_INIT;
	if (!guard_is_wanted(policy)) {
		if (stands_here()) {
			(void)guard_off(context, true); /* it complains by itself */
		}
		return;
	}
	if (follow(context, policy, quiet, &e) < 0) {
		complain(context, reason_words(err_text(&e)), NULL);
		complain(context, _("so ports with program: are not kept for their programs"),
			 "minato guard status");
	}
}
