/* What files of this host say about its own side of a connection. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "probe/probe.h"

/* A line without its end; of a longer one the beginning. @return what comes behind it. */
static const char *take_line(char *line, size_t room, const char *text)
{
	const size_t length = strcspn(text, "\n");
	(void)snprintf(line, room, "%.*s", (int)(length < room - 1 ? length : room - 1), text);
	return text + length + (text[length] == '\n' ? 1 : 0);
}

size_t probe_resolvers_parse(struct addr *out, size_t room, const char *text)
{
	size_t count = 0;
	while (*text != '\0' && count < room) {
		char line[128];
		char *rest = NULL;
		text = take_line(line, sizeof(line), text);
		const char *key = strtok_r(line, " \t", &rest);
		char *value = strtok_r(NULL, " \t", &rest);
		if (key == NULL || value == NULL || strcmp(key, "nameserver") != 0) {
			continue;
		}
		value[strcspn(value, "%")] = '\0';
		count += addr_parse(&out[count], value) == 0;
	}
	return count;
}

/* The n-th word of a line, counted from 0. @return its length, 0 = there is none. */
static size_t word_at(const char **word, const char *line, size_t n)
{
	const char *at = line;
	for (;;) {
		at += strspn(at, " \t");
		const size_t length = strcspn(at, " \t\n");
		if (length == 0 || n == 0) {
			*word = at;
			return length;
		}
		at += length;
		n--;
	}
}

int probe_overflows_parse(uint64_t *out, const char *text)
{
	static const char name[] = "ListenOverflows";
	const char *names = strstr(text, "TcpExt:");
	const char *values = names == NULL ? NULL : strchr(names, '\n');
	if (values == NULL || strncmp(++values, "TcpExt:", 7) != 0) {
		return -1;
	}
	const char *word = NULL;
	size_t length = 0;
	for (size_t n = 1; (length = word_at(&word, names, n)) > 0; n++) {
		if (length == strlen(name) && memcmp(word, name, length) == 0) {
			length = word_at(&word, values, n);
			return parse_u64_bytes(out, word, length, 0, UINT64_MAX) < 0 ? -1 : 0;
		}
	}
	return -1;
}
