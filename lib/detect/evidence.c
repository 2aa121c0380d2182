/* The sequential test over what a source asked for. */
#include <math.h>
#include <string.h>

#include "state.h"

/*
 * The longer one looks, the more first contacts an honest source makes: a window that is n times
 * the first has n times as many chances of a false alarm, so its bound is n times as strict.
 */
static const usec_t windows[] = { USEC_PER_MIN, 15 * USEC_PER_MIN, 3 * USEC_PER_HOUR,
				  USEC_PER_DAY };

static bool is_same(const struct item *a, const struct item *b)
{
	return a->port == b->port && a->host == b->host && a->open == b->open &&
	       (a->probe == DETECT_UDP) == (b->probe == DETECT_UDP);
}

void evidence_speak_for(struct source *source)
{
	source->credit = (uint8_t)(source->credit < CREDIT_MAX ? source->credit + 1 : CREDIT_MAX);
}

/* The walk of the test goes down for each success, but not without end. */
bool evidence_forgive(struct source *source, const struct item *item)
{
	for (unsigned i = 0; i < source->count; i++) {
		if (is_same(&source->items[i], item)) {
			return false;
		}
	}
	if (source->credit == 0) {
		return false;
	}
	source->credit--;
	return true;
}

bool evidence_add(struct source *source, const struct item *item)
{
	unsigned open = 0;
	unsigned strays = 0;
	for (unsigned i = 0; i < source->count; i++) {
		const struct item *known = &source->items[i];
		if (is_same(known, item)) {
			return false;
		}
		open += known->open;
		strays += known->stray;
	}
	if ((item->open && (open == OPEN_ITEMS || source->count == ITEMS)) ||
	    (item->stray && (strays == STRAY_ITEMS || source->count == ITEMS))) {
		return false;
	}
	if (source->count == ITEMS) {
		memmove(source->items, source->items + 1, sizeof(*item) * (ITEMS - 1));
		source->count--;
	}
	source->items[source->count++] = *item;
	return true;
}

/* How strongly one closed port speaks, 1 = as the test has it. */
static double weight(const struct item *item)
{
	switch ((enum detect_probe)item->probe) {
	case DETECT_FIN:
	case DETECT_NULL:
	case DETECT_XMAS:
		return 1.5; /* no system begins with such a packet */
	case DETECT_MAIMON:
	case DETECT_ACK:
		return 0.8; /* a connection that one side has forgotten sends them too */
	default:
		return item->tool != DETECT_TOOL_NONE ? 1.5 : 1;
	}
}

/* One closed port beside them may be a service that is not up yet; two are somebody who looks. */
static bool do_strays_count(const struct source *source, usec_t since)
{
	unsigned others = 0;
	for (unsigned i = 0; i < source->count; i++) {
		const struct item *item = &source->items[i];
		others += item->time >= since && !item->open && !item->stray;
	}
	return others >= 2;
}

static double sum(const struct detect_parameters *p, const struct source *source, usec_t since)
{
	double closed = 0;
	bool open = false;
	const bool strays = do_strays_count(source, since);
	for (unsigned i = 0; i < source->count; i++) {
		const struct item *item = &source->items[i];
		if (item->time < since || (item->stray && !strays)) {
			continue;
		}
		open = open || item->open;
		closed += item->open ? 0 : weight(item);
	}
	/* One open port counts, not each: else a scanner buys itself free at a host with many. */
	return closed * log((1 - p->scan_success) / (1 - p->honest_success)) +
	       (open ? log(p->scan_success / p->honest_success) : 0);
}

usec_t evidence_window(const struct detect_parameters *parameters, const struct source *source,
		       double strangers, usec_t now)
{
	const double bound = (1 - parameters->miss) / parameters->false_alarm * strangers;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		const double longer = (double)windows[i] / (double)windows[0];
		if (sum(parameters, source, now - windows[i]) >= log(bound * longer)) {
			return windows[i];
		}
	}
	return 0;
}
