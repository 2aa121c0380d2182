/* Ports at which rules may change their mind. */
#include "twin/rules.h"

enum { LENGTH_MAX = 5 }; /* digits of a port */

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

static void add(struct portset *out, uint32_t number)
{
	for (uint32_t port = number == 0 ? 1 : number - 1;
	     port <= number + 1 && port <= UINT16_MAX && number <= UINT16_MAX; port++) {
		if (port > 0) {
			portset_add(out, (uint16_t)port);
		}
	}
}

void rules_edges(struct portset *out, const char *text)
{
	for (const char *at = text; *at != '\0';) {
		uint32_t number = 0;
		unsigned length = 0;
		while (*at != '\0' && !is_word(*at)) {
			at++;
		}
		for (; *at >= '0' && *at <= '9' && length <= LENGTH_MAX; at++, length++) {
			number = number * 10 + (uint32_t)(*at - '0');
		}
		if (length > 0 && length <= LENGTH_MAX && !is_word(*at)) {
			add(out, number);
		}
		while (is_word(*at)) {
			at++;
		}
	}
}
