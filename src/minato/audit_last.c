/* minato audit beside the audits before: what opened and closed since, and what is kept of this. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "base/cleanup.h"
#include "log_rows.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

enum {
	EVENTS_MAX = 32,       /* of one sweep; the last one tells how many more there are */
	PORTS_SHOWN_MAX = 100, /* in words; JSON has all */
};

/* ---- where ---- */

/* Root's is in the folder that is root's alone. */
static int folder_path(char out[PATH_MAX], struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length = -1;
	if (geteuid() == 0) {
		length = snprintf(out, PATH_MAX, "%s/audits", rules_directory());
	} else if (state != NULL && state[0] == '/') {
		length = snprintf(out, PATH_MAX, "%s/minato/audits", state);
	} else if (home != NULL && home[0] == '/') {
		length = snprintf(out, PATH_MAX, "%s/.local/state/minato/audits", home);
	}
	return length > 0 && length < PATH_MAX
		       ? 0
		       : err_set(e, -ENOENT, _("neither HOME nor XDG_STATE_HOME names a folder"));
}

static int open_folder(struct err *e)
{
	char path[PATH_MAX];
	const int r = folder_path(path, e);
	return r < 0 ? r : audit_records_open(path, e);
}

/* ---- one target ---- */

static bool has_states(const struct audit_part *part)
{
	return part->job != NULL && part->job->error == 0 && part->job->end.error == 0;
}

static int take_part(struct audit_record *record, struct audit_part *part, usec_t now)
{
	double bound;
	const struct sweep_end *end = &part->job->end;
	const enum sweep_proof proof = sweep_prove(&bound, &end->facts);
	_cleanup_(freep) struct audit_layer *layer = malloc(sizeof(*layer));
	part->changes = calloc(65536, sizeof(*part->changes));
	if (layer == NULL || part->changes == NULL) {
		return -ENOMEM;
	}
	audit_layer_make(layer, part->protocol, now, part->job->states, &part->order.ports,
			 proof == SWEEP_PROVEN_ALL || proof == SWEEP_PROVEN_BOUND,
			 end->interrupted != 0);
	part->change_count =
		audit_record_compare(part->changes, 65536, &part->since, record, layer);
	audit_record_take(record, layer);
	return 0;
}

static int take_target(struct audit_target *target, struct audit_parts *parts, int folder,
		       usec_t now)
{
	bool any = false;
	_cleanup_(freep) struct audit_record *record = malloc(sizeof(*record));
	int r = record == NULL ? -ENOMEM
			       : audit_record_read(record, target->aside, folder, &target->address,
						   &target->keeping);
	for (size_t i = 0; i < parts->count && r >= 0; i++) {
		if (parts->items[i].target == target && has_states(&parts->items[i])) {
			any = true;
			r = take_part(record, &parts->items[i], now);
		}
	}
	r = r >= 0 && any ? audit_record_write(folder, record, &target->keeping) : r;
	target->kept = r >= 0 && any;
	if (r < 0 && target->keeping.code == 0) {
		(void)err_system(&target->keeping, r, "what is known of earlier audits");
	}
	return r;
}

static void tell_daemon(const struct audit_target *target, const struct audit_part *part)
{
	for (size_t i = 0; target->host != NULL && i < part->change_count && i < EVENTS_MAX; i++) {
		const bool last = i == EVENTS_MAX - 1;
		audit_record_change(target, part->protocol, &part->changes[i],
				    last ? part->change_count - EVENTS_MAX : 0);
	}
}

static void complain_of_keeping(const struct audit_target *target, const struct context *context)
{
	struct err e = ERR_INIT;
	char address[ADDR_TEXT_BYTES];
	(void)addr_format(&target->address, address);
	if (target->keeping.code != 0) {
		(void)err_set(&e, target->keeping.code,
			      _("%s: not compared with earlier audits, and not kept: %s"), address,
			      err_text(&target->keeping));
		complain(context, err_text(&e), NULL);
	} else if (target->aside[0] != '\0') {
		(void)err_set(&e, -EBADMSG,
			      _("%s: what earlier audits found was damaged; it is called %s now"),
			      address, target->aside);
		complain(context, err_text(&e), NULL);
	}
}

void audit_last(struct audit_targets *targets, struct audit_parts *parts,
		const struct context *context)
{
	struct err e = ERR_INIT;
	_cleanup_(close_fdp) int folder = open_folder(&e);
	for (size_t i = 0; i < targets->count; i++) {
		struct audit_target *target = &targets->items[i];
		if (folder < 0) {
			target->keeping = e;
		} else {
			(void)take_target(target, parts, folder, context->now); /* it is told */
		}
		/* The same is said once. */
		if (folder >= 0 || i == 0) {
			complain_of_keeping(target, context);
		}
	}
	close_fdp(&folder); /* the daemon is not waited for under the lock */
	for (size_t i = 0; i < parts->count; i++) {
		tell_daemon(parts->items[i].target, &parts->items[i]);
	}
}

/* ---- words ---- */

static const char *change_words(const struct audit_change *change)
{
	return change->now == SWEEP_OPEN       ? _("%u/%s opened")
	       : change->now == SWEEP_CLOSED   ? _("%u/%s closed")
	       : change->now == SWEEP_REJECTED ? _("%u/%s is refused by a firewall now")
					       : _("%u/%s does not answer any more");
}

/* Of the changes since one audit. @return the next later audit that has some; 0 = none. */
static usec_t add_since(struct str *out, const struct audit_target *target,
			const struct audit_parts *parts, usec_t since)
{
	usec_t next = 0;
	size_t shown = 0, more = 0;
	char time[LOG_TIME_BYTES];
	str_printf(out, _("since the audit of %.16s: "), log_local_time(since, time));
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->change_count; k++) {
			const struct audit_change *change = &part->changes[k];
			if (change->since > since && (next == 0 || change->since < next)) {
				next = change->since;
			}
			if (change->since != since) {
				continue;
			}
			if (shown < PORTS_SHOWN_MAX) {
				str_add(out, shown++ > 0 ? _(", ") : "");
				str_printf(out, change_words(change), change->port,
					   protocol_name(part->protocol));
			} else {
				more++;
			}
		}
	}
	if (more > 0) {
		str_printf(out, _(", and %zu more (--json has all)"), more);
	}
	return next;
}

static void find_times(usec_t *first, usec_t *compared, const struct audit_target *target,
		       const struct audit_parts *parts)
{
	*first = *compared = 0;
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		if (part->target != target) {
			continue;
		}
		*compared = part->since > *compared ? part->since : *compared;
		for (size_t k = 0; k < part->change_count; k++) {
			const usec_t since = part->changes[k].since;
			*first = *first == 0 || since < *first ? since : *first;
		}
	}
}

void audit_last_add(struct str *out, const struct audit_target *target,
		    const struct audit_parts *parts, const struct context *context)
{
	usec_t since, compared;
	char time[LOG_TIME_BYTES];
	find_times(&since, &compared, target, parts);
	if (since == 0 && compared != 0) {
		str_printf(out, _("  since the audit of %.16s: nothing opened or closed\n"),
			   log_local_time(compared, time));
	}
	while (since != 0) {
		struct str line = STR_INIT(1 << 16);
		str_add(&line, "  ");
		since = add_since(&line, target, parts, since);
		text_wrap(out, str_text(&line), context->columns, 4);
		str_add_char(out, '\n');
		str_deinit(&line);
	}
}

json_t *audit_last_kept_json(const struct audit_target *target)
{
	return json_pack(
		"{s:b,s:o,s:o}", "kept", (int)target->kept, "set_aside",
		target->aside[0] == '\0' ? json_null() : view_string(target->aside), "error",
		target->keeping.code == 0 ? json_null() : view_string(err_text(&target->keeping)));
}

json_t *audit_last_changes_json(const struct audit_target *target, const struct audit_parts *parts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		const enum sweep_mode mode = (enum sweep_mode)part->order.mode;
		for (size_t k = 0; part->target == target && k < part->change_count; k++) {
			const struct audit_change *c = &part->changes[k];
			json_array_append_new(
				list,
				json_pack("{s:s,s:i,s:s,s:s,s:s,s:o}", "protocol",
					  protocol_name(part->protocol), "port", (int)c->port,
					  "change", c->now == SWEEP_OPEN ? "opened" : "closed",
					  "state", sweep_state_name(c->now, mode), "state_before",
					  sweep_state_name(c->before, mode), "since",
					  view_time(c->since)));
		}
	}
	return list;
}
