/* Incidents in words: the detector's sentences, and what the policy says of what answered. */
#include "incident_text.h"

#include <string.h>

#include "detect_show.h"
#include "words.h"

enum { POLICY_BYTES = 512 };

/* ---- as the detector's own ---- */

static enum detect_shape shape_of(const char *kind)
{
	for (unsigned i = 0; i < DETECT_SHAPES; i++) {
		if (strcmp(detect_shape_name((enum detect_shape)i), kind) == 0) {
			return (enum detect_shape)i;
		}
	}
	return DETECT_SCAN;
}

static enum detect_probe probe_of(const char *word)
{
	for (unsigned i = 0; i < DETECT_PROBES; i++) {
		if (strcmp(detect_probe_name((enum detect_probe)i), word) == 0) {
			return (enum detect_probe)i;
		}
	}
	return DETECT_SYN;
}

const char *incident_probe_words(const char *probe)
{
	const enum detect_probe known = probe_of(probe);
	return strcmp(detect_probe_name(known), probe) == 0 ? detect_probe_words(known) : probe;
}

static enum detect_tool tool_of(const char *word)
{
	for (unsigned i = 0; i < DETECT_TOOLS; i++) {
		if (strcmp(detect_tool_name((enum detect_tool)i), word) == 0) {
			return (enum detect_tool)i;
		}
	}
	return DETECT_TOOL_NONE;
}

static struct detect_incident as_detected(const struct incident *i)
{
	struct detect_incident out = { .id = i->id,
				       .shape = shape_of(i->kind),
				       .probe = probe_of(i->probe),
				       .tool = tool_of(i->tool),
				       .ended = i->ended,
				       .source = i->source,
				       .victim = i->victim,
				       .source_count = i->source_count,
				       .host_count = i->host_count,
				       .port_count = i->port_count,
				       .answer_count = i->answer_count,
				       .packet_count = i->packet_count,
				       .first = i->first,
				       .last = i->last,
				       .lasted = i->lasted };
	memcpy(out.sources, i->sources, sizeof(out.sources));
	memcpy(out.ports, i->ports, sizeof(out.ports));
	return out;
}

/* ---- the policy ---- */

void incident_add_answered(struct str *out, const struct incident *incident, bool undeclared)
{
	bool first = true;
	for (uint32_t n = 0; n < incident->answered_count; n++) {
		const struct incident_port *port = &incident->answered[n];
		if (undeclared && port->declared) {
			continue;
		}
		str_printf(out, "%s%u/%s", first ? "" : ", ", port->port,
			   protocol_name((enum protocol)port->protocol));
		first = false;
	}
}

/* Of those that are named; with more than that nothing is said of all. */
static void add_policy(struct str *out, const struct incident *incident)
{
	if (!incident->policy || incident->answered_count == 0) {
		return;
	}
	if (incident->undeclared_count == 0) {
		str_add(out, incident->answer_count <= incident->answered_count
				     ? _(", all in policy")
				     : _(", those that are named all in policy"));
		return;
	}
	struct str ports = STR_INIT(POLICY_BYTES);
	incident_add_answered(&ports, incident, true);
	str_printf(out, _(", not in policy: %s"), str_text(&ports));
	str_deinit(&ports);
}

void incident_add_sentence(struct str *out, const struct incident *incident)
{
	const struct detect_incident detected = as_detected(incident);
	char victim[ADDR_TEXT_BYTES];
	struct str policy = STR_INIT(POLICY_BYTES);
	add_policy(&policy, incident);
	detect_add_sentence(out, &detected, str_text(&policy));
	if (incident->through && incident->host_count == 1) {
		str_printf(out, " -> %s", addr_format(&incident->victim, victim));
	}
	str_deinit(&policy);
}

/* When it has just begun, "3 ports in 0 ms" says little. */
static void add_beginning(struct str *out, const struct incident *incident)
{
	char source[PREFIX_TEXT_BYTES];
	str_printf(out, _("%s begins to scan"), prefix_format(&incident->source, source));
	str_printf(out, incident->tool[0] == '\0' ? " (%s)" : " (%s, %s)",
		   detect_probe_words(probe_of(incident->probe)), incident->tool);
	if (incident->through) {
		str_printf(out, " -> %s", addr_format(&incident->victim, source));
	}
}

bool incident_add_event(struct str *out, const struct event *event)
{
	struct incident incident;
	if (incident_read(&incident, event) < 0) {
		return false;
	}
	str_printf(out, "#%llu ", (unsigned long long)incident.id);
	if (!incident.ended && incident.source_count == 1 && strcmp(incident.kind, "scan") == 0) {
		add_beginning(out, &incident);
	} else {
		incident_add_sentence(out, &incident);
	}
	return true;
}
