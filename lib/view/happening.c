/* Events and findings as JSON. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
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

/* Copies the text of a key; "" when it is missing or null. */
static void read_text(char *to, size_t room, const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	(void)str_copy(to, room, text == NULL ? "" : text);
}

static int64_t read_number(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key)); /* 0 for anything else */
}

int view_event_read(struct event *out, const json_t *json)
{
	char word[TIME_TEXT_BYTES];
	struct event event = { 0 };
	read_text(word, sizeof(word), json, "kind");
	if (event_kind_parse(&event.kind, word) < 0) {
		return -EINVAL;
	}
	read_text(word, sizeof(word), json, "time");
	(void)time_parse(&event.time, word); /* stays 0 */
	read_text(word, sizeof(word), json, "protocol");
	(void)protocol_parse(&event.protocol, word); /* stays NONE */
	char address[ADDR_TEXT_BYTES];
	read_text(address, sizeof(address), json, "address");
	(void)addr_parse(&event.address, address); /* stays NONE */
	event.id = (uint64_t)read_number(json, "id");
	event.port = (uint16_t)read_number(json, "port");
	event.netns = (uint32_t)read_number(json, "netns");
	event.pid = (int32_t)read_number(json, "pid");
	event.uid = json_is_integer(json_object_get(json, "uid"))
			    ? (uint32_t)read_number(json, "uid")
			    : UINT32_MAX;
	event.count = (uint64_t)read_number(json, "count");
	read_text(event.process, sizeof(event.process), json, "process");
	read_text(event.executable, sizeof(event.executable), json, "executable");
	read_text(event.unit, sizeof(event.unit), json, "unit");
	read_text(event.container, sizeof(event.container), json, "container");
	read_text(event.finding, sizeof(event.finding), json, "finding");
	read_text(event.detail, sizeof(event.detail), json, "detail");
	*out = event;
	return 0;
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

/* Facts are words; those that are numbers elsewhere are numbers here too. */
static json_t *fact(const struct finding_fact *fact)
{
	static const char *const numbers[] = { "port", "pid", "listeners_hidden",
					       "processes_hidden", "netns_hidden" };
	uint64_t number = 0;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(fact->name, numbers[i]) == 0 &&
		    parse_u64(&number, fact->value, 0, UINT32_MAX) == 0) {
			return json_integer((json_int_t)number);
		}
	}
	return view_string(fact->value);
}

json_t *view_finding(const struct view *view, const struct finding *finding)
{
	json_t *facts = json_object();
	for (uint32_t i = 0; i < finding->fact_count; i++) {
		json_object_set_new(facts, finding->facts[i].name, fact(&finding->facts[i]));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "finding", finding->id, "severity",
			 severity_name(finding->severity), "text",
			 sentence(review_text, finding, view->language), "advice",
			 sentence(review_advice, finding, view->language), "declaration",
			 view_string(finding->declaration), "facts", facts);
}

static const char *const contradiction_kinds[] = {
	[CONTRADICTION_OPENS] = "opens",
	[CONTRADICTION_IN_VAIN] = "opens_in_vain",
	[CONTRADICTION_CLOSES] = "closes",
	[CONTRADICTION_UNCLEAR] = "unclear",
};

json_t *view_contradiction(const struct contradiction *c)
{
	const bool ports = c->protocol != PROTOCOL_NONE;
	return json_pack("{s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "kind",
			 contradiction_kinds[c->kind], "protocol",
			 ports ? json_string(protocol_name(c->protocol)) : json_null(),
			 "first_port", c->first_port, "last_port", c->last_port, "through_port",
			 c->through_port != 0 ? json_integer(c->through_port) : json_null(),
			 "table", view_string(c->table), "chain", view_string(c->chain), "rule",
			 view_string(c->rule), "tool", view_string(c->tool));
}

static uint16_t port_of(const json_t *object, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(object, key));
	return value > 0 && value <= UINT16_MAX ? (uint16_t)value : 0;
}

static void take_text(char *to, size_t room, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	(void)str_copy(to, room, text != NULL ? text : "");
}

bool view_contradiction_read(struct contradiction *out, const json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *protocol = json_string_value(json_object_get(object, "protocol"));
	*out = (struct contradiction){ .first_port = port_of(object, "first_port"),
				       .last_port = port_of(object, "last_port"),
				       .through_port = port_of(object, "through_port") };
	for (int i = CONTRADICTION_OPENS; kind != NULL && i <= CONTRADICTION_LAST; i++) {
		if (strcmp(kind, contradiction_kinds[i]) == 0) {
			out->kind = (enum contradiction_kind)i;
		}
	}
	take_text(out->table, sizeof(out->table), object, "table");
	take_text(out->chain, sizeof(out->chain), object, "chain");
	take_text(out->rule, sizeof(out->rule), object, "rule");
	take_text(out->tool, sizeof(out->tool), object, "tool");
	return out->kind != 0 &&
	       (protocol == NULL || protocol_parse(&out->protocol, protocol) == 0);
}
