/* Values of parameters. */
#include "web/value.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "catalog/catalog.h"
#include "model/severity.h"
#include "text/text.h"

static const char *const class_words[] = { "system", "user", "dynamic" };

static const char *const expected[] = {
	[WEB_TEXT] = "a short text without control characters",
	[WEB_FLAG] = "true or false",
	[WEB_NUMBER] = "a number within the documented range",
	[WEB_PORTS] = "a port (0-65535) or a range such as 8000-8100",
	[WEB_PORT] = "a port (0-65535)",
	[WEB_TIME] = "a time such as 2026-11-22T10:00:00Z",
	[WEB_PREFIX] = "an address or a prefix such as 192.0.2.0/24",
	[WEB_PROTOCOL] = "tcp, udp, mptcp, sctp, dccp or udplite",
	[WEB_CLASS] = "system, user or dynamic",
	[WEB_EXPOSURE] = "loopback, private, public or any",
	[WEB_SEVERITY] = "low, medium, high or critical",
	[WEB_KINDS] = "kinds of events, separated by commas",
};

const char *value_expected(enum web_value value)
{
	return expected[value];
}

static int read_text(char *to, size_t room, const char *text)
{
	const size_t length = strlen(text);
	if (length == 0 || length >= room || text_utf8_invalid(text, length) >= 0) {
		return -EINVAL;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			return -EINVAL;
		}
	}
	memcpy(to, text, length + 1);
	return 0;
}

static int read_number(void *to, const struct web_parameter *parameter, const char *text)
{
	uint64_t value = 0;
	if (parse_u64(&value, text, parameter->min, parameter->max) < 0) {
		return -EINVAL;
	}
	if (parameter->size == sizeof(uint32_t)) {
		const uint32_t narrow = (uint32_t)value;
		memcpy(to, &narrow, sizeof(narrow));
	} else {
		memcpy(to, &value, sizeof(value));
	}
	return 0;
}

static int read_class(uint8_t *to, const char *text)
{
	for (unsigned i = 0; i < sizeof(class_words) / sizeof(class_words[0]); i++) {
		if (strcmp(class_words[i], text) == 0) {
			*to = (uint8_t)(i + 1);
			return 0;
		}
	}
	return -EINVAL;
}

static int read_kinds(uint64_t *to, const char *text)
{
	uint64_t kinds = 0;
	while (*text != '\0') {
		char word[32];
		const size_t length = strcspn(text, ",");
		enum event_kind kind = EVENT_NONE;
		if (length >= sizeof(word)) {
			return -EINVAL;
		}
		memcpy(word, text, length);
		word[length] = '\0';
		if (event_kind_parse(&kind, word) < 0) {
			return -EINVAL;
		}
		kinds |= EVENT_BIT(kind);
		text += length + (text[length] == ',');
	}
	*to = kinds;
	return kinds != 0 ? 0 : -EINVAL;
}

static int read_prefix(struct prefix *to, const char *text)
{
	struct prefix prefix = { 0 };
	if (prefix_parse(&prefix, text) < 0) {
		if (addr_parse(&prefix.address, text) < 0) {
			return -EINVAL;
		}
		prefix.bits = prefix.address.family == ADDR_IPV4 ? 32 : 128;
	}
	*to = prefix;
	return 0;
}

static int read_ports(struct wire_query *query, const char *text, bool range)
{
	int r = range ? parse_port_range(&query->first_port, &query->last_port, text)
		      : parse_port(&query->first_port, text);
	if (r < 0) {
		return -EINVAL;
	}
	if (!range) {
		query->last_port = query->first_port;
	}
	query->port_given = true;
	return 0;
}

static int read_word(void *to, enum web_value value, const char *text)
{
	enum protocol protocol = PROTOCOL_NONE;
	enum exposure exposure = EXPOSURE_ANY;
	enum severity severity = SEVERITY_NONE;
	switch (value) {
	case WEB_PROTOCOL:
		if (protocol_parse(&protocol, text) < 0) {
			return -EINVAL;
		}
		*(uint16_t *)to = (uint16_t)protocol;
		return 0;
	case WEB_EXPOSURE:
		if (exposure_parse(&exposure, text) < 0) {
			return -EINVAL;
		}
		*(uint8_t *)to = (uint8_t)(1 + exposure);
		return 0;
	default:
		if (severity_parse(&severity, text) < 0) {
			return -EINVAL;
		}
		*(uint8_t *)to = (uint8_t)severity;
		return 0;
	}
}

int value_read(struct wire_query *query, const struct web_parameter *parameter, const char *text)
{
	void *to = (char *)query + parameter->offset;
	switch (parameter->value) {
	case WEB_TEXT:
		return read_text(to, parameter->size, text);
	case WEB_FLAG:
		*(bool *)to = strcmp(text, "true") == 0;
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
	case WEB_NUMBER:
		return read_number(to, parameter, text);
	case WEB_PORTS:
	case WEB_PORT:
		return read_ports(query, text, parameter->value == WEB_PORTS);
	case WEB_TIME:
		return time_parse(to, text) < 0 || *(usec_t *)to < 0 ? -EINVAL : 0;
	case WEB_PREFIX:
		return read_prefix(to, text);
	case WEB_CLASS:
		return read_class(to, text);
	case WEB_KINDS:
		return read_kinds(to, text);
	case WEB_PROTOCOL:
	case WEB_EXPOSURE:
	case WEB_SEVERITY:
		return read_word(to, parameter->value, text);
	}
	return -EINVAL;
}
