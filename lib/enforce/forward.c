/* Rules for what this host passes on between others. */
#include "enforce/writing.h"

/* ---- where it goes ---- */

bool forward_has_way(const struct policy_declaration *declaration)
{
	return declaration->out != NULL || !access_leads_anywhere(declaration);
}

/* The beginning of a rule, with the interfaces that it must leave through. */
static void begin_way(struct writing *w, const struct policy_declaration *d, const char *interface)
{
	const char *const interfaces[] = { d->out, interface };
	ADD(w, "add rule inet minato g%u-%sway-%s", w->generation, w->prefix, d->entry.name);
	for (size_t i = 0; i < 2; i++) {
		if (interfaces[i] != NULL) {
			ADD(w, " fib daddr . mark oifname \"%s\"", interfaces[i]);
		}
	}
}

/* @param kind  of the set of addresses. */
static void add_way(struct writing *w, const struct policy_declaration *d, const char *interface,
		    const char *set, enum addr_family family)
{
	begin_way(w, d, interface);
	ADD(w, " %s daddr @g%u-%s-%d accept\n", family == ADDR_IPV4 ? "ip" : "ip6", w->generation,
	    set, family);
}

static void add_who(struct writing *w, const struct policy_declaration *d,
		    const struct policy_who *who)
{
	struct str set = STR_INIT(256);
	(void)str_printf(&set, "who-%s", who->entry.name); /* names have 63 bytes at most */
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count(who->addresses.items, who->addresses.count, family) > 0) {
			add_way(w, d, who->interface, str_text(&set), family);
		}
	}
	str_deinit(&set);
	if (!policy_who_located(who) && who->interface != NULL) {
		begin_way(w, d, who->interface);
		ADD(w, " accept\n");
	}
}

static void add_literals(struct writing *w, const struct policy_declaration *d)
{
	struct str set = STR_INIT(256);
	(void)str_printf(&set, "%sdest-%s", w->prefix, d->entry.name); /* likewise */
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		if (writing_count_literals(d->to.items, d->to.count, family) > 0) {
			add_way(w, d, NULL, str_text(&set), family);
		}
	}
	str_deinit(&set);
}

void forward_way(struct writing *w, const struct policy_declaration *declaration)
{
	const struct policy_declaration *d = declaration;
	writing_interface(w, d->out);
	ADD(w, "add chain inet minato g%u-%sway-%s\n", w->generation, w->prefix, d->entry.name);
	if (access_leads_anywhere(d)) {
		begin_way(w, d, NULL);
		ADD(w, " accept\n");
		return;
	}
	writing_literals(w, "dest", d->entry.name, d->to.items, d->to.count);
	add_literals(w, d);
	for (size_t i = 0; i < d->to.count; i++) {
		if (d->to.items[i].kind == POLICY_FROM_WHO) {
			add_who(w, d, &w->policy->who.items[d->to.items[i].who]);
		}
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
 * Packets come here before destination NAT, and only those that are for other machines as they are:
 * a published port of a container is asked for at an address of this host, and so is judged as one
 * of its own ports.
 */
static void add_entry(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-fwd\n", g);
	writing_necessities(w, "fwd", false);
	writing_lookups(w, "fwd");
	add_other(w);
	if (w->policy->defaults.forward == POLICY_ACCEPT) {
		ADD(w, "add rule inet minato g%u-fwd accept\n", g);
	} else {
		ADD(w, "add rule inet minato g%u-fwd goto g%u-fwd-refuse\n", g, g);
	}
}

void forward_chains(struct writing *w)
{
	struct writing forward = *w;
	const int verdict = w->policy->defaults.forward;
	forward.access = w->forward;
	forward.prefix = "fwd-";
	ADD(&forward, "add chain inet minato g%u-fwd-refuse\n", w->generation);
	writing_refusal(&forward, "fwd-refuse",
			verdict == POLICY_REJECT ? POLICY_REJECT : POLICY_DROP);
	writing_access(&forward);
	add_entry(&forward);
	w->error = w->error != 0 ? w->error : forward.error;
}
