/* What is done about incidents: the keeper decides by the policy that holds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/bans.h"
#include "common/say.h"
#include "keeper.h"

enum { ALERTS_MAX = 10 }; /* a minute */

static const usec_t LOOK_USEC = 30 * USEC_PER_SEC;
static const usec_t SAY_USEC = 10 * USEC_PER_SEC;
/* The sentry tells when a flood ends; when it cannot, it is over then. */
static const usec_t FLOOD_USEC = 10 * USEC_PER_MIN;

/* ---- floods ---- */

/* One from forged addresses comes from everywhere; one from somewhere says nothing of others. */
static void note_flood(struct keeper_defence *defence, const struct wire_incident *told, usec_t now)
{
	if (strcmp(told->item.kind, "flood") != 0 ||
	    told->item.source.address.family != ADDR_NONE) {
		return;
	}
	struct keeper_flood *place = &defence->floods[0];
	for (unsigned i = 0; i < KEEPER_FLOODS_MAX; i++) {
		struct keeper_flood *flood = &defence->floods[i];
		if (flood->incident == told->item.id) {
			place = flood;
			break;
		}
		place = flood->until < place->until ? flood : place;
	}
	const bool over = (told->changes & WIRE_INCIDENT_ENDED) != 0;
	if (place->incident == told->item.id || !over) {
		*place = (struct keeper_flood){ told->item.id, over ? now : now + FLOOD_USEC };
	}
}

static bool in_flood(const struct keeper_defence *defence, usec_t now)
{
	for (unsigned i = 0; i < KEEPER_FLOODS_MAX; i++) {
		if (defence->floods[i].until > now) {
			return true;
		}
	}
	return false;
}

/* ---- one target ---- */

static void say_why_not(struct keeper *keeper, const struct prefix *target, int why)
{
	char text[sizeof(keeper->defence.said)];
	char prefix[PREFIX_TEXT_BYTES];
	if (why == DEFEND_WHY_OFF || why == DEFEND_WHY_RECORDED || why == DEFEND_WHY_STANDS) {
		return;
	}
	(void)snprintf(text, sizeof(text), "nothing is done about %s: %s",
		       prefix_format(target, prefix), defend_why_text(why));
	/* Now and then, whoever is forged. */
	const usec_t now = clock_monotonic();
	if (strcmp(text, keeper->defence.said) != 0 && now >= keeper->defence.say_at) {
		(void)str_copy(keeper->defence.said, sizeof(keeper->defence.said), text);
		keeper->defence.say_at = now + SAY_USEC;
		say(SAY_NOTICE, "%s", text);
	}
}

/* mode: observe: what would be done is told, once. */
static void watch(struct keeper *keeper, const struct defend_ban *ban)
{
	char prefix[PREFIX_TEXT_BYTES];
	if (defend_table_put(&keeper->defence.watched, ban) == 0) {
		say(SAY_NOTICE, "would %s %s: %s (%s)", defend_verdict_name(ban->verdict),
		    prefix_format(&ban->prefix, prefix), ban->reason, ban->evidence);
	}
}

static void decide(struct keeper *keeper, const struct incident *incident, uint16_t port,
		   const struct prefix *target)
{
	struct keeper_defence *defence = &keeper->defence;
	const bool watching = defence->policy.defend.mode == POLICY_DEFEND_OBSERVE;
	struct defend_table *table = watching ? &defence->watched : &defence->table;
	struct defend_question question = {
		.policy = &defence->policy,
		.facts = &defence->facts,
		.table = table,
		.incident = incident,
		.port = port,
		.target = *target,
		.now = clock_boot(),
		.wall = clock_now(),
	};
	struct defend_ban ban;
	struct err e = ERR_INIT;
	question.flood = in_flood(defence, question.now);
	const int why = defend_decide(&ban, &question);
	if (why != 0) {
		say_why_not(keeper, target, why);
		return;
	}
	if (watching) {
		watch(keeper, &ban);
	} else if (keeper_bans_make(keeper, &ban, &e) < 0) {
		keeper_say(keeper, err_text(&e));
		return;
	}
	defend_table_count(table, &ban, question.now);
}

static void decide_about(struct keeper *keeper, const struct incident *incident)
{
	struct prefix targets[DEFEND_TARGETS_MAX];
	const unsigned count = defend_targets(targets, incident);
	for (unsigned i = 0; i < count; i++) {
		decide(keeper, incident, 0, &targets[i]);
	}
}

/* ---- what is heard ---- */

/* The log of a host that many scan stays readable. @return whether another line has its place. */
static bool may_alert(struct keeper_defence *defence)
{
	const usec_t now = clock_monotonic();
	if (now - defence->alerts_since > USEC_PER_MIN) {
		if (defence->alerts > ALERTS_MAX) {
			say(SAY_WARNING, "%u more alerts, see minato incidents",
			    defence->alerts - ALERTS_MAX);
		}
		defence->alerts_since = now;
		defence->alerts = 0;
	}
	return ++defence->alerts <= ALERTS_MAX;
}

/* Once for each incident, when it begins. */
static void alert(struct keeper_defence *defence, const struct incident *incident)
{
	char prefix[PREFIX_TEXT_BYTES];
	if (may_alert(defence)) {
		say(SAY_WARNING, "incident %llu: %s of %u ports by %s",
		    (unsigned long long)incident->id, incident->kind, incident->port_count,
		    incident->source.address.family == ADDR_NONE
			    ? "many"
			    : prefix_format(&incident->source, prefix));
	}
}

/* A decoy may prove a source after its incident was decided about. */
static void remember(struct keeper_defence *defence, const struct incident *incident, bool ended)
{
	struct incident *place = NULL;
	for (unsigned i = 0; i < KEEPER_INCIDENTS_MAX; i++) {
		if (defence->incidents[i].id == incident->id) {
			place = &defence->incidents[i];
		}
	}
	if (place == NULL && !ended) {
		place = &defence->incidents[defence->next_incident];
		defence->next_incident = (defence->next_incident + 1) % KEEPER_INCIDENTS_MAX;
	}
	if (place != NULL) {
		*place = ended ? (struct incident){ 0 } : *incident;
		defence->unsure[place - defence->incidents] = false;
	}
}

/* Who came or went since the facts were read is not known: it is decided again by newer ones. */
static void decide_again_later(struct keeper_defence *defence, const struct incident *incident)
{
	for (unsigned i = 0; i < KEEPER_INCIDENTS_MAX; i++) {
		if (defence->incidents[i].id == incident->id) {
			defence->unsure[i] = true;
			defence->unsure_until = defence->facts_free_at;
		}
	}
}

static void decide_again(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	const bool anew = keeper_facts_read(keeper);
	defence->unsure_until = anew ? INT64_MAX : defence->facts_free_at;
	for (unsigned i = 0; anew && i < KEEPER_INCIDENTS_MAX; i++) {
		if (defence->unsure[i] && defence->incidents[i].id != 0) {
			decide_about(keeper, &defence->incidents[i]);
		}
		defence->unsure[i] = false;
	}
}

void keeper_defence_hear(struct keeper *keeper, const struct wire_incident *told)
{
	struct keeper_defence *defence = &keeper->defence;
	const struct incident *incident = &told->item;
	const bool ended = (told->changes & WIRE_INCIDENT_ENDED) != 0;
	const bool started = (told->changes & WIRE_INCIDENT_STARTED) != 0;
	if (!incident_is_valid(incident)) {
		return; /* the sentry reads what anybody sends */
	}
	note_flood(defence, told, clock_boot());
	remember(defence, incident, ended);
	const int action = defend_action(&defence->policy, incident);
	if (defence->policy.defend.mode == POLICY_DEFEND_OFF || action < POLICY_ACTION_ALERT) {
		return;
	}
	if (started) {
		alert(defence, incident);
	}
	if (action >= POLICY_ACTION_HIDE && (!ended || started)) {
		if (!keeper_facts_read(keeper)) {
			decide_again_later(defence, incident);
		}
		decide_about(keeper, incident);
	}
}

void keeper_defence_trapped(struct keeper *keeper, const struct addr *address, uint16_t port)
{
	struct keeper_defence *defence = &keeper->defence;
	const struct addr plain = addr_unmap(address);
	if (defence->policy.defend.mode == POLICY_DEFEND_OFF ||
	    !defend_is_decoy(&defence->policy, port)) {
		return;
	}
	keeper_facts_read(keeper);
	(void)defend_facts_add(&defence->facts, &plain, DEFEND_TRAPPED,
			       clock_boot()); /* without room it is not proved */
	if (defend_action(&defence->policy, NULL) == POLICY_ACTION_ALERT && may_alert(defence)) {
		char text[ADDR_TEXT_BYTES];
		say(SAY_WARNING, "%s completed a connection to the decoy port %u",
		    addr_format(&plain, text), port);
	}
	const struct prefix target = defend_trapped(&plain, &defence->policy, &defence->facts);
	decide(keeper, NULL, port, &target);
	for (unsigned i = 0; i < KEEPER_INCIDENTS_MAX; i++) {
		const struct incident *incident = &defence->incidents[i];
		if (incident->id != 0 && prefix_has(&incident->source, &plain)) {
			decide(keeper, incident, 0, &incident->source);
		}
	}
}

/* ---- XDP, where the policy wants it ---- */

static bool is_named(const struct keeper_interface *interface, const char *const *names,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], interface->name) == 0) {
			return true;
		}
	}
	return false;
}

static void follow_interface(struct keeper *keeper, struct keeper_interface *interface)
{
	const struct policy_defend *defend = &keeper->defence.policy.defend;
	const bool on = defend->mode == POLICY_DEFEND_ENFORCE;
	const bool native =
		on && is_named(interface, defend->xdp.native.items, defend->xdp.native.count);
	const bool wanted = native || (on && is_named(interface, defend->xdp.generic.items,
						      defend->xdp.generic.count));
	const enum tap_way way = native ? TAP_XDP_NATIVE : TAP_XDP_GENERIC;
	struct tap_attachment found = { 0 };
	struct err e = ERR_INIT;
	int r = tap_attachment_read(&found, keeper->taps.tap, (int)interface->index, NULL);
	if (r < 0 || (wanted == found.xdp && (!wanted || native == found.xdp_native))) {
		return;
	}
	if (found.xdp) { /* what is not there is no fault */
		(void)tap_detach(keeper->taps.tap, (int)interface->index, TAP_XDP_GENERIC, NULL);
		(void)tap_detach(keeper->taps.tap, (int)interface->index, TAP_XDP_NATIVE, NULL);
	}
	if (!wanted) {
		return;
	}
	r = tap_attach(keeper->taps.tap, (int)interface->index, way, &e);
	if (r != 0) {
		char text[256];
		(void)snprintf(text, sizeof(text),
			       "%s: bans are held by tc alone, not by XDP: %.150s", interface->name,
			       r == TAP_OCCUPIED ? "another XDP program is there" : err_text(&e));
		keeper_say(keeper, text);
	}
}

/* ---- in turn ---- */

static bool is_busy(const struct keeper_defence *defence)
{
	return defence->policy.defend.mode != POLICY_DEFEND_OFF || defence->table.bans.count > 0;
}

void keeper_defence_look(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	defence->look_at = is_busy(defence) ? clock_monotonic() + LOOK_USEC : INT64_MAX;
	if (is_busy(defence)) {
		keeper_facts_read(keeper);
		keeper_bans_review(keeper);
	}
	for (size_t i = 0; keeper->taps.tap != NULL && i < keeper->taps.all.count; i++) {
		follow_interface(keeper, &keeper->taps.all.items[i]);
	}
}

void keeper_defence_turn(struct keeper *keeper)
{
	const usec_t now = clock_monotonic();
	keeper_bans_expire(keeper, clock_boot());
	if (now >= keeper->defence.write_at) {
		keeper_bans_write(keeper);
	}
	if (now >= keeper->defence.unsure_until) {
		decide_again(keeper);
	}
	if (now >= keeper->defence.look_at) {
		keeper_defence_look(keeper);
	}
	keeper_taps_tell(keeper);
}

usec_t keeper_defence_next(const struct keeper *keeper)
{
	const struct keeper_defence *defence = &keeper->defence;
	const usec_t now = clock_boot();
	usec_t ends = defend_table_next(&defence->table);
	const usec_t watched = defend_table_next(&defence->watched);
	ends = watched < ends ? watched : ends;
	/* Since boot as monotonic: sleep makes it come early, and then it is asked again. */
	usec_t next = ends == INT64_MAX ? INT64_MAX : clock_monotonic() + (ends - now);
	next = defence->write_at < next ? defence->write_at : next;
	next = defence->unsure_until < next ? defence->unsure_until : next;
	return defence->look_at < next ? defence->look_at : next;
}

/* ---- the policy ---- */

static void tell_decoys(struct keeper *keeper)
{
	const struct policy_defend *defend = &keeper->defence.policy.defend;
	struct wire_message message = { .type = WIRE_DECOYS };
	struct str text = STR_INIT(sizeof(message.order.text) - 1);
	for (size_t i = 0; i < defend->decoys.count && defend->mode != POLICY_DEFEND_OFF; i++) {
		for (uint32_t port = defend->decoys.items[i].first;
		     port <= defend->decoys.items[i].last; port++) {
			str_printf(&text, "%s%u", text.length > 0 ? "," : "", port);
		}
	}
	(void)str_copy(message.order.text, sizeof(message.order.text), str_text(&text));
	(void)wire_send(keeper->parent, &message, NULL, 0, NULL); /* with the next policy again */
	str_deinit(&text);
}

void keeper_defence_take(struct keeper *keeper, struct policy *policy)
{
	struct keeper_defence *defence = &keeper->defence;
	policy_deinit(&defence->policy);
	defence->policy = (struct policy){ 0 };
	defence->knows = policy == NULL ? KEEPER_KNOWS_NONE : KEEPER_KNOWS_POLICY;
	if (policy != NULL) {
		defence->policy = *policy;
		*policy = (struct policy){ 0 };
	}
	keeper_facts_publish(keeper);
	defence->facts_free_at = 0; /* clients are whom this policy names */
	defence->look_at = 0;
	tell_decoys(keeper);
}
