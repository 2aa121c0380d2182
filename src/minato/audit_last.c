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
int audit_folder_path(char out[PATH_MAX], const char *name, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length = -1;
	if (geteuid() == 0) {
		length = snprintf(out, PATH_MAX, "%s/%s", rules_directory(), name);
	} else if (state != NULL && state[0] == '/') {
		length = snprintf(out, PATH_MAX, "%s/minato/%s", state, name);
	} else if (home != NULL && home[0] == '/') {
		length = snprintf(out, PATH_MAX, "%s/.local/state/minato/%s", home, name);
	}
	return length > 0 && length < PATH_MAX
		       ? 0
		       : err_set(e, -ENOENT, _("neither HOME nor XDG_STATE_HOME names a folder"));
}

static int open_folder(struct err *e)
{
	char path[PATH_MAX];
	const int r = audit_folder_path(path, "audits", e);
	return r < 0 ? r : audit_records_open(path, e);
}

/* ---- one part ---- */

static bool has_states(const struct audit_part *part)
{
	return part->job != NULL && part->job->error == 0 && part->job->end.error == 0;
}

/* Ended before it began, and not for want of a way. */
static bool was_not_begun(const struct audit_part *part)
{
	return part->job == NULL && part->fault.code == 0;
}

/* What it knows now. @param over  it has ended. */
static void make_layer(struct audit_layer *out, const struct audit_part *part, usec_t now,
		       bool over)
{
	static const uint8_t nothing[65536];
	const struct sweep_end *end = part->job == NULL ? NULL : &part->job->end;
	double bound;
	const enum sweep_proof proof =
		end == NULL || !over ? SWEEP_UNPROVEN_ENDED : sweep_prove(&bound, &end->facts);
	audit_layer_make(out, part->protocol, now, part->job == NULL ? nothing : part->job->states,
			 &part->order.ports,
			 proof == SWEEP_PROVEN_ALL || proof == SWEEP_PROVEN_BOUND,
			 !over || end == NULL || end->interrupted != 0);
}

static int take_part(struct audit_record *record, struct audit_part *part, usec_t now)
{
	_cleanup_(freep) struct audit_layer *layer = malloc(sizeof(*layer));
	part->changes = calloc(65536, sizeof(*part->changes));
	if (layer == NULL || part->changes == NULL) {
		return -ENOMEM;
	}
	make_layer(layer, part, now, true);
	if (part->before != NULL && !part->before_compared) {
		audit_layer_join(layer, part->before);
	}
	part->change_count =
		audit_record_compare(part->changes, 65536, &part->since, record, layer);
	if (part->before != NULL) {
		audit_layer_join(layer, part->before);
	}
	audit_record_take(record, layer);
	return 0;
}

static int keep(struct audit_target *target, struct audit_part *part, usec_t now)
{
	char aside[AUDIT_RECORD_NAME_BYTES];
	struct err *e = &target->keeping;
	_cleanup_(freep) struct audit_record *record = malloc(sizeof(*record));
	_cleanup_(close_fdp) int folder = open_folder(e);
	if (folder < 0 || record == NULL) {
		return folder < 0 ? folder : -ENOMEM;
	}
	int r = audit_record_read(record, aside, folder, &target->address, AUDIT_RECORD_KEPT, e);
	if (r == AUDIT_RECORD_DAMAGED) {
		(void)str_copy(target->aside, sizeof(target->aside), aside);
	}
	r = r < 0 ? r : take_part(record, part, now);
	return r < 0 ? r : audit_record_write(folder, record, AUDIT_RECORD_KEPT, e);
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

void audit_last(struct audit_target *target, struct audit_part *part, const struct context *context)
{
	if (!has_states(part) && !was_not_begun(part)) {
		return;
	}
	const int r = keep(target, part, context->now);
	if (r < 0 && target->keeping.code == 0) {
		(void)err_system(&target->keeping, r, "what is known of earlier audits");
	}
	target->kept = target->keeping.code == 0;
	tell_daemon(target, part);
}

/* ---- one that is under way, or was ended before ---- */

static void keep_under_way(int folder, struct audit_record *record, const struct audit_parts *parts,
			   usec_t now)
{
	struct audit_layer *layer = malloc(sizeof(*layer));
	for (size_t i = 0; i < parts->count && layer != NULL; i++) {
		const struct audit_part *part = &parts->items[i];
		if (addr_compare(&part->target->address, &record->address) != 0 ||
		    (part->job != NULL ? part->job->ended : part->fault.code != 0)) {
			continue;
		}
		make_layer(layer, part, now, false);
		if (part->before != NULL) {
			audit_layer_join(layer, part->before);
		}
		audit_record_take(record, layer);
	}
	free(layer);
	/* What cannot be kept is told at the end. */
	(void)audit_record_write(folder, record, AUDIT_RECORD_UNDER_WAY, NULL);
}

void audit_last_under_way(const struct audit_parts *parts, const struct context *context)
{
	_cleanup_(freep) struct audit_record *record = malloc(sizeof(*record));
	_cleanup_(close_fdp) int folder = open_folder(NULL);
	for (size_t i = 0; i < parts->count && folder >= 0 && record != NULL; i++) {
		/* Parts of a target follow each other. */
		if (i == 0 || parts->items[i].target != parts->items[i - 1].target) {
			*record =
				(struct audit_record){ .address = parts->items[i].target->address };
			keep_under_way(folder, record, parts, context->now);
		}
	}
}

void audit_last_over(const struct audit_targets *targets, const struct context *context)
{
	_cleanup_(close_fdp) int folder = open_folder(NULL);
	for (size_t i = 0; i < targets->count; i++) {
		const struct audit_target *before = i == 0 ? NULL : &targets->items[i - 1];
		if (folder >= 0) {
			audit_record_forget(folder, &targets->items[i].address,
					    AUDIT_RECORD_UNDER_WAY);
		}
		/* The same is said once. */
		if (before == NULL || before->keeping.code == 0 ||
		    strcmp(err_text(&before->keeping), err_text(&targets->items[i].keeping)) != 0) {
			complain_of_keeping(&targets->items[i], context);
		}
	}
}

int audit_last_left(struct audit_layer **before, bool *compared, const struct addr *address,
		    enum protocol protocol, struct err *e)
{
	char aside[AUDIT_RECORD_NAME_BYTES];
	const struct audit_layer *left = NULL;
	_cleanup_(freep) struct audit_record *record = malloc(sizeof(*record));
	_cleanup_(close_fdp) int folder = open_folder(e);
	int r = record == NULL ? -ENOMEM : folder < 0 ? folder : 0;
	*before = NULL;
	*compared = false;
	for (int kind = AUDIT_RECORD_KINDS - 1; kind >= 0 && r >= 0 && left == NULL; kind--) {
		r = audit_record_read(record, aside, folder, address, (enum audit_record_kind)kind,
				      e);
		left = r == AUDIT_RECORD_READ ? audit_record_unfinished(record, protocol) : NULL;
		*compared = kind == AUDIT_RECORD_KEPT;
	}
	if (left != NULL) {
		*before = malloc(sizeof(**before));
		r = *before == NULL ? -ENOMEM : 0;
	}
	if (*before != NULL) {
		**before = *left;
	}
	return r < 0 ? r : 0;
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
