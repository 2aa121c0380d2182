/* Rules that end connections which lose their permission while they live. */
#include <stdio.h>

#include "enforce/writing.h"

enum { LIVE_NAME_BYTES = 128 /* of a chain, without its generation */ };

bool live_ends(const struct door *door)
{
	return door->left > 0 || door->cut || door->parts;
}

bool live_asks(const struct access *access, const struct door *door)
{
	return live_ends(door) || access->cut_undeclared;
}

bool live_any(const struct access *access)
{
	bool found = access->cut_undeclared;
	for (size_t i = 0; !found && i < access->doors.count; i++) {
		found = live_ends(&access->doors.items[i]);
	}
	return found;
}

/* Chains for what is passed on are jumped to before it is known for whom a packet is: asked only at
 * the ports concerned, as looking up a route is the dearest step of all. */
static void add_own(struct writing *w, const char *chain)
{
	ADD(w,
	    "add rule inet minato g%u-fwd-%s fib daddr type { local, broadcast, anycast, multicast "
	    "} return comment \"for this host\"\n",
	    w->generation, chain);
}

static void add_undeclared(struct writing *w)
{
	const unsigned g = w->generation;
	ADD(w, "add chain inet minato g%u-%scut-undeclared\n", g, w->prefix);
	if (forward_is(w)) {
		add_own(w, "cut-undeclared");
		ADD(w, "add chain inet minato g%u-fwd-stay\n", g);
		add_own(w, "stay");
		ADD(w, "add rule inet minato g%u-fwd-stay accept\n", g);
	} else {
		writing_leases(w, "cut-undeclared");
	}
	ADD(w, "add rule inet minato g%u-%scut-undeclared goto g%u-%scut\n", g, w->prefix, g,
	    w->prefix);
}

/*
 * What a connection of its own makes expected, as FTP does for its data, goes on with that one; but
 * what is passed on has to be declared in any case. The sender is told at once. The program here
 * hears of it when it sends next: the sender then answers with a reset of its own, which is let
 * through.
 */
void live_chains(struct writing *w)
{
	const unsigned g = w->generation;
	const char *p = w->prefix;
	if (!live_any(w->access)) {
		return;
	}
	ADD(w, "add chain inet minato g%u-%scut\n", g, p);
	if (!forward_is(w)) {
		writing_forwarding(w, "cut");
		ADD(w, "add rule inet minato g%u-cut ct status expected accept\n", g);
	}
	ADD(w, "add rule inet minato g%u-%scut tcp flags & rst == rst accept\n", g, p);
	ADD(w, "add rule inet minato g%u-%scut meta l4proto tcp counter reject with tcp reset\n", g,
	    p);
	ADD(w, "add rule inet minato g%u-%scut counter drop\n", g, p);
	if (w->access->cut_undeclared) {
		add_undeclared(w);
	}
}

/* Whose every gate ends: only the day is asked. */
static void add_life(struct writing *w, const struct door *door, const struct gate *gate)
{
	ADD(w, "add rule inet minato g%u-%send-%s meta nfproto @g%u-%suntil-%s accept\n",
	    w->generation, w->prefix, door->name, w->generation, w->prefix,
	    gate->declaration->entry.name);
}

static void add_gates(struct writing *w, const struct door *door, enum asked asked)
{
	for (uint32_t i = 0; i < door->gate_count; i++) {
		const uint32_t index = w->access->gates_of_doors.items[door->first_gate + i];
		const struct gate *gate = &w->access->gates.items[index];
		if (asked == ASKED_PAST && gate->left == 0) {
			continue; /* it stays */
		}
		if (door->left > 0 && !door->cut && !gate->closed) {
			add_life(w, door, gate);
		} else {
			writing_gate_rules(w, door, gate, asked);
		}
	}
}

void live_door(struct writing *w, const struct door *door)
{
	const unsigned g = w->generation;
	if (!live_ends(door)) {
		return;
	}
	ADD(w, "add chain inet minato g%u-%send-%s\n", g, w->prefix, door->name);
	if (forward_is(w)) {
		char chain[LIVE_NAME_BYTES];
		(void)snprintf(chain, sizeof(chain), "end-%s", door->name);
		add_own(w, chain);
	}
	add_gates(w, door, ASKED_LIVE);
	if (door->parts) {
		add_gates(w, door, ASKED_PAST);
		ADD(w, "add rule inet minato g%u-%send-%s accept\n", g, w->prefix, door->name);
	} else {
		ADD(w, "add rule inet minato g%u-%send-%s goto g%u-%scut\n", g, w->prefix,
		    door->name, g, w->prefix);
	}
}

static const char live[] = "ct state established ct direction original";

/* What has no ports; behind it stands what nobody declared, whatever its protocol. */
static void add_passed_on(struct writing *w)
{
	const unsigned g = w->generation;
	const uint32_t other = w->access->other_door;
	const struct door *door = other == ACCESS_NO_DOOR ? NULL : &w->access->doors.items[other];
	if (door != NULL && live_asks(w->access, door)) {
		ADD(w,
		    "add rule inet minato g%u-in %s meta l4proto != { tcp, udp, sctp, dccp, "
		    "udplite } jump g%u-fwd-%s%s\n",
		    g, live, g, live_ends(door) ? "end-" : "stay",
		    live_ends(door) ? door->name : "");
	}
	if (w->access->cut_undeclared) {
		ADD(w, "add rule inet minato g%u-in %s jump g%u-fwd-cut-undeclared\n", g, live, g);
	}
}

/* Packets of the one who made the connection: those of connections that this host makes, and
 * answers, are never asked. */
void live_entry(struct writing *w)
{
	const unsigned g = w->generation;
	for (size_t i = 0; i < WRITING_PROTOCOLS; i++) {
		if (writing_has(w, writing_protocols[i], ASKED_LIVE)) {
			const char *name = protocol_name(writing_protocols[i]);
			ADD(w, "add rule inet minato g%u-in %s %s dport vmap @g%u-%send-%s\n", g,
			    live, name, g, w->prefix, name);
		}
	}
	if (forward_is(w)) {
		add_passed_on(w);
	} else if (w->access->cut_undeclared) {
		ADD(w,
		    "add rule inet minato g%u-in %s meta l4proto { tcp, udp, sctp, dccp, udplite } "
		    "goto g%u-cut-undeclared\n",
		    g, live, g);
	}
}
