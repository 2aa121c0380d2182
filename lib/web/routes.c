/* Which paths there are, and what may be asked of each. */
#include "model/severity.h"
#include "web/web.h"

#define FIELD(kind, word, member)                                                                  \
	{                                                                                          \
		.name = word, .value = kind, .offset = offsetof(struct wire_query, member),        \
		.size = sizeof(((struct wire_query *)0)->member)                                   \
	}
#define NUMBER(word, member, least, most)                                                          \
	{                                                                                          \
		.name = word, .value = WEB_NUMBER, .offset = offsetof(struct wire_query, member),  \
		.size = sizeof(((struct wire_query *)0)->member), .min = least, .max = most        \
	}

static const struct web_parameter ports_parameters[] = {
	FIELD(WEB_PORTS, "port", first_port),
	FIELD(WEB_CLASS, "class", class),
	FIELD(WEB_PROTOCOL, "protocol", protocol),
	FIELD(WEB_EXPOSURE, "exposure", exposure),
	FIELD(WEB_TEXT, "process", process),
	NUMBER("pid", pid, 1, INT32_MAX),
	FIELD(WEB_TEXT, "user", user),
	FIELD(WEB_TEXT, "unit", unit),
	FIELD(WEB_TEXT, "container", container),
	FIELD(WEB_FLAG, "connections", connections),
};

static const struct web_parameter port_parameters[] = {
	FIELD(WEB_PORT, "{port}", first_port),
	FIELD(WEB_PROTOCOL, "protocol", protocol),
	FIELD(WEB_FLAG, "connections", connections),
};

static const struct web_parameter findings_parameters[] = {
	FIELD(WEB_PORTS, "port", first_port),
	FIELD(WEB_SEVERITY, "severity", severity),
	FIELD(WEB_TEXT, "finding", finding),
};

static const struct web_parameter events_parameters[] = {
	FIELD(WEB_TIME, "since", since),           FIELD(WEB_TIME, "until", until),
	NUMBER("after", after, 0, INT64_MAX),      NUMBER("limit", limit, 1, WEB_LIMIT_MAX),
	FIELD(WEB_KINDS, "kind", kinds),           FIELD(WEB_PORTS, "port", first_port),
	FIELD(WEB_PROTOCOL, "protocol", protocol), FIELD(WEB_PREFIX, "address", address),
	FIELD(WEB_TEXT, "process", process),
};

static const struct web_parameter incidents_parameters[] = {
	FIELD(WEB_TIME, "since", since),
	FIELD(WEB_TIME, "until", until),
	NUMBER("limit", limit, 1, WEB_LIMIT_MAX),
	FIELD(WEB_PREFIX, "address", address),
};

static const struct web_parameter incident_parameters[] = {
	NUMBER("{id}", incident, 1, INT64_MAX),
};

static const struct web_parameter stream_parameters[] = {
	NUMBER("after", after, 0, INT64_MAX),  FIELD(WEB_KINDS, "kind", kinds),
	FIELD(WEB_PORTS, "port", first_port),  FIELD(WEB_PROTOCOL, "protocol", protocol),
	FIELD(WEB_PREFIX, "address", address), FIELD(WEB_TEXT, "process", process),
	NUMBER("pid", pid, 1, INT32_MAX),
};

#define PARAMETERS(rows) rows, sizeof(rows) / sizeof((rows)[0])

static const struct web_route routes[] = {
	{ "/v1/status", WEB_QUESTION, WIRE_QUESTION_STATUS, NULL, 0 },
	{ "/v1/ports", WEB_QUESTION, WIRE_QUESTION_PORTS, PARAMETERS(ports_parameters) },
	{ "/v1/ports/{port}", WEB_QUESTION, WIRE_QUESTION_PORT, PARAMETERS(port_parameters) },
	{ "/v1/findings", WEB_QUESTION, WIRE_QUESTION_FINDINGS, PARAMETERS(findings_parameters) },
	{ "/v1/events", WEB_QUESTION, WIRE_QUESTION_EVENTS, PARAMETERS(events_parameters) },
	{ "/v1/events/stream", WEB_STREAM, 0, PARAMETERS(stream_parameters) },
	{ "/v1/incidents", WEB_QUESTION, WIRE_QUESTION_INCIDENTS,
	  PARAMETERS(incidents_parameters) },
	{ "/v1/incidents/{id}", WEB_QUESTION, WIRE_QUESTION_INCIDENTS,
	  PARAMETERS(incident_parameters) },
	{ "/v1/openapi.json", WEB_DOCUMENT, 0, NULL, 0 },
};

const struct web_route *web_routes(size_t *count)
{
	*count = sizeof(routes) / sizeof(routes[0]);
	return routes;
}
