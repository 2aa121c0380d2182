/* What the words around ports mean. */
#include <string.h>

#include "catalog/tables.h"

enum { WORD_MAX_BYTES = 1024 }; /* longer words name nothing */

/* Whether `text` is the word, which is folded already. */
static bool is_word(struct str *scratch, const char *text, const char *word)
{
	str_clear(scratch);
	(void)text_fold(scratch, text, strlen(text)); /* what does not fit matches nothing */
	return strcmp(str_text(scratch), word) == 0;
}

static bool is_called(struct str *scratch, const struct glossary_term *term, const char *word)
{
	if (is_word(scratch, term->name, word) || is_word(scratch, term->title.en, word) ||
	    is_word(scratch, term->title.ja, word)) {
		return true;
	}
	for (const char *const *also = term->also; *also != NULL; also++) {
		if (is_word(scratch, *also, word)) {
			return true;
		}
	}
	return false;
}

const struct glossary_term *catalog_term(const char *word)
{
	const struct glossary_term *found = NULL;
	struct str wanted = STR_INIT(WORD_MAX_BYTES);
	struct str scratch = STR_INIT(WORD_MAX_BYTES);
	if (text_fold(&wanted, word, strlen(word)) == 0 && wanted.length > 0) {
		for (size_t i = 0; i < glossary_count && found == NULL; i++) {
			found = is_called(&scratch, &glossary[i], str_text(&wanted)) ? &glossary[i]
										     : NULL;
		}
	}
	str_deinit(&wanted);
	str_deinit(&scratch);
	return found;
}

const struct glossary_term *catalog_terms(size_t *count)
{
	*count = glossary_count;
	return glossary;
}
