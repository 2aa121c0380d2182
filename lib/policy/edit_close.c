/* Ports taken out of every declaration that covers them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/edit.h"
#include "policy/values.h"

enum { PROTOCOLS = 5, PIECES_BYTES_MAX = 4 * POLICY_FILE_BYTES_MAX };

/* Ports to be closed, by protocol, and all others. */
struct closing {
	struct {
		struct portset closed, open;
	} of[PROTOCOLS];
	struct arena arena; /* lists of ports that are left */
};

/* What is left of some ports. */
struct left {
	VEC(struct policy_ports) ports;
	int error;
};

/* ---- sets ---- */

static size_t index_of(enum protocol protocol)
{
	static const enum protocol protocols[PROTOCOLS] = { PROTOCOL_TCP, PROTOCOL_UDP,
							    PROTOCOL_SCTP, PROTOCOL_DCCP,
							    PROTOCOL_UDPLITE };
	enum protocol wanted = protocol == PROTOCOL_MPTCP ? PROTOCOL_TCP : protocol;
	size_t i = 0;
	while (i < PROTOCOLS && protocols[i] != wanted) {
		i++;
	}
	return i;
}

static void closing_fill(struct closing *closing, const struct policy_ports *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t p = index_of(ports[i].protocol);
		if (p < PROTOCOLS && ports[i].first <= ports[i].last) {
			portset_add_range(&closing->of[p].closed, ports[i].first, ports[i].last);
		}
	}
	for (size_t p = 0; p < PROTOCOLS; p++) {
		for (size_t w = 0; w < sizeof(closing->of[p].open.words) / sizeof(uint64_t); w++) {
			closing->of[p].open.words[w] = ~closing->of[p].closed.words[w];
		}
	}
}

static bool meets(const struct closing *closing, const struct policy_declaration *d)
{
	for (size_t i = 0; i < d->ports.count; i++) {
		const struct policy_ports *ports = &d->ports.items[i];
		size_t p = index_of(ports->protocol);
		int32_t closed =
			p == PROTOCOLS ? -1 : portset_next(&closing->of[p].closed, ports->first);
		if (closed >= 0 && closed <= ports->last) {
			return true;
		}
	}
	return false;
}

/* Adds what is left of one range. */
static void subtract(struct left *left, const struct closing *closing,
		     const struct policy_ports *ports)
{
	size_t p = index_of(ports->protocol);
	for (uint32_t at = ports->first; p < PROTOCOLS && at <= ports->last;) {
		int32_t first = portset_next(&closing->of[p].open, at);
		if (first < 0 || first > ports->last) {
			return;
		}
		int32_t end = portset_next(&closing->of[p].closed, (uint32_t)first);
		end = end < 0 || end > ports->last ? ports->last + 1 : end;
		struct policy_ports *piece = vec_push(&left->ports);
		if (piece == NULL) {
			left->error = -ENOMEM;
			return;
		}
		*piece = (struct policy_ports){ ports->protocol, (uint16_t)first,
						(uint16_t)(end - 1) };
		at = (uint32_t)end;
	}
}

static void subtract_all(struct left *left, const struct closing *closing,
			 const struct policy_declaration *d)
{
	for (size_t i = 0; i < d->ports.count; i++) {
		subtract(left, closing, &d->ports.items[i]);
	}
}

/* ---- text ---- */

static const char *pieces_text(struct sheet *sheet, const struct left *left, const char *between)
{
	struct str text = STR_INIT(PIECES_BYTES_MAX);
	for (size_t i = 0; i < left->ports.count; i++) {
		str_add(&text, i > 0 ? between : "");
		policy_ports_format(&text, &left->ports.items[i]);
	}
	return sheet_keep(sheet, &text);
}

/* What stands before an item of a list in block style, to begin another one below it. */
static const char *between_items(struct sheet *sheet, const struct node *item)
{
	size_t start = sheet_start(sheet, item);
	size_t begin = line_begin(sheet, sheet_line(sheet, start));
	return sheet_printf(sheet, "%s%.*s", sheet->eol, (int)(start - begin),
			    sheet->bytes + begin);
}

static bool same_ports(const struct policy_ports *a, const struct policy_ports *b)
{
	return a->protocol == b->protocol && a->first == b->first && a->last == b->last;
}

/* Each item that loses ports says what is left of it, in its place. */
static void narrow_list(struct sheet *sheet, const struct node *list, const struct closing *closing,
			const struct policy_declaration *d)
{
	_cleanup_(freep) bool *gone = calloc(list->count + 1U, sizeof(*gone));
	size_t i = 0;
	if (gone == NULL || list->count != d->ports.count) {
		sheet->error = gone == NULL ? -ENOMEM : sheet->error;
		sheet->unsure = true;
		return;
	}
	for (const struct node *item = list->first; item != NULL; item = item->next, i++) {
		struct left left = { 0 };
		subtract(&left, closing, &d->ports.items[i]);
		gone[i] = left.ports.count == 0;
		if (!gone[i] && !same_ports(&left.ports.items[0], &d->ports.items[i])) {
			const char *between = list->flow ? ", " : between_items(sheet, item);
			sheet_splice(sheet, sheet_value(sheet, item), sheet_end(sheet, item),
				     pieces_text(sheet, &left, between));
		}
		sheet->error = left.error != 0 ? left.error : sheet->error;
		vec_free(&left.ports);
	}
	entries_remove(sheet, list, gone);
}

/* `port:` of a declaration says what is left of it. */
static void narrow(struct sheet *sheet, const struct node *node, const struct closing *closing,
		   const struct policy_declaration *d, const struct left *left)
{
	const struct node *port = tree_get(node, "port");
	const struct node *profile = tree_get(node, "profile");
	if (port != NULL && port->kind == NODE_LIST) {
		narrow_list(sheet, port, closing, d);
		return;
	}
	const char *text = pieces_text(sheet, left, ", ");
	if (left->ports.count > 1) {
		text = sheet_printf(sheet, "[%s]", text);
	}
	if (port != NULL) {
		sheet_splice(sheet, sheet_value(sheet, port), sheet_end(sheet, port), text);
	} else if (profile != NULL) {
		entries_insert(sheet, node, profile, sheet_printf(sheet, "port: %s", text));
	}
}

/* ---- declarations ---- */

/* One walk over the declarations, beside the nodes of those of this file: they come first. */
struct walk {
	struct editing *e;
	struct sheet *sheet;
	struct closing *closing;
	bool *gone;                           /* of the file's declarations */
	struct policy_declaration *remaining; /* the policy that is to be */
	size_t remaining_count;
	bool changed;
};

/* The declaration with the ports that are left, for the comparison afterwards. */
static int keep_narrowed(struct walk *w, const struct policy_declaration *d,
			 const struct left *left)
{
	struct policy_declaration *kept = &w->remaining[w->remaining_count++];
	size_t bytes = left->ports.count * sizeof(*left->ports.items);
	*kept = *d;
	kept->ports.items = arena_alloc(&w->closing->arena, bytes);
	if (kept->ports.items == NULL) {
		return -ENOMEM;
	}
	memcpy(kept->ports.items, left->ports.items, bytes);
	kept->ports.count = left->ports.count;
	return 0;
}

static int close_one(struct walk *w, const struct policy_declaration *d, const struct node *node,
		     bool *gone)
{
	struct left left = { 0 };
	subtract_all(&left, w->closing, d);
	bool none = left.ports.count == 0;
	int r = left.error;
	w->changed = true;
	*gone = none;
	if (r == 0) {
		r = editing_part(w->e, none ? POLICY_PART_REMOVED : POLICY_PART_NARROWED,
				 &d->entry);
	}
	if (r == 0 && !none) {
		narrow(w->sheet, node, w->closing, d, &left);
		r = keep_narrowed(w, d, &left);
	}
	vec_free(&left.ports);
	return r;
}

static int walk_declarations(struct walk *w)
{
	const struct policy *before = editing_before(w->e);
	const struct node *ports = sheet_ports(w->sheet);
	const struct node *node = ports == NULL ? NULL : ports->first;
	int r = 0;
	for (size_t i = 0; i < before->declarations.count && r == 0; i++) {
		const struct policy_declaration *d = &before->declarations.items[i];
		bool here = editing_here(w->e, &d->entry);
		bool met = meets(w->closing, d);
		if (here && (node == NULL || strcmp(node->key->text, d->entry.name) != 0)) {
			return POLICY_EDIT_BY_HAND;
		}
		if (met && here) {
			r = close_one(w, d, node, &w->gone[i]);
		} else {
			w->remaining[w->remaining_count++] = *d;
		}
		if (met && !here) {
			r = editing_part(w->e, POLICY_PART_ELSEWHERE, &d->entry);
		}
		node = here ? node->next : node;
	}
	if (r == 0 && ports != NULL) {
		entries_remove(w->sheet, ports, w->gone);
	}
	return r;
}

/* Whether the new text means the old policy without the ports, and nothing else. */
static int confirm(const struct walk *w)
{
	struct policy wanted = *editing_before(w->e);
	struct policy_changes changes;
	wanted.declarations.items = w->remaining;
	wanted.declarations.count = w->remaining_count;
	int r = policy_diff(&changes, &wanted, editing_after(w->e));
	if (r == 0) {
		r = changes.list.count == 0 ? 0 : POLICY_EDIT_BY_HAND;
		policy_changes_deinit(&changes);
	}
	return r;
}

static int close_ports(struct editing *e, struct closing *closing)
{
	struct sheet sheet;
	size_t count = editing_before(e)->declarations.count + 1;
	_cleanup_(freep) bool *gone = calloc(count, sizeof(*gone));
	_cleanup_(freep) struct policy_declaration *remaining = calloc(count, sizeof(*remaining));
	struct walk w = {
		.e = e, .sheet = &sheet, .closing = closing, .gone = gone, .remaining = remaining
	};
	int r = editing_sheet(e, &sheet);
	r = gone == NULL || remaining == NULL ? -ENOMEM : r;
	r = r == 0 ? walk_declarations(&w) : r;
	if (r == 0) {
		r = w.changed ? editing_apply(e, &sheet) : POLICY_EDIT_UNCHANGED;
	}
	sheet_deinit(&sheet);
	r = r == 0 ? editing_judge(e) : r;
	return r == 0 ? confirm(&w) : r;
}

int policy_edit_close(struct policy_edit *out, const struct policy_text *text,
		      const struct policy_ports *ports, size_t count,
		      const struct policy_environment *environment)
{
	struct editing e;
	*out = (struct policy_edit){ 0 };
	if (count > POLICY_EDIT_VALUES_MAX) {
		return -EINVAL;
	}
	_cleanup_(freep) struct closing *closing = calloc(1, sizeof(*closing));
	if (closing == NULL) {
		return -ENOMEM;
	}
	closing_fill(closing, ports, count);
	int r = editing_begin(&e, out, text, environment);
	r = editing_finish(&e, r == 0 ? close_ports(&e, closing) : r);
	arena_deinit(&closing->arena);
	return r;
}
