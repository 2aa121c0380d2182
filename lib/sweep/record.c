/* What crosses between minato and minato-sweep: believed only when every field is within its range.
 */
#include <errno.h>

#include "sweep/sweep.h"

enum { WELL_KNOWN = 1024 };

bool sweep_order_valid(const struct sweep_order *order)
{
	const uint32_t count = portset_count(&order->ports);
	return order->mode < SWEEP_MODES && order->rate >= 1 && order->rate <= SWEEP_RATE_MAX &&
	       (order->target.family == ADDR_IPV4 || order->target.family == ADDR_IPV6) &&
	       !addr_is_any(&order->target) && order->source_first >= WELL_KNOWN &&
	       (uint32_t)order->source_first + SWEEP_SOURCES_MIN <=
		       (uint32_t)order->source_last + 1 &&
	       count > 0 && !portset_has(&order->ports, 0) &&
	       (order->mode != SWEEP_UDP || (count <= SWEEP_UDP_PORTS_MAX && order->control != 0 &&
					     !portset_has(&order->ports, order->control)));
}

int sweep_sources(uint16_t *first, uint16_t *last, uint16_t low, uint16_t high)
{
	/* The upper part first: fewer services live there. */
	const uint32_t above = high < UINT16_MAX ? (uint32_t)UINT16_MAX - high : 0;
	const uint32_t below = low > WELL_KNOWN ? (uint32_t)low - WELL_KNOWN : 0;
	const uint32_t wanted = SWEEP_SOURCES_MAX + SWEEP_CANARIES_MAX;
	const bool up = above >= wanted || above >= below;
	const uint32_t room = up ? above : below;
	if (room < SWEEP_SOURCES_MIN) {
		return -ERANGE;
	}
	const uint32_t count = room < wanted ? room : wanted;
	*first = (uint16_t)(up ? UINT16_MAX - count + 1 : low - count);
	*last = (uint16_t)(*first + count - 1);
	return 0;
}

uint16_t sweep_question_sources(const struct sweep_order *order)
{
	const uint32_t quarter = ((uint32_t)order->source_last - order->source_first + 1) / 4;
	return (uint16_t)(quarter > SWEEP_SOURCES_MAX ? SWEEP_SOURCES_MAX : quarter);
}

const char *sweep_state_name(enum sweep_state state, enum sweep_mode mode)
{
	static const char *const names[SWEEP_STATES] = {
		[SWEEP_UNASKED] = "unasked",   [SWEEP_SILENT] = "filtered",
		[SWEEP_OPEN] = "open",         [SWEEP_CLOSED] = "closed",
		[SWEEP_REJECTED] = "rejected", [SWEEP_HELD] = "open_or_filtered",
	};
	return state == SWEEP_SILENT && mode == SWEEP_UDP ? "unknown" : names[state];
}

static bool end_valid(const struct sweep_end *end)
{
	bool valid = end->interrupted <= 1 && end->took >= 0 && end->error >= 0 &&
		     end->error < 4096 && end->rejecter_count <= SWEEP_REJECTERS_MAX &&
		     end->facts.mode < SWEEP_MODES && end->facts.lost <= end->facts.canaries &&
		     end->facts.asked <= 65535 && end->facts.answered <= end->facts.asked &&
		     end->facts.unasked <= 65535 && end->facts.rounds <= SWEEP_TRIES_MAX;
	for (uint32_t i = 0; valid && i < end->rejecter_count; i++) {
		const uint8_t family = end->rejecters[i].from.family;
		valid = family == ADDR_IPV4 || family == ADDR_IPV6 || family == ADDR_NONE;
	}
	for (unsigned i = 0; valid && i <= SWEEP_TRIES_MAX; i++) {
		valid = end->facts.silent[i] <= 65535;
	}
	return valid;
}

static bool part_valid(const struct sweep_report *report)
{
	if (report->part.first % SWEEP_STATES_BYTES != 0 || report->part.first >= 65536) {
		return false;
	}
	for (unsigned i = 0; i < SWEEP_STATES_BYTES; i++) {
		if (report->part.states[i] >= SWEEP_STATES) {
			return false;
		}
	}
	return true;
}

bool sweep_report_valid(const struct sweep_report *report)
{
	switch (report->kind) {
	case SWEEP_REPORT_PROGRESS:
		return report->progress.total <= 65535 &&
		       report->progress.settled <= report->progress.total &&
		       report->progress.round <= SWEEP_TRIES_MAX &&
		       report->progress.lost <= report->progress.canaries &&
		       report->progress.left >= 0;
	case SWEEP_REPORT_STATES:
		return part_valid(report);
	case SWEEP_REPORT_END:
		return end_valid(&report->end);
	default:
		return false;
	}
}
