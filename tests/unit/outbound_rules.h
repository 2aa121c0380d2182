/* What the text of outbound rules says to one packet, read word by word. */
#pragma once

#include <string.h>

#include "base/parse.h"
#include "check.h"
#include "enforce/enforce.h"

/* What stands between `before` and the next `end`, in a buffer that the next call takes. */
static inline const char *between(const char *text, const char *before, const char *end)
{
	static char found[4096];
	const char *at = strstr(text, before);
	if (at == NULL) {
		return NULL;
	}
	at += strlen(before);
	(void)snprintf(found, sizeof(found), "%.*s", (int)(strstr(at, end) - at), at);
	return found;
}

/* Whether a set of the rules has the address; of families that do not fit it has none. */
static inline bool set_has(const char *rules, const char *set, const struct addr *address)
{
	char begin[256];
	(void)snprintf(begin, sizeof(begin), "add set inet minato %s {", set);
	const char *line = between(rules, begin, "\n");
	assert_non_null(line);
	char copy[4096];
	(void)snprintf(copy, sizeof(copy), "%s", strstr(line, "elements = { ") + 13);
	char *rest = NULL;
	for (char *word = strtok_r(copy, ", }", &rest); word != NULL;
	     word = strtok_r(NULL, ", }", &rest)) {
		struct prefix prefix;
		assert_int_equal(prefix_parse(&prefix, word), 0);
		if (prefix_has(&prefix, address)) {
			return true;
		}
	}
	return false;
}

static inline unsigned number_of(const char *text)
{
	uint64_t number = 0;
	assert_int_equal(parse_u64(&number, text, 0, UINT32_MAX), 0);
	return (unsigned)number;
}

/* One rule's conditions, word by word; anything unknown fails the test. */
static inline bool rule_takes(const char *rules, char *rule, const struct enforce_outgoing *packet)
{
	char *rest = NULL;
	bool takes = true;
	char *word = strtok_r(rule, " ", &rest);
	for (; strcmp(word, "accept") != 0; word = strtok_r(NULL, " ", &rest)) {
		const char *what = strtok_r(NULL, " ", &rest);
		if (strcmp(word, "meta") == 0 && strcmp(what, "skuid") == 0) {
			takes &= number_of(strtok_r(NULL, " ", &rest)) == packet->user;
		} else if (strcmp(word, "meta") == 0 && strcmp(what, "nfproto") == 0) {
			(void)strtok_r(NULL, " ", &rest); /* before its end all are in it */
		} else if (strcmp(word, "oifname") == 0) {
			takes &= strncmp(what + 1, packet->interface, strlen(what) - 2) == 0;
		} else if (strcmp(what, "daddr") == 0) {
			const char *set = strtok_r(NULL, " ", &rest) + 1;
			takes &= set_has(rules, set, &packet->to);
		} else {
			fail_msg("a rule with %s %s", word, what);
		}
	}
	return takes;
}

/* Whether the chain that a port leads to accepts the packet. */
static inline bool chain_takes(const char *rules, const char *chain,
			       const struct enforce_outgoing *packet)
{
	char begin[256];
	(void)snprintf(begin, sizeof(begin), "add rule inet minato %s ", chain);
	for (const char *at = strstr(rules, begin); at != NULL; at = strstr(at + 1, begin)) {
		char rule[512];
		(void)snprintf(rule, sizeof(rule), "%s", between(at, begin, "\n"));
		if (strncmp(rule, "goto ", 5) == 0) {
			assert_string_equal(rule, "goto g7-out-refuse");
			return false;
		}
		if (rule_takes(rules, rule, packet)) {
			return true;
		}
	}
	fail_msg("chain %s has no end", chain);
	return false;
}

/* Whether "8000-8010" or "22" holds the port. */
static inline bool range_has(char *range, uint16_t port)
{
	char *dash = strchr(range, '-');
	if (dash == NULL) {
		return number_of(range) == port;
	}
	*dash = '\0';
	return number_of(range) <= port && port <= number_of(dash + 1);
}

/* What the rules say to a new TCP packet. */
static inline bool rules_take(const char *rules, const struct enforce_outgoing *packet)
{
	const char *map = between(rules, "add map inet minato g7-out-tcp {", " } }\n");
	char copy[4096];
	(void)snprintf(copy, sizeof(copy), "%s",
		       map == NULL ? "" : strstr(map, "elements = { ") + 13);
	char *rest = NULL;
	for (char *item = strtok_r(copy, ",", &rest); item != NULL;
	     item = strtok_r(NULL, ",", &rest)) {
		char *verdict = strstr(item, " : ");
		*verdict = '\0';
		if (range_has(item + strspn(item, " "), packet->port)) {
			return strcmp(verdict + 3, "accept") == 0 ||
			       chain_takes(rules, verdict + 3 + strlen("goto "), packet);
		}
	}
	return strstr(rules, "add rule inet minato g7-out accept\n") != NULL;
}
