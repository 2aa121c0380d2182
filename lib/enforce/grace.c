/* How long connections that nothing tracked may still be met in the middle. */
#include "enforce/enforce.h"

/* Entries beyond those that are kept are dropped, oldest first: then the beginning is not known. */
static usec_t first_of(const struct enforce_states *states, usec_t now)
{
	usec_t first = now;
	for (size_t i = states->count; i > 0; i--) {
		const struct enforce_state *state = &states->items[i - 1];
		if (state->kind == ENFORCE_OFF) {
			break;
		}
		if (state->kind != ENFORCE_REVERTED && state->applied < first) {
			first = state->applied;
		}
	}
	return first;
}

usec_t enforce_states_grace(const struct enforce_states *states, usec_t now)
{
	const usec_t left = first_of(states, now) + ENFORCE_GRACE_SECONDS * USEC_PER_SEC - now;
	return left < USEC_PER_SEC || states->count >= ENFORCE_STATES_KEPT ? 0 : left;
}
