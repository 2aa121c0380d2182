/* The figure of one port, as text. */
#include <stdio.h>
#include <string.h>

#include "figure/ruler.h"
#include "figure/words.h"

enum {
	LEFT = RULER_LEFT,
	FIELD_COLUMNS = 31, /* sixteen bits and the spaces between them */
	LINE_MAX_BYTES = 512,
};

/* Centres by display width; text that does not fit is cut. */
static void centred(struct str *out, const char *text, size_t columns)
{
	size_t bytes = text_fit(text, columns);
	size_t width = text_width(text);
	size_t pad = width < columns ? columns - width : 0;
	ruler_spaces(out, pad / 2);
	(void)str_add_bytes(out, text, bytes);
	ruler_spaces(out, pad - pad / 2);
}

/* The number above its mark, and an arrow. */
static void pointer(struct str *out, const struct figure_port *figure)
{
	char number[NUMBER_TEXT_BYTES];
	int length = snprintf(number, sizeof(number), "%u", figure->port);
	unsigned column = ruler_column(figure->port);
	unsigned half = (unsigned)length / 2;
	ruler_spaces(out, column > half ? column - half : 0);
	(void)str_printf(out, "%s\n", number);
	ruler_spaces(out, column);
	(void)str_add(out, "v\n");
}

static void header_edge(struct str *out)
{
	ruler_spaces(out, LEFT);
	for (int field = 0; field < 2; field++) {
		(void)str_add_char(out, '+');
		for (int i = 0; i < FIELD_COLUMNS; i++) {
			(void)str_add_char(out, i % 2 == 0 ? '-' : '+');
		}
	}
	(void)str_add(out, "+\n");
}

static void header_row(struct str *out, const char *source, const char *destination)
{
	ruler_spaces(out, LEFT);
	(void)str_add_char(out, '|');
	centred(out, source, FIELD_COLUMNS);
	(void)str_add_char(out, '|');
	centred(out, destination, FIELD_COLUMNS);
	(void)str_add(out, "|\n");
}

/* Numbers the bits as the RFCs do: tens above, units below. */
static void bit_numbers(struct str *out)
{
	ruler_spaces(out, LEFT + 1);
	for (int bit = 0; bit < 32; bit += 10) {
		(void)str_printf(out, bit < 30 ? "%-20d" : "%d", bit / 10);
	}
	(void)str_add_char(out, '\n');
	ruler_spaces(out, LEFT + 1);
	for (int bit = 0; bit < 32; bit++) {
		(void)str_printf(out, bit < 31 ? "%d " : "%d", bit % 10);
	}
	(void)str_add_char(out, '\n');
}

/* "0 0 0 1": one digit in each cell; "?" where the value is the client's to choose. */
static const char *spread(char out[FIELD_COLUMNS + 1], uint16_t port, bool known)
{
	char bits[BITS_TEXT_BYTES];
	figure_bits(bits, port);
	for (int i = 0; i < FIELD_COLUMNS; i++) {
		char digit = known ? bits[i / 2] : '?';
		out[i] = i % 2 == 0 ? digit : ' ';
	}
	out[FIELD_COLUMNS] = '\0';
	return out;
}

static void header_words(struct str *source, struct str *destination,
			 const struct figure_port *figure)
{
	char number[NUMBER_TEXT_BYTES];
	(void)snprintf(number, sizeof(number), "%u", figure->client_port);
	const struct message_argument argument = { "port", number };
	figure_words(source, figure->language,
		     figure->client_port != 0 ? "figure-source-value" : "figure-source-any",
		     &argument, 1);
	(void)str_printf(destination, "%u", figure->port);
}

static void header(struct str *out, const struct figure_port *figure)
{
	char source_bits[FIELD_COLUMNS + 1];
	char destination_bits[FIELD_COLUMNS + 1];
	struct str source = STR_INIT(LINE_MAX_BYTES);
	struct str destination = STR_INIT(LINE_MAX_BYTES);
	bit_numbers(out);
	header_edge(out);
	figure_words(&source, figure->language, "figure-source-port", NULL, 0);
	figure_words(&destination, figure->language, "figure-destination-port", NULL, 0);
	header_row(out, str_text(&source), str_text(&destination));
	str_clear(&source);
	str_clear(&destination);
	header_words(&source, &destination, figure);
	header_row(out, str_text(&source), str_text(&destination));
	header_row(out, spread(source_bits, figure->client_port, figure->client_port != 0),
		   spread(destination_bits, figure->port, true));
	header_edge(out);
	str_deinit(&source);
	str_deinit(&destination);
}

static void footnotes(struct str *out, const struct figure_port *figure)
{
	struct str words = STR_INIT(LINE_MAX_BYTES);
	struct str next = STR_INIT(LINE_MAX_BYTES);
	figure_sum_words(&words, figure->language, figure->port, "figure-sum");
	figure_paragraph(out, str_text(&words));
	str_clear(&words);
	figure_words(&next, figure->language, figure_after(figure->protocol), NULL, 0);
	const struct message_argument argument = { "next", str_text(&next) };
	figure_words(&words, figure->language, "figure-after", &argument, 1);
	figure_paragraph(out, str_text(&words));
	str_deinit(&words);
	str_deinit(&next);
}

int figure_port_text(struct str *out, const struct figure_port *figure)
{
	struct str name = STR_INIT(LINE_MAX_BYTES);
	figure_port_words(&name, figure);
	const struct message_argument argument = { "port", str_text(&name) };
	struct str heading = STR_INIT(LINE_MAX_BYTES);
	figure_words(&heading, figure->language, "figure-place", &argument, 1);
	figure_heading(out, str_text(&heading));
	str_deinit(&heading);
	pointer(out, figure);
	ruler_text(out, figure->language, figure->ascii);
	ruler_ephemeral_text(out, figure->language, figure->ephemeral);
	(void)str_add_char(out, '\n');
	figure_header_words(out, figure);
	(void)str_add(out, "\n\n");
	header(out, figure);
	footnotes(out, figure);
	int error = name.error;
	str_deinit(&name);
	return out->error != 0 ? out->error : error;
}
