/* What the keeper tells of the rules of the packet filter. */
#include "engine.h"

void rules_state(struct engine *engine, const struct wire_rules *rules)
{
	engine->rules = *rules;
}

void rules_news(struct engine *engine, const struct wire_rules_news *news)
{
	struct event event = { .time = news->time,
			       .kind = (enum event_kind)news->kind,
			       .pid = news->pid,
			       .uid = UINT32_MAX,
			       .count = news->number };
	(void)str_copy(event.process, sizeof(event.process), news->process);
	(void)str_copy(event.detail, sizeof(event.detail), news->detail);
	record_event(engine, &event);
}
