/* Findings: when they come and when they go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "engine.h"
#include "review/review.h"

enum {
	STANDING_MAX =
		4096, /* findings that are told one by one; beyond it they are in the list only */
};

static void set_port(struct event *event, const struct finding *finding)
{
	const char *port = finding_fact(finding, "port");
	const char *protocol = finding_fact(finding, "protocol");
	if (port != NULL && protocol != NULL && protocol_parse(&event->protocol, protocol) == 0) {
		uint16_t last = 0;
		(void)parse_port_range(&event->port, &last, port); /* 0 when it is no number */
	}
}

static void set_listener(struct event *event, const struct inventory *inventory, uint32_t index)
{
	const struct listener *listener = &inventory->listeners.items[index];
	const struct process *process = inventory_listener_process(inventory, listener);
	event->protocol = listener->protocol;
	event->port = listener->port;
	event->address = listener->address;
	event->netns = inventory->netns.items[listener->netns].inode;
	if (process == NULL) {
		return;
	}
	event->pid = process->pid;
	event->uid = process->uid;
	(void)str_copy(event->process, sizeof(event->process),
		       process->name != NULL ? process->name : "");
	(void)str_copy(event->executable, sizeof(event->executable),
		       process->executable != NULL ? process->executable : "");
	(void)str_copy(event->unit, sizeof(event->unit),
		       process->unit != NULL ? process->unit : "");
}

/* A rule of another tool: whose, where, what, and who committed it. */
static void set_rule(struct event *event, const struct finding *finding)
{
	const char *process = finding_fact(finding, "process");
	const char *pid = finding_fact(finding, "pid");
	uint64_t number = 0;
	(void)snprintf(event->detail, sizeof(event->detail), "%s: table %.60s, chain %.60s: %s",
		       finding_fact(finding, "tool"), finding_fact(finding, "table"),
		       finding_fact(finding, "chain"), finding_fact(finding, "rule"));
	(void)str_copy(event->process, sizeof(event->process), process != NULL ? process : "");
	if (pid != NULL && parse_u64(&number, pid, 1, INT32_MAX) == 0) {
		event->pid = (int32_t)number;
	}
}

static struct event event_of(const struct engine *engine, const struct finding *finding)
{
	struct event event = { .kind = EVENT_FINDING_RAISED, .uid = UINT32_MAX };
	(void)str_copy(event.finding, sizeof(event.finding), finding->id);
	(void)str_copy(event.detail, sizeof(event.detail),
		       finding->declaration != NULL ? finding->declaration : "");
	if (review_is_contradiction(finding)) {
		set_rule(&event, finding);
	}
	set_port(&event, finding);
	if (finding->listener != FINDING_NO_INDEX) {
		set_listener(&event, &engine->inventory, finding->listener);
	}
	return event;
}

/* Whether they are of one finding: its kind and its place, not the process that has it now. */
static int compare_place(const void *pa, const void *pb)
{
	const struct event *a = pa;
	const struct event *b = pb;
	int r = strcmp(a->finding, b->finding);
	r = r != 0 ? r : (a->protocol > b->protocol) - (a->protocol < b->protocol);
	r = r != 0 ? r : (int)a->port - (int)b->port;
	r = r != 0 ? r : addr_compare(&a->address, &b->address);
	r = r != 0 ? r : (a->netns > b->netns) - (a->netns < b->netns);
	return r != 0 ? r : strcmp(a->detail, b->detail);
}

/* Records those of `list` that `other` has not. */
static void tell_difference(struct engine *engine, const struct engine_standing *list,
			    const struct engine_standing *other, enum event_kind kind)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct event *place = &list->items[i];
		if (other->count > 0 && bsearch(place, other->items, other->count, sizeof(*place),
						compare_place) != NULL) {
			continue;
		}
		struct event event = *place;
		event.time = clock_now();
		event.id = 0;
		event.kind = kind;
		record_event(engine, &event);
	}
}

/* Sorted, one for each place. */
static void standing_of(struct engine_standing *out, const struct engine *engine)
{
	for (size_t i = 0; i < engine->findings.list.count && out->count < STANDING_MAX; i++) {
		struct event *event = vec_push(out);
		if (event == NULL) {
			return;
		}
		*event = event_of(engine, &engine->findings.list.items[i]);
	}
	if (out->count > 0) {
		qsort(out->items, out->count, sizeof(*out->items), compare_place);
	}
}

/* ---- what stood when the last daemon ended ---- */

/* Latest first: the first word about a place is the one that holds. */
static int recall(const struct event *event, void *data)
{
	struct engine_standing *seen = data;
	for (size_t i = 0; i < seen->count; i++) {
		if (compare_place(&seen->items[i], event) == 0) {
			return 0;
		}
	}
	struct event *kept = vec_push(seen);
	if (kept == NULL) {
		return -ENOMEM;
	}
	*kept = *event;
	return 0;
}

static void drop_cleared(struct engine_standing *list)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].kind == EVENT_FINDING_RAISED) {
			list->items[kept++] = list->items[i];
		}
	}
	list->count = kept;
}

void findings_recall(struct engine *engine)
{
	const struct store_filter filter = {
		.kinds = EVENT_BIT(EVENT_FINDING_RAISED) | EVENT_BIT(EVENT_FINDING_CLEARED),
		.limit = STANDING_MAX,
		.newest_first = true,
	};
	struct engine_standing *standing = &engine->standing;
	/* What cannot be recalled is told again. */
	(void)store_query(engine->state, &filter, recall, standing, NULL);
	drop_cleared(standing);
	if (standing->count > 0) {
		qsort(standing->items, standing->count, sizeof(*standing->items), compare_place);
	}
}

/* The findings of the last look, without those of other tools' rules. */
static void drop_contradictions(struct findings *findings)
{
	size_t kept = 0;
	for (size_t i = 0; i < findings->list.count; i++) {
		if (!review_is_contradiction(&findings->list.items[i])) {
			findings->list.items[kept++] = findings->list.items[i];
		}
	}
	findings->list.count = kept;
}

static void tell_changes(struct engine *engine)
{
	struct engine_standing standing = { 0 };
	/* Without memory for one the others are told all the same. */
	(void)review_contradictions(&engine->findings, engine->rules.contradictions,
				    engine->rules.contradiction_count);
	standing_of(&standing, engine);
	tell_difference(engine, &engine->standing, &standing, EVENT_FINDING_CLEARED);
	tell_difference(engine, &standing, &engine->standing, EVENT_FINDING_RAISED);
	vec_free(&engine->standing);
	engine->standing = standing;
}

void findings_take(struct engine *engine, struct findings *findings)
{
	findings_deinit(&engine->findings);
	engine->findings = *findings;
	tell_changes(engine);
}

void findings_of_rules(struct engine *engine)
{
	if (engine->known) { /* else the first look brings them along */
		drop_contradictions(&engine->findings);
		tell_changes(engine);
	}
}
