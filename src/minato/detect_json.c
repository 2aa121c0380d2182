/* Incidents of the detector as JSON. */
#include "detect_show.h"
#include "view/view.h"

static json_t *address(const struct addr *of)
{
	char text[ADDR_TEXT_BYTES];
	return view_string(addr_format(of, text));
}

static json_t *source(const struct prefix *of)
{
	char text[PREFIX_TEXT_BYTES];
	return view_string(of->address.family == ADDR_NONE ? "" : prefix_format(of, text));
}

static json_t *probes(uint8_t bits)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < DETECT_PROBES; i++) {
		if ((bits >> i & 1) != 0) {
			json_array_append_new(list, json_string(detect_probe_name(i)));
		}
	}
	return list;
}

json_t *detect_json(const struct detect_incident *i)
{
	json_t *sources = json_array();
	json_t *ports = json_array();
	for (uint32_t n = 0; n < DETECT_SHOWN; n++) {
		if (n < i->source_count) {
			json_array_append_new(sources, address(&i->sources[n]));
		}
		if (n < i->port_count) {
			json_array_append_new(ports, json_integer(i->ports[n]));
		}
	}
	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:I, "
		"s:I, s:I}",
		"kind", detect_shape_name(i->shape), "probe", detect_probe_name(i->probe), "probes",
		probes(i->probes), "tool", view_string(detect_tool_name(i->tool)), "source",
		source(&i->source), "source_count", (json_int_t)i->source_count, "first_sources",
		sources, "target", address(&i->victim), "target_count", (json_int_t)i->host_count,
		"port_count", (json_int_t)i->port_count, "first_ports", ports, "answer_count",
		(json_int_t)i->answer_count, "packet_count", (json_int_t)i->packet_count,
		"first_time", view_time(i->first), "last_time", view_time(i->last), "duration_us",
		(json_int_t)i->lasted, "alarm_port_count", (json_int_t)i->alarm_ports, "alarm_us",
		(json_int_t)i->alarm_usec);
}
