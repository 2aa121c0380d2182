/* Findings for people. */
#include "findings_rows.h"

#include "cells.h"
#include "review/review.h"
#include "words.h"

const char *const severity_choices[] = { "none", "low", "medium", "high", "critical", NULL };

/* Wrapped text whose later lines begin under its first. */
static void add_hanging(struct str *out, const struct context *context, const char *text,
			size_t indent)
{
	struct str body = STR_INIT(1 << 15);
	text_wrap(&body, text, context->columns - indent, 0);
	for (const char *at = str_text(&body); *at != '\0'; at++) {
		str_add_char(out, *at);
		if (*at == '\n') {
			str_printf(out, "%*s", (int)indent, "");
		}
	}
	str_add_char(out, '\n');
	str_deinit(&body);
}

enum { MARGIN = 10, ARROW = 3 };

static void finding_row(struct str *out, const struct context *context,
			const struct finding *finding)
{
	struct str text = STR_INIT(1 << 14);
	struct str advice = STR_INIT(1 << 14);
	const char *severity = severity_words(finding->severity);
	const struct style *style = &context->out_style;
	size_t width = text_width(severity);
	(void)review_text(&text, finding, context->language);     /* cut text still reads */
	(void)review_advice(&advice, finding, context->language); /* likewise */
	str_printf(out, "%s%s%s%*s", style_ink(style, severity_ink(finding->severity)), severity,
		   style_ink(style, INK_PLAIN), (int)(width < MARGIN ? MARGIN - width : 1), "");
	add_hanging(out, context, str_text(&text), MARGIN);
	if (advice.length > 0) {
		str_printf(out, "%*s-> ", MARGIN, "");
		add_hanging(out, context, str_text(&advice), MARGIN + ARROW);
	}
	str_deinit(&text);
	str_deinit(&advice);
}

void rows_findings(struct str *out, const struct context *context, const struct findings *findings,
		   size_t most)
{
	for (size_t i = 0; i < findings->list.count && i < most; i++) {
		finding_row(out, context, &findings->list.items[i]);
	}
}

void findings_count_words(struct str *out, const struct findings *findings)
{
	uint32_t counts[SEVERITY_CRITICAL + 1] = { 0 };
	for (size_t i = 0; i < findings->list.count; i++) {
		counts[findings->list.items[i].severity]++;
	}
	const char *separator = "";
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--) {
		if (counts[severity] > 0) {
			str_add(out, separator);
			str_printf(out, _("%u %s"), counts[severity],
				   severity_words((enum severity)severity));
			separator = _(", ");
		}
	}
	if (separator[0] == '\0') {
		str_add(out, _("nothing to mend"));
	}
}
