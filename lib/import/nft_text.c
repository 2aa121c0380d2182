/* Rules of nft's JSON as a person writes them. */
#include "import/nft_text.h"

#include <stdbool.h>
#include <string.h>

enum { DEPTH_MAX = 12 };

static void add_value(struct str *out, const json_t *value, unsigned depth);

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text == NULL ? "" : text;
}

static void add_list(struct str *out, const json_t *list, const char *between, unsigned depth)
{
	size_t index = 0;
	const json_t *item = NULL;
	json_array_foreach(list, index, item)
	{
		str_add(out, index == 0 ? "" : between);
		add_value(out, item, depth + 1);
	}
}

/* Pairs of a verdict map look like any list of two: {"drop": null} tells them apart. */
static bool add_verdict(struct str *out, const json_t *value)
{
	static const char *const verdicts[] = { "accept", "drop", "reject",  "return",
						"jump",   "goto", "continue" };
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const json_t *verdict = json_object_get(value, verdicts[i]);
		if (verdict != NULL) {
			const char *target = word(verdict, "target");
			str_printf(out, "%s%s%s", verdicts[i], *target == '\0' ? "" : " ", target);
			return true;
		}
	}
	return false;
}

static void add_pair(struct str *out, const json_t *pair, unsigned depth)
{
	add_value(out, json_array_get(pair, 0), depth + 1);
	str_add(out, " : ");
	if (!add_verdict(out, json_array_get(pair, 1))) {
		add_value(out, json_array_get(pair, 1), depth + 1);
	}
}

static void add_set(struct str *out, const json_t *set, unsigned depth)
{
	size_t index = 0;
	const json_t *item = NULL;
	if (!json_is_array(set)) {
		add_value(out, set, depth + 1);
		return;
	}
	str_add(out, "{ ");
	json_array_foreach(set, index, item)
	{
		str_add(out, index == 0 ? "" : ", ");
		if (json_is_array(item) && json_is_object(json_array_get(item, 1))) {
			add_pair(out, item, depth);
		} else {
			add_value(out, item, depth + 1);
		}
	}
	str_add(out, " }");
}

static void add_named(struct str *out, const char *name, const json_t *value, unsigned depth)
{
	if (strcmp(name, "set") == 0) {
		add_set(out, value, depth);
	} else if (strcmp(name, "range") == 0) {
		add_list(out, value, "-", depth);
	} else if (strcmp(name, "concat") == 0) {
		add_list(out, value, " . ", depth);
	} else if (strcmp(name, "&") == 0) {
		add_list(out, value, " & ", depth);
	} else if (strcmp(name, "prefix") == 0) {
		add_value(out, json_object_get(value, "addr"), depth + 1);
		str_add_char(out, '/');
		add_value(out, json_object_get(value, "len"), depth + 1);
	} else if (strcmp(name, "elem") == 0) {
		add_value(out, json_object_get(value, "val"), depth + 1);
	} else if (strcmp(name, "payload") == 0) {
		str_printf(out, "%s %s", word(value, "protocol"), word(value, "field"));
	} else if (strcmp(name, "meta") == 0) {
		bool bare = str_starts(word(value, "key"), "iif") ||
			    str_starts(word(value, "key"), "oif");
		str_printf(out, "%s%s", bare ? "" : "meta ", word(value, "key"));
	} else if (strcmp(name, "ct") == 0) {
		str_printf(out, "ct %s", word(value, "key"));
	} else if (strcmp(name, "fib") == 0) {
		str_add(out, "fib ");
		add_list(out, json_object_get(value, "flags"), " . ", depth);
		str_printf(out, " %s", word(value, "result"));
	} else {
		str_add(out, name);
	}
}

static void add_value(struct str *out, const json_t *value, unsigned depth)
{
	if (depth > DEPTH_MAX) {
		str_add(out, "..");
	} else if (json_is_string(value)) {
		str_add(out, json_string_value(value));
	} else if (json_is_integer(value)) {
		str_printf(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_boolean(value)) {
		str_add(out, json_is_true(value) ? "exists" : "missing");
	} else if (json_is_array(value)) {
		add_list(out, value, ",", depth);
	} else if (json_is_object(value)) {
		void *item = json_object_iter((json_t *)value);
		const char *name = json_object_iter_key(item);
		add_named(out, name == NULL ? "?" : name, json_object_iter_value(item), depth);
	}
}

static void add_limit(struct str *out, const json_t *limit)
{
	str_printf(out, "limit rate %s",
		   json_is_true(json_object_get(limit, "inv")) ? "over " : "");
	add_value(out, json_object_get(limit, "rate"), 0);
	str_printf(out, "/%s", word(limit, "per"));
}

/* "add @brute { ip saddr limit rate over 3/minute }" */
static void add_dynamic(struct str *out, const json_t *set)
{
	const json_t *statements = json_object_get(set, "stmt");
	const json_t *first =
		json_is_array(statements) ? json_array_get(statements, 0) : statements;
	str_printf(out, "%s %s { ", word(set, "op"), word(set, "set"));
	add_value(out, json_object_get(set, "elem"), 0);
	if (json_object_get(first, "limit") != NULL) {
		str_add_char(out, ' ');
		add_limit(out, json_object_get(first, "limit"));
	}
	str_add(out, " }");
}

static void add_statement(struct str *out, const json_t *statement)
{
	const json_t *match = json_object_get(statement, "match");
	const json_t *vmap = json_object_get(statement, "vmap");
	if (match != NULL) {
		const char *op = word(match, "op");
		bool plain = strcmp(op, "==") == 0 || strcmp(op, "in") == 0;
		add_value(out, json_object_get(match, "left"), 0);
		str_printf(out, " %s%s", plain ? "" : op, plain ? "" : " ");
		add_value(out, json_object_get(match, "right"), 0);
	} else if (vmap != NULL) {
		add_value(out, json_object_get(vmap, "key"), 0);
		str_add(out, " vmap ");
		add_value(out, json_object_get(vmap, "data"), 0);
	} else if (json_object_get(statement, "limit") != NULL) {
		add_limit(out, json_object_get(statement, "limit"));
	} else if (json_object_get(statement, "set") != NULL) {
		add_dynamic(out, json_object_get(statement, "set"));
	} else if (json_object_get(statement, "xt") != NULL) {
		str_printf(out, "xt %s", word(json_object_get(statement, "xt"), "name"));
	} else if (!add_verdict(out, statement)) {
		const char *name = json_object_iter_key(json_object_iter((json_t *)statement));
		str_add(out, name == NULL ? "?" : name);
	}
}

void nft_text_rule(struct str *out, const json_t *expressions)
{
	size_t index = 0;
	const json_t *statement = NULL;
	json_array_foreach(expressions, index, statement)
	{
		str_add(out, index == 0 ? "" : " ");
		add_statement(out, statement);
	}
}
