/* Words and numbers that the text and the SVG form of figures share. */
#pragma once

#include "figure/figure.h"

enum {
	NUMBER_TEXT_BYTES = 16,
	BITS_TEXT_BYTES = 20, /* "0000000110111011" */
	SUM_TEXT_BYTES = 128, /* "32768 + 16384 + ... + 1" */
};

/* Appends message `id` (data/messages/figure.yaml) in the figure's language. */
void figure_words(struct str *out, enum language language, const char *id,
		  const struct message_argument *arguments, size_t count);

/* The powers of two that add up to `port`: "256 + 128 + 1"; "0" for 0. @return out. */
const char *figure_sum(char out[SUM_TEXT_BYTES], uint16_t port);

/* The sixteen digits, highest first. @return out. */
const char *figure_bits(char out[BITS_TEXT_BYTES], uint16_t port);

/* "figure-after-tcp" and the like: what follows the ports in this protocol's header. */
const char *figure_after(enum protocol protocol);

/* The sentence about sum, hexadecimal value and bytes. `id` names the message. */
void figure_sum_words(struct str *out, enum language language, uint16_t port, const char *id);

/* The sentence about the ephemeral range. */
void figure_ephemeral_words(struct str *out, enum language language, struct port_range ephemeral);

/* Appends a sentence as lines of a text figure: indented by two, wrapped to its width. */
void figure_paragraph(struct str *out, const char *words);

/* Cuts foreign words to `columns` (at least 2), with ".." at the end of what was cut. */
void figure_cut(struct str *words, size_t columns);

/* Appends a heading as lines of a text figure, and an empty line. */
void figure_heading(struct str *out, const char *words);

/* The heading of the header part. */
void figure_header_words(struct str *out, const struct figure_port *figure);

/* The number with its protocol, and its service if it has a name: "443/tcp (https)". */
void figure_port_words(struct str *out, const struct figure_port *figure);
