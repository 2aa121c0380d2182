/* A declaration added at the end of `ports:`, in the hand of the file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "policy/edit.h"

enum { KEYS_MAX = 12, ENTRY_BYTES_MAX = 8 * POLICY_FILE_BYTES_MAX };

/* What is to be added, as keys in the order of the language. */
struct declared {
	struct arena arena;
	const char *name;
	struct policy_setting settings[KEYS_MAX];
	size_t count;
	const char *single[KEYS_MAX]; /* values of those that have one */
	int error;
};

/* ---- what ---- */

static void say(struct declared *d, const char *key, const char *value)
{
	if (value != NULL) {
		d->single[d->count] = value;
		d->settings[d->count] = (struct policy_setting){ key, &d->single[d->count], 1 };
		d->count++;
	}
}

static void say_list(struct declared *d, const char *key, const char *const *values, size_t count)
{
	if (count > 0) {
		d->settings[d->count++] = (struct policy_setting){ key, values, count };
	}
}

static void say_ports(struct declared *d, const struct policy_ports *ports, size_t count)
{
	const char **values = arena_alloc(&d->arena, (count + 1) * sizeof(*values));
	for (size_t i = 0; i < count && values != NULL; i++) {
		struct str text = STR_INIT(64);
		policy_ports_format(&text, &ports[i]);
		values[i] = arena_strdup(&d->arena, str_text(&text));
		d->error = text.error != 0 || values[i] == NULL ? -ENOMEM : d->error;
		str_deinit(&text);
	}
	if (values == NULL) {
		d->error = -ENOMEM;
	} else {
		say_list(d, "port", values, count);
	}
}

static void say_day(struct declared *d, const char *key, int32_t days)
{
	char text[POLICY_DATE_TEXT_BYTES];
	if (days == POLICY_NO_DATE || days == 0) {
		return;
	}
	const char *copy = arena_strdup(&d->arena, policy_date_format(days, text));
	d->error = copy == NULL ? -ENOMEM : d->error;
	say(d, key, copy);
}

static void say_all(struct declared *d, const struct policy_addition *a)
{
	say_ports(d, a->ports, a->port_count);
	say(d, "profile", a->profile);
	say(d, "for", a->purpose);
	say(d, "owner", a->owner);
	say_list(d, "from", a->from, a->from_count);
	say(d, "encryption", a->encryption);
	say(d, "because", a->because);
	say(d, "rate", a->rate);
	say_day(d, "until", a->until);
	say_day(d, "review", a->review);
	say(d, "interface", a->interface);
	say(d, "cut", a->cut ? "yes" : NULL);
}

/* ---- its name ---- */

static const char *service_name(const struct policy_ports *ports)
{
	const struct port_knowledge *knowledge = catalog_port(ports->protocol, ports->first);
	const struct service *service = catalog_registry(ports->protocol, ports->first);
	if (knowledge != NULL && name_valid(knowledge->name)) {
		return knowledge->name;
	}
	return service != NULL && name_valid(service->name) ? service->name : NULL;
}

static const char *wished_name(struct declared *d, const struct policy_addition *a)
{
	const char *name = a->name != NULL ? a->name : a->profile;
	if (name == NULL && a->port_count > 0) {
		name = service_name(a->ports);
	}
	if (name == NULL && a->port_count > 0) {
		name = arena_printf(&d->arena, "port-%u-%s", a->ports[0].first,
				    protocol_name(a->ports[0].protocol));
	} else if (name == NULL) {
		name = "port";
	}
	return name;
}

/* A name that nobody has in any file of the policy. */
static const char *free_name(struct declared *d, const struct policy *policy, const char *wished)
{
	const char *name = wished;
	for (size_t i = 2; name != NULL && policy_declaration_named(policy, name) != NULL; i++) {
		char suffix[24];
		int length = snprintf(suffix, sizeof(suffix), "-%zu", i);
		name = arena_printf(&d->arena, "%.*s%s", NAME_BYTES_MAX - length, wished, suffix);
	}
	return name;
}

/* ---- as text ---- */

static void add_key(struct str *out, struct sheet *sheet, const struct policy_setting *setting)
{
	str_printf(out, "%s: ", setting->key);
	str_add(out, value_text(sheet, setting));
}

/* name: {key: value, ...} */
static const char *in_brackets(struct sheet *sheet, const struct declared *d)
{
	struct str text = STR_INIT(ENTRY_BYTES_MAX);
	str_printf(&text, "%s: {", d->name);
	for (size_t i = 0; i < d->count; i++) {
		str_add(&text, i > 0 ? ", " : "");
		add_key(&text, sheet, &d->settings[i]);
	}
	str_add(&text, "}");
	return sheet_keep(sheet, &text);
}

/* The same as lines, after `before`. */
static const char *in_lines(struct sheet *sheet, const struct declared *d, const char *before,
			    size_t indent, size_t step)
{
	struct str text = STR_INIT(ENTRY_BYTES_MAX);
	str_printf(&text, "%s%*s%s:%s", before, (int)indent, "", d->name, sheet->eol);
	for (size_t i = 0; i < d->count; i++) {
		str_printf(&text, "%*s", (int)(indent + step), "");
		add_key(&text, sheet, &d->settings[i]);
		str_add(&text, sheet->eol);
	}
	return sheet_keep(sheet, &text);
}

/* ---- where ---- */

static size_t indent_of(const struct sheet *sheet, const struct node *entry)
{
	return line_indent(sheet, sheet_line(sheet, sheet_start(sheet, entry)));
}

/* By how much the first mapping in block style below this one is indented; 0 when there is none. */
static size_t step_below(const struct sheet *sheet, const struct node *mapping)
{
	for (const struct node *entry = mapping->first; entry != NULL; entry = entry->next) {
		if (entry->kind == NODE_MAPPING && !entry->flow && entry->count > 0) {
			size_t outer = indent_of(sheet, entry);
			size_t inner = indent_of(sheet, entry->first);
			return inner > outer ? inner - outer : 0;
		}
	}
	return 0;
}

static size_t step_of(const struct sheet *sheet, const struct node *ports)
{
	size_t inner = ports == NULL || ports->kind != NODE_MAPPING ? 0 : step_below(sheet, ports);
	size_t outer = sheet->root->flow ? 0 : step_below(sheet, sheet->root);
	return inner > 0 ? inner : outer > 0 ? outer : STEP_USUAL;
}

/* Lines can be put below an entry that begins its own and has nothing behind it. */
static void check_lines(struct sheet *sheet, const struct node *entry, size_t end)
{
	bool first = line_begun_by(sheet, sheet_start(sheet, entry), "");
	sheet->unsure = sheet->unsure || !first || !rest_empty(sheet, end);
}

/* `ports:` holds declarations, one below the other. */
static void add_below(struct sheet *sheet, const struct node *ports, const struct declared *d)
{
	size_t end = sheet_end(sheet, ports);
	size_t indent = indent_of(sheet, ports->first);
	size_t line = line_trailing(sheet, sheet_line(sheet, end), indent);
	const char *before = entries_apart(sheet, ports) ? sheet->eol : "";
	check_lines(sheet, ports->first, end);
	sheet_insert_lines(sheet, line, in_lines(sheet, d, before, indent, step_of(sheet, ports)));
}

static bool follows_colon(const struct sheet *sheet, size_t at)
{
	while (at > 0 && strchr(" \t\r\n", sheet->bytes[at - 1]) != NULL) {
		at--;
	}
	return at > 0 && sheet->bytes[at - 1] == ':';
}

/* `ports:` holds nothing: no value, "", or {}. */
static void add_first(struct sheet *sheet, const struct node *ports, const struct declared *d)
{
	size_t key_line = sheet_line(sheet, sheet_start(sheet, ports));
	size_t start = sheet_value(sheet, ports);
	size_t end = sheet_end(sheet, ports);
	/* `{minato: 1, ports}` has no colon to write after. */
	sheet->unsure = sheet->unsure || (end == start && !follows_colon(sheet, start));
	bool same_line = sheet_line(sheet, start) == key_line && sheet_line(sheet, end) == key_line;
	if (ports->kind == NODE_MAPPING && (sheet->root->flow || !same_line)) {
		entries_append_flow(sheet, ports, in_brackets(sheet, d));
		return;
	}
	if (sheet->root->flow || (!same_line && end > start)) {
		const char *space = sheet->bytes[start - 1] == ':' ? " " : "";
		sheet_splice(sheet, start, end,
			     sheet_printf(sheet, "%s{%s}", space, in_brackets(sheet, d)));
		return;
	}
	while (end > start && start > 0 && sheet->bytes[start - 1] == ' ') {
		start--;
	}
	size_t outer = line_indent(sheet, key_line);
	size_t step = step_of(sheet, ports);
	check_lines(sheet, ports, end);
	if (end > start) {
		sheet_splice(sheet, start, end, "");
	}
	sheet_insert_lines(sheet, line_trailing(sheet, key_line, outer + 1),
			   in_lines(sheet, d, "", outer + step, step));
}

/* The last line that the document may be continued after: not blank, before its end marker. */
static size_t last_line(const struct sheet *sheet)
{
	size_t content = sheet_line(sheet, sheet_end(sheet, sheet->root));
	size_t last = content;
	for (size_t line = content + 1; line < sheet->lines.count; line++) {
		const char *bytes = sheet->bytes + line_begin(sheet, line);
		if (line_next(sheet, line) - line_begin(sheet, line) >= 3 &&
		    memcmp(bytes, "...", 3) == 0) {
			break;
		}
		last = line_blank(sheet, line) ? last : line;
	}
	return last;
}

/* There is no `ports:`. */
static void add_section(struct sheet *sheet, const struct declared *d)
{
	const struct node *root = sheet->root;
	if (root->flow) {
		entries_append_flow(sheet, root,
				    sheet_printf(sheet, "ports: {%s}", in_brackets(sheet, d)));
		return;
	}
	size_t indent = indent_of(sheet, root->first);
	size_t step = step_of(sheet, NULL);
	const char *heading =
		sheet_printf(sheet, "%s%*sports:%s", entries_apart(sheet, root) ? sheet->eol : "",
			     (int)indent, "", sheet->eol);
	check_lines(sheet, root->first, sheet_end(sheet, root));
	sheet_insert_lines(sheet, last_line(sheet),
			   in_lines(sheet, d, heading, indent + step, step));
}

static void write_declaration(struct sheet *sheet, const struct declared *d)
{
	const struct node *ports = tree_get(sheet->root, "ports");
	if (ports == NULL) {
		add_section(sheet, d);
	} else if (ports->count == 0) {
		add_first(sheet, ports, d);
	} else if (ports->flow) {
		entries_append_flow(sheet, ports, in_brackets(sheet, d));
	} else {
		add_below(sheet, ports, d);
	}
}

/* ---- all ---- */

static int write_and_judge(struct editing *e, const struct declared *d)
{
	struct sheet sheet;
	int r = editing_sheet(e, &sheet);
	if (r == 0 && sheet.root == NULL) {
		r = POLICY_EDIT_BY_HAND;
	}
	if (r == 0) {
		write_declaration(&sheet, d);
		r = editing_apply(e, &sheet);
	}
	sheet_deinit(&sheet);
	return r == 0 ? editing_judge(e) : r;
}

/* Whether the new policy has this declaration more, and nothing else is different. */
static int confirm(struct editing *e, const struct declared *d)
{
	const struct policy_changes *changes = &e->out->changes;
	const struct policy_declaration *added =
		policy_declaration_named(editing_after(e), d->name);
	if (added == NULL || changes->list.count != 1 ||
	    changes->list.items[0].kind != POLICY_ADDED ||
	    !str_starts(changes->list.items[0].path, "ports.") ||
	    strcmp(changes->list.items[0].path + strlen("ports."), d->name) != 0) {
		return POLICY_EDIT_BY_HAND;
	}
	int r = editing_confirm(e, d->name, d->settings, d->count);
	return r == 0 ? editing_part(e, POLICY_PART_ADDED, &added->entry) : r;
}

static int add(struct editing *e, struct declared *d, const struct policy_addition *addition)
{
	say_all(d, addition);
	d->name = free_name(d, editing_before(e), wished_name(d, addition));
	if (d->error != 0 || d->name == NULL) {
		return -ENOMEM;
	}
	int r = write_and_judge(e, d);
	return r == 0 ? confirm(e, d) : r;
}

int policy_edit_add(struct policy_edit *out, const struct policy_text *text,
		    const struct policy_addition *addition,
		    const struct policy_environment *environment)
{
	struct editing e;
	struct declared d = { 0 };
	*out = (struct policy_edit){ 0 };
	if (addition->port_count > POLICY_EDIT_VALUES_MAX ||
	    addition->from_count > POLICY_EDIT_VALUES_MAX) {
		return -EINVAL;
	}
	int r = editing_begin(&e, out, text, environment);
	r = editing_finish(&e, r == 0 ? add(&e, &d, addition) : r);
	arena_deinit(&d.arena);
	return r;
}
