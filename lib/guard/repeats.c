/* The same attempt again and again is told once a minute, with how often. */
#include <string.h>

#include "guard/guard.h"

static const usec_t QUIET_USEC = 60 * USEC_PER_SEC;

static bool is_used(const struct guard_repeat *slot)
{
	return slot->attempt.protocol != PROTOCOL_NONE;
}

/* The number of the process is left out: who is refused is often started again. So is where it
 * wants to: whoever runs through a thousand addresses is one line, with the last of them. */
static bool is_same(const struct guard_attempt *a, const struct guard_attempt *b)
{
	return a->port == b->port && a->protocol == b->protocol && a->uid == b->uid &&
	       a->refused == b->refused && a->outgoing == b->outgoing &&
	       strcmp(a->process, b->process) == 0;
}

/* A clock that was set back must not silence anybody. */
static bool is_due(const struct guard_repeat *slot, usec_t now)
{
	return now - slot->told >= QUIET_USEC || now < slot->told;
}

/* Its own, or a free one, or one that has been quiet; else the last, which all others share. */
static struct guard_repeat *slot_for(struct guard_repeats *repeats,
				     const struct guard_attempt *attempt)
{
	struct guard_repeat *best = &repeats->slots[GUARD_REPEATS_MAX];
	for (size_t i = GUARD_REPEATS_MAX; i-- > 0;) {
		struct guard_repeat *slot = &repeats->slots[i];
		if (is_used(slot) && is_same(&slot->attempt, attempt)) {
			return slot;
		}
		if (!is_used(slot) || (slot->waiting == 0 && is_due(slot, attempt->time))) {
			best = slot;
		}
	}
	return best;
}

static void tell(struct guard_repeat *slot, usec_t now, guard_told_function *function, void *data)
{
	const uint64_t count = slot->waiting;
	slot->told = now;
	slot->waiting = 0;
	function(&slot->attempt, count, data);
}

void guard_repeats_add(struct guard_repeats *repeats, const struct guard_attempt *attempt,
		       guard_told_function *function, void *data)
{
	struct guard_repeat *slot = slot_for(repeats, attempt);
	const bool last = slot == &repeats->slots[GUARD_REPEATS_MAX];
	const bool told = is_used(slot) && (last || is_same(&slot->attempt, attempt)) &&
			  !is_due(slot, attempt->time);
	slot->attempt = *attempt;
	slot->waiting++;
	if (!told) {
		tell(slot, attempt->time, function, data);
	}
}

void guard_repeats_flush(struct guard_repeats *repeats, usec_t now, bool all,
			 guard_told_function *function, void *data)
{
	for (size_t i = 0; i <= GUARD_REPEATS_MAX; i++) {
		struct guard_repeat *slot = &repeats->slots[i];
		if (slot->waiting > 0 && (all || is_due(slot, now))) {
			tell(slot, now, function, data);
		}
	}
}
