/* What the canaries prove: how many open ports may be among the silent ones. */
#include <math.h>

#include "sweep/sweep.h"

double sweep_loss_at_most(uint32_t lost, uint32_t count)
{
	/* The quantile of 99 %, one-sided. */
	static const double z = 2.3263;
	if (count == 0 || lost >= count) {
		return 1;
	}
	/* Wilson (1927): for few losses it lies above the exact bound, so it never says too little.
	 */
	const double n = count;
	const double share = lost / n;
	const double middle = share + z * z / (2 * n);
	const double width = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
	const double most = (middle + width) / (1 + z * z / n);
	return most > 1 ? 1 : most;
}

unsigned sweep_tries_needed(uint32_t asked, double loss)
{
	unsigned tries = 1;
	for (double missed = asked * loss; missed > SWEEP_BOUND && tries < SWEEP_TRIES_MAX;
	     missed *= loss) {
		tries++;
	}
	return tries;
}

enum sweep_proof sweep_prove(double *bound, const struct sweep_facts *facts)
{
	*bound = -1;
	if (facts->mode == SWEEP_UDP) {
		return SWEEP_UNPROVEN_UDP;
	}
	if (facts->unasked > 0) {
		return SWEEP_UNPROVEN_ENDED;
	}
	uint32_t silent = 0;
	unsigned fewest = SWEEP_TRIES_MAX;
	for (unsigned tries = SWEEP_TRIES_MAX + 1; tries-- > 0;) {
		silent += facts->silent[tries];
		fewest = facts->silent[tries] > 0 ? tries : fewest;
	}
	if (silent == 0) {
		*bound = 0;
		return SWEEP_PROVEN_ALL;
	}
	if (facts->canaries == 0) {
		return SWEEP_UNPROVEN_SILENCE;
	}
	/* Of all that were asked, not of those that are silent: where closed ports answer, the few
	 * that are left are just those of which everything was lost. */
	const double loss = sweep_loss_at_most(facts->lost, facts->canaries);
	*bound = facts->asked * pow(loss, fewest);
	*bound = *bound > silent ? silent : *bound;
	return *bound <= SWEEP_BOUND ? SWEEP_PROVEN_BOUND : SWEEP_UNPROVEN_LOSS;
}

const char *sweep_proof_name(enum sweep_proof proof)
{
	static const char *const names[SWEEP_PROOFS] = {
		[SWEEP_PROVEN_ALL] = "all_answered",
		[SWEEP_PROVEN_BOUND] = "bound",
		[SWEEP_UNPROVEN_SILENCE] = "unproven_silence",
		[SWEEP_UNPROVEN_LOSS] = "unproven_loss",
		[SWEEP_UNPROVEN_ENDED] = "unproven_ended",
		[SWEEP_UNPROVEN_UDP] = "unproven_udp",
	};
	return names[proof];
}
