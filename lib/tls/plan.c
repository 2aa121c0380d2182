/*
 * Which question of TLS is the next: each version from the newest down is offered what it can use;
 * what the server takes is left out of the next offer, until it refuses all that is left.
 */
#include "tls/table.h"

enum {
	SILENCES_MAX = 2, /* then the server is given up */
	ALERT_VERSION = 70,
};

void tls_plan_begin(struct tls_plan *plan)
{
	*plan = (struct tls_plan){ .stage = TLS_PLAN_SUITES, .version = TLS_VERSION_13 };
}

static bool speaks(const struct tls_offer *offer, int version)
{
	return (offer->versions >> version & 1) != 0;
}

/* Groups that TLS 1.3 can use: those that remain of RFC 8446 4.2.7, and later ones. */
static bool group_fits(const struct tls_group *group, bool modern)
{
	const bool old = group->code < 0x17 || (group->code >= 0x1a && group->code <= 0x1c);
	/* A server of RFC 7919 that is offered its fields hides that it has others, weak ones. */
	const bool only_13 = group->code >= 0x1f;
	return modern ? !old : !only_13;
}

static void take_groups(struct tls_set *out, const struct tls_set *but, bool modern)
{
	for (size_t i = 0; i < tls_group_count; i++) {
		if (group_fits(&tls_groups[i], modern) && (but == NULL || !tls_set_has(but, i))) {
			tls_set_add(out, i);
		}
	}
}

/* ---- what to offer ---- */

/* Suites of this version that were not asked yet, usual ones first. */
static void choose_suites(struct tls_plan *plan)
{
	size_t count = 0;
	plan->asked = (struct tls_set){ 0 };
	for (unsigned rare = 0; rare < 2; rare++) {
		for (size_t i = 0; i < tls_suite_count && count < TLS_ASKED_MAX; i++) {
			const struct tls_suite *suite = &tls_suites[i];
			const bool is_rare = (suite->flags & TLS_SUITE_RARE) != 0;
			if (is_rare == (rare == 1) && !tls_set_has(&plan->tried, i) &&
			    tls_suite_fits(suite, (enum tls_version)plan->version)) {
				tls_set_add(&plan->asked, i);
				count++;
			}
		}
	}
}

/* Of the newest version before 1.3 that uses curves. @return false there is none. */
static bool choose_curves(struct tls_plan *plan)
{
	for (int version = TLS_VERSION_12; version >= TLS_VERSION_10; version--) {
		plan->asked = (struct tls_set){ 0 };
		for (size_t i = 0; i < tls_suite_count; i++) {
			if ((tls_suites[i].flags & TLS_SUITE_EC) != 0 &&
			    tls_set_has(&plan->offer.suites[version], i)) {
				tls_set_add(&plan->asked, i);
			}
		}
		if (tls_set_count(&plan->asked) > 0) {
			plan->version = version;
			return true;
		}
	}
	return false;
}

static bool next_of_suites(struct tls_plan *plan)
{
	for (; plan->version > TLS_VERSION_SSL2; plan->version--) {
		choose_suites(plan);
		if (tls_set_count(&plan->asked) > 0) {
			plan->groups = (struct tls_set){ 0 };
			take_groups(&plan->groups, NULL, plan->version == TLS_VERSION_13);
			return true;
		}
		plan->tried = (struct tls_set){ 0 };
	}
	plan->asked = plan->groups = (struct tls_set){ 0 };
	return plan->version == TLS_VERSION_SSL2;
}

static bool next_of_groups(struct tls_plan *plan, bool modern)
{
	plan->groups = (struct tls_set){ 0 };
	take_groups(&plan->groups, &plan->offer.groups, modern);
	if (tls_set_count(&plan->groups) == 0) {
		return false;
	}
	if (!modern) {
		return choose_curves(plan);
	}
	plan->version = TLS_VERSION_13;
	plan->asked = plan->offer.suites[TLS_VERSION_13];
	return speaks(&plan->offer, TLS_VERSION_13);
}

bool tls_plan_next(struct tls_plan *plan, struct tls_question *question)
{
	bool there_is = false;
	while (!there_is && plan->stage != TLS_PLAN_END) {
		there_is = plan->stage == TLS_PLAN_SUITES
				   ? next_of_suites(plan)
				   : next_of_groups(plan, plan->stage == TLS_PLAN_GROUPS_13);
		if (!there_is) {
			plan->stage++;
		}
	}
	question->version = (enum tls_version)plan->version;
	question->any = false;
	question->suites = plan->asked;
	question->groups = plan->groups;
	return there_is;
}

/* ---- what came ---- */

static void next_version(struct tls_plan *plan)
{
	plan->tried = (struct tls_set){ 0 };
	plan->version--;
	if (plan->version < TLS_VERSION_SSL2) {
		plan->stage++;
	}
}

/* All that was asked is answered with no. */
static void refused(struct tls_plan *plan, bool of_version)
{
	if (plan->stage != TLS_PLAN_SUITES) {
		plan->stage++;
	} else if (of_version || plan->version == TLS_VERSION_SSL2) {
		next_version(plan);
	} else {
		for (size_t i = 0; i < sizeof(plan->tried.words) / sizeof(plan->tried.words[0]);
		     i++) {
			plan->tried.words[i] |= plan->asked.words[i];
		}
	}
}

static void note(struct tls_plan *plan, const struct tls_flight *flight, int suite)
{
	struct tls_offer *offer = &plan->offer;
	const int group = flight->group == 0 ? -1 : tls_group_find(flight->group);
	offer->versions |= (uint8_t)(1 << plan->version);
	tls_set_add(&offer->suites[plan->version], (size_t)suite);
	tls_set_add(&plan->tried, (size_t)suite);
	if (group >= 0) {
		tls_set_add(&offer->groups, (size_t)group);
	}
	if (flight->dh_bits != 0 && (offer->dh_bits == 0 || flight->dh_bits < offer->dh_bits)) {
		offer->dh_bits = flight->dh_bits;
	}
	offer->compression |= flight->compression == 1;
	offer->wants_certificate |= flight->wants_certificate;
	offer->no_secure_renegotiation |=
		plan->version < TLS_VERSION_13 && !flight->secure_renegotiation;
}

static void take_hello(struct tls_plan *plan, const struct tls_flight *flight)
{
	const int suite = tls_suite_find(flight->suite);
	const int group = flight->group == 0 ? -1 : tls_group_find(flight->group);
	if (flight->version == TLS_VERSION_SSL2 && plan->version == TLS_VERSION_SSL2) {
		plan->offer.versions |= 1 << TLS_VERSION_SSL2;
		next_version(plan);
	} else if (flight->version != plan->version) {
		refused(plan, true); /* it wants an older one, which is asked for by itself */
	} else if (suite < 0 || !tls_set_has(&plan->asked, (size_t)suite)) {
		/* What nobody offered would go on without end. */
		plan->offer.incomplete |= (uint8_t)(1 << plan->version);
		refused(plan, true);
	} else {
		const bool new_group =
			group >= 0 && !tls_set_has(&plan->offer.groups, (size_t)group);
		note(plan, flight, suite);
		if (plan->stage != TLS_PLAN_SUITES && !new_group) {
			plan->stage++;
		}
	}
}

void tls_plan_take(struct tls_plan *plan, const struct tls_flight *flight)
{
	plan->silences = flight->state == TLS_ANSWER_SILENT ? plan->silences + 1 : 0;
	if (flight->state == TLS_ANSWER_HELLO) {
		take_hello(plan, flight);
		return;
	}
	/* SSLv2 is passed over in silence by whoever does not know it. */
	if (flight->state == TLS_ANSWER_SILENT && plan->version != TLS_VERSION_SSL2) {
		plan->offer.incomplete |= (uint8_t)(1 << plan->version);
	}
	if (plan->silences >= SILENCES_MAX) {
		plan->stage = TLS_PLAN_END;
		return;
	}
	const bool of_version = flight->state == TLS_ANSWER_ALERT
					? flight->alert == ALERT_VERSION
					: !speaks(&plan->offer, plan->version);
	refused(plan, of_version);
}
