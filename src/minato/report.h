/* The report: one page of HTML about this host, made of slots of a template (data/page/). */
#pragma once

#include "map_facts.h"
#include "overview.h"
#include "ports_list.h"

enum {
	REPORT_PAGE_BYTES = 290000, /* of the whole page: what does not fit is left out, and said */
	REPORT_FINDINGS_BYTES = 40000,
	REPORT_MEASURES_BYTES = 20000,
	REPORT_ROW_BYTES = 16384, /* one row of any table; every foreign string in it is cut */
};

struct report {
	const struct overview *overview;
	struct context context; /* plain and broad: what is wrapped here is HTML's to wrap */
	struct map_facts facts;
	struct figure_map map;
	struct ports_list ports;
	uint16_t letters[FIGURE_MAP_LETTERS]; /* number of each */
	size_t letter_count;
	bool linked[FIGURE_MAP_LETTERS]; /* has a row in the table of ports */
	size_t room;                     /* bytes that the table of ports may take */
	size_t left_out;                 /* rows for which there was no room */
};

/* @return EXIT_IN_ORDER or the exit code after having complained; needs report_deinit in every
 * case.
 */
int report_init(struct report *out, const struct overview *overview);
void report_deinit(struct report *report);

/* Appends the page. */
void report_page(struct str *out, struct report *report);

/* A piece of the template, and the slot behind it. */
struct page_piece {
	const char *text;
	const char *slot; /* NULL = the end */
};
/* Made from data/page/ by tools/make-page. */
extern const struct page_piece report_page_en[];
extern const struct page_piece report_page_ja[];

/* ---- text (report_html.c) ---- */

/* Appends our own words as character data of HTML: nothing in them is markup. */
void html_words(struct str *out, const char *words);
/* The same of foreign bytes, made harmless and cut to so many columns; NULL = nothing. */
void html_foreign(struct str *out, const char *bytes, size_t columns);
/* "<span class="badge high">high</span>" */
void html_badge(struct str *out, enum severity severity);
/* "<small>...</small>" of our own words; nothing when they are "". */
void html_small(struct str *out, const char *words);
/* The same of foreign bytes behind a label ("user"); nothing for NULL. */
void html_small_foreign(struct str *out, const char *label, const char *bytes);

/* ---- slots: each appends what stands in its place ---- */

/* report_glance.c */
void report_host(struct str *out, struct report *report);
void report_time(struct str *out, struct report *report);
void report_tiles(struct str *out, struct report *report);
void report_state(struct str *out, struct report *report);
void report_classes(struct str *out, struct report *report);
void report_ephemeral(struct str *out, struct report *report);
void report_clients(struct str *out, struct report *report);
void report_version(struct str *out, struct report *report);
/* report_mend.c */
void report_findings(struct str *out, struct report *report);
void report_measures(struct str *out, struct report *report);
/* report_map.c */
void report_map(struct str *out, struct report *report);
void report_signs(struct str *out, struct report *report);
void report_letters(struct str *out, struct report *report);
void report_figure(struct str *out, struct report *report);
/* The letter of a number in the map; FIGURE_MAP_LETTERS = it has none. */
size_t report_letter(const struct report *report, uint16_t port);
/* "<span class="mark declared">A</span>" */
void report_mark(struct str *out, enum figure_mark_kind kind, const char *letter);
/* report_ports.c */
void report_ports(struct str *out, struct report *report);
void report_left_out(struct str *out, struct report *report);
