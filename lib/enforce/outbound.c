/*
 * The rules for what this host connects to. A port that `outbound:` names leads to a chain of its
 * own, with a rule for each way in which it may be used; who comes to its end is refused. Unit and
 * executable are not told here: lib/guard holds them, so that what they may use passes.
 */
#include "enforce/outbound.h"

#include "enforce/writing.h"

/* A host that only observes refuses nothing. */
bool enforce_limits_outbound(const struct policy *policy)
{
	return !policy_observes(policy, NULL) &&
	       (policy->defaults.outbound != POLICY_ACCEPT || policy->outbound.count > 0);
}

int outbound_verdict(const struct policy *policy)
{
	return policy == NULL || !enforce_limits_outbound(policy) ? POLICY_ACCEPT
								  : policy->defaults.outbound;
}

bool outbound_user(uint32_t *uid, const struct policy_declaration *d,
		   const struct enforce_environment *environment)
{
	*uid = UINT32_MAX;
	return d->program.user == NULL ||
	       (environment->user != NULL && environment->user(uid, d->program.user) == 0);
}

/* ---- one way to use a port ---- */

struct way {
	const struct door *door;
	const struct gate *gate;
	uint32_t user;
};

/* The beginning of a rule, with what holds for the whole declaration. */
static void begin_rule(struct writing *w, const struct way *way)
{
	const struct policy_declaration *d = way->gate->declaration;
	ADD(w, "add rule inet minato g%u-use-%s", w->generation, way->door->name);
	if (way->gate->left > 0) {
		ADD(w, " meta nfproto @g%u-use-until-%s", w->generation, d->entry.name);
	}
	if (way->gate->program != NULL && way->gate->program->user != NULL) {
		ADD(w, " meta skuid %u", way->user);
	}
}

static void end_rule(struct writing *w, const struct way *way)
{
	ADD(w, " accept");
	writing_comment(w, way->gate->declaration->entry.name);
	ADD(w, "\n");
}

static void add_set_rule(struct writing *w, const struct way *way, const char *kind,
			 const char *name, const char *interface, int family)
{
	begin_rule(w, way);
	if (interface != NULL) {
		ADD(w, " oifname \"%s\"", interface);
	}
	ADD(w, " %s daddr @g%u-%s-%s-%d", family == ADDR_IPV4 ? "ip" : "ip6", w->generation, kind,
	    name, family);
	end_rule(w, way);
}

static void add_who_rules(struct writing *w, const struct way *way, const struct policy_who *who)
{
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count(who->addresses.items, who->addresses.count, family) > 0) {
			add_set_rule(w, way, "who", who->entry.name, who->interface, family);
		}
	}
	if (who->addresses.count == 0 && who->interface != NULL) {
		begin_rule(w, way);
		ADD(w, " oifname \"%s\"", who->interface);
		end_rule(w, way);
	}
}

static void add_way(struct writing *w, const struct way *way)
{
	const struct policy_declaration *d = way->gate->declaration;
	for (size_t i = 0; i < d->from.count; i++) {
		if (d->from.items[i].kind == POLICY_FROM_ANY) {
			begin_rule(w, way);
			end_rule(w, way);
			return;
		}
	}
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count_literals(d, family) > 0) {
			add_set_rule(w, way, "use-to", d->entry.name, NULL, family);
		}
	}
	for (size_t i = 0; i < d->from.count; i++) {
		if (d->from.items[i].kind == POLICY_FROM_WHO) {
			add_who_rules(w, way, &w->policy->who.items[d->from.items[i].who]);
		}
	}
}

/* ---- ports ---- */

static void add_sets(struct writing *w)
{
	for (size_t i = 0; i < w->access->gates.count; i++) {
		const struct gate *gate = &w->access->gates.items[i];
		if (!gate->open && !gate->closed) {
			writing_literals(w, "use-to", gate->declaration);
		}
		if (!gate->open && !gate->closed && gate->left > 0) {
			writing_life(w, "use-until", gate);
		}
	}
}

/* A user whom nobody knows here can be nobody's: then that declaration lets nobody out. */
static void add_door(struct writing *w, const struct door *door,
		     const struct enforce_environment *environment)
{
	const uint32_t *gates = w->access->gates_of_doors.items + door->first_gate;
	if (door->open) {
		return;
	}
	ADD(w, "add chain inet minato g%u-use-%s {", w->generation, door->name);
	writing_comment(w, w->access->gates.items[gates[0]].declaration->purpose ?: "");
	ADD(w, "; }\n");
	for (uint32_t i = 0; i < door->gate_count; i++) {
		struct way way = { .door = door, .gate = &w->access->gates.items[gates[i]] };
		if (!way.gate->closed &&
		    outbound_user(&way.user, way.gate->declaration, environment)) {
			add_way(w, &way);
		}
	}
	ADD(w, "add rule inet minato g%u-use-%s goto g%u-keep\n", w->generation, door->name,
	    w->generation);
}

/* @return how many openings the protocol has; whether one is a range. */
static size_t count_openings(const struct access *access, enum protocol protocol, bool *ranges)
{
	size_t count = 0;
	*ranges = false;
	for (size_t i = 0; i < access->openings.count; i++) {
		const struct opening *o = &access->openings.items[i];
		count += o->protocol == protocol;
		*ranges = *ranges || (o->protocol == protocol && o->first != o->last);
	}
	return count;
}

/* @return whether there is one. */
static bool add_map(struct writing *w, enum protocol protocol)
{
	const struct access *access = w->access;
	const char *comma = "";
	bool ranges = false;
	if (count_openings(access, protocol, &ranges) == 0) {
		return false;
	}
	ADD(w, "add map inet minato g%u-use-%s { type inet_service : verdict;%s elements = { ",
	    w->generation, protocol_name(protocol), ranges ? " flags interval;" : "");
	for (size_t i = 0; i < access->openings.count; i++) {
		const struct opening *o = &access->openings.items[i];
		const struct door *door = &access->doors.items[o->door];
		if (o->protocol != protocol) {
			continue;
		}
		ADD(w, o->first == o->last ? "%s%u" : "%s%u-%u", comma, o->first, o->last);
		if (door->open) {
			ADD(w, " : accept");
		} else {
			ADD(w, " : goto g%u-use-%s", w->generation, door->name);
		}
		comma = ", ";
	}
	ADD(w, " } }\n");
	return true;
}

/* ---- the chain that packets enter ---- */

static void add_entry(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-out\n", g);
	ADD(w, "add rule inet minato g%u-out oif \"lo\" accept\n", g);
	ADD(w, "add rule inet minato g%u-out ct state established,related accept\n", g);
	writing_necessities(w, "out", true);
	ADD(w, "add rule inet minato g%u-out udp sport 68 udp dport 67 accept comment \"DHCP\"\n",
	    g);
	ADD(w,
	    "add rule inet minato g%u-out udp sport 546 udp dport 547 accept comment \"DHCPv6\"\n",
	    g);
	for (size_t i = 0; i < WRITING_PROTOCOLS; i++) {
		const char *name = protocol_name(writing_protocols[i]);
		if (add_map(w, writing_protocols[i])) {
			ADD(w, "add rule inet minato g%u-out %s dport vmap @g%u-use-%s\n", g, name,
			    g, name);
		}
	}
	if (w->policy->defaults.outbound == POLICY_ACCEPT) {
		ADD(w, "add rule inet minato g%u-out accept\n", g);
	} else {
		ADD(w, "add rule inet minato g%u-out goto g%u-keep\n", g, g);
	}
}

int outbound_rules(struct str *out, const struct policy *policy, unsigned generation,
		   const struct enforce_environment *environment, struct err *e)
{
	struct access access;
	int r = access_make_outbound(&access, policy, environment, e);
	if (r == 0) {
		struct writing w = {
			.out = out, .policy = policy, .access = &access, .generation = generation
		};
		/* Where nobody said how: the program on this host learns of it at once. */
		const int verdict = policy->defaults.outbound;
		ADD(&w, "add chain inet minato g%u-keep\n", generation);
		writing_refusal(&w, "keep", verdict == POLICY_DROP ? POLICY_DROP : POLICY_REJECT);
		add_sets(&w);
		for (size_t i = 0; i < access.doors.count; i++) {
			add_door(&w, &access.doors.items[i], environment);
		}
		add_entry(&w);
		r = out->error;
	}
	access_deinit(&access);
	return r;
}
