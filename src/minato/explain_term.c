/* What the glossary says of a word. */
#include <string.h>

#include "explain.h"
#include "words.h"

enum { LINE_MAX_BYTES = 8 * 1024, NAMES_MAX = 4096 };

/* "listener"; in Japanese with the English word behind it: it is met everywhere. */
static void heading(struct str *out, const struct explain *explain,
		    const struct glossary_term *term)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	const bool japanese = explain->context->language == LANGUAGE_JA;
	str_add(&line, text_in(term->title, explain->context->language));
	if (japanese && !explain_same_word(term->title.ja, term->title.en)) {
		str_printf(&line, _(" (%s)"), term->title.en);
	}
	explain_heading(out, explain, str_text(&line));
	str_deinit(&line);
}

static void paragraph(struct str *out, const struct explain *explain, const char *text)
{
	enum { LEFT = 2 };
	str_printf(out, "%*s", LEFT, "");
	text_wrap(out, text, explain->context->columns - LEFT, LEFT);
	str_add_char(out, '\n');
}

/* tools/make-glossary sees to it that there is one. */
static const struct glossary_term *named(const char *name)
{
	size_t count;
	const struct glossary_term *terms = catalog_terms(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(terms[i].name, name) == 0) {
			return &terms[i];
		}
	}
	return NULL;
}

/* What is typed; for readers of Japanese with what it is called there. */
static void add_name(struct str *line, const struct explain *explain,
		     const struct glossary_term *term)
{
	str_printf(line, "%s%s", line->length > 0 ? _(", ") : "", term->name);
	if (explain->context->language == LANGUAGE_JA &&
	    !explain_same_word(term->name, term->title.ja)) {
		str_printf(line, _(" (%s)"), term->title.ja);
	}
}

static void see_row(struct str *out, const struct explain *explain,
		    const struct glossary_term *term)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (const char *const *see = term->see; *see != NULL; see++) {
		add_name(&line, explain, named(*see));
	}
	explain_row(out, explain, _("see also"), str_text(&line));
	str_deinit(&line);
}

/* Services that have the word somewhere: a search that the term stands before. */
static void services_row(struct str *out, const struct explain *explain, const char *word)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	struct str safe = STR_INIT(LINE_MAX_BYTES);
	const size_t count = catalog_search(NULL, 0, word);
	text_escape(&safe, word);
	if (count > 0) {
		add_counted(&line, count, _("%u has the word: "), _("%u have the word: "));
		str_printf(&line,
			   strchr(word, ' ') != NULL ? "minato explain --search \"%s\""
						     : "minato explain --search %s",
			   str_text(&safe));
	}
	explain_row(out, explain, _("services"), str_text(&line));
	str_deinit(&line);
	str_deinit(&safe);
}

void explain_term(struct str *out, const struct explain *explain, const struct glossary_term *term,
		  const char *word)
{
	heading(out, explain, term);
	paragraph(out, explain, text_in(term->text, explain->context->language));
	if (term->figure != GLOSSARY_FIGURE_NONE) {
		str_add_char(out, '\n');
		(void)explain_term_figure(out, explain, term, false); /* kept in out->error */
	}
	str_add_char(out, '\n');
	explain_row(out, explain, _("try"), term->command);
	see_row(out, explain, term);
	services_row(out, explain, word);
}

void explain_terms(struct str *out, const struct explain *explain)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	size_t count;
	const struct glossary_term *terms = catalog_terms(&count);
	for (size_t i = 0; i < count; i++) {
		add_name(&line, explain, &terms[i]);
		if (i + 1 == count || terms[i + 1].group != terms[i].group) {
			explain_heading(out, explain,
					text_in(terms[i].group->title, explain->context->language));
			paragraph(out, explain, str_text(&line));
			str_clear(&line);
		}
	}
	str_deinit(&line);
	str_add_char(out, '\n');
	explain_row(out, explain, _("try"), "minato explain nat");
}

const char *explain_nearest_term(const char *word)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	size_t entries;
	const struct glossary_term *terms = catalog_terms(&entries);
	for (size_t i = 0; i < entries && count < NAMES_MAX - 1; i++) {
		names[count++] = terms[i].name;
		names[count++] = terms[i].title.ja;
		for (const char *const *also = terms[i].also;
		     *also != NULL && count < NAMES_MAX - 2; also++) {
			names[count++] = *also;
		}
	}
	return text_nearest(word, names, count);
}
