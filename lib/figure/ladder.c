/* Words that the text and the SVG form of a ladder share. */
#include "figure/ladder.h"

#include <stdio.h>

const char *ladder_time(char out[NUMBER_TEXT_BYTES * 2], const struct figure_ladder *figure,
			usec_t at)
{
	const bool small = at < 10 * USEC_PER_SEC;
	const long long tenths = (long long)(at / 100);
	if (figure->source == FIGURE_EXAMPLE || figure->source == FIGURE_LIVE) {
		out[0] = '\0';
	} else if (small) {
		(void)snprintf(out, (size_t)NUMBER_TEXT_BYTES * 2, "%lld.%lld ms", tenths / 10,
			       tenths % 10);
	} else {
		(void)snprintf(out, (size_t)NUMBER_TEXT_BYTES * 2, "%lld s",
			       (long long)(at / USEC_PER_SEC));
	}
	return out;
}

void ladder_label(struct str *out, const struct figure_ladder_row *row)
{
	text_escape(out, row->label);
}

void ladder_source(struct str *out, const struct figure_ladder *figure)
{
	static const char *const ids[] = {
		[FIGURE_CAPTURED] = "figure-ladder-captured",
		[FIGURE_DEDUCED] = "figure-ladder-deduced",
		[FIGURE_EXAMPLE] = "figure-ladder-example",
		[FIGURE_LIVE] = "figure-ladder-live",
	};
	figure_words(out, figure->language, ids[figure->source], NULL, 0);
}

void ladder_more(struct str *out, const struct figure_ladder *figure)
{
	char count[NUMBER_TEXT_BYTES * 2];
	const struct message_argument argument = { "count", count };
	if (figure->more > 0) {
		(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)figure->more);
		figure_words(out, figure->language, "figure-ladder-more", &argument, 1);
	}
}

void ladder_title(struct str *out, const struct figure_ladder *figure)
{
	const struct message_argument arguments[] = { { "client", figure->client },
						      { "server", figure->server } };
	figure_words(out, figure->language, "figure-ladder", arguments, 2);
}
