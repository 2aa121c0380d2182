/* Incidents as JSON, and back. */
#include <errno.h>
#include <string.h>

#include "view/view.h"

static json_t *address(const struct addr *of)
{
	char text[ADDR_TEXT_BYTES];
	return view_string(of->family == ADDR_NONE ? "" : addr_format(of, text));
}

static json_t *source(const struct prefix *of)
{
	char text[PREFIX_TEXT_BYTES];
	return view_string(of->address.family == ADDR_NONE ? "" : prefix_format(of, text));
}

static json_t *words(const char *list)
{
	char copy[INCIDENT_WORDS_BYTES];
	json_t *array = json_array();
	(void)str_copy(copy, sizeof(copy), list);
	char *rest = copy;
	for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
		if (word[0] != '\0') {
			json_array_append_new(array, json_string(word));
		}
	}
	return array;
}

static json_t *first_sources(const struct incident *i)
{
	json_t *list = json_array();
	for (uint32_t n = 0; n < INCIDENT_SHOWN && n < i->source_count; n++) {
		if (i->sources[n].family != ADDR_NONE) {
			json_array_append_new(list, address(&i->sources[n]));
		}
	}
	return list;
}

static json_t *first_ports(const struct incident *i)
{
	json_t *list = json_array();
	for (uint32_t n = 0; n < INCIDENT_SHOWN && n < i->port_count; n++) {
		json_array_append_new(list, json_integer(i->ports[n]));
	}
	return list;
}

static json_t *answered(const struct incident *i)
{
	json_t *list = json_array();
	for (uint32_t n = 0; n < INCIDENT_ANSWERED && n < i->answered_count; n++) {
		const struct incident_port *port = &i->answered[n];
		json_array_append_new(
			list, json_pack("{s:i, s:s, s:o}", "port", port->port, "protocol",
					protocol_name((enum protocol)port->protocol), "declared",
					i->policy ? json_boolean(port->declared) : json_null()));
	}
	return list;
}

json_t *view_incident(const struct incident *i, bool going_on)
{
	json_t *object = json_pack(
		"{s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:b}", "id",
		(json_int_t)i->id, "kind", i->kind, "going_on", going_on, "probe",
		view_string(i->probe), "probes", words(i->probes), "tool", view_string(i->tool),
		"source", source(&i->source), "first_sources", first_sources(i), "source_count",
		(json_int_t)i->source_count, "target", address(&i->victim), "first_ports",
		first_ports(i), "target_count", (json_int_t)i->host_count, "through", i->through);
	json_t *more = json_pack(
		"{s:I, s:I, s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:I}", "port_count",
		(json_int_t)i->port_count, "answer_count", (json_int_t)i->answer_count, "answered",
		answered(i), "undeclared_count",
		i->policy ? json_integer(i->undeclared_count) : json_null(), "packet_count",
		(json_int_t)i->packet_count, "first_time", view_time(i->first), "last_time",
		view_time(i->last), "duration_us", (json_int_t)i->lasted, "alarm_port_count",
		(json_int_t)i->alarm_ports, "alarm_us", (json_int_t)i->alarm_usec);
	if (object == NULL || more == NULL || json_object_update(object, more) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

/* ---- back ---- */

static void read_text(char *to, size_t room, const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	(void)str_copy(to, room, text == NULL ? "" : text);
}

static uint64_t read_number(const json_t *json, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(json, key));
	return value < 0 ? 0 : (uint64_t)value; /* 0 for anything else */
}

static usec_t read_time(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	usec_t time = 0;
	return text != NULL && time_parse(&time, text) == 0 && time > 0 ? time : 0;
}

static void read_words(char *to, size_t room, const json_t *list)
{
	struct str text = STR_INIT(room);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		str_printf(&text, "%s%s", i == 0 ? "" : ",", word == NULL ? "" : word);
	}
	(void)str_copy(to, room, str_text(&text));
	str_deinit(&text);
}

static void read_lists(struct incident *out, const json_t *json)
{
	const json_t *sources = json_object_get(json, "first_sources");
	const json_t *ports = json_object_get(json, "first_ports");
	for (size_t n = 0; n < INCIDENT_SHOWN; n++) {
		const char *text = json_string_value(json_array_get(sources, n));
		if (text != NULL) {
			(void)addr_parse(&out->sources[n], text); /* stays NONE */
		}
		out->ports[n] = (uint16_t)json_integer_value(json_array_get(ports, n));
	}
	const json_t *list = json_object_get(json, "answered");
	for (size_t n = 0; n < json_array_size(list) && n < INCIDENT_ANSWERED; n++) {
		const json_t *one = json_array_get(list, n);
		const char *protocol = json_string_value(json_object_get(one, "protocol"));
		enum protocol number = PROTOCOL_TCP;
		if (protocol != NULL) {
			(void)protocol_parse(&number, protocol); /* stays TCP */
		}
		out->answered[n] =
			(struct incident_port){ (uint16_t)read_number(one, "port"),
						(uint16_t)number,
						!json_is_false(json_object_get(one, "declared")) };
		out->answered_count++;
	}
}

int view_incident_read(struct incident *out, bool *going_on, const json_t *json)
{
	struct incident i = { .id = read_number(json, "id"),
			      .source_count = (uint32_t)read_number(json, "source_count"),
			      .host_count = (uint32_t)read_number(json, "target_count"),
			      .port_count = (uint32_t)read_number(json, "port_count"),
			      .answer_count = (uint32_t)read_number(json, "answer_count"),
			      .undeclared_count = (uint32_t)read_number(json, "undeclared_count"),
			      .alarm_ports = (uint32_t)read_number(json, "alarm_port_count"),
			      .alarm_usec = (usec_t)read_number(json, "alarm_us"),
			      .packet_count = read_number(json, "packet_count"),
			      .first = read_time(json, "first_time"),
			      .last = read_time(json, "last_time"),
			      .lasted = (usec_t)read_number(json, "duration_us") };
	i.through = json_is_true(json_object_get(json, "through"));
	i.policy = json_is_integer(json_object_get(json, "undeclared_count"));
	read_text(i.kind, sizeof(i.kind), json, "kind");
	read_text(i.probe, sizeof(i.probe), json, "probe");
	read_text(i.tool, sizeof(i.tool), json, "tool");
	read_words(i.probes, sizeof(i.probes), json_object_get(json, "probes"));
	const char *from = json_string_value(json_object_get(json, "source"));
	const char *victim = json_string_value(json_object_get(json, "target"));
	if (from != NULL && prefix_parse(&i.source, from) < 0) {
		return -EINVAL;
	}
	if (victim != NULL) {
		(void)addr_parse(&i.victim, victim); /* stays NONE */
	}
	read_lists(&i, json);
	*going_on = json_is_true(json_object_get(json, "going_on"));
	i.ended = !*going_on;
	if (!incident_is_valid(&i)) {
		return -EINVAL;
	}
	*out = i;
	return 0;
}
