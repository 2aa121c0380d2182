/*
 * Figures that explain ports: a struct goes in, text or SVG comes out. Pure: the same values give
 * the same bytes. Text figures keep to characters whose width every terminal agrees on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
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
