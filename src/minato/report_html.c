/* Text of the report: nothing that anybody else wrote becomes markup. */
#include "cells.h"
#include "report.h"

static void add_character(struct str *out, char c)
{
	switch (c) {
	case '&':
		(void)str_add(out, "&amp;");
		break;
	case '<':
		(void)str_add(out, "&lt;");
		break;
	case '>':
		(void)str_add(out, "&gt;");
		break;
	case '"':
		(void)str_add(out, "&quot;");
		break;
	case '\'':
		(void)str_add(out, "&#39;");
		break;
	default:
		/* Our words have no control characters but where a terminal wants a line. */
		(void)str_add_char(out, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
		break;
	}
}

void html_words(struct str *out, const char *words)
{
	for (; *words != '\0'; words++) {
		add_character(out, *words);
	}
}

void html_foreign(struct str *out, const char *bytes, size_t columns)
{
	if (bytes == NULL) {
		return;
	}
	struct str safe = STR_INIT(REPORT_ROW_BYTES);
	text_escape(&safe, bytes);
	const size_t fits = text_fit(str_text(&safe), columns);
	const bool cut = safe.error != 0 || fits < safe.length;
	str_truncate(&safe, fits);
	html_words(out, str_text(&safe));
	(void)str_add(out, cut ? "…" : "");
	str_deinit(&safe);
}

void html_badge(struct str *out, enum severity severity)
{
	(void)str_printf(out, "<span class=\"badge %s\">", severity_name(severity));
	html_words(out, severity_words(severity));
	(void)str_add(out, "</span>");
}

void html_small(struct str *out, const char *words)
{
	if (words[0] != '\0') {
		(void)str_add(out, "<small>");
		html_words(out, words);
		(void)str_add(out, "</small>");
	}
}

void html_small_foreign(struct str *out, const char *label, const char *bytes)
{
	enum { COLUMNS = 60 };
	if (bytes != NULL && bytes[0] != '\0') {
		(void)str_add(out, "<small>");
		html_words(out, label);
		(void)str_add(out, label[0] != '\0' ? " " : "");
		html_foreign(out, bytes, COLUMNS);
		(void)str_add(out, "</small>");
	}
}
