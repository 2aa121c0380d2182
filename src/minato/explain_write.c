/* How the lines of an explanation are written. */
#include <string.h>

#include "explain.h"
#include "words.h"

enum {
	LABEL_COLUMNS = 14, /* the widest label in either language, and a gap */
	ROW_MAX_BYTES = 16 * 1024,
};

void explain_heading(struct str *out, const struct explain *explain, const char *text)
{
	const struct style *style = &explain->context->out_style;
	str_add(out, style_ink(style, INK_BOLD));
	text_wrap(out, text, explain->context->columns, 2);
	str_printf(out, "%s\n", style_ink(style, INK_PLAIN));
}

static void add_indented(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		str_add_char(out, *text);
		if (*text == '\n') {
			str_printf(out, "%*s", LABEL_COLUMNS, "");
		}
	}
}

void explain_row_inked(struct str *out, const struct explain *explain, const char *label,
		       enum ink ink, const char *head, const char *text)
{
	const struct style *style = &explain->context->out_style;
	size_t columns = explain->context->columns;
	size_t width = text_width(label);
	size_t pad = width + 3 < LABEL_COLUMNS ? LABEL_COLUMNS - 2 - width : 1;
	if (head[0] == '\0' && text[0] == '\0') {
		return;
	}
	struct str whole = STR_INIT(ROW_MAX_BYTES);
	struct str wrapped = STR_INIT(ROW_MAX_BYTES);
	str_printf(&whole, "%s%s", head, text);
	text_wrap(&wrapped, str_text(&whole),
		  columns > LABEL_COLUMNS + 20 ? columns - LABEL_COLUMNS : 20, 0);
	str_printf(out, "  %s%s%s%*s", style_ink(style, INK_DIM), label,
		   style_ink(style, INK_PLAIN), (int)pad, "");
	size_t inked = str_starts(str_text(&wrapped), head) ? strlen(head) : 0;
	if (inked > 0) {
		str_printf(out, "%s%s%s", style_ink(style, ink), head, style_ink(style, INK_PLAIN));
	}
	add_indented(out, str_text(&wrapped) + inked);
	str_add_char(out, '\n');
	if (whole.error != 0 || wrapped.error != 0) {
		out->error = whole.error != 0 ? whole.error : wrapped.error;
	}
	str_deinit(&whole);
	str_deinit(&wrapped);
}

void explain_row(struct str *out, const struct explain *explain, const char *label,
		 const char *text)
{
	explain_row_inked(out, explain, label, INK_PLAIN, "", text);
}

void explain_spans(struct str *out, const struct port_knowledge *knowledge)
{
	for (size_t i = 0; i < knowledge->port_count; i++) {
		const struct port_span *span = &knowledge->ports[i];
		str_printf(out, "%s%u", i > 0 ? ", " : "", span->first);
		if (span->last != span->first) {
			str_printf(out, "-%u", span->last);
		}
		str_printf(out, "/%s", protocol_name(span->protocol));
	}
}
