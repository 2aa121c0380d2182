/* "iptables-save -t nat" turned into the form that nft prints (iptables(8),
 * iptables-extensions(8)). */
#include <stdbool.h>
#include <string.h>

#include "base/parse.h"
#include "observe/nft.h"

enum { WORDS_MAX = 128 };

struct words {
	size_t count;
	char *items[WORDS_MAX];
};

/* Words are parted by spaces; a quoted one may hold some. In place. */
static void split(struct words *words, char *line)
{
	words->count = 0;
	while (words->count < WORDS_MAX) {
		line += strspn(line, " \t");
		if (*line == '\0') {
			return;
		}
		bool quoted = *line == '"';
		line += quoted;
		words->items[words->count++] = line;
		while (*line != '\0' && *line != (quoted ? '"' : ' ')) {
			line += *line == '\\' && line[1] != '\0' ? 2 : 1;
		}
		if (*line == '\0') {
			return;
		}
		*line++ = '\0';
	}
}

/* "80", "8000:8010", "6000-6010". NULL when it is none. */
static json_t *port_json(char *text, char separator)
{
	char *second = strchr(text, separator);
	uint16_t first = 0;
	uint16_t last = 0;
	if (second == NULL) {
		return parse_port(&first, text) < 0 ? NULL : json_integer(first);
	}
	*second++ = '\0';
	if (parse_port(&first, text) < 0 || parse_port(&last, second) < 0) {
		return NULL;
	}
	return json_pack("{s[ii]}", "range", first, last);
}

/* "80,443,8000:8010" */
static json_t *port_list_json(char *text)
{
	json_t *list = json_array();
	for (char *one; (one = strsep(&text, ",")) != NULL;) {
		json_t *port = port_json(one, ':');
		if (port != NULL) {
			json_array_append_new(list, port);
		}
	}
	return json_pack("{so}", "set", list);
}

static json_t *address_json(char *text)
{
	char *slash = strchr(text, '/');
	uint64_t bits = 0;
	if (slash == NULL) {
		return json_string(text);
	}
	*slash++ = '\0';
	bool whole = strcmp(slash, "32") == 0 || strcmp(slash, "128") == 0;
	if (whole || parse_u64(&bits, slash, 0, 128) < 0) {
		return json_string(text);
	}
	return json_pack("{s{sssi}}", "prefix", "addr", text, "len", (int)bits);
}

static void add_match(json_t *expressions, json_t *left, json_t *right)
{
	if (left == NULL || right == NULL) {
		json_decref(left);
		json_decref(right);
		return;
	}
	json_array_append_new(expressions, json_pack("{s{sssoso}}", "match", "op", "==", "left",
						     left, "right", right));
}

static json_t *payload(const char *protocol, const char *field)
{
	return json_pack("{s{ssss}}", "payload", "protocol", protocol, "field", field);
}

/* "172.17.0.2:80", "[fd00::2]:80", "10.0.0.5:6000-6010/0", "10.0.0.6", ":22". */
static void add_target(json_t *expressions, char *text)
{
	json_t *dnat = json_object();
	text[strcspn(text, "/")] = '\0';
	char *port = NULL;
	if (text[0] == '[') {
		char *close = strchr(text, ']');
		port = close != NULL && close[1] == ':' ? close + 2 : NULL;
		text++;
		text[strcspn(text, "]")] = '\0';
	} else if (strchr(text, ':') != NULL && strchr(text, ':') == strrchr(text, ':')) {
		port = strchr(text, ':');
		*port++ = '\0';
	}
	if (text[0] != '\0') {
		json_object_set_new(dnat, "addr", json_string(text));
	}
	json_t *number = port == NULL ? NULL : port_json(port, '-');
	if (number != NULL) {
		json_object_set_new(dnat, "port", number);
	}
	json_array_append_new(expressions, json_pack("{so}", "dnat", dnat));
}

struct rule {
	const char *family;
	const char *chain;
	json_t *expressions;
	const char *verdict; /* of -j or -g */
	char *target;        /* --to-destination */
	char *redirect;      /* --to-ports */
};

/* @return whether the option takes `value`. */
static bool take_option(struct rule *rule, const char *option, char *value)
{
	json_t *all = rule->expressions;
	if (strcmp(option, "-A") == 0) {
		rule->chain = value;
	} else if (strcmp(option, "-p") == 0) {
		add_match(all, json_pack("{s{ss}}", "meta", "key", "l4proto"), json_string(value));
	} else if (strcmp(option, "-d") == 0) {
		add_match(all, payload(rule->family, "daddr"), address_json(value));
	} else if (strcmp(option, "--dport") == 0) {
		add_match(all, payload("th", "dport"), port_json(value, ':'));
	} else if (strcmp(option, "--dports") == 0) {
		add_match(all, payload("th", "dport"), port_list_json(value));
	} else if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0) {
		rule->verdict = value;
	} else if (strcmp(option, "--to-destination") == 0) {
		rule->target = value;
	} else if (strcmp(option, "--to-ports") == 0) {
		rule->redirect = value;
	} else {
		return false;
	}
	return true;
}

static void add_verdict(const struct rule *rule)
{
	if (rule->target != NULL) {
		add_target(rule->expressions, rule->target);
	} else if (rule->verdict != NULL && strcmp(rule->verdict, "REDIRECT") == 0) {
		json_t *port = rule->redirect == NULL ? NULL : port_json(rule->redirect, '-');
		json_array_append_new(rule->expressions,
				      json_pack("{s{so?}}", "redirect", "port", port));
	} else if (rule->verdict != NULL) {
		json_array_append_new(rule->expressions,
				      json_pack("{s{ss}}", "jump", "target", rule->verdict));
	}
}

static json_t *rule_json(const char *family, char *line)
{
	struct words words;
	struct rule rule = { .family = family, .expressions = json_array() };
	split(&words, line);
	for (size_t i = 0; i + 1 < words.count; i++) {
		if (strcmp(words.items[i], "!") == 0) {
			i += 2; /* "! --dport 60" leaves all others */
		} else if (take_option(&rule, words.items[i], words.items[i + 1])) {
			i++;
		}
	}
	add_verdict(&rule);
	return json_pack("{s{ssssssso}}", "rule", "family", family, "table", "nat", "chain",
			 rule.chain == NULL ? "" : rule.chain, "expr", rule.expressions);
}

/* ":PREROUTING ACCEPT [0:0]" */
static json_t *chain_json(const char *family, char *line)
{
	line[strcspn(line, " ")] = '\0';
	if (strcmp(line, "PREROUTING") != 0) {
		return NULL; /* the others need no hook to be walked from there */
	}
	return json_pack("{s{ssssssssss}}", "chain", "family", family, "table", "nat", "name", line,
			 "type", "nat", "hook", "prerouting");
}

json_t *nft_from_iptables(const char *family, char *text)
{
	json_t *objects = json_array();
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		json_t *object = NULL;
		if (line[0] == ':') {
			object = chain_json(family, line + 1);
		} else if (strncmp(line, "-A ", 3) == 0) {
			object = rule_json(family, line);
		}
		if (object != NULL) {
			json_array_append_new(objects, object);
		}
	}
	return json_pack("{so}", "nftables", objects);
}
