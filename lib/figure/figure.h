/*
 * Figures that explain ports: a struct goes in, text or SVG comes out. Pure: the same values give
 * the same bytes. Text figures keep to characters whose width every terminal agrees on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/portset.h"
#include "base/str.h"
#include "base/when.h"
#include "model/inventory.h"
#include "model/protocol.h"
#include "model/severity.h"
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
	FIGURE_EXAMPLE,  /* they are how it always goes: no times, which nobody measured */
	FIGURE_LIVE,     /* the same, under the numbers of a connection that this host has */
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

/* ---- the three ranges, with what this host does in them ---- */

struct figure_ranges_mark {
	uint16_t port;
	enum protocol protocol;
	const char *name; /* of the program or service, foreign bytes; NULL = none */
};

struct figure_ranges {
	enum language language;
	bool ascii;                             /* of the text form: no Braille */
	struct port_range ephemeral;            /* of this host; last = 0: not known, not drawn */
	const struct figure_ranges_mark *marks; /* in any order; the same twice is drawn once */
	size_t count;
	bool marks_known; /* false: nobody looked; then nothing is said about listeners */
};

/*
 * Appends the ruler of all numbers as lines of text: letters above the places where programs
 * listen, the ephemeral range below. At most 26 places of 1,024 numbers get a letter and 8
 * listeners each are named, the rest is counted. @return 0 or the first error of `out`.
 */
int figure_ranges_text(struct str *out, const struct figure_ranges *figure);

/* Appends it as an SVG document, as figure_port_svg(). @return 0 or the first error of `out`. */
int figure_ranges_svg(struct str *out, const struct figure_ranges *figure);

/* ---- NAT: several devices behind one address, told apart by port ---- */

enum figure_nat_source {
	FIGURE_NAT_LIVE,    /* the rows come from the connection table of this host */
	FIGURE_NAT_SANDBOX, /* they come from that of a network to practise in */
	FIGURE_NAT_EXAMPLE, /* they are made up */
};

/* One connection through the router. Addresses are text without port and brackets. */
struct figure_nat_row {
	const char *name;   /* of the device, foreign bytes; NULL = none */
	const char *inside; /* its own address */
	uint16_t inside_port;
	uint16_t outside_port; /* the same connection under the address outside */
	const char *remote;    /* whom it talks to */
	uint16_t remote_port;
};

struct figure_nat {
	enum language language;
	const char *outside; /* the one address that the others see */
	enum figure_nat_source source;
	const struct figure_nat_row *rows;
	size_t count;
	uint64_t more; /* connections that are not drawn */
};

/* Appends the figure as lines of text, in ASCII but for its words and names; with no row only
 * heading and source. @return 0 or the first error of `out`. */
int figure_nat_text(struct str *out, const struct figure_nat *figure);

/* Appends it as an SVG document, as figure_port_svg(). @return 0 or the first error of `out`. */
int figure_nat_svg(struct str *out, const struct figure_nat *figure);

/* ---- one address, a door for each port: main number and extension ---- */

struct figure_door {
	uint16_t port;
	enum protocol protocol;
	const char *program; /* who waits behind it, foreign bytes; NULL = nobody */
	const char *refused; /* who wanted the same port and did not get it; NULL = nobody */
};

struct figure_doors {
	enum language language;
	const char *address; /* the main number */
	const struct figure_door *doors;
	size_t count;
	uint64_t more; /* doors that are not drawn */
};

/* Appends the figure as lines of text, in ASCII but for its words and names.
 * @return 0 or the first error of `out`. */
int figure_doors_text(struct str *out, const struct figure_doors *figure);

/* Appends it as an SVG document, as figure_port_svg(). @return 0 or the first error of `out`. */
int figure_doors_svg(struct str *out, const struct figure_doors *figure);

/* ---- dangerous doors ---- */

enum figure_risk_state {
	FIGURE_RISK_UNKNOWN, /* nobody could look */
	FIGURE_RISK_CLOSED,  /* nobody listens */
	FIGURE_RISK_INSIDE,  /* on loopback alone */
	FIGURE_RISK_OPEN,    /* on an address that other machines know; no firewall considered */
};

struct figure_risk {
	enum protocol protocol;
	uint16_t port;
	const char *title, *measure; /* in the figure's language, UTF-8 */
	enum severity risk;
	enum figure_risk_state state;
};

struct figure_risks {
	enum language language;
	const struct figure_risk *risks;
	size_t count;
};

/* Appends the table as text, at most FIGURE_TEXT_COLUMNS wide. @return 0 or the first error of
 * `out`. */
int figure_risks_text(struct str *out, const struct figure_risks *figure,
		      const struct style *style);
/* Appends it as an SVG document, as figure_port_svg(). @return 0 or the first error of `out`. */
int figure_risks_svg(struct str *out, const struct figure_risks *figure);

/* ---- all 65,536 ports of a host ---- */

enum figure_mark_kind {
	FIGURE_MARK_PLAIN, /* there is no policy to hold it against */
	FIGURE_MARK_DECLARED,
	FIGURE_MARK_UNDECLARED,
};

/* A port on which somebody listens, or that is published. */
struct figure_mark {
	enum protocol protocol;
	uint16_t port;
	enum figure_mark_kind kind;
	const char
		*name; /* program or service; foreign bytes are made harmless here; NULL = none */
};

struct figure_map {
	enum language language;
	struct style style; /* of the text form */
	bool all;           /* of the text form: every letter is listed, in more lines than 23 */
	bool bare;          /* of the SVG form: no legend, it stands beside the drawing */
	const char *host;
	struct port_range ephemeral;     /* of this host; last = 0: not known, not drawn */
	const struct figure_mark *marks; /* those that get letters first: the most dangerous */
	size_t count;
	const struct portset *allowed; /* numbers that the policy declares; NULL = no policy */
};

enum {
	FIGURE_MAP_LINES = 23,   /* of the text form, so that a terminal of 24 has its prompt */
	FIGURE_MAP_LETTERS = 52, /* of the SVG form: A to Z, then AA to AZ */
};

/* Appends the map as lines of text, at most FIGURE_TEXT_COLUMNS wide; without `all` at most
 * FIGURE_MAP_LINES of them. @return 0 or the first error of `out`. */
int figure_map_text(struct str *out, const struct figure_map *figure);

/* Appends it as an SVG document, as figure_port_svg(), in colours for light and dark; its ids begin
 * with "map-", so that it may stand inside a page. @return 0 or the first error of `out`. */
int figure_map_svg(struct str *out, const struct figure_map *figure);

/* The numbers that get letters in the SVG form, the first one A. @return how many. */
size_t figure_map_letters(uint16_t ports[FIGURE_MAP_LETTERS], const struct figure_map *figure);

/* "A" to "Z", "AA" to "AZ". @param index below FIGURE_MAP_LETTERS. @return out. */
const char *figure_letter(char out[3], size_t index);
