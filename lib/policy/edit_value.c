/* Values written as text, and keys of a declaration made to say something else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "policy/edit.h"
#include "policy/schema.h"

enum { TEXT_BYTES_MAX = 4 * POLICY_FILE_BYTES_MAX }; /* quotes and escapes included */

/* ---- quotes ---- */

static bool is_date(const char *value)
{
	int year = 0;
	int month = 0;
	int day = 0;
	return date_parse(&year, &month, &day, value) == 0;
}

/* Other readers would take it for a time of YAML 1.1. */
static bool looks_like_time(const char *value)
{
	return value[0] >= '0' && value[0] <= '9' &&
	       value[strspn(value, "0123456789-:. TtZz+")] == '\0' && strchr(value, '-') != NULL;
}

/* Whether it reads as itself without quotes, in block style and in brackets. */
static bool is_plain(const char *value)
{
	size_t length = strlen(value);
	if (length == 0 || tree_needs_quotes(value) || looks_like_time(value)) {
		return false;
	}
	if (strchr("-?&*!|>'\"%@`=<~ ", value[0]) != NULL || value[length - 1] == ' ' ||
	    str_starts(value, "...")) {
		return false;
	}
	for (const char *at = value; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f || strchr(",[]{}#", *at) != NULL) {
			return false;
		}
	}
	return true;
}

static void add_quoted(struct str *out, const char *value)
{
	str_add_char(out, '"');
	for (const char *at = value; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\') {
			str_printf(out, "\\%c", *at);
		} else if ((unsigned char)*at < ' ' || *at == 0x7f) {
			str_printf(out, "\\x%02x", (unsigned char)*at);
		} else {
			str_add_char(out, *at);
		}
	}
	str_add_char(out, '"');
}

/* A day of `until` and `review` is written as one; everywhere else it would be taken for one. */
static bool is_day(const char *key, const char *value)
{
	return (strcmp(key, "until") == 0 || strcmp(key, "review") == 0) && is_date(value);
}

/* The same of `cut`, which is yes or no. */
static bool is_answer(const char *key, const char *value)
{
	return strcmp(key, "cut") == 0 && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0);
}

static void add_value(struct str *out, const char *key, const char *value)
{
	if (is_plain(value) || is_day(key, value) || is_answer(key, value)) {
		str_add(out, value);
	} else {
		add_quoted(out, value);
	}
}

const char *value_text(struct sheet *sheet, const struct policy_setting *setting)
{
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	str_add(&text, setting->count > 1 ? "[" : "");
	for (size_t i = 0; i < setting->count; i++) {
		str_add(&text, i > 0 ? ", " : "");
		add_value(&text, setting->key, setting->values[i]);
	}
	str_add(&text, setting->count > 1 ? "]" : "");
	return sheet_keep(sheet, &text);
}

/* ---- lists ---- */

/* Which values of a setting and which items of a list have found each other. */
struct pairing {
	bool values[POLICY_EDIT_VALUES_MAX];
	bool *gone; /* items */
};

static bool take_value(struct pairing *p, const struct policy_setting *setting, const char *text)
{
	for (size_t i = 0; i < setting->count; i++) {
		if (!p->values[i] && strcmp(setting->values[i], text) == 0) {
			p->values[i] = true;
			return true;
		}
	}
	return false;
}

/* The next value that stands nowhere yet; setting->count when all do. */
static size_t next_value(const struct pairing *p, const struct policy_setting *setting, size_t i)
{
	while (i < setting->count && p->values[i]) {
		i++;
	}
	return i;
}

/*
 * In brackets what is new takes the places of what goes. In block style an item has comments of its
 * own, which would tell about the wrong one: there it goes with them.
 * @return the first value that found no place.
 */
static size_t replace_items(struct sheet *sheet, const struct node *list, struct pairing *p,
			    const struct policy_setting *setting)
{
	size_t value = next_value(p, setting, 0);
	size_t i = 0;
	for (const struct node *item = list->first; item != NULL; item = item->next, i++) {
		if (list->flow && p->gone[i] && value < setting->count) {
			struct str text = STR_INIT(TEXT_BYTES_MAX);
			add_value(&text, setting->key, setting->values[value]);
			sheet_splice(sheet, sheet_value(sheet, item), sheet_end(sheet, item),
				     sheet_keep(sheet, &text));
			p->gone[i] = false;
			value = next_value(p, setting, value + 1);
		}
	}
	return value;
}

static void append_values(struct sheet *sheet, const struct node *list, const struct pairing *p,
			  const struct policy_setting *setting, size_t value)
{
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	while (value < setting->count) {
		str_add(&text, text.length > 0 ? ", " : "");
		add_value(&text, setting->key, setting->values[value]);
		value = next_value(p, setting, value + 1);
		if (!list->flow || value == setting->count) {
			entries_append(sheet, list, sheet_keep(sheet, &text));
			text = STR_INIT(TEXT_BYTES_MAX);
		}
	}
	str_deinit(&text);
}

/* Items that stay keep their place and their comments. */
static void write_list(struct sheet *sheet, const struct node *list,
		       const struct policy_setting *setting)
{
	struct pairing p = { .gone = calloc(list->count + 1U, sizeof(bool)) };
	size_t i = 0;
	if (p.gone == NULL) {
		sheet->error = -ENOMEM;
		return;
	}
	for (const struct node *item = list->first; item != NULL; item = item->next) {
		p.gone[i++] = !take_value(&p, setting, item->text);
	}
	append_values(sheet, list, &p, setting, replace_items(sheet, list, &p, setting));
	entries_remove(sheet, list, p.gone);
	free(p.gone);
}

/* ---- settings ---- */

/* Place of a key in the order of the language. */
static size_t rank(const char *key)
{
	size_t i = 0;
	while (i < schema_declaration.key_count &&
	       strcmp(schema_declaration.keys[i].name, key) != 0) {
		i++;
	}
	return i;
}

/* The entry that a new key comes after: the last one of those that the language names before it. */
static const struct node *neighbour(const struct node *declaration, const char *key)
{
	const struct node *found = NULL;
	for (const struct node *entry = declaration->first; entry != NULL; entry = entry->next) {
		bool before = rank(entry->key->text) < rank(key);
		bool profile = strcmp(key, "port") == 0 && strcmp(entry->key->text, "profile") == 0;
		found = before || profile ? entry : found;
	}
	return found == NULL ? declaration->last : found;
}

static void remove_key(struct sheet *sheet, const struct node *declaration, const struct node *key)
{
	bool *gone = calloc(declaration->count + 1U, sizeof(*gone));
	size_t i = 0;
	if (gone == NULL) {
		sheet->error = -ENOMEM;
		return;
	}
	for (const struct node *entry = declaration->first; entry != NULL; entry = entry->next) {
		gone[i++] = entry == key;
	}
	entries_remove(sheet, declaration, gone);
	free(gone);
}

void setting_write(struct sheet *sheet, const struct node *declaration,
		   const struct policy_setting *setting)
{
	const struct node *value = tree_get(declaration, setting->key);
	if (value != NULL && setting->count == 0) {
		remove_key(sheet, declaration, value);
	} else if (value != NULL && value->kind == NODE_LIST) {
		write_list(sheet, value, setting);
	} else if (value != NULL && !setting_holds(declaration, setting)) {
		sheet_splice(sheet, sheet_value(sheet, value), sheet_end(sheet, value),
			     value_text(sheet, setting));
	} else if (value == NULL && setting->count > 0) {
		const char *text = value_text(sheet, setting);
		entries_insert(sheet, declaration, neighbour(declaration, setting->key),
			       sheet_printf(sheet, "%s: %s", setting->key, text));
	}
}

bool setting_holds(const struct node *declaration, const struct policy_setting *setting)
{
	struct pairing p = { 0 };
	const struct node *value = tree_get(declaration, setting->key);
	if (value == NULL || setting->count == 0) {
		return value == NULL && setting->count == 0;
	}
	if (value->kind == NODE_TEXT) {
		return setting->count == 1 && take_value(&p, setting, value->text);
	}
	bool all = value->kind == NODE_LIST && value->count == setting->count;
	for (const struct node *item = value->first; item != NULL && all; item = item->next) {
		all = item->kind == NODE_TEXT && take_value(&p, setting, item->text);
	}
	return all;
}
