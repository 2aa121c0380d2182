/* Words that the text and the SVG form of NAT share. */
#include "figure/nat.h"

#include <stdio.h>
#include <string.h>

enum {
	WORD_MAX_BYTES = 512,
	ENDPOINT = 64, /* columns: any address with its port */
};

void nat_endpoint(struct str *out, const char *address, uint16_t port, size_t columns)
{
	char tail[NUMBER_TEXT_BYTES];
	struct str head = STR_INIT(WORD_MAX_BYTES);
	const bool six = strchr(address, ':') != NULL;
	(void)snprintf(tail, sizeof(tail), six ? "]:%u" : ":%u", port);
	(void)str_add(&head, six ? "[" : "");
	text_escape(&head, address);
	if (text_width(str_text(&head)) + strlen(tail) > columns) {
		str_truncate(&head, text_fit(str_text(&head), columns - strlen(tail) - 2));
		(void)str_add(&head, "..");
	}
	(void)str_printf(out, "%s%s", str_text(&head), tail);
	str_deinit(&head);
}

void nat_title(struct str *out, const struct figure_nat *figure)
{
	const struct message_argument argument = { "address", figure->outside };
	figure_words(out, figure->language, "figure-nat", &argument, 1);
}

void nat_why(struct str *out, const struct figure_nat *figure)
{
	if (figure->count == 0) {
		return;
	}
	const struct figure_nat_row *row = &figure->rows[0];
	struct str outside = STR_INIT(WORD_MAX_BYTES);
	struct str inside = STR_INIT(WORD_MAX_BYTES);
	nat_endpoint(&outside, figure->outside, row->outside_port, ENDPOINT);
	nat_endpoint(&inside, row->inside, row->inside_port, ENDPOINT);
	const struct message_argument arguments[] = {
		{ "address", figure->outside },
		{ "outside", str_text(&outside) },
		{ "inside", str_text(&inside) },
	};
	figure_words(out, figure->language, "figure-nat-why", arguments, 3);
	str_deinit(&outside);
	str_deinit(&inside);
}

void nat_source(struct str *out, const struct figure_nat *figure)
{
	static const char *const ids[] = {
		[FIGURE_NAT_LIVE] = "figure-nat-live",
		[FIGURE_NAT_SANDBOX] = "figure-nat-sandbox",
		[FIGURE_NAT_EXAMPLE] = "figure-nat-example",
	};
	figure_words(out, figure->language, ids[figure->source], NULL, 0);
	if (figure->more > 0) {
		char count[NUMBER_TEXT_BYTES * 2];
		const struct message_argument argument = { "count", count };
		(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)figure->more);
		(void)str_add(out, figure->language == LANGUAGE_JA ? "" : " ");
		figure_words(out, figure->language, "figure-nat-more", &argument, 1);
	}
}
