/* Dangerous doors and their state here, as text. */
#include "figure/risks.h"

#include <stdio.h>

enum { MEASURE_INDENT = 12, TITLE_COLUMNS = 26, LINE_BYTES = 4096 };

static enum ink ink_of(const struct figure_risk *risk)
{
	return risk->state != FIGURE_RISK_OPEN ? INK_DIM
	       : risk->risk >= SEVERITY_HIGH   ? INK_BAD
	       : risk->risk == SEVERITY_MEDIUM ? INK_WARN
					       : INK_PLAIN;
}

static void pad(struct str *out, size_t used, size_t columns)
{
	for (; used < columns; used++) {
		(void)str_add_char(out, ' ');
	}
}

static void add_cell(struct str *out, const char *text, size_t columns)
{
	const size_t fits = text_fit(text, columns);
	(void)str_add_bytes(out, text, fits);
	struct str shown = STR_INIT(LINE_BYTES);
	(void)str_add_bytes(&shown, text, fits);
	pad(out, text_width(str_text(&shown)), columns);
	str_deinit(&shown);
}

static void add_row(struct str *out, const struct figure_risk *risk, enum language language,
		    const struct style *style)
{
	char port[NUMBER_TEXT_BYTES];
	struct str words = STR_INIT(LINE_BYTES);
	(void)snprintf(port, sizeof(port), "%u/%s", risk->port, protocol_name(risk->protocol));
	(void)str_add(out, "  ");
	add_cell(out, port, MEASURE_INDENT - 4);
	(void)str_printf(out, "  %s", style_ink(style, INK_BOLD));
	add_cell(out, risk->title, TITLE_COLUMNS);
	(void)str_printf(out, "%s  ", style_ink(style, INK_PLAIN));
	risks_severity(&words, risk, language);
	add_cell(out, str_text(&words), 10);
	str_clear(&words);
	risks_state(&words, risk, language);
	(void)str_printf(out, "%s%s%s\n", style_ink(style, ink_of(risk)), str_text(&words),
			 style_ink(style, INK_PLAIN));
	pad(out, 0, MEASURE_INDENT);
	text_wrap_behind(out, risk->measure, FIGURE_TEXT_COLUMNS, MEASURE_INDENT);
	(void)str_add_char(out, '\n');
	str_deinit(&words);
}

int figure_risks_text(struct str *out, const struct figure_risks *figure, const struct style *style)
{
	for (size_t i = 0; i < figure->count; i++) {
		add_row(out, &figure->risks[i], figure->language, style);
	}
	return out->error;
}
