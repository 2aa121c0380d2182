/* What the keeper tells of the rules of the packet filter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anomalies.h"
#include "base/io/clock.h"
#include "engine.h"

enum { TOLD_MAX = 1024 };

void rules_state(struct engine *engine, const struct wire_rules *rules)
{
	engine->rules.state = *rules;
}

/* ---- what stands in the record, each once ---- */

static const uint64_t recorded_kinds =
	EVENT_BIT(EVENT_RULES_TRIED) | EVENT_BIT(EVENT_RULES_CONFIRMED) |
	EVENT_BIT(EVENT_RULES_REVERTED) | EVENT_BIT(EVENT_RULES_OFF) |
	EVENT_BIT(EVENT_DECLARATION_EXPIRED);

static bool is_recorded(const struct event *event)
{
	return (recorded_kinds & EVENT_BIT(event->kind)) != 0;
}

static int remember(struct engine_rules *rules, const struct event *event)
{
	struct event *kept = rules->told.count < TOLD_MAX ? vec_push(&rules->told) : NULL;
	if (kept == NULL) {
		return -ENOMEM;
	}
	*kept = *event;
	return 0;
}

static int recall(const struct event *event, void *data)
{
	return remember(data, event);
}

void rules_recall(struct engine *engine)
{
	const struct store_filter filter = { .kinds = recorded_kinds,
					     .limit = TOLD_MAX / 2,
					     .newest_first = true };
	/* What cannot be recalled is told again. */
	(void)store_query(engine->state, &filter, recall, &engine->rules, NULL);
}

/*
 * The same entry of the record was told when it had become what it is, or later. An earlier one of
 * that number belongs to a record that was removed meanwhile.
 */
static bool was_told(const struct engine_rules *rules, const struct event *news)
{
	for (size_t i = 0; i < rules->told.count; i++) {
		const struct event *told = &rules->told.items[i];
		const bool same = news->kind == EVENT_DECLARATION_EXPIRED
					  ? strcmp(told->detail, news->detail) == 0
					  : told->count == news->count && told->time >= news->time;
		if (told->kind == news->kind && same) {
			return true;
		}
	}
	return false;
}

/* The store's numbers grow with time: what is older than a day is told as of now. */
static void date(struct event *event, usec_t now)
{
	if (now - event->time > USEC_PER_DAY / 2) {
		event->time = now;
	}
}

void rules_news(struct engine *engine, const struct event *news)
{
	struct event event = *news;
	event.id = 0;
	if (is_recorded(news) && was_told(&engine->rules, news)) {
		return;
	}
	if (is_recorded(news)) {
		date(&event, clock_now());
		if (remember(&engine->rules, &event) < 0) {
			engine->rules.told.count /= 2; /* those of the store, the newest first */
			(void)remember(&engine->rules, &event);
		}
	}
	if (event.kind == EVENT_REFUSED) {
		anomalies_refused(engine, &event);
	}
	if (event.kind == EVENT_PORT_OPENED || event.kind == EVENT_PORT_CLOSED) {
		devices_event(engine, &event);
	}
	record_event(engine, &event);
}

/* ---- rules of other tools ---- */

void rules_contradiction(struct engine *engine, const struct wire_contradiction *contradiction)
{
	struct engine_rules *rules = &engine->rules;
	if (contradiction->index == 0) {
		rules->coming_count = 0;
	}
	if (contradiction->index < contradiction->count &&
	    contradiction->index == rules->coming_count) {
		rules->coming[rules->coming_count++] = contradiction->item;
	}
	if (rules->coming_count == contradiction->count) {
		memcpy(rules->contradictions, rules->coming, sizeof(rules->coming));
		rules->contradiction_count = rules->coming_count;
		findings_of_rules(engine);
	}
}

void rules_end(struct engine *engine)
{
	vec_free(&engine->rules.told);
}
