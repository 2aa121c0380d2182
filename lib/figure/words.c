/* Words and numbers that the text and the SVG form of figures share. */
#include "figure/words.h"

#include <stdio.h>
#include <string.h>

void figure_words(struct str *out, enum language language, const char *id,
		  const struct message_argument *arguments, size_t count)
{
	const struct message *message = message_find(id);
	message_fill(out, message != NULL ? text_in(message->text, language) : id, arguments,
		     count);
}

const char *figure_sum(char out[SUM_TEXT_BYTES], uint16_t port)
{
	size_t length = 0;
	(void)snprintf(out, SUM_TEXT_BYTES, "0");
	for (uint32_t bit = 0x8000; bit != 0; bit >>= 1) {
		if ((port & bit) != 0) {
			length += (size_t)snprintf(out + length, SUM_TEXT_BYTES - length, "%s%u",
						   length > 0 ? " + " : "", bit);
		}
	}
	return out;
}

const char *figure_bits(char out[BITS_TEXT_BYTES], uint16_t port)
{
	for (unsigned i = 0; i < 16; i++) {
		out[i] = (port >> (15 - i) & 1) != 0 ? '1' : '0';
	}
	out[16] = '\0';
	return out;
}

const char *figure_after(enum protocol protocol)
{
	switch (protocol_registry(protocol)) {
	case PROTOCOL_TCP:
		return "figure-after-tcp";
	case PROTOCOL_UDP:
		return "figure-after-udp";
	default:
		return "figure-after-other";
	}
}

void figure_sum_words(struct str *out, enum language language, uint16_t port, const char *id)
{
	char number[NUMBER_TEXT_BYTES];
	char hex[NUMBER_TEXT_BYTES];
	char high[NUMBER_TEXT_BYTES];
	char low[NUMBER_TEXT_BYTES];
	char sum[SUM_TEXT_BYTES];
	(void)snprintf(number, sizeof(number), "%u", port);
	(void)snprintf(hex, sizeof(hex), "0x%04x", port);
	(void)snprintf(high, sizeof(high), "%02x", port >> 8);
	(void)snprintf(low, sizeof(low), "%02x", port & 0xff);
	const struct message_argument arguments[] = {
		{ "port", number }, { "sum", figure_sum(sum, port) },
		{ "hex", hex },     { "high", high },
		{ "low", low },
	};
	figure_words(out, language, id, arguments, 5);
}

/* 28232 as "28,232"; below a million. */
static const char *thousands(char out[NUMBER_TEXT_BYTES], uint32_t number)
{
	if (number < 1000) {
		(void)snprintf(out, NUMBER_TEXT_BYTES, "%u", number);
	} else {
		(void)snprintf(out, NUMBER_TEXT_BYTES, "%u,%03u", number / 1000 % 1000,
			       number % 1000);
	}
	return out;
}

void figure_ephemeral_words(struct str *out, enum language language, struct port_range ephemeral)
{
	char first[NUMBER_TEXT_BYTES];
	char last[NUMBER_TEXT_BYTES];
	char count[NUMBER_TEXT_BYTES];
	(void)snprintf(first, sizeof(first), "%u", ephemeral.first);
	(void)snprintf(last, sizeof(last), "%u", ephemeral.last);
	(void)thousands(count, (uint32_t)ephemeral.last - ephemeral.first + 1);
	const struct message_argument arguments[] = {
		{ "first", first },
		{ "last", last },
		{ "count", count },
	};
	figure_words(out, language, "figure-ephemeral", arguments, 3);
}

void figure_paragraph(struct str *out, const char *words)
{
	enum { LEFT = 2 };
	(void)str_printf(out, "%*s", LEFT, "");
	text_wrap(out, words, FIGURE_TEXT_COLUMNS - LEFT, LEFT);
	(void)str_add_char(out, '\n');
}

void figure_cut(struct str *words, size_t columns)
{
	if (text_width(str_text(words)) > columns) {
		str_truncate(words, text_fit(str_text(words), columns - 2));
		(void)str_add(words, "..");
	}
}

void figure_heading(struct str *out, const char *words)
{
	text_wrap(out, words, FIGURE_TEXT_COLUMNS, 0);
	(void)str_add(out, "\n\n");
}

void figure_header_words(struct str *out, const struct figure_port *figure)
{
	char number[NUMBER_TEXT_BYTES];
	char protocol[NUMBER_TEXT_BYTES];
	(void)snprintf(number, sizeof(number), "%u", figure->port);
	(void)snprintf(protocol, sizeof(protocol), "%s", protocol_name(figure->protocol));
	for (char *c = protocol; *c != '\0'; c++) {
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	}
	const struct message_argument arguments[] = { { "port", number },
						      { "protocol", protocol } };
	figure_words(out, figure->language, "figure-header", arguments, 2);
}

void figure_port_words(struct str *out, const struct figure_port *figure)
{
	(void)str_printf(out, "%u/%s", figure->port, protocol_name(figure->protocol));
	if (figure->service != NULL) {
		(void)str_printf(out, " (%s)", figure->service);
	}
}
