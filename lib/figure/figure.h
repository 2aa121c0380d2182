/*
 * Figures that explain ports: a struct goes in, text or SVG comes out. Pure: the same values give
 * the same bytes. Text figures keep to characters whose width every terminal agrees on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/when.h"
#include "model/inventory.h"
#include "model/protocol.h"
#include "text/text.h"

/* One port: its place in the 16-bit range, and its bits in the header. */
struct figure_port {
	enum language language;
	bool ascii; /* of the text form: no Braille */
	enum protocol protocol;
	uint16_t port;
	const char *service;         /* name to put beside the number, UTF-8; NULL = none */
	struct port_range ephemeral; /* of this host; last = 0: not known, not drawn */
	uint16_t client_port;        /* source port of a real packet; 0 = none known */
};

enum { FIGURE_TEXT_COLUMNS = 80 }; /* no line of a text figure is wider */

/*
 * Appends the figure as lines of text, at most FIGURE_TEXT_COLUMNS wide.
 * @return 0 or the first error of `out`.
 */
int figure_port_text(struct str *out, const struct figure_port *figure);

/*
 * Appends the figure as an SVG document: titled and described for screen readers, Okabe-Ito
 * colours, nothing told by colour alone. @return 0 or the first error of `out`.
 */
int figure_port_svg(struct str *out, const struct figure_port *figure);

/* ---- what passed between two ends, one row for each packet ---- */

enum figure_way {
	FIGURE_TO_SERVER,
	FIGURE_TO_CLIENT,
	FIGURE_FROM_BETWEEN, /* to the client, from neither end: a router or firewall */
	FIGURE_NOTHING,      /* no packet: what was waited for in vain */
};

struct figure_ladder_row {
	usec_t at; /* since the first row */
	enum figure_way way;
	const char *label; /* UTF-8; foreign bytes are made harmless here */
};

enum figure_source {
	FIGURE_CAPTURED, /* the rows are packets that were seen */
	FIGURE_DEDUCED,  /* they are what must have passed, by what the programs were told */
};

struct figure_ladder {
	enum language language;
	const char *client, *server; /* what stands above the two lines: "192.0.2.1:80" */
	enum figure_source source;
	const struct figure_ladder_row *rows;
	size_t count;
	uint64_t more; /* packets that followed and are not drawn */
};

/* Appends the figure as lines of text, at most FIGURE_TEXT_COLUMNS wide, in characters that need no
 * more than the labels do. @return 0 or the first error of `out`. */
int figure_ladder_text(struct str *out, const struct figure_ladder *figure);

/* Appends it as an SVG document, as figure_port_svg(). @return 0 or the first error of `out`. */
int figure_ladder_svg(struct str *out, const struct figure_ladder *figure);
