/* Finding entries by the words that people use. */
#include <string.h>

#include "catalog/tables.h"

enum { WORD_MAX_BYTES = 1024 }; /* longer words name nothing */

/* How well an entry answers a word; smaller is better. */
enum rank {
	RANK_NAME,
	RANK_TITLE,
	RANK_WORD,
	RANK_PROGRAM,
	RANK_NONE,
};

/* Where results go: counts all, keeps `room`. */
struct results {
	struct catalog_match *out;
	size_t room, count;
};

static void add_result(struct results *results, const struct port_knowledge *entry,
		       const struct service *service)
{
	if (results->count < results->room) {
		results->out[results->count] = (struct catalog_match){ entry, service };
	}
	results->count++;
}

static const char *folded(struct str *scratch, const char *text)
{
	str_clear(scratch);
	(void)text_fold(scratch, text, strlen(text)); /* what does not fit matches nothing */
	return str_text(scratch);
}

static bool list_has(struct str *scratch, const char *const *list, const char *word)
{
	for (; *list != NULL; list++) {
		if (strcmp(folded(scratch, *list), word) == 0) {
			return true;
		}
	}
	return false;
}

static enum rank rank_of(struct str *scratch, const struct port_knowledge *entry, const char *word)
{
	if (strcmp(folded(scratch, entry->name), word) == 0) {
		return RANK_NAME;
	}
	if (strcmp(folded(scratch, entry->title.en), word) == 0 ||
	    strcmp(folded(scratch, entry->title.ja), word) == 0) {
		return RANK_TITLE;
	}
	if (list_has(scratch, entry->words.en, word) || list_has(scratch, entry->words.ja, word)) {
		return RANK_WORD;
	}
	return list_has(scratch, entry->programs, word) ? RANK_PROGRAM : RANK_NONE;
}

/* Everyday ports first among equals, then by number, which is the table's order. */
static void add_ranked(struct results *results, const uint8_t *ranks)
{
	for (int rank = RANK_NAME; rank < RANK_NONE; rank++) {
		for (int everyday = 1; everyday >= 0; everyday--) {
			for (size_t i = 0; i < knowledge_count; i++) {
				if (ranks[i] == rank && knowledge[i].everyday == everyday) {
					add_result(results, &knowledge[i], NULL);
				}
			}
		}
	}
}

/* Whether the overlay's answer already covers this name of the registry. */
static bool covered(const uint8_t *ranks, const struct service *service)
{
	const struct port_knowledge *entry = NULL;
	do {
		entry = catalog_port_next(service->protocol, service->port, entry);
	} while (entry != NULL && ranks[entry - knowledge] == RANK_NONE);
	return entry != NULL;
}

size_t catalog_by_word(struct catalog_match *out, size_t room, const char *word)
{
	struct results results = { out, room, 0 };
	struct str wanted = STR_INIT(WORD_MAX_BYTES);
	struct str scratch = STR_INIT(WORD_MAX_BYTES);
	uint8_t ranks[KNOWLEDGE_MAX];
	if (text_fold(&wanted, word, strlen(word)) == 0 && wanted.length > 0) {
		for (size_t i = 0; i < knowledge_count; i++) {
			ranks[i] = (uint8_t)rank_of(&scratch, &knowledge[i], str_text(&wanted));
		}
		add_ranked(&results, ranks);
		const struct service *services[64];
		size_t count = catalog_registry_named(services, 64, word);
		for (size_t i = 0; i < count && i < 64; i++) {
			if (!covered(ranks, services[i])) {
				add_result(&results, NULL, services[i]);
			}
		}
	}
	str_deinit(&wanted);
	str_deinit(&scratch);
	return results.count;
}

/* Every word of `words` (folded, one space between) occurs in `text`. */
static bool has_all(const char *text, const char *words)
{
	char word[WORD_MAX_BYTES];
	while (*words != '\0') {
		size_t length = strcspn(words, " ");
		memcpy(word, words, length);
		word[length] = '\0';
		if (strstr(text, word) == NULL) {
			return false;
		}
		words += length + (words[length] == ' ');
	}
	return true;
}

/* Each text is folded by itself and ended with a newline, so that no word spans two of them. */
static void add_text(struct str *to, const char *text)
{
	(void)text_fold(to, text, strlen(text)); /* kept in to->error */
	(void)str_add_char(to, '\n');
}

static void add_texts(struct str *to, const char *const *list)
{
	for (; *list != NULL; list++) {
		add_text(to, *list);
	}
}

/* What an entry is called, and then what it is about. */
static void entry_text(struct str *to, const struct port_knowledge *entry, bool about)
{
	str_clear(to);
	add_text(to, entry->name);
	add_text(to, entry->title.en);
	add_text(to, entry->title.ja);
	add_texts(to, entry->words.en);
	add_texts(to, entry->words.ja);
	add_texts(to, entry->programs);
	if (!about) {
		return;
	}
	add_text(to, entry->use.en);
	add_text(to, entry->use.ja);
	add_text(to, entry->group->name);
	add_text(to, entry->group->title.en);
	add_text(to, entry->group->title.ja);
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if ((entry->uses >> i & 1) != 0) {
			add_text(to, port_use_title((enum port_use)(1 << i)).en);
			add_text(to, port_use_title((enum port_use)(1 << i)).ja);
		}
	}
}

static void search_knowledge(struct results *results, struct str *scratch, const char *words)
{
	for (int about = 0; about <= 1; about++) {
		for (size_t i = 0; i < knowledge_count; i++) {
			entry_text(scratch, &knowledge[i], false);
			bool called = has_all(str_text(scratch), words);
			if (about != 0) {
				entry_text(scratch, &knowledge[i], true);
			}
			if (called == (about == 0) && has_all(str_text(scratch), words)) {
				add_result(results, &knowledge[i], NULL);
			}
		}
	}
}

static void search_registry(struct results *results, struct str *scratch, const char *words)
{
	for (size_t i = 0; i < registry_count; i++) {
		str_clear(scratch);
		add_text(scratch, registry[i].name);
		add_text(scratch, service_description(&registry[i]));
		if (has_all(str_text(scratch), words)) {
			add_result(results, NULL, &registry[i]);
		}
	}
}

size_t catalog_search(struct catalog_match *out, size_t room, const char *words)
{
	struct results results = { out, room, 0 };
	struct str wanted = STR_INIT(WORD_MAX_BYTES - 1);
	struct str scratch = STR_INIT(1 << 16);
	if (text_fold(&wanted, words, strlen(words)) == 0 && wanted.length > 0) {
		search_knowledge(&results, &scratch, str_text(&wanted));
		search_registry(&results, &scratch, str_text(&wanted));
	}
	str_deinit(&wanted);
	str_deinit(&scratch);
	return results.count;
}
