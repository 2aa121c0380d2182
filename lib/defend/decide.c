/* An incident, or why nothing is done about it, in the order in which one rule goes before another.
 */
#include <stdio.h>
#include <string.h>

#include "defend/judge.h"

/* ---- who ---- */

unsigned defend_targets(struct prefix out[DEFEND_TARGETS_MAX], const struct incident *incident)
{
	unsigned count = 0;
	if (incident->source.address.family != ADDR_NONE) {
		/* The kernel's table would have one place for what differs in its hosts alone. */
		out[0] = prefix_masked(&incident->source);
		return 1;
	}
	for (unsigned i = 0; i < INCIDENT_SHOWN; i++) {
		const struct addr *source = &incident->sources[i];
		if (source->family != ADDR_NONE) {
			out[count++] =
				(struct prefix){ *source, source->family == ADDR_IPV4 ? 32 : 128 };
		}
	}
	return count;
}

/* Whether it has addresses of IPv4 in the clothes of IPv6. Facts and policy know them as IPv4, and
 * the kernel's table of single addresses has one place for both: they are never taken as they are.
 */
static bool has_mapped(const struct prefix *prefix)
{
	static const struct prefix mapped = { { ADDR_IPV6, { [10] = 0xff, [11] = 0xff } }, 96 };
	return prefix->bits < mapped.bits ? prefix_has(prefix, &mapped.address)
					  : prefix_has(&mapped, &prefix->address);
}

/* Nobody has such an address: it stands in a packet only when that is broken or forged. */
static bool is_nobody(const struct prefix *prefix)
{
	const struct addr *a = &prefix->address;
	const bool ipv4 = a->family == ADDR_IPV4;
	return a->family == ADDR_NONE || prefix->bits < (ipv4 ? 8 : 16) || addr_is_any(a) ||
	       has_mapped(prefix) || addr_exposure(a) == EXPOSURE_LOOPBACK ||
	       (ipv4 ? a->bytes[0] >= 224 || a->bytes[0] == 0 : a->bytes[0] == 0xff);
}

int defend_spared(const struct prefix *prefix, const struct policy *policy,
		  const struct defend_facts *facts)
{
	static const struct {
		enum defend_fact_kind kind;
		enum defend_why why;
	} spared[] = { { DEFEND_OWN, DEFEND_WHY_OWN },
		       { DEFEND_GATEWAY, DEFEND_WHY_GATEWAY },
		       { DEFEND_DNS, DEFEND_WHY_DNS },
		       { DEFEND_ADMIN, DEFEND_WHY_ADMIN } };
	if (!facts->complete) {
		return DEFEND_WHY_BLIND;
	}
	if (is_nobody(prefix)) {
		return DEFEND_WHY_NOBODY;
	}
	for (size_t i = 0; i < sizeof(spared) / sizeof(spared[0]); i++) {
		if (defend_facts_have(facts, prefix, spared[i].kind, INT64_MIN)) {
			return spared[i].why;
		}
	}
	return defend_is_never(policy, prefix) ? DEFEND_WHY_NEVER : 0;
}

struct prefix defend_trapped(const struct addr *address, const struct policy *policy,
			     const struct defend_facts *facts)
{
	const struct addr plain = addr_unmap(address);
	const struct prefix single = { plain, plain.family == ADDR_IPV4 ? 32 : 128 };
	struct prefix site = { plain, 64 };
	memset(site.address.bytes + 8, 0, 8);
	const bool whole = plain.family == ADDR_IPV6 &&
			   defend_facts_count(facts, &site, DEFEND_TRAPPED) >= 2 &&
			   defend_spared(&site, policy, facts) == 0 &&
			   !defend_facts_have(facts, &site, DEFEND_CLIENT, INT64_MIN) &&
			   !defend_is_named(policy, &site);
	return whole ? site : single;
}

/* ---- how much ---- */

static const char trap[] = "trap";

static int action_of(const struct policy *policy, const char *shape)
{
	const struct policy_defend_actions *actions = &policy->defend.actions;
	const struct {
		const char *shape;
		int action;
	} shapes[] = { { "scan", actions->scan },   { "slow", actions->slow },
		       { "sweep", actions->sweep }, { "distributed", actions->distributed },
		       { "decoy", actions->decoy }, { "flood", actions->flood },
		       { trap, actions->trap } };
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (strcmp(shapes[i].shape, shape) == 0) {
			return shapes[i].action;
		}
	}
	return POLICY_ACTION_RECORD; /* one that this version does not know */
}

int defend_action(const struct policy *policy, const struct incident *incident)
{
	return action_of(policy, incident == NULL ? trap : incident->kind);
}

static bool is_forged(const struct incident *incident)
{
	return incident != NULL &&
	       (strcmp(incident->kind, "decoy") == 0 || strcmp(incident->kind, "flood") == 0);
}

/* A /64 is one customer's; a /24 is many strangers', of whom one proves nothing about the others.
 */
static bool may_be_proved(const struct prefix *target)
{
	return target->address.family == ADDR_IPV6 ? target->bits >= 64 : target->bits == 32;
}

/* Whether what was seen is known to be of that address, and not in its name. */
static bool is_proved(const struct defend_question *q)
{
	static const usec_t before = 10 * USEC_PER_MIN;
	const struct prefix *target = &q->target;
	if (!may_be_proved(target) || defend_is_named(q->policy, target)) {
		return false;
	}
	if (q->incident == NULL) {
		return true;
	}
	const usec_t began = q->now - (q->wall - q->incident->first) - before;
	if (defend_facts_have(q->facts, target, DEFEND_TRAPPED, began)) {
		return true;
	}
	return q->policy->defend.proof == POLICY_PROOF_HANDSHAKE &&
	       defend_facts_have(q->facts, target, DEFEND_SHAKEN, began) &&
	       !defend_facts_have(q->facts, target, DEFEND_LIVE, INT64_MIN);
}

static uint32_t times_before(const struct defend_question *q)
{
	for (size_t i = 0; i < q->table->past.count; i++) {
		const struct defend_past *past = &q->table->past.items[i];
		if (past->prefix.bits == q->target.bits &&
		    addr_compare(&past->prefix.address, &q->target.address) == 0) {
			/* A clock that was set back makes it now, not the future. */
			const usec_t ago = q->wall - past->ended;
			return ago < q->policy->defend.memory ? past->times : 0;
		}
	}
	return 0;
}

static usec_t twice_each_time(usec_t span, uint32_t times, usec_t longest)
{
	for (uint32_t i = 1; i < times && span < longest; i++) {
		span *= 2; /* below a year before, so it fits */
	}
	return span < longest ? span : longest;
}

/* ---- the caps ---- */

static unsigned made_lately(const struct defend_table *table, bool proved, usec_t now)
{
	unsigned count = 0;
	for (unsigned i = 0; i < DEFEND_PER_MINUTE_MAX; i++) {
		const usec_t made = table->recent[proved ? 1 : 0][i];
		count += made > 0 && now - made < USEC_PER_MIN;
	}
	return count;
}

/* By the policy, not by hand. */
static unsigned standing(const struct defend_table *table, bool proved)
{
	unsigned count = 0;
	for (size_t i = 0; i < table->bans.count; i++) {
		const struct defend_ban *ban = &table->bans.items[i];
		count += !ban->by_hand && ban->proved == proved;
	}
	return count;
}

/* What nobody proved has half of the room, so that it never takes what is proved its own. */
static int check_caps(const struct defend_question *q, bool proved)
{
	const struct policy_defend *defend = &q->policy->defend;
	const unsigned minute = made_lately(q->table, true, q->now);
	const unsigned hidden = made_lately(q->table, false, q->now);
	const unsigned banned = standing(q->table, true);
	const unsigned covered = standing(q->table, false);
	const unsigned half = (defend->per_minute + 1) / 2;
	const unsigned half_room = (defend->at_most + 1) / 2;
	if (minute + hidden >= defend->per_minute || (!proved && hidden >= half)) {
		return DEFEND_WHY_RATE;
	}
	if (banned + covered >= defend->at_most || (!proved && covered >= half_room) ||
	    q->table->bans.count >= DEFEND_BANS_MAX) {
		return DEFEND_WHY_FULL;
	}
	return 0;
}

/* ---- the order ---- */

static uint8_t verdict_of(int action, bool proved)
{
	if (!proved || action == POLICY_ACTION_HIDE) {
		return DEFEND_HIDE;
	}
	return action == POLICY_ACTION_SLOW ? DEFEND_SLOW : DEFEND_BAN;
}

static struct defend_cause cause_of(const struct defend_question *q)
{
	const struct incident *i = q->incident;
	if (i == NULL) {
		return (struct defend_cause){ .port_count = 1, .ports = { q->port } };
	}
	struct defend_cause cause = {
		.port_count = i->port_count,
		.packet_count = i->packet_count,
		.lasted = i->lasted < DEFEND_LASTED_MAX ? i->lasted : DEFEND_LASTED_MAX,
	};
	(void)str_copy(cause.probe, sizeof(cause.probe), i->probe);
	(void)str_copy(cause.tool, sizeof(cause.tool), i->tool);
	memcpy(cause.ports, i->ports, sizeof(cause.ports));
	return cause;
}

static void explain(struct defend_ban *ban, const struct defend_question *q)
{
	const struct incident *i = q->incident;
	char span[SPAN_TEXT_BYTES];
	ban->cause = cause_of(q);
	if (i == NULL) {
		(void)snprintf(ban->shape, sizeof(ban->shape), "%s", trap);
		(void)snprintf(ban->reason, sizeof(ban->reason),
			       "completed a connection to the decoy port %u", q->port);
		(void)snprintf(ban->evidence, sizeof(ban->evidence), "handshake with %u/tcp",
			       q->port);
		return;
	}
	(void)snprintf(ban->shape, sizeof(ban->shape), "%s", i->kind);
	(void)snprintf(ban->reason, sizeof(ban->reason), "%s of %u ports%s", i->kind, i->port_count,
		       ban->proved ? "" : "; nothing proves who sent it");
	const int length =
		snprintf(ban->evidence, sizeof(ban->evidence), "%s%s%s, %llu packets in %s, ports",
			 i->probe, i->tool[0] != '\0' ? " by " : "", i->tool,
			 (unsigned long long)i->packet_count, span_format(i->lasted, span));
	size_t at = (size_t)length;
	for (unsigned n = 0; n < INCIDENT_SHOWN && n < i->port_count; n++) {
		if (at + 8 < sizeof(ban->evidence)) {
			at += (size_t)snprintf(ban->evidence + at, sizeof(ban->evidence) - at,
					       "%s%u", n == 0 ? " " : ",", i->ports[n]);
		}
	}
}

static struct defend_ban order(const struct defend_question *q, int action, bool proved)
{
	static const struct policy_rate usual = { 10, USEC_PER_SEC };
	const struct policy_defend *defend = &q->policy->defend;
	struct defend_ban ban = {
		.prefix = q->target,
		.verdict = verdict_of(action, proved),
		.proved = proved,
		.since = q->now,
		.times = 1,
		.incident = q->incident == NULL ? 0 : q->incident->id,
	};
	usec_t span = defend->hide;
	if (proved) {
		const uint32_t before = times_before(q);
		ban.times = before < DEFEND_TIMES_MAX ? before + 1 : DEFEND_TIMES_MAX;
		span = twice_each_time(defend->ban, ban.times, defend->longest);
	}
	if (ban.verdict == DEFEND_SLOW) {
		ban.rate = defend->rate.count > 0 ? defend->rate : usual;
	}
	ban.until = q->now + span;
	explain(&ban, q);
	return ban;
}

/* One that stands is only replaced by more, or by the same when half of its time is over. */
static bool stands(const struct defend_ban *old, const struct defend_ban *new, usec_t now)
{
	if (old->by_hand || old->verdict > new->verdict) {
		return old->until > now;
	}
	return old->verdict == new->verdict && old->until - now > (new->until - now) / 2;
}

int defend_decide(struct defend_ban *out, const struct defend_question *q)
{
	const int action = defend_action(q->policy, q->incident);
	if (q->policy->defend.mode == POLICY_DEFEND_OFF) {
		return DEFEND_WHY_OFF;
	}
	if (is_forged(q->incident)) {
		return DEFEND_WHY_FORGED;
	}
	if (action < POLICY_ACTION_HIDE) {
		return DEFEND_WHY_RECORDED;
	}
	int why = defend_spared(&q->target, q->policy, q->facts);
	if (why == 0 && defend_facts_have(q->facts, &q->target, DEFEND_CLIENT, INT64_MIN)) {
		why = DEFEND_WHY_CLIENT;
	}
	if (why == 0 && q->flood) {
		why = DEFEND_WHY_FLOOD;
	}
	if (why != 0) {
		return why;
	}
	struct defend_ban ban = order(q, action, is_proved(q));
	const struct defend_ban *old = defend_table_find(q->table, &q->target);
	if (old != NULL && stands(old, &ban, q->now)) {
		return DEFEND_WHY_STANDS;
	}
	if (old != NULL && old->proved && ban.proved) {
		ban.times = old->times; /* the same visit goes on */
		ban.since = old->since;
	}
	why = old != NULL && old->proved == ban.proved ? 0 : check_caps(q, ban.proved);
	if (why == 0) {
		*out = ban;
	}
	return why;
}

/* ---- what stands already ---- */

int defend_ends(const struct defend_ban *ban, const struct policy *policy,
		const struct defend_facts *facts)
{
	const int why = defend_spared(&ban->prefix, policy, facts);
	if (why != 0 && why != DEFEND_WHY_BLIND) {
		return why;
	}
	if (ban->by_hand) {
		return 0;
	}
	if (policy->defend.mode != POLICY_DEFEND_ENFORCE) {
		return DEFEND_WHY_OFF;
	}
	if (action_of(policy, ban->shape) < POLICY_ACTION_HIDE) {
		return DEFEND_WHY_RECORDED;
	}
	/* Whom a from: names is hidden from at most, also when it names him afterwards. */
	return ban->verdict > DEFEND_HIDE && defend_is_named(policy, &ban->prefix)
		       ? DEFEND_WHY_CLIENT
		       : 0;
}
