/* Whom the rules refused, once a minute out of the kernel's sets: rows for the store, so that it
 * stays known when the rules are flushed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "base/parse.h"
#include "common/say.h"
#include "keeper.h"

enum { ROWS_MAX = 200 /* of a kind a minute; what is more comes with the next minutes */ };

enum { EVERY_SECONDS = 60 };
/* By enum enforce_counting. */
static const enum event_kind kinds[ENFORCE_COUNTINGS] = { EVENT_REFUSED, EVENT_WOULD_REFUSE,
							  EVENT_CONNECT_REFUSED };

/* The kind of a row of what is passed on. */
static enum event_kind kind_of(const struct enforce_counted *counted, enum event_kind kind)
{
	if (counted->direction != ENFORCE_FORWARD) {
		return kind;
	}
	return kind == EVENT_REFUSED        ? EVENT_FORWARD_REFUSED
	       : kind == EVENT_WOULD_REFUSE ? EVENT_FORWARD_WOULD_REFUSE
					    : EVENT_FORWARD_PASSED;
}

static struct event row_of(const struct keeper *keeper, const struct enforce_counted *counted,
			   enum event_kind kind)
{
	char since[TIME_TEXT_BYTES];
	char last[TIME_TEXT_BYTES];
	struct event event = { .time = clock_now(),
			       .kind = kind_of(counted, kind),
			       .uid = UINT32_MAX,
			       .protocol = counted->protocol,
			       .address = counted->from,
			       .port = counted->port,
			       .count = counted->packets };
	/* The kernel tells whole seconds. */
	const usec_t seen =
		counted->last > keeper->counts.read ? counted->last : keeper->counts.read;
	const char *begin = time_format(keeper->counts.read, since);
	if (kind != EVENT_LET_IN) {
		(void)snprintf(event.detail, sizeof(event.detail), "since %.19sZ, last %.19sZ",
			       begin, time_format(seen, last));
	} else if (counted->last_port != 0) {
		(void)snprintf(event.detail, sizeof(event.detail), "since %.19sZ, ports %u-%u",
			       begin, counted->port, counted->last_port);
	} else {
		(void)snprintf(event.detail, sizeof(event.detail), "since %.19sZ", begin);
	}
	return event;
}

/* @return how many were told: the first ones. */
static size_t tell_rows(const struct keeper *keeper, const struct enforce_counts *rows,
			enum event_kind kind)
{
	size_t told = 0;
	int r = 0;
	for (; r == 0 && told < rows->count && told < ROWS_MAX; told += r == 0) {
		const struct event row = row_of(keeper, &rows->items[told], kind);
		r = keeper_tell_news(keeper, &row);
	}
	return told;
}

/* Tells the most frequent ones. What is not told stays for the next time, in `now` as before. */
static void tell(const struct keeper *keeper, struct enforce_counts *now,
		 const struct enforce_counts *before, enum event_kind kind)
{
	struct enforce_counts news = { 0 };
	if (enforce_counts_grown(&news, now, before) < 0) {
		return;
	}
	const size_t told = tell_rows(keeper, &news, kind);
	for (size_t i = told; i < news.count; i++) {
		enforce_counts_take_back(now, &news.items[i]);
	}
	enforce_counts_deinit(&news);
}

/* ---- who was let in ---- */

/* Replaces what is remembered of a reading. @param grown  receives what has come since. */
static void advance(struct enforce_counts *before, const struct enforce_counts *now,
		    struct enforce_counts *grown)
{
	const struct enforce_counts none = { 0 };
	*grown = none;
	(void)enforce_counts_grown(grown, now, before); /* without memory nothing is told */
	enforce_counts_deinit(before);
	(void)enforce_counts_grown(before, now, &none); /* a copy */
	enforce_counts_sort(before);
}

/* By declaration and not by source: whoever asked for its ports and was not refused. */
static void look_at_let_in(struct keeper *keeper, const struct enforce_counts *refused)
{
	struct keeper_counts *counts = &keeper->counts;
	struct enforce_counts now = { 0 };
	struct enforce_counts grown = { 0 };
	if (enforce_asked(&now, NULL) == 0) {
		enforce_counts_sort(&now);
		advance(&counts->asked, &now, &grown);
	}
	if (counts->read != 0) {
		enforce_counts_let_in(&grown, refused);
		(void)tell_rows(keeper, &grown, EVENT_LET_IN); /* the rest is of no use later */
	}
	enforce_counts_deinit(&now);
	enforce_counts_deinit(&grown);
}

/* ---- who was refused ---- */

static void look_at_kind(struct keeper *keeper, enum enforce_counting kind)
{
	struct keeper_counts *counts = &keeper->counts;
	struct enforce_counts now = { 0 };
	struct err e = ERR_INIT;
	if (enforce_counted(&now, kind, clock_now(), &e) < 0) {
		enforce_counts_deinit(&now);
		return; /* the next minute brings it */
	}
	enforce_counts_sort(&now);
	if (kind == ENFORCE_COUNT_REFUSED) {
		struct enforce_counts grown;
		advance(&counts->refused, &now, &grown);
		look_at_let_in(keeper, &grown);
		enforce_counts_deinit(&grown);
	}
	if (counts->read != 0) {
		tell(keeper, &now, &counts->told[kind], kinds[kind]);
	}
	enforce_counts_deinit(&counts->told[kind]);
	counts->told[kind] = now;
}

/* MINATO_COUNT_SECONDS is for tests, which cannot wait a minute. */
static usec_t every(void)
{
	const char *given = getenv("MINATO_COUNT_SECONDS");
	uint64_t seconds = EVERY_SECONDS;
	if (given != NULL) {
		(void)parse_u64(&seconds, given, 1, 3600); /* else it stays a minute */
	}
	return (usec_t)seconds * USEC_PER_SEC;
}

void keeper_counts_look(struct keeper *keeper)
{
	keeper->counts.look_at = clock_monotonic() + every();
	/* At the first time it is not known what was told before: it counts as told. */
	for (unsigned i = 0; i < ENFORCE_COUNTINGS; i++) {
		look_at_kind(keeper, (enum enforce_counting)i);
	}
	keeper->counts.read = clock_now();
}

void keeper_counts_anew(struct keeper *keeper)
{
	for (unsigned i = 0; i < ENFORCE_COUNTINGS; i++) {
		enforce_counts_deinit(&keeper->counts.told[i]);
	}
	enforce_counts_deinit(&keeper->counts.refused);
	enforce_counts_deinit(&keeper->counts.asked);
}
