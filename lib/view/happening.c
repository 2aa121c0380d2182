/* Events and findings as JSON. */
#include <string.h>

#include "review/review.h"
#include "view/view.h"

json_t *view_event(const struct event *event)
{
	char text[ADDR_TEXT_BYTES];
	bool has_port = event->protocol != PROTOCOL_NONE;
	return json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:I}",
		"time", view_time(event->time), "id",
		event->id == 0 ? json_null() : json_integer((json_int_t)event->id), "kind",
		event_kind_name(event->kind), "protocol",
		has_port ? json_string(protocol_name(event->protocol)) : json_null(), "port",
		has_port ? json_integer(event->port) : json_null(), "address",
		view_string(addr_format(&event->address, text)), "netns",
		event->netns == 0 ? json_null() : json_integer(event->netns), "pid",
		event->pid == 0 ? json_null() : json_integer(event->pid), "uid",
		event->pid == 0 || event->uid == UINT32_MAX ? json_null()
							    : json_integer(event->uid),
		"process", view_string(event->process), "executable",
		view_string(event->executable), "unit", view_string(event->unit), "container",
		view_string(event->container), "finding", view_string(event->finding), "detail",
		view_string(event->detail), "count", (json_int_t)event->count);
}

static json_t *sentence(int (*write)(struct str *, const struct finding *, enum language),
			const struct finding *finding, enum language language)
{
	struct str text = STR_INIT(1 << 16);
	(void)write(&text, finding, language); /* kept in text.error, "" then */
	json_t *value = json_string(str_text(&text));
	str_deinit(&text);
	return value;
}

json_t *view_finding(const struct view *view, const struct finding *finding)
{
	json_t *facts = json_object();
	for (uint32_t i = 0; i < finding->fact_count; i++) {
		json_object_set_new(facts, finding->facts[i].name,
				    view_string(finding->facts[i].value));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "finding", finding->id, "severity",
			 severity_name(finding->severity), "text",
			 sentence(review_text, finding, view->language), "advice",
			 sentence(review_advice, finding, view->language), "declaration",
			 view_string(finding->declaration), "facts", facts);
}
