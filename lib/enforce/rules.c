/* The rules of a policy as commands of nft(8). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enforce/outbound.h"
#include "enforce/writing.h"

enum {
	NAME_BYTES = 128,         /* of a chain, without its generation */
	COUNTED_MAX = 16384,      /* sources times ports, of each family */
	RATE_SOURCES_MAX = 65535, /* remembered of one declaration; more go without limit */
};

/* ---- sets of addresses ---- */

static bool is_used(const struct writing *w, size_t who)
{
	for (size_t i = 0; i < w->access->gates.count; i++) {
		const struct policy_declaration *d = w->access->gates.items[i].declaration;
		for (size_t k = 0; k < d->from.count; k++) {
			if (d->from.items[k].kind == POLICY_FROM_WHO &&
			    d->from.items[k].who == who) {
				return true;
			}
		}
	}
	return false;
}

static void add_who_sets(struct writing *w)
{
	for (size_t i = 0; i < w->policy->who.count; i++) {
		const struct policy_who *who = &w->policy->who.items[i];
		if (w->used_only && !is_used(w, i)) {
			continue;
		}
		writing_interface(w, who->interface);
		writing_set(w, "who", who->entry.name, who->addresses.items, who->addresses.count,
			    ADDR_IPV4);
		writing_set(w, "who", who->entry.name, who->addresses.items, who->addresses.count,
			    ADDR_IPV6);
	}
}

/*
 * Packets for other machines go on to the forward chains. Asked only of those that would be refused
 * or counted: looking up a route is the dearest step of all.
 */
void writing_forwarding(struct writing *w, const char *chain)
{
	ADD(w,
	    "add rule inet minato g%u-%s fib daddr type != { local, broadcast, anycast, multicast "
	    "} "
	    "accept comment \"not for this host\"\n",
	    w->generation, chain);
}

/* ---- gates ---- */

static const char *rate_unit(usec_t per)
{
	return per <= USEC_PER_SEC    ? "second"
	       : per <= USEC_PER_MIN  ? "minute"
	       : per <= USEC_PER_HOUR ? "hour"
				      : "day";
}

/* A bucket for each source: `count` at once, then as they trickle in. It is remembered until it
 * would be full again. Where the table is full, further sources go without a limit. */
static void add_rate(struct writing *w, const struct policy_declaration *d)
{
	const unsigned g = w->generation;
	const char *name = d->entry.name;
	const long long seconds = d->rate.per / USEC_PER_SEC;
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		ADD(w,
		    "add set inet minato g%u-rate-%s-%d { type ipv%d_addr; size %d; "
		    "flags dynamic,timeout; timeout %llds; }\n",
		    g, name, family, family, RATE_SOURCES_MAX, seconds > 60 ? seconds : 60);
	}
	char chain[NAME_BYTES];
	(void)snprintf(chain, sizeof(chain), "rate-%s", name);
	ADD(w, "add chain inet minato g%u-rate-%s\n", g, name);
	writing_forwarding(w, chain);
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		ADD(w,
		    "add rule inet minato g%u-rate-%s update @g%u-rate-%s-%d { %s saddr limit rate "
		    "over %u/%s burst %u packets } return\n",
		    g, name, g, name, family, family == ADDR_IPV4 ? "ip" : "ip6", d->rate.count,
		    rate_unit(d->rate.per), d->rate.count);
	}
	ADD(w, "add rule inet minato g%u-rate-%s accept\n", g, name);
}

static void add_gate(struct writing *w, const struct gate *gate)
{
	const struct policy_declaration *d = gate->declaration;
	writing_interface(w, d->interface);
	if (gate->open || gate->closed) {
		return;
	}
	writing_literals(w, "from", d->entry.name, d->from.items, d->from.count);
	if (forward_has_way(d)) {
		forward_way(w, gate);
	}
	if (d->rate.count > 0) {
		add_rate(w, d);
	}
	if (gate->left > 0) {
		writing_life(w, gate);
	}
}

/* ---- doors ---- */

/* Where the rules of a gate stand. */
struct spot {
	const struct door *door;
	const struct gate *gate;
	enum asked asked;
};

/* The beginning of a rule: in the door's chain, with what holds for the whole declaration. */
static void begin_rule(struct writing *w, const struct spot *spot)
{
	const struct gate *gate = spot->gate;
	const struct policy_declaration *d = gate->declaration;
	ADD(w, "add rule inet minato g%u-%s%s-%s", w->generation, w->prefix,
	    spot->asked == ASKED_NEW ? "to" : "end", spot->door->name);
	if (gate->left > 0 && spot->asked != ASKED_PAST) {
		ADD(w, " meta nfproto @g%u-%suntil-%s", w->generation, w->prefix, d->entry.name);
	}
	if (d->interface != NULL) {
		ADD(w, " iifname \"%s\"", d->interface);
	}
}

static void end_rule(struct writing *w, const struct spot *spot)
{
	const struct policy_declaration *d = spot->gate->declaration;
	if (d->rate.count > 0 && spot->asked == ASKED_NEW) {
		ADD(w, " jump g%u-rate-%s", w->generation, d->entry.name);
	} else if (forward_has_way(d)) {
		ADD(w, " jump g%u-%s%s-%s", w->generation, w->prefix,
		    spot->asked == ASKED_PAST ? "past" : "way", d->entry.name);
	} else if (spot->asked == ASKED_PAST) {
		ADD(w, " goto g%u-%scut", w->generation, w->prefix);
	} else {
		ADD(w, " accept");
	}
	writing_comment(w, d->entry.name);
	ADD(w, "\n");
}

static void add_device(struct writing *w, const struct policy_who *who)
{
	if (who->interface != NULL) {
		ADD(w, " iifname \"%s\"", who->interface);
	}
	if (who->mac.given) {
		const uint8_t *m = who->mac.bytes;
		ADD(w, " ether saddr %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		    m[5]);
	}
}

static void add_who_rules(struct writing *w, const struct spot *spot, const struct policy_who *who)
{
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count(who->addresses.items, who->addresses.count, family) > 0) {
			begin_rule(w, spot);
			add_device(w, who);
			ADD(w, " %s saddr @g%u-who-%s-%d", family == ADDR_IPV4 ? "ip" : "ip6",
			    w->generation, who->entry.name, family);
			end_rule(w, spot);
		}
	}
	if (!policy_who_located(who) && access_who_counts(who)) {
		begin_rule(w, spot);
		add_device(w, who);
		end_rule(w, spot);
	}
}

static void add_literal_rules(struct writing *w, const struct spot *spot)
{
	const struct policy_declaration *d = spot->gate->declaration;
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count_literals(d->from.items, d->from.count, family) > 0) {
			begin_rule(w, spot);
			ADD(w, " %s saddr @g%u-%sfrom-%s-%d", family == ADDR_IPV4 ? "ip" : "ip6",
			    w->generation, w->prefix, d->entry.name, family);
			end_rule(w, spot);
		}
	}
}

void writing_gate_rules(struct writing *w, const struct door *door, const struct gate *gate,
			enum asked asked)
{
	const struct policy_declaration *d = gate->declaration;
	const struct spot here = { door, gate, asked };
	const struct spot *spot = &here;
	for (size_t i = 0; !gate->closed && i < d->from.count; i++) {
		if (d->from.items[i].kind == POLICY_FROM_ANY) {
			begin_rule(w, spot);
			end_rule(w, spot);
			return;
		}
	}
	if (gate->closed) {
		return;
	}
	add_literal_rules(w, spot);
	for (size_t i = 0; i < d->from.count; i++) {
		if (d->from.items[i].kind == POLICY_FROM_WHO) {
			add_who_rules(w, spot, &w->policy->who.items[d->from.items[i].who]);
		}
	}
}

static void add_door(struct writing *w, const struct door *door)
{
	const uint32_t *gates = w->access->gates_of_doors.items + door->first_gate;
	if (door->open) {
		return;
	}
	ADD(w, "add chain inet minato g%u-%sto-%s {", w->generation, w->prefix, door->name);
	writing_comment(w, w->access->gates.items[gates[0]].declaration->purpose ?: "");
	ADD(w, "; }\n");
	for (uint32_t i = 0; i < door->gate_count; i++) {
		writing_gate_rules(w, door, &w->access->gates.items[gates[i]], ASKED_NEW);
	}
	ADD(w, "add rule inet minato g%u-%sto-%s goto g%u-%s%s\n", w->generation, w->prefix,
	    door->name, w->generation, w->prefix, door->observed ? "observe" : "refuse");
	live_door(w, door);
}

/* ---- the chain that packets enter ---- */

static void add_observing(struct writing *w)
{
	ADD(w, "add chain inet minato g%u-observe\n", w->generation);
	writing_forwarding(w, "observe");
	writing_counting(w, "observe", "would", "saddr");
	ADD(w, "add rule inet minato g%u-observe accept\n", w->generation);
}

static void add_refusal(struct writing *w, const char *name, int verdict)
{
	ADD(w, "add chain inet minato g%u-%s\n", w->generation, name);
	writing_forwarding(w, name);
	writing_counting(w, name, "refused", "saddr");
	writing_refusal(w, name, verdict);
}

void writing_leases(struct writing *w, const char *chain)
{
	const unsigned g = w->generation;
	ADD(w, "add rule inet minato g%u-%s udp sport 67 udp dport 68 accept comment \"DHCP\"\n", g,
	    chain);
	ADD(w,
	    "add rule inet minato g%u-%s ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept "
	    "comment \"DHCPv6\"\n",
	    g, chain);
}

static void add_inbound(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-in\n", g);
	ADD(w, "add rule inet minato g%u-in iif \"lo\" accept\n", g);
	if (w->forward != NULL) {
		forward_live(w);
	}
	live_entry(w);
	if (w->forward != NULL) {
		forward_entry(w);
	} else {
		ADD(w, "add rule inet minato g%u-in ct state established,related accept\n", g);
	}
	writing_lookups(w, "in");
	writing_necessities(w, "in", w->policy->defaults.ping);
	writing_leases(w, "in");
	if (w->policy->defaults.inbound == POLICY_ACCEPT) {
		ADD(w, "add rule inet minato g%u-in accept\n", g);
	} else {
		ADD(w, "add rule inet minato g%u-in goto g%u-%s\n", g, g,
		    policy_observes(w->policy, NULL) ? "observe" : "refuse");
	}
}

static void add_counted_sets(struct str *out, const char *name)
{
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		(void)str_printf(out,
				 "add set inet minato %s-%d { type ipv%d_addr . inet_proto . "
				 "inet_service; size %d; flags dynamic,timeout; timeout %ds; }\n",
				 name, family, family, COUNTED_MAX, ENFORCE_COUNTED_SECONDS);
	}
}

void enforce_frame(struct str *out, bool outbound)
{
	str_add(out, "add table inet minato\n");
	add_counted_sets(out, "refused");
	add_counted_sets(out, "would");
	add_counted_sets(out, "forward-refused");
	add_counted_sets(out, "forward-would");

	str_add(out,
		"add table inet minato\n"
		"add map inet minato candidate { type nf_proto : verdict; flags timeout; }\n"
		"add map inet minato confirmed { type nf_proto : verdict; }\n"
		"add map inet minato candidate-out { type nf_proto : verdict; flags timeout; }\n"
		"add map inet minato confirmed-out { type nf_proto : verdict; }\n"
		/* After conntrack (-200), before destination NAT (-100): a port that a
		 * container publishes is judged by the number that the client asked for. */
		"add chain inet minato inbound { type filter hook prerouting priority -110; "
		"policy accept; }\n"
		"flush chain inet minato inbound\n"
		"add rule inet minato inbound meta nfproto vmap @candidate\n"
		"add rule inet minato inbound meta nfproto vmap @confirmed\n");
	if (outbound) {
		add_counted_sets(out, "refused-out");
		str_add(out,
			"add chain inet minato outbound { type filter hook output priority 10; "
			"policy accept; }\n"
			"flush chain inet minato outbound\n"
			"add rule inet minato outbound meta nfproto vmap @candidate-out\n"
			"add rule inet minato outbound meta nfproto vmap @confirmed-out\n");
	}
}

void writing_access(struct writing *w)
{
	for (size_t i = 0; i < w->access->gates.count; i++) {
		add_gate(w, &w->access->gates.items[i]);
	}
	for (size_t i = 0; i < w->access->doors.count; i++) {
		add_door(w, &w->access->doors.items[i]);
	}
	writing_maps(w);
}

void writing_doors(struct writing *w)
{
	const int inbound = w->policy->defaults.inbound;
	add_refusal(w, "refuse", inbound == POLICY_REJECT ? POLICY_REJECT : POLICY_DROP);
	add_observing(w);
	live_chains(w);
	add_who_sets(w);
	writing_access(w);
}

static void add_all(struct writing *w)
{
	writing_doors(w);
	if (w->forward != NULL) {
		forward_chains(w);
	}
	add_inbound(w);
}

int writing_check_names(const struct policy *policy, struct err *e)
{
	const struct policy_who *who = NULL;
	const char *unfrozen = policy_unfrozen(policy, &who);
	return unfrozen == NULL
		       ? 0
		       : err_set(e, EINVAL, "%.100s: nobody has asked what %.200s stands for",
				 who->entry.name, unfrozen);
}

int enforce_rules(struct str *out, const struct policy *policy, unsigned generation,
		  const struct enforce_environment *environment, struct err *e)
{
	struct access access = { 0 };
	struct access forward = { 0 };
	const bool limited = enforce_limits_forward(policy);
	int r = writing_check_names(policy, e);
	if (r < 0) {
		return r;
	}
	r = access_make(&access, policy, ENFORCE_INBOUND, environment, e);
	if (r == 0 && limited) {
		r = access_make(&forward, policy, ENFORCE_FORWARD, environment, e);
	}
	if (r == 0) {
		struct writing writing = { .out = out,
					   .policy = policy,
					   .access = &access,
					   .forward = limited ? &forward : NULL,
					   .prefix = "",
					   .generation = generation,
					   .grace = environment->grace };
		add_all(&writing);
		r = writing.error != 0 ? writing.error : out->error;
		if (r == 0 && enforce_limits_outbound(policy)) {
			r = outbound_rules(out, policy, generation, environment, e);
		}
		if (r < 0) {
			(void)err_system(e, r, "cannot write the rules of the policy");
		}
	}
	access_deinit(&access);
	access_deinit(&forward);
	return r;
}
