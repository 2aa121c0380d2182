/* Names of devices out of files that are already here. What a device calls itself is its own word:
 * nothing but host names is taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"

enum { FIELDS_MAX = 8 };

/* Words of a line, up to a comment. */
struct line {
	const char *words[FIELDS_MAX];
	size_t lengths[FIELDS_MAX];
	size_t count;
};

static const char space[] = " \t\r";

static void split(struct line *out, const char *text, size_t length)
{
	out->count = 0;
	for (size_t at = 0; at < length && out->count < FIELDS_MAX;) {
		while (at < length && memchr(space, text[at], 3) != NULL) {
			at++;
		}
		size_t end = at;
		while (end < length && text[end] != '#' && memchr(space, text[end], 3) == NULL) {
			end++;
		}
		if (end > at) {
			out->words[out->count] = text + at;
			out->lengths[out->count++] = end - at;
		}
		if (end < length && text[end] == '#') {
			return;
		}
		at = end;
	}
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

static int take(struct devices_names *names, const struct line *line, size_t address, size_t name,
		enum devices_name_source source)
{
	char text[ADDR_TEXT_BYTES];
	struct devices_name read = { .source = source };
	if (line->count <= address || line->count <= name ||
	    line->lengths[address] >= sizeof(text) || line->lengths[name] >= sizeof(read.name) ||
	    names->list.count == DEVICES_NAMES_MAX) {
		return 0;
	}
	memcpy(text, line->words[address], line->lengths[address]);
	text[line->lengths[address]] = '\0';
	memcpy(read.name, line->words[name], line->lengths[name]);
	for (size_t i = 0; i < line->lengths[name]; i++) {
		if (!is_of_name(read.name[i])) {
			return 0;
		}
	}
	if (addr_parse(&read.address, text) < 0) {
		return 0;
	}
	struct devices_name *place = vec_push(&names->list);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = read;
	return 0;
}

static int read_lines(struct devices_names *names, const char *text, size_t length, size_t address,
		      size_t name, enum devices_name_source source)
{
	int r = 0;
	while (length > 0 && r == 0) {
		struct line line;
		const char *end = memchr(text, '\n', length);
		const size_t bytes = end == NULL ? length : (size_t)(end - text);
		split(&line, text, bytes);
		r = take(names, &line, address, name, source);
		text += bytes + (end != NULL);
		length -= bytes + (end != NULL);
	}
	return r;
}

int devices_names_read_hosts(struct devices_names *names, const char *text, size_t length)
{
	return read_lines(names, text, length, 0, 1, DEVICES_NAME_HOSTS);
}

int devices_names_read_leases(struct devices_names *names, const char *text, size_t length)
{
	return read_lines(names, text, length, 2, 3, DEVICES_NAME_LEASE);
}

const struct devices_name *devices_names_find(const struct devices_names *names,
					      const struct addr *address)
{
	for (size_t i = 0; names != NULL && i < names->list.count; i++) {
		if (addr_compare(&names->list.items[i].address, address) == 0) {
			return &names->list.items[i];
		}
	}
	return NULL;
}

void devices_names_deinit(struct devices_names *names)
{
	vec_free(&names->list);
}

const char *devices_name_source_name(enum devices_name_source source)
{
	static const char *const words[DEVICES_NAME_SOURCES] = {
		[DEVICES_NAME_NONE] = "none",        [DEVICES_NAME_POLICY] = "policy",
		[DEVICES_NAME_HOSTS] = "hosts_file", [DEVICES_NAME_LEASE] = "dhcp_lease",
		[DEVICES_NAME_SELF] = "mdns",
	};
	return words[source];
}
