/* Rules for what this host passes on between others. */
#include <stdio.h>

#include "enforce/writing.h"

enum { CUT_BYTES = 32 /* "goto gN-fwd-cut" */ };

bool forward_is(const struct writing *w)
{
	return w->access == w->forward;
}

/* ---- where it goes ---- */

/* What becomes of what goes there. */
struct leading {
	const struct policy_declaration *declaration;
	const char *kind; /* of the chain: "way", "past" */
	const char *verdict;
};

bool forward_has_way(const struct policy_declaration *declaration)
{
	return declaration->out != NULL || !access_leads_anywhere(declaration);
}

/* The beginning of a rule, with the interfaces that it must leave through. */
static void begin_way(struct writing *w, const struct leading *leading, const char *interface)
{
	const struct policy_declaration *d = leading->declaration;
	const char *const interfaces[] = { d->out, interface };
	ADD(w, "add rule inet minato g%u-%s%s-%s", w->generation, w->prefix, leading->kind,
	    d->entry.name);
	for (size_t i = 0; i < 2; i++) {
		if (interfaces[i] != NULL) {
			ADD(w, " fib daddr . mark oifname \"%s\"", interfaces[i]);
		}
	}
}

/* @param kind  of the set of addresses. */
static void add_way(struct writing *w, const struct leading *leading, const char *interface,
		    const char *set, enum addr_family family)
{
	begin_way(w, leading, interface);
	ADD(w, " %s daddr @g%u-%s-%d %s\n", family == ADDR_IPV4 ? "ip" : "ip6", w->generation, set,
	    family, leading->verdict);
}

static void add_who(struct writing *w, const struct leading *leading, const struct policy_who *who)
{
	struct str set = STR_INIT(256);
	(void)str_printf(&set, "who-%s", who->entry.name); /* names have 63 bytes at most */
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count(who->addresses.items, who->addresses.count, family) > 0) {
			add_way(w, leading, who->interface, str_text(&set), family);
		}
	}
	str_deinit(&set);
	if (!policy_who_located(who) && who->interface != NULL) {
		begin_way(w, leading, who->interface);
		ADD(w, " %s\n", leading->verdict);
	}
}

static void add_literals(struct writing *w, const struct leading *leading)
{
	const struct policy_declaration *d = leading->declaration;
	struct str set = STR_INIT(256);
	(void)str_printf(&set, "%sdest-%s", w->prefix, d->entry.name); /* likewise */
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count_literals(d->to.items, d->to.count, family) > 0) {
			add_way(w, leading, NULL, str_text(&set), family);
		}
	}
	str_deinit(&set);
}

static void add_chain(struct writing *w, const struct leading *leading)
{
	const struct policy_declaration *d = leading->declaration;
	ADD(w, "add chain inet minato g%u-%s%s-%s\n", w->generation, w->prefix, leading->kind,
	    d->entry.name);
	if (access_leads_anywhere(d)) {
		begin_way(w, leading, NULL);
		ADD(w, " %s\n", leading->verdict);
		return;
	}
	add_literals(w, leading);
	for (size_t i = 0; i < d->to.count; i++) {
		if (d->to.items[i].kind == POLICY_FROM_WHO) {
			add_who(w, leading, &w->policy->who.items[d->to.items[i].who]);
		}
	}
}

void forward_way(struct writing *w, const struct gate *gate)
{
	const struct policy_declaration *d = gate->declaration;
	const struct leading way = { d, "way", "accept" };
	writing_interface(w, d->out);
	if (!access_leads_anywhere(d)) {
		writing_literals(w, "dest", d->entry.name, d->to.items, d->to.count);
	}
	add_chain(w, &way);
	if (gate->parting) {
		char cut[CUT_BYTES];
		(void)snprintf(cut, sizeof(cut), "goto g%u-fwd-cut", w->generation);
		const struct leading past = { d, "past", cut };
		add_chain(w, &past);
	}
}

/* ---- the chain that packets enter ---- */

static void add_other(struct writing *w)
{
	const unsigned g = w->generation;
	if (w->access->other_door == ACCESS_NO_DOOR) {
		return;
	}
	const struct door *door = &w->access->doors.items[w->access->other_door];
	ADD(w, "add rule inet minato g%u-fwd meta l4proto != { tcp, udp, sctp, dccp, udplite } ",
	    g);
	if (door->open) {
		ADD(w, "accept\n");
	} else {
		ADD(w, "goto g%u-fwd-to-%s\n", g, door->name);
	}
}

/*
 * TCP that lives longer than anything tracks is met in the middle, from either side
 * (nf_conntrack_tcp_loose). Nobody begins a connection without SYN. Where live connections are cut
 * it is not for them: whoever speaks first would be taken for the one who began.
 */
static void add_grace(struct writing *w)
{
	const unsigned g = w->generation;
	bool cuts = w->access->cut_undeclared;
	for (size_t i = 0; !cuts && i < w->access->doors.count; i++) {
		cuts = w->access->doors.items[i].cut;
	}
	if (w->grace == 0 || cuts) {
		return;
	}
	const long long seconds = w->grace / USEC_PER_SEC;
	ADD(w,
	    "add set inet minato g%u-fwd-grace { type nf_proto; flags timeout; elements = { "
	    "ipv4 timeout %llds, ipv6 timeout %llds } }\n",
	    g, seconds, seconds);
	ADD(w,
	    "add rule inet minato g%u-fwd ct state new tcp flags & (syn | rst) == 0 meta nfproto "
	    "@g%u-fwd-grace accept comment \"lives longer than these rules\"\n",
	    g, g);
}

/*
 * Packets come here before destination NAT, and only those that are for other machines as they are:
 * a published port of a container is asked for at an address of this host, and so is judged as one
 * of its own ports.
 */
static void add_entry(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-fwd\n", g);
	writing_necessities(w, "fwd", false);
	add_grace(w);
	writing_lookups(w, "fwd");
	add_other(w);
	if (w->policy->defaults.forward == POLICY_ACCEPT) {
		ADD(w, "add rule inet minato g%u-fwd accept\n", g);
	} else {
		ADD(w, "add rule inet minato g%u-fwd goto g%u-fwd-%s\n", g, g,
		    policy_observes(w->policy, NULL) ? "observe" : "refuse");
	}
}

static struct writing passing_on(const struct writing *w)
{
	struct writing forward = *w;
	forward.access = w->forward;
	forward.prefix = "fwd-";
	return forward;
}

static const char others[] = "fib daddr type != { local, broadcast, anycast, multicast }";

/*
 * What a helper of conntrack expects is let in where a port of this host made it so; between others
 * the peer that announced it may be anybody's, so that it has to be declared as all else.
 */
static void add_related(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-related\n", g);
	ADD(w, "add rule inet minato g%u-related ct status expected %s goto g%u-fwd\n", g, others,
	    g);
	ADD(w, "add rule inet minato g%u-related accept\n", g);
}

void forward_chains(struct writing *w)
{
	struct writing forward = passing_on(w);
	const unsigned g = w->generation;
	const int verdict = w->policy->defaults.forward;
	ADD(w, "add chain inet minato g%u-fwd-refuse\n", g);
	writing_counting(w, "fwd-refuse", "forward-refused", "saddr");
	writing_refusal(w, "fwd-refuse", verdict == POLICY_REJECT ? POLICY_REJECT : POLICY_DROP);
	ADD(w, "add chain inet minato g%u-fwd-observe\n", g);
	writing_counting(w, "fwd-observe", "forward-would", "saddr");
	ADD(w, "add rule inet minato g%u-fwd-observe accept\n", g);
	live_chains(&forward);
	writing_access(&forward);
	add_entry(&forward);
	add_related(w);
	w->error = w->error != 0 ? w->error : forward.error;
}

void forward_live(struct writing *w)
{
	struct writing forward = passing_on(w);
	live_entry(&forward);
}

void forward_entry(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add rule inet minato g%u-in ct state established accept\n", g);
	ADD(w, "add rule inet minato g%u-in ct state related goto g%u-related\n", g, g);
	ADD(w, "add rule inet minato g%u-in %s goto g%u-fwd\n", g, others, g);
}
