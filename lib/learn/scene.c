/* Which lines of a scene stand, and what they say then. */
#include <string.h>

#include "learn/learn.h"

/* The fact whose name stands between the braces at `open`. @return its value; NULL = not known. */
static const char *value_at(const struct learn_facts *facts, const char *open, const char *close)
{
	const size_t length = (size_t)(close - open) - 1;
	for (int fact = LEARN_NONE + 1; fact < LEARN_FACTS; fact++) {
		const char *name = learn_fact_name((enum learn_fact)fact);
		if (strlen(name) == length && memcmp(name, open + 1, length) == 0) {
			return facts->value[fact];
		}
	}
	return NULL;
}

/* @param out  NULL = only whether every fact is known. */
static bool fill(struct str *out, const char *text, const struct learn_facts *facts)
{
	for (const char *open = strchr(text, '{'); open != NULL; open = strchr(text, '{')) {
		const char *close = strchr(open, '}');
		const char *value = close != NULL ? value_at(facts, open, close) : NULL;
		if (value == NULL) {
			return false;
		}
		if (out != NULL) {
			str_add_bytes(out, text, (size_t)(open - text));
			str_add(out, value);
		}
		text = close + 1;
	}
	if (out != NULL) {
		str_add(out, text);
	}
	return true;
}

bool learn_line_stands(const struct learn_line *line, const struct learn_facts *facts)
{
	return (line->when == LEARN_NONE || facts->value[line->when] != NULL) &&
	       (line->unless == LEARN_NONE || facts->value[line->unless] == NULL) &&
	       fill(NULL, line->text.en, facts) && fill(NULL, line->text.ja, facts);
}

int learn_line_fill(struct str *out, const struct learn_line *line, const struct learn_facts *facts,
		    enum language language)
{
	(void)fill(out, text_in(line->text, language), facts);
	return out->error;
}
