/* The ladder of a check while it is drawn. */
#pragma once

#include "check.h"
#include "figure/figure.h"

enum {
	/* Three of each attempt, and those of TLS and the answer; or one of each packet. */
	ROWS_MAX = PROBE_ADDRESSES_MAX * 3 + 8 + CAPTURE_PACKETS_MAX,
	LABEL_BYTES = 320,
	TEXT_BYTES = ROWS_MAX * 160,
};

struct ladder {
	const struct check *check;
	struct figure_ladder figure;
	struct figure_ladder_row rows[ROWS_MAX];
	size_t ends[ROWS_MAX]; /* where the label of each begins in `labels` */
	struct str labels;     /* one behind the other, each with its NUL */
	usec_t begin;
};

/* A row without its label, which is appended to `labels` next. */
void ladder_begin_row(struct ladder *l, usec_t at, enum figure_way way);
void ladder_end_row(struct ladder *l);
void ladder_add_row(struct ladder *l, usec_t at, enum figure_way way, const char *label);

/* What must have passed, by what each step was told. @param server  whose line is drawn. */
void ladder_draw_steps(struct ladder *l, const struct addr *server);
