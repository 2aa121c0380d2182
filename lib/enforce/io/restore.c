/* Bringing kernel and record together again: after a time-out, a crash, a start of the host, or
 * another tool. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/io/account.h"
#include "enforce/enforce.h"
#include "enforce/layer.h"
#include "enforce/listing.h"

static usec_t day_end(int32_t day)
{
	/* mktime brings the date and the hour that summer time moved into order. */
	struct tm local = { .tm_year = 70, .tm_mday = day + 2, .tm_isdst = -1 };
	time_t end = mktime(&local);
	return end == (time_t)-1 ? (day + (usec_t)1) * USEC_PER_DAY : (usec_t)end * USEC_PER_SEC;
}

struct enforce_environment enforce_environment_at(usec_t now)
{
	return (struct enforce_environment){ .now = now, .day_end = day_end, .user = account_uid };
}

int enforce_settle(struct enforce_states *states, const struct enforce_status *status, usec_t now,
		   struct err *e)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < states->count; i++) {
		const struct enforce_state *state = &states->items[i];
		if (state->kind != ENFORCE_PENDING || state->number == status->candidate) {
			continue;
		}
		/* Confirmed in the kernel, and then something kept us from writing it down. */
		r = enforce_states_settle(states, state->number,
					  state->number == status->confirmed ? ENFORCE_CONFIRMED
									     : ENFORCE_REVERTED,
					  now, e);
	}
	return r == 0 && status->present ? enforce_states_sweep(states, status, e) : r;
}

int enforce_states_sweep(const struct enforce_states *states, const struct enforce_status *status,
			 struct err *e)
{
	const bool unchanged = enforce_states_unchanged(states, status->confirmed);
	int r = enforce_sweep(status, e);
	if (r == 0 && unchanged) {
		enforce_states_mark(states, status->confirmed);
	}
	return r;
}

int enforce_keep_listing(const struct enforce_states *states, unsigned number, struct err *e)
{
	struct str listing = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	enforce_states_mark(states, number);
	int r = enforce_listing(&listing, number, e);
	if (r == 0) {
		r = enforce_states_keep_listing(states, number, str_text(&listing), e);
	}
	str_deinit(&listing);
	return r;
}

/* What the kernel makes of the rules in a namespace that has no others yet. */
static int load_and_list(struct str *out, unsigned number, const char *rules, bool outbound,
			 struct err *e)
{
	const struct enforce_status nothing = { 0 };
	int r = enforce_load(rules, number, outbound, &nothing, e);
	return r == 0 ? enforce_listing(out, number, e) : r;
}

/* A layer leads on to chains that are not there: the record knows how they are listed. */
static int list_layer(struct str *out, const struct enforce_states *states, unsigned number,
		      unsigned base, const char *rules, bool outbound, struct err *e)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	struct str own = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	str_printf(&text, "add chain inet minato g%u-in\n", base);
	if (outbound) {
		str_printf(&text, "add chain inet minato g%u-out\n", base);
	}
	str_add(&text, rules);
	int r = text.error;
	if (r == 0) {
		r = load_and_list(out, number, str_text(&text), outbound, e);
	}
	if (r == 0) {
		listing_own(&own, str_text(out), number);
		str_clear(&text);
		r = enforce_states_listing(&text, states, base, e);
	}
	if (r == 0) {
		str_clear(out);
		listing_lay(out, str_text(&text), str_text(&own));
		r = own.error != 0 ? own.error : out->error;
	}
	str_deinit(&own);
	str_deinit(&text);
	return r;
}

/* Where nobody else can change them. */
static int list_apart(struct str *out, const struct enforce_states *states, unsigned number,
		      const char *rules, bool outbound, struct err *e)
{
	const unsigned base = layers_base_in(rules, number);
	if (unshare(CLONE_NEWNET) < 0) {
		return err_system(e, errno, "no network namespace for listing the rules");
	}
	str_clear(out);
	return base == 0 ? load_and_list(out, number, rules, outbound, e)
			 : list_layer(out, states, number, base, rules, outbound, e);
}

int enforce_keep_listing_of(const struct enforce_states *states, unsigned number, const char *rules,
			    bool outbound, struct err *e)
{
	struct str listing = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	int r = enforce_listing(&listing, number, NULL);
	if (r < 0 || !enforce_states_unchanged(states, number)) {
		r = list_apart(&listing, states, number, rules, outbound, e);
	}
	if (r == 0) {
		r = enforce_states_keep_listing(states, number, str_text(&listing), e);
	}
	str_deinit(&listing);
	return r;
}

/*
 * The whole table is exchanged: of that generation there may be parts, beneath a candidate or as
 * layers, and whole rules must not come on top of them.
 */
static int load(const struct policy *policy, const struct enforce_environment *environment,
		unsigned number, struct err *e)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	const bool outbound = enforce_limits_outbound(policy);
	int r = enforce_rules(&text, policy, number, environment, e);
	if (r == 0) {
		r = enforce_reload(str_text(&text), number, outbound, e);
	}
	str_deinit(&text);
	return r;
}

int enforce_restore(struct enforce_states *states, const struct enforce_status *status,
		    const struct enforce_environment *environment, unsigned *number, struct err *e)
{
	const struct enforce_state *state = enforce_states_confirmed(states);
	if (state == NULL || (status->confirmed == state->number && status->framed)) {
		return ENFORCE_IN_PLACE;
	}
	const unsigned wanted = state->number;
	struct policy policy = { 0 };
	int r = enforce_states_policy(&policy, states, wanted, e);
	/* The rules may still be there, and only the way to them gone. */
	if (r == 0 && status->confirmed == wanted) {
		r = enforce_reframe(enforce_limits_outbound(&policy), e);
	} else if (r == 0) {
		r = load(&policy, environment, wanted, e);
		if (r == 0) {
			/* A full disk is no reason to call it a failure: the rules hold. */
			(void)enforce_keep_listing(states, wanted, NULL);
		}
	}
	policy_deinit(&policy);
	if (r == 0) {
		*number = wanted;
	}
	return r;
}

int enforce_repair(struct enforce_states *states, unsigned number,
		   const struct enforce_environment *environment, struct err *e)
{
	struct policy policy = { 0 };
	int r = enforce_states_policy(&policy, states, number, e);
	if (r == 0) {
		r = load(&policy, environment, number, e);
	}
	if (r == 0) {
		/* A full disk is no reason to call it a failure: the rules hold. */
		(void)enforce_keep_listing(states, number, NULL);
	}
	policy_deinit(&policy);
	return r;
}

int enforce_drift(struct str *out, const struct enforce_states *states, unsigned number,
		  unsigned lines_max, struct err *e)
{
	if (enforce_states_unchanged(states, number)) {
		return 0;
	}
	struct str now = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	struct str then = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	int r = enforce_states_listing(&then, states, number, NULL);
	const bool kept = r == 0;
	r = r == -ENOENT ? 0 : r;
	if (kept) {
		r = enforce_listing(&now, number, e);
	}
	if (r == 0 && kept) {
		enforce_difference(out, str_text(&now), str_text(&then), lines_max);
		r = out->error;
	}
	str_deinit(&now);
	str_deinit(&then);
	return r;
}

int enforce_state_stale_users(struct enforce_stale_users *out, const struct enforce_states *states,
			      unsigned number, const struct policy *policy,
			      const struct enforce_environment *environment, struct err *e)
{
	struct str listing = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	*out = (struct enforce_stale_users){ 0 };
	if (!enforce_limits_outbound(policy)) {
		return 0;
	}
	int r = enforce_states_listing(&listing, states, number, NULL);
	if (r == 0) {
		r = enforce_stale_users(out, policy, str_text(&listing), environment);
	} else if (r == -ENOENT) {
		r = 0;
	}
	str_deinit(&listing);
	return r < 0 ? err_system(e, r, "cannot compare the users of outbound:") : 0;
}

bool enforce_drift_known(const struct enforce_states *states, unsigned number)
{
	struct str kept = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	const bool known = enforce_states_unchanged(states, number) ||
			   enforce_states_listing(&kept, states, number, NULL) == 0;
	str_deinit(&kept);
	return known;
}
