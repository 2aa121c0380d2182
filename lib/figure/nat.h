/* Words that the text and the SVG form of NAT share; private to lib/figure. */
#pragma once

#include "figure/figure.h"
#include "figure/words.h"

/* "192.0.2.1:443", "[2001:db8::1]:443"; foreign bytes made harmless. Where it is wider than
 * `columns` the address is cut, never the port, which is the point of the figure. Appends. */
void nat_endpoint(struct str *out, const char *address, uint16_t port, size_t columns);
/* The heading. Appends. */
void nat_title(struct str *out, const struct figure_nat *figure);
/* How an answer finds its way, told of the first row; nothing without rows. Appends. */
void nat_why(struct str *out, const struct figure_nat *figure);
/* Where the rows come from, and how many are not drawn. Appends. */
void nat_source(struct str *out, const struct figure_nat *figure);
