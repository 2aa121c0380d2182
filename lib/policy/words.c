/* Words of the language into numbers and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "policy/values.h"

const char *const protocol_words[] = { "tcp", "udp", "sctp", "dccp", "udplite" };
const size_t protocol_word_count = sizeof(protocol_words) / sizeof(protocol_words[0]);

static const struct {
	const char *name;
	usec_t per;
} rate_units[] = {
	{ "second", USEC_PER_SEC },
	{ "minute", USEC_PER_MIN },
	{ "hour", USEC_PER_HOUR },
	{ "day", USEC_PER_DAY },
};

static const char *port_number(uint16_t *out, const char *text, size_t length)
{
	uint64_t value = 0;
	int r = parse_u64_bytes(&value, text, length, 0, UINT16_MAX);
	if (r < 0) {
		return r == -ERANGE ? "policy-port-number" : "policy-port-syntax";
	}
	*out = (uint16_t)value;
	return value == 0 ? "policy-port-zero" : NULL;
}

static const char *port_range(struct policy_ports *out, const char *text, size_t length)
{
	const char *dash = memchr(text, '-', length);
	size_t first_length = dash == NULL ? length : (size_t)(dash - text);
	const char *id = port_number(&out->first, text, first_length);
	if (id == NULL && dash != NULL) {
		id = port_number(&out->last, dash + 1, length - first_length - 1);
	} else if (id == NULL) {
		out->last = out->first;
	}
	if (id == NULL && out->first > out->last) {
		id = "policy-port-reversed";
	}
	return id;
}

static bool known_protocol(const char *name)
{
	for (size_t i = 0; i < protocol_word_count; i++) {
		if (strcmp(protocol_words[i], name) == 0) {
			return true;
		}
	}
	return false;
}

const char *ports_read(struct policy_ports *out, const char *text)
{
	struct policy_ports ports = { 0 };
	size_t length = strcspn(text, "/");
	const char *id = port_range(&ports, text, length);
	if (id != NULL) {
		return id;
	}
	if (text[length] == '\0') {
		return "policy-port-protocol-missing";
	}
	const char *protocol = text + length + 1;
	if (!known_protocol(protocol) || protocol_parse(&ports.protocol, protocol) < 0) {
		return "policy-port-protocol";
	}
	*out = ports;
	return NULL;
}

int rate_read(struct policy_rate *out, const char *text, uint32_t min, uint32_t max)
{
	size_t length = strcspn(text, "/");
	uint64_t count = 0;
	if (text[length] == '\0' || parse_u64_bytes(&count, text, length, min, max) < 0) {
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(rate_units) / sizeof(rate_units[0]); i++) {
		if (strcmp(rate_units[i].name, text + length + 1) == 0) {
			*out = (struct policy_rate){ (uint32_t)count, rate_units[i].per };
			return 0;
		}
	}
	return -EINVAL;
}

const char *rate_unit(usec_t per)
{
	for (size_t i = 0; i < sizeof(rate_units) / sizeof(rate_units[0]); i++) {
		if (rate_units[i].per == per) {
			return rate_units[i].name;
		}
	}
	return "";
}

const char *span_write(char *out, usec_t span)
{
	static const struct {
		usec_t unit;
		char letter;
	} units[] = { { USEC_PER_DAY, 'd' },
		      { USEC_PER_HOUR, 'h' },
		      { USEC_PER_MIN, 'm' },
		      { USEC_PER_SEC, 's' } };
	size_t i = 0;
	while (i < sizeof(units) / sizeof(units[0]) - 1 && (span == 0 || span % units[i].unit)) {
		i++;
	}
	(void)snprintf(out, SPAN_WORD_BYTES, "%lld%c", (long long)(span / units[i].unit),
		       units[i].letter);
	return out;
}

int mac_read(struct policy_mac *out, const char *text)
{
	struct policy_mac mac = { .given = true };
	if (strlen(text) != 17) {
		return -EINVAL;
	}
	for (unsigned i = 0; i < 6; i++) {
		uint64_t byte = 0;
		if (parse_hex_u64(&byte, text + (size_t)i * 3, 2) < 0 ||
		    (i > 0 && (text[i * 3 - 1] != text[2] || strchr(":-", text[2]) == NULL))) {
			return -EINVAL;
		}
		mac.bytes[i] = (uint8_t)byte;
	}
	*out = mac;
	return 0;
}

static struct prefix without_host_bits(const struct addr *address, unsigned bits)
{
	struct prefix network = { *address, (uint8_t)bits };
	for (unsigned bit = bits; bit < 8 * sizeof(address->bytes); bit++) {
		network.address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	return network;
}

const char *network_read(struct prefix *out, struct prefix *network, const char *text)
{
	if (prefix_parse(out, text) == 0) {
		return NULL;
	}
	char address_text[ADDR_TEXT_BYTES];
	struct addr address;
	size_t length = strcspn(text, "/");
	uint64_t bits = 0;
	(void)snprintf(address_text, sizeof(address_text), "%.*s",
		       (int)(length < sizeof(address_text) ? length : 0), text);
	if (text[length] == '\0' || addr_parse(&address, address_text) < 0) {
		return "policy-address";
	}
	uint64_t most = address.family == ADDR_IPV4 ? 32 : 128;
	if (parse_u64(&bits, text + length + 1, 0, most) < 0) {
		return "policy-address-bits";
	}
	*network = without_host_bits(&address, (unsigned)bits);
	return "policy-address-host-bits";
}

bool looks_like_address(const char *text)
{
	return strpbrk(text, ":/") != NULL || strspn(text, "0123456789.") == strlen(text);
}

bool interface_valid(const char *name)
{
	size_t length = strlen(name);
	return length > 0 && length < 16 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strpbrk(name, "/: \t\n\v\f\r") == NULL;
}
