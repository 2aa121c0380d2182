/* YAML by libyaml: nodes, faults with their line and a mark, values of a few kinds. */
#include "harbour/paper.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

/* ---- faults ---- */

static void add_source_line(struct paper *paper, size_t line, size_t column)
{
	const char *start = paper->bytes;
	const char *end = paper->bytes + paper->length;
	for (size_t i = 0; i < line && start < end; i++) {
		const char *newline = memchr(start, '\n', (size_t)(end - start));
		start = newline == NULL ? end : newline + 1;
	}
	const char *newline = memchr(start, '\n', (size_t)(end - start));
	char text[201];
	size_t length = (size_t)((newline == NULL ? end : newline) - start);
	length = length < sizeof(text) ? length : sizeof(text) - 1;
	memcpy(text, start, length);
	text[length] = '\0';
	if (length == 0) {
		return;
	}
	str_add(paper->faults, "  ");
	text_escape(paper->faults, text);
	str_printf(paper->faults, "\n  %*s^\n", (int)(column < length ? column : length), "");
}

void paper_fault_at(struct paper *paper, size_t line, size_t column, const char *format,
		    va_list arguments)
{
	char sentence[400];
	if (++paper->fault_count > FAULTS_MAX) {
		return;
	}
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	text_escape(paper->faults, paper->name);
	str_printf(paper->faults, ":%zu:%zu: %s: ", line + 1, column + 1, _("error"));
	text_escape(paper->faults, sentence);
	str_add_char(paper->faults, '\n');
	add_source_line(paper, line, column);
}

static void fault_at(struct paper *paper, yaml_mark_t mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void fault_at(struct paper *paper, yaml_mark_t mark, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	paper_fault_at(paper, mark.line, mark.column, format, arguments);
	va_end(arguments);
}

void paper_fault(struct paper *paper, const yaml_node_t *node, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	paper_fault_at(paper, node->start_mark.line, node->start_mark.column, format, arguments);
	va_end(arguments);
}

/* ---- the document ---- */

/* libyaml reads anchors too, and gives one node for each of their uses: they cost nothing here, as
 * nothing is followed deeper than the schema goes. */
int paper_open(struct paper *paper)
{
	yaml_parser_t parser;
	const long bad = text_utf8_invalid(paper->bytes, paper->length);
	if (bad >= 0) {
		fault_at(paper, (yaml_mark_t){ 0 }, _("byte %ld of the file is no UTF-8"), bad + 1);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&parser)) {
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)paper->bytes, paper->length);
	if (!yaml_parser_load(&parser, &paper->document)) {
		const char *problem = parser.problem != NULL ? parser.problem : "";
		fault_at(paper, parser.problem_mark, _("this is no YAML: %s"), problem);
		yaml_parser_delete(&parser);
		return -EINVAL;
	}
	yaml_parser_delete(&parser);
	if (yaml_document_get_root_node(&paper->document) == NULL) {
		fault_at(paper, (yaml_mark_t){ 0 }, "%s", _("the file says nothing"));
		yaml_document_delete(&paper->document);
		return -EINVAL;
	}
	return 0;
}

void paper_close(struct paper *paper)
{
	yaml_document_delete(&paper->document);
}

/* ---- values ---- */

const char *paper_keep(struct paper *paper, const char *text)
{
	const char *kept = arena_strdup(paper->arena, text);
	paper->out_of_memory |= kept == NULL;
	return kept == NULL ? "" : kept;
}

static const char *scalar(const yaml_node_t *node)
{
	const bool is_text =
		node->type == YAML_SCALAR_NODE &&
		strlen((const char *)node->data.scalar.value) == node->data.scalar.length;
	return is_text ? (const char *)node->data.scalar.value : NULL;
}

const char *paper_text(struct paper *paper, const yaml_node_t *node)
{
	const char *text = scalar(node);
	if (text == NULL || text[0] == '\0') {
		paper_fault(paper, node, "%s", _("a text is needed here"));
		return NULL;
	}
	return paper_keep(paper, text);
}

const char *paper_name(struct paper *paper, const yaml_node_t *node)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *text = scalar(node);
	const size_t length = text == NULL ? 0 : strlen(text);
	if (length == 0 || length >= HARBOUR_NAME_BYTES || strspn(text, letters) != length ||
	    text[0] < 'a' || text[0] > 'z') {
		paper_fault(paper, node,
			    _("a name is needed: 1 to %d of a-z, 0-9 and -, first a letter"),
			    HARBOUR_NAME_BYTES - 1);
		return NULL;
	}
	return paper_keep(paper, text);
}

uint32_t paper_number(struct paper *paper, const yaml_node_t *node, uint32_t min, uint32_t max)
{
	uint64_t number = 0;
	const char *text = scalar(node);
	if (text == NULL || parse_u64(&number, text, min, max) < 0) {
		paper_fault(paper, node, _("a number from %u to %u is needed"), min, max);
	}
	return (uint32_t)number;
}

bool paper_yes(struct paper *paper, const yaml_node_t *node)
{
	const char *text = scalar(node);
	const bool yes = text != NULL && (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0);
	const bool no = text != NULL && (strcmp(text, "no") == 0 || strcmp(text, "false") == 0);
	if (!yes && !no) {
		paper_fault(paper, node, "%s", _("yes or no is needed"));
	}
	return yes;
}

static void take_en(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct text *)into)->en = paper_text(paper, value);
}

static void take_ja(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct text *)into)->ja = paper_text(paper, value);
}

struct text paper_words(struct paper *paper, const yaml_node_t *node)
{
	static const struct paper_key keys[] = { { "en", take_en, true }, { "ja", take_ja, true } };
	struct text words = { NULL, NULL };
	if (node->type == YAML_MAPPING_NODE) {
		paper_mapping(paper, node, keys, sizeof(keys) / sizeof(keys[0]), &words);
	} else {
		words.en = words.ja = paper_text(paper, node);
	}
	return words.en == NULL || words.ja == NULL ? (struct text){ "", "" } : words;
}

/* ---- mappings and lists ---- */

static const struct paper_key *find_key(const struct paper_key *keys, size_t count,
					const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].name, name) == 0) {
			return &keys[i];
		}
	}
	return NULL;
}

static void unknown_key(struct paper *paper, const yaml_node_t *key, const struct paper_key *keys,
			size_t count)
{
	const char *names[32];
	const char *word = scalar(key);
	for (size_t i = 0; i < count; i++) {
		names[i] = keys[i].name;
	}
	const char *near = word == NULL ? NULL : text_nearest(word, names, count);
	if (near != NULL) {
		paper_fault(paper, key, _("there is no key \"%s\"; is %s meant?"), word, near);
	} else {
		paper_fault(paper, key, _("there is no key \"%s\""), word == NULL ? "" : word);
	}
}

void paper_mapping(struct paper *paper, const yaml_node_t *node, const struct paper_key *keys,
		   size_t count, void *into)
{
	uint32_t seen = 0;
	if (node->type != YAML_MAPPING_NODE) {
		paper_fault(paper, node, "%s", _("a mapping is needed: key: value"));
		return;
	}
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&paper->document, pair->key);
		const char *word = scalar(key);
		const struct paper_key *found = word == NULL ? NULL : find_key(keys, count, word);
		if (found == NULL) {
			unknown_key(paper, key, keys, count);
			continue;
		}
		const uint32_t bit = 1U << (found - keys);
		if ((seen & bit) != 0) {
			paper_fault(paper, key, _("\"%s\" stands here twice"), word);
			continue;
		}
		seen |= bit;
		found->take(paper, yaml_document_get_node(&paper->document, pair->value), into);
	}
	for (size_t i = 0; i < count; i++) {
		if (keys[i].needed && (seen & 1U << i) == 0) {
			paper_fault(paper, node, _("\"%s\" is missing here"), keys[i].name);
		}
	}
}

void paper_pairs(struct paper *paper, const yaml_node_t *node, uint32_t max,
		 void (*take)(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
			      void *into),
		 void *into)
{
	uint32_t taken = 0;
	if (node->type != YAML_MAPPING_NODE) {
		paper_fault(paper, node, "%s", _("a mapping is needed: key: value"));
		return;
	}
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&paper->document, pair->key);
		if (taken++ == max) {
			paper_fault(paper, key, _("these are more than %u"), max);
			return;
		}
		take(paper, key, yaml_document_get_node(&paper->document, pair->value), into);
	}
}

void paper_items(struct paper *paper, const yaml_node_t *node, uint32_t max,
		 void (*take)(struct paper *paper, const yaml_node_t *item, void *into), void *into)
{
	uint32_t taken = 0;
	if (node->type != YAML_SEQUENCE_NODE) {
		paper_fault(paper, node, "%s", _("a list is needed: - item"));
		return;
	}
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const yaml_node_t *value = yaml_document_get_node(&paper->document, *item);
		if (taken++ == max) {
			paper_fault(paper, value, _("these are more than %u"), max);
			return;
		}
		take(paper, value, into);
	}
}

uint32_t paper_count(const yaml_node_t *node)
{
	return node->type != YAML_SEQUENCE_NODE ? 0
						: (uint32_t)(node->data.sequence.items.top -
							     node->data.sequence.items.start);
}
