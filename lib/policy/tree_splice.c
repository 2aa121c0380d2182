/*
 * A text that was changed at few places, read again: of its tree only the entries of `ports:` that
 * are not as they were come from YAML, the rest is copied.
 *
 * It holds because of how YAML's block style works: at the beginning of a line whose first
 * character is an entry's key, indented as the other entries of its mapping, every entry before has
 * ended, whatever it holds (YAML 1.2.2, 8.2.2). So lines from one such place to another mean the
 * same under a `ports:` of their own. Whatever is not plainly so is left to tree_read().
 */
#include <errno.h>
#include <string.h>

#include "policy/reader.h"

enum { FRAGMENT_BYTES_MAX = 64 * 1024 };

static const char heading[] = "ports:\n";
enum { HEADING_CHARACTERS = sizeof(heading) - 1, HEADING_LINES = 1 };

/* What is different, in whole lines. Bytes and characters from the beginning of a text. */
struct region {
	const struct node *ports; /* of the old tree */
	const struct node *begin; /* its first entry that is read anew */
	const struct node *end;   /* the first one after them that is not; NULL = none */
	uint32_t entry_count;     /* from begin to end */
	uint32_t indent;
	size_t start, old_end, new_end;      /* bytes */
	uint32_t start_line, start_at;       /* line, characters */
	uint32_t old_end_at;                 /* characters */
	int64_t line_shift, character_shift; /* of what follows */
};

/* ---- bytes and characters ---- */

static bool begins_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

static uint32_t characters(const char *bytes, size_t length)
{
	uint32_t count = 0;
	for (size_t i = 0; i < length; i++) {
		count += begins_character(bytes[i]);
	}
	return count;
}

static uint32_t lines(const char *bytes, size_t length)
{
	uint32_t count = 0;
	for (size_t i = 0; i < length; i++) {
		count += bytes[i] == '\n';
	}
	return count;
}

/* Where so many characters end. */
static size_t byte_of(const struct source *source, uint32_t character)
{
	size_t at = 0;
	for (uint32_t seen = 0; at < source->length; at++) {
		if (begins_character(source->bytes[at]) && seen++ == character) {
			break;
		}
	}
	return at;
}

static size_t common_prefix(const struct source *a, const struct source *b)
{
	const size_t most = a->length < b->length ? a->length : b->length;
	size_t same = 0;
	while (same < most && a->bytes[same] == b->bytes[same]) {
		same++;
	}
	return same;
}

static size_t common_suffix(const struct source *a, const struct source *b, size_t prefix)
{
	const size_t most = (a->length < b->length ? a->length : b->length) - prefix;
	size_t same = 0;
	while (same < most && a->bytes[a->length - same - 1] == b->bytes[b->length - same - 1]) {
		same++;
	}
	return same;
}

/* ---- which lines ---- */

/* Where the line of an entry begins, in characters. */
static uint32_t line_of(const struct node *entry)
{
	return entry->key->start - entry->key->mark.column;
}

/* From the last entry that begins before the difference, to the first that begins behind it. */
static bool find_entries(struct region *r, uint32_t first_other, uint32_t last_other)
{
	for (const struct node *entry = r->ports->first; entry != NULL; entry = entry->next) {
		if (entry->key->mark.column != r->indent) {
			return false;
		}
		if (line_of(entry) < first_other) {
			r->begin = entry;
			r->entry_count = 0;
		}
		if (r->begin != NULL && r->end == NULL && line_of(entry) >= last_other &&
		    entry != r->begin) {
			r->end = entry;
		}
		r->entry_count += r->end == NULL;
	}
	return r->begin != NULL;
}

/* What the lines end with: an entry, the next key of the file, or the file. */
static bool find_end(struct region *r, const struct source *old, uint32_t last_other)
{
	const struct node *next = r->end != NULL ? r->end : r->ports->next;
	r->old_end = old->length;
	r->old_end_at = characters(old->bytes, old->length);
	if (next == NULL) {
		return true;
	}
	r->old_end_at = line_of(next);
	r->old_end = byte_of(old, r->old_end_at);
	return r->old_end_at >= last_other;
}

/* Nothing at the very beginning of a line but spaces and comments: no mark of a document. */
static bool is_indented(const char *bytes, size_t length)
{
	bool begins = true;
	for (size_t i = 0; i < length; i++) {
		if (begins && strchr(" #\r\n", bytes[i]) == NULL) {
			return false;
		}
		begins = bytes[i] == '\n';
	}
	return true;
}

static bool find_region(struct region *r, const struct node *root, const struct source *old,
			const struct source *new)
{
	const struct node *ports = root == NULL || root->flow ? NULL : tree_get(root, "ports");
	if (ports == NULL || ports->kind != NODE_MAPPING || ports->flow || ports->first == NULL) {
		return false;
	}
	const size_t prefix = common_prefix(old, new);
	const size_t suffix = common_suffix(old, new, prefix);
	const uint32_t first_other = characters(old->bytes, prefix);
	const uint32_t last_other = characters(old->bytes, old->length - suffix);
	*r = (struct region){ .ports = ports, .indent = ports->first->key->mark.column };
	if (r->indent == 0 || !find_entries(r, first_other, last_other) ||
	    !find_end(r, old, last_other)) {
		return false;
	}
	r->start_at = line_of(r->begin);
	r->start = byte_of(old, r->start_at);
	r->start_line = r->begin->key->mark.line;
	r->new_end = r->old_end + new->length - old->length;
	if (r->new_end <= r->start || r->new_end - r->start > FRAGMENT_BYTES_MAX ||
	    (r->new_end < new->length &&new->bytes[r->new_end - 1] != '\n')) {
		return false;
	}
	const char *bytes = new->bytes + r->start;
	const size_t length = r->new_end - r->start;
	const size_t old_length = r->old_end - r->start;
	r->line_shift = (int64_t)lines(bytes, length) - lines(old->bytes + r->start, old_length);
	r->character_shift =
		(int64_t)characters(bytes, length) - characters(old->bytes + r->start, old_length);
	return is_indented(bytes, length);
}

/* ---- copying ---- */

struct moving {
	struct reader *reader;
	const struct source *source;
	uint32_t from; /* characters: what is before stays */
	int64_t lines, characters;
};

static uint32_t moved(uint32_t place, int64_t by)
{
	return (uint32_t)(place + by);
}

static struct node *copy_one(const struct moving *m, const struct node *node)
{
	struct node *copy = reader_alloc(m->reader, sizeof(*copy));
	if (copy == NULL) {
		return NULL;
	}
	m->reader->values++;
	*copy = *node;
	copy->mark.source = m->source;
	if (node->start >= m->from) {
		copy->mark.line = moved(node->mark.line, m->lines);
		copy->start = moved(node->start, m->characters);
	}
	if (node->end >= m->from) {
		copy->end = moved(node->end, m->characters);
	}
	copy->key = copy->next = copy->first = copy->last = NULL;
	copy->count = 0;
	return copy;
}

static struct node *copy_node(const struct moving *m, const struct node *node);

/* NOLINTBEGIN(misc-no-recursion): a tree that was read is at most POLICY_NESTING_MAX deep. */

static int copy_children(const struct moving *m, struct node *into, const struct node *first,
			 const struct node *end)
{
	for (const struct node *child = first; child != end; child = child->next) {
		struct node *copy = copy_node(m, child);
		if (copy == NULL) {
			return -ENOMEM;
		}
		(void)tree_add(into, copy);
	}
	return 0;
}

static struct node *copy_node(const struct moving *m, const struct node *node)
{
	struct node *copy = copy_one(m, node);
	if (copy == NULL || (node->key != NULL && (copy->key = copy_one(m, node->key)) == NULL)) {
		return NULL;
	}
	return copy_children(m, copy, node->first, NULL) < 0 ? NULL : copy;
}

/* NOLINTEND(misc-no-recursion) */

/* ---- what is read ---- */

struct fragment {
	struct str text;
	struct source source;
	struct policy_diagnostics ignored;
	struct reader reader;
	const struct node *first; /* of its entries */
};

static void fragment_deinit(struct fragment *f)
{
	vec_free(&f->reader.faults);
	policy_diagnostics_deinit(&f->ignored);
	str_deinit(&f->text);
}

/* Whether it is entries as those around it, and nothing else. */
static bool fits(const struct fragment *f, const struct node *root, const struct region *r)
{
	const struct node *ports = root == NULL ? NULL : root->first;
	if (f->ignored.errors > 0 || f->reader.faults.count > 0 || root == NULL ||
	    root->kind != NODE_MAPPING || root->count != 1 || ports->kind != NODE_MAPPING ||
	    ports->flow || ports->first == NULL || ports->first->key->mark.line != HEADING_LINES) {
		return false;
	}
	for (const struct node *entry = ports->first; entry != NULL; entry = entry->next) {
		if (entry->key->mark.column != r->indent) {
			return false;
		}
	}
	return true;
}

/* @return 1 it was read; 0 it does not fit; -ENOMEM. */
static int read_fragment(struct fragment *f, struct reader *reader, const struct region *r,
			 const struct source *new)
{
	const struct node *root = NULL;
	*f = (struct fragment){ .text = STR_INIT(FRAGMENT_BYTES_MAX + sizeof(heading)) };
	str_add(&f->text, heading);
	str_add_bytes(&f->text, new->bytes + r->start, r->new_end - r->start);
	if (f->text.error != 0) {
		return -ENOMEM;
	}
	f->source = (struct source){ .name = new->name,
				     .bytes = str_text(&f->text),
				     .length = f->text.length };
	f->reader.environment = reader->environment;
	f->reader.diagnostics = &f->ignored;
	f->reader.arena = reader->arena; /* its texts stay in the tree */
	int error = tree_read(&root, &f->reader, &f->source);
	reader->arena = f->reader.arena;
	if (error < 0) {
		return error;
	}
	if (!fits(f, root, r)) {
		return 0;
	}
	f->first = root->first->first;
	return 1;
}

/* ---- together ---- */

static int join(struct node *ports, struct reader *reader, const struct region *r,
		const struct fragment *f, const struct source *new)
{
	const struct moving rest = { reader, new, r->old_end_at, r->line_shift,
				     r->character_shift };
	const struct moving anew = { reader, new, 0, (int64_t)r->start_line - HEADING_LINES,
				     (int64_t)r->start_at - HEADING_CHARACTERS };
	int error = copy_children(&rest, ports, r->ports->first, r->begin);
	const struct node *before = ports->last;
	const uint32_t count = ports->count;
	error = error < 0 ? error : copy_children(&anew, ports, f->first, NULL);
	reader->spliced = (struct spliced){
		.old = r->begin,
		.old_count = r->entry_count,
		.new = before == NULL ? ports->first : before->next,
		.new_count = ports->count - count,
	};
	return error < 0 ? error : copy_children(&rest, ports, r->end, NULL);
}

static struct node *build(struct reader *reader, const struct region *r, const struct fragment *f,
			  const struct node *old_root, const struct source *new)
{
	const struct moving rest = { reader, new, r->old_end_at, r->line_shift,
				     r->character_shift };
	struct node *root = copy_one(&rest, old_root);
	for (const struct node *child = old_root->first; child != NULL && root != NULL;
	     child = child->next) {
		struct node *copy = NULL;
		if (child != r->ports) {
			copy = copy_node(&rest, child);
		} else {
			copy = copy_one(&rest, child);
			copy = copy != NULL && (copy->key = copy_one(&rest, child->key)) != NULL &&
					       join(copy, reader, r, f, new) == 0
				       ? copy
				       : NULL;
		}
		root = copy == NULL ? NULL : root;
		(void)tree_add(root, copy); /* nothing for NULL */
	}
	return root;
}

int tree_splice(const struct node **out, struct reader *reader, const struct source *source,
		const struct policy_reading *former)
{
	struct region region;
	struct fragment fragment;
	if (!find_region(&region, former->root, &former->first, source)) {
		return 0;
	}
	int r = read_fragment(&fragment, reader, &region, source);
	const struct node *root =
		r == 1 ? build(reader, &region, &fragment, former->root, source) : NULL;
	fragment_deinit(&fragment);
	if (r == 1 && root == NULL) {
		return -ENOMEM;
	}
	if (r == 1 && reader->values > POLICY_VALUES_MAX) {
		reader->values = 0; /* to be told where it is too much */
		r = 0;
	}
	*out = root;
	return r;
}
