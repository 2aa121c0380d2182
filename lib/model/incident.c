/* Incidents as events: the evidence as words in the detail, "key=value" each. */
#include "model/incident.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"

/* ---- what another process may say ---- */

static bool is_word(const char *text, bool commas)
{
	for (; *text != '\0'; text++) {
		if (!(*text >= 'a' && *text <= 'z') && !(commas && *text == ',')) {
			return false;
		}
	}
	return true;
}

bool incident_is_valid(const struct incident *i)
{
	bool valid = i->id != 0 && i->kind[0] != '\0' && is_word(i->kind, false) &&
		     i->probe[0] != '\0' && is_word(i->probe, false) && is_word(i->probes, true) &&
		     is_word(i->tool, false) && i->port_count <= 65536 &&
		     i->answer_count <= 65536 && i->answered_count <= INCIDENT_ANSWERED &&
		     i->undeclared_count <= i->answered_count && i->first >= 0 && i->last >= 0 &&
		     i->lasted >= 0 && i->lasted <= INT64_MAX - i->first && i->alarm_usec >= 0;
	for (uint32_t n = 0; valid && n < i->answered_count; n++) {
		valid = i->answered[n].protocol == PROTOCOL_TCP ||
			i->answered[n].protocol == PROTOCOL_UDP;
	}
	return valid;
}

/* ---- numbers of it, as rows ---- */

struct number {
	const char *key;
	size_t offset, size;
};

#define NUMBER(key, member)                                                                        \
	{                                                                                          \
		key, offsetof(struct incident, member), sizeof(((struct incident *)0)->member)     \
	}

static const struct number numbers[] = {
	NUMBER("incident", id),           NUMBER("first", first),
	NUMBER("lasted", lasted),         NUMBER("packets", packet_count),
	NUMBER("answered", answer_count), NUMBER("sources", source_count),
	NUMBER("hosts", host_count),      NUMBER("closed", alarm_ports),
	NUMBER("noticed", alarm_usec),
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static uint64_t load(const struct incident *incident, const struct number *number)
{
	const char *from = (const char *)incident + number->offset;
	uint32_t four = 0;
	uint64_t eight = 0;
	if (number->size == sizeof(four)) {
		memcpy(&four, from, sizeof(four));
		return four;
	}
	memcpy(&eight, from, sizeof(eight));
	return eight;
}

static void keep(struct incident *incident, const struct number *number, uint64_t value)
{
	char *to = (char *)incident + number->offset;
	const uint32_t four = (uint32_t)value;
	if (number->size == sizeof(four)) {
		memcpy(to, &four, sizeof(four));
	} else {
		memcpy(to, &value, sizeof(value));
	}
}

/* ---- writing ---- */

struct detail {
	char *text;
	size_t length;
	bool full;
};

/* Whole or not at all. */
static bool add(struct detail *detail, const char *before, const char *text, const char *after)
{
	const size_t more = strlen(before) + strlen(text) + strlen(after);
	if (detail->length + more >= EVENT_PATH_BYTES) {
		detail->full = true;
		return false;
	}
	detail->length +=
		(size_t)snprintf(detail->text + detail->length, EVENT_PATH_BYTES - detail->length,
				 "%s%s%s", before, text, after);
	return true;
}

/* " KEY=" before the first item, "," before the others; what does not fit is left out. */
static void add_item(struct detail *detail, const char *key, uint32_t index, const char *item)
{
	char before[16];
	(void)snprintf(before, sizeof(before), index == 0 ? " %s=" : ",", key);
	(void)add(detail, before, item, "");
}

static void add_numbers(struct detail *detail, const struct incident *incident)
{
	char text[24];
	char key[16];
	for (unsigned i = 0; i < NUMBERS; i++) {
		(void)snprintf(key, sizeof(key), "%s%s=", i == 0 ? "" : " ", numbers[i].key);
		(void)snprintf(text, sizeof(text), "%llu",
			       (unsigned long long)load(incident, &numbers[i]));
		(void)add(detail, key, text, "");
	}
}

/* "22,53/udp,6379!": what is marked is not in the policy. */
static void add_answered(struct detail *detail, const struct incident *incident)
{
	char text[24];
	for (uint32_t n = 0; n < incident->answered_count && !detail->full; n++) {
		const struct incident_port *port = &incident->answered[n];
		(void)snprintf(text, sizeof(text), "%u%s%s", port->port,
			       port->protocol == PROTOCOL_UDP ? "/udp" : "",
			       incident->policy && !port->declared ? "!" : "");
		add_item(detail, "open", n, text);
	}
}

static void add_lists(struct detail *detail, const struct incident *incident)
{
	char text[ADDR_TEXT_BYTES];
	add_answered(detail, incident);
	for (uint32_t n = 0; n < incident->port_count && n < INCIDENT_SHOWN && !detail->full; n++) {
		(void)snprintf(text, sizeof(text), "%u", incident->ports[n]);
		add_item(detail, "ports", n, text);
	}
	const uint32_t sources = incident->source_count > 1 ? incident->source_count : 0;
	for (uint32_t n = 0; n < sources && n < INCIDENT_SHOWN && !detail->full; n++) {
		add_item(detail, "from", n, addr_format(&incident->sources[n], text));
	}
}

void incident_write(struct event *out, const struct incident *incident, enum event_kind kind,
		    usec_t time)
{
	const bool udp = strcmp(incident->probe, "udp") == 0;
	char text[ADDR_TEXT_BYTES];
	*out = (struct event){ .time = time,
			       .kind = kind,
			       .protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP,
			       .address = incident->source.address,
			       .port = incident->ports[0],
			       .cookie = incident->id,
			       .uid = UINT32_MAX,
			       .count = incident->port_count };
	(void)str_copy(out->finding, sizeof(out->finding), incident->kind);
	(void)str_copy(out->process, sizeof(out->process), incident->tool);
	struct detail detail = { .text = out->detail };
	add_numbers(&detail, incident);
	(void)snprintf(text, sizeof(text), "%u", incident->source.bits);
	(void)add(&detail, " bits=", text,
		  incident->through  ? " through=1"
		  : incident->policy ? " policy=1"
				     : "");
	(void)add(&detail, " host=", addr_format(&incident->victim, text), "");
	(void)add(&detail, " probe=", incident->probe, "");
	if (strcmp(incident->probes, incident->probe) != 0 && incident->probes[0] != '\0') {
		(void)add(&detail, " probes=", incident->probes, "");
	}
	detail.full = false;
	add_lists(&detail, incident);
}

/* ---- reading ---- */

static int read_answered(struct incident *out, char *list)
{
	char *rest = list;
	for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
		const size_t length = strlen(item);
		struct incident_port port = { .protocol = PROTOCOL_TCP, .declared = true };
		uint64_t number = 0;
		if (length > 0 && item[length - 1] == '!') {
			item[length - 1] = '\0';
			port.declared = false;
		}
		char *slash = strchr(item, '/');
		if (slash != NULL && strcmp(slash, "/udp") == 0) {
			*slash = '\0';
			port.protocol = PROTOCOL_UDP;
		}
		if (out->answered_count == INCIDENT_ANSWERED ||
		    parse_u64(&number, item, 0, UINT16_MAX) < 0) {
			return -EINVAL;
		}
		port.port = (uint16_t)number;
		out->undeclared_count += !port.declared;
		out->answered[out->answered_count++] = port;
	}
	return 0;
}

static int read_ports(struct incident *out, char *list)
{
	uint64_t number = 0;
	uint32_t count = 0;
	for (char *item = strsep(&list, ","); item != NULL; item = strsep(&list, ",")) {
		if (count == INCIDENT_SHOWN || parse_u64(&number, item, 0, UINT16_MAX) < 0) {
			return -EINVAL;
		}
		out->ports[count++] = (uint16_t)number;
	}
	return 0;
}

static int read_sources(struct incident *out, char *list)
{
	uint32_t count = 0;
	for (char *item = strsep(&list, ","); item != NULL; item = strsep(&list, ",")) {
		if (count == INCIDENT_SHOWN || addr_parse(&out->sources[count++], item) < 0) {
			return -EINVAL;
		}
	}
	return 0;
}

/* One "key=value". What a later version adds is passed over. */
static int read_pair(struct incident *out, const char *key, char *value)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < NUMBERS; i++) {
		if (strcmp(numbers[i].key, key) == 0) {
			const uint64_t most = numbers[i].size == 4 ? UINT32_MAX : INT64_MAX;
			int r = parse_u64(&number, value, 0, most);
			keep(out, &numbers[i], number);
			return r;
		}
	}
	if (strcmp(key, "bits") == 0) {
		int r = parse_u64(&number, value, 0, 128);
		out->source.bits = (uint8_t)number;
		return r;
	}
	if (strcmp(key, "policy") == 0) {
		out->policy = true;
		return 0;
	}
	if (strcmp(key, "through") == 0) {
		out->through = true;
		return 0;
	}
	if (strcmp(key, "host") == 0) {
		return addr_parse(&out->victim, value);
	}
	if (strcmp(key, "probe") == 0 || strcmp(key, "probes") == 0) {
		char *to = key[5] == '\0' ? out->probe : out->probes;
		(void)str_copy(to, key[5] == '\0' ? sizeof(out->probe) : sizeof(out->probes),
			       value);
		return 0;
	}
	return strcmp(key, "open") == 0    ? read_answered(out, value)
	       : strcmp(key, "ports") == 0 ? read_ports(out, value)
	       : strcmp(key, "from") == 0  ? read_sources(out, value)
					   : 0;
}

int incident_read(struct incident *out, const struct event *event)
{
	char copy[EVENT_PATH_BYTES];
	if ((event->kind != EVENT_SCAN_STARTED && event->kind != EVENT_SCAN_ENDED) ||
	    event->count > 65536) {
		return -EINVAL;
	}
	struct incident incident = { .ended = event->kind == EVENT_SCAN_ENDED,
				     .source.address = event->address,
				     .port_count = (uint32_t)event->count };
	int r = 0;
	(void)str_copy(incident.kind, sizeof(incident.kind), event->finding);
	(void)str_copy(incident.tool, sizeof(incident.tool), event->process);
	memcpy(copy, event->detail, sizeof(copy));
	copy[sizeof(copy) - 1] = '\0';
	char *rest = copy;
	for (char *key = strsep(&rest, " "); r >= 0 && key != NULL; key = strsep(&rest, " ")) {
		char *value = strchr(key, '=');
		if (value == NULL) {
			return -EINVAL;
		}
		*value++ = '\0';
		r = read_pair(&incident, key, value);
	}
	if (incident.probes[0] == '\0') {
		memcpy(incident.probes, incident.probe, sizeof(incident.probe));
	}
	if (incident.source_count <= 1) {
		incident.sources[0] = incident.source.address;
	}
	if (r < 0 || !incident_is_valid(&incident)) {
		return -EINVAL;
	}
	incident.last = incident.first + incident.lasted;
	*out = incident;
	return 0;
}

/* ---- several ---- */

static int by_number(const void *pa, const void *pb)
{
	const struct incident *a = pa;
	const struct incident *b = pb;
	if (a->id != b->id) {
		return a->id > b->id ? -1 : 1;
	}
	if (a->ended != b->ended) {
		return a->ended ? -1 : 1;
	}
	return a->packet_count > b->packet_count ? -1 : a->packet_count < b->packet_count;
}

size_t incidents_fold(struct incident *items, size_t count)
{
	size_t kept = 0;
	if (count > 0) {
		qsort(items, count, sizeof(*items), by_number);
	}
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || items[kept - 1].id != items[i].id) {
			items[kept++] = items[i];
		}
	}
	return kept;
}
