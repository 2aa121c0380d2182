/*
 * The rules for what this host connects to. A port that `outbound:` names leads to a chain of its
 * own, with a rule for each way in which it may be used; who comes to its end is refused. Unit and
 * executable are not told here: lib/guard holds them, so that what they may use passes.
 */
#include "enforce/outbound.h"

#include "enforce/writing.h"

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
	ADD(w, "add rule inet minato g%u-out-to-%s", w->generation, way->door->name);
	if (way->gate->left > 0) {
		ADD(w, " meta nfproto @g%u-out-until-%s", w->generation, d->entry.name);
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
		if (writing_count_literals(d->from.items, d->from.count, family) > 0) {
			add_set_rule(w, way, "out-dest", d->entry.name, NULL, family);
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
		const struct policy_declaration *d = gate->declaration;
		if (!gate->open && !gate->closed) {
			writing_literals(w, "dest", d->entry.name, d->from.items, d->from.count);
		}
		if (!gate->open && !gate->closed && gate->left > 0) {
			writing_life(w, gate);
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
	ADD(w, "add chain inet minato g%u-out-to-%s {", w->generation, door->name);
	writing_comment(w, w->access->gates.items[gates[0]].declaration->purpose ?: "");
	ADD(w, "; }\n");
	for (uint32_t i = 0; i < door->gate_count; i++) {
		struct way way = { .door = door, .gate = &w->access->gates.items[gates[i]] };
		if (!way.gate->closed &&
		    outbound_user(&way.user, way.gate->declaration, environment)) {
			add_way(w, &way);
		}
	}
	ADD(w, "add rule inet minato g%u-out-to-%s goto g%u-out-refuse\n", w->generation,
	    door->name, w->generation);
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
	writing_lookups(w, "out");
	if (w->policy->defaults.outbound == POLICY_ACCEPT) {
		ADD(w, "add rule inet minato g%u-out accept\n", g);
	} else {
		ADD(w, "add rule inet minato g%u-out goto g%u-out-refuse\n", g, g);
	}
}

int outbound_rules(struct str *out, const struct policy *policy, unsigned generation,
		   const struct enforce_environment *environment, struct err *e)
{
	struct access access;
	int r = access_make(&access, policy, ENFORCE_OUTBOUND, environment, e);
	if (r == 0) {
		struct writing w = {
			.out = out,
			.policy = policy,
			.access = &access,
			.prefix = "out-",
			.generation = generation,
		};
		/* Where nobody said how: the program on this host learns of it at once. */
		const int verdict = policy->defaults.outbound;
		ADD(&w, "add chain inet minato g%u-out-refuse\n", generation);
		writing_counting(&w, "out-refuse", "refused-out", "daddr");
		writing_refusal(&w, "out-refuse",
				verdict == POLICY_DROP ? POLICY_DROP : POLICY_REJECT);
		add_sets(&w);
		for (size_t i = 0; i < access.doors.count; i++) {
			add_door(&w, &access.doors.items[i], environment);
		}
		writing_maps(&w);
		add_entry(&w);
		r = out->error;
	}
	access_deinit(&access);
	return r;
}
