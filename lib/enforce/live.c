/* Rules that end connections which lose their permission while they live. */
#include "enforce/writing.h"

bool live_ends(const struct door *door)
{
	return door->left > 0 || door->cut;
}

bool live_asks(const struct access *access, const struct door *door)
{
	return live_ends(door) || access->cut_undeclared;
}

static bool any_ends(const struct access *access)
{
	bool found = access->cut_undeclared;
	for (size_t i = 0; !found && i < access->doors.count; i++) {
		found = live_ends(&access->doors.items[i]);
	}
	return found;
}

/*
 * What a connection of its own makes expected, as FTP does for its data, goes on with that one.
 * The sender is told at once. The program here hears of it when it sends next: the sender then
 * answers with a reset of its own, which is let through.
 */
void live_chains(struct writing *w)
{
	const unsigned g = w->generation;
	if (!any_ends(w->access)) {
		return;
	}
	ADD(w, "add chain inet minato g%u-cut\n", g);
	writing_forwarding(w, "cut");
	ADD(w, "add rule inet minato g%u-cut ct status expected accept\n", g);
	ADD(w, "add rule inet minato g%u-cut tcp flags & rst == rst accept\n", g);
	ADD(w, "add rule inet minato g%u-cut meta l4proto tcp counter reject with tcp reset\n", g);
	ADD(w, "add rule inet minato g%u-cut counter drop\n", g);
	if (w->access->cut_undeclared) {
		ADD(w, "add chain inet minato g%u-cut-undeclared\n", g);
		writing_leases(w, "cut-undeclared");
		ADD(w, "add rule inet minato g%u-cut-undeclared goto g%u-cut\n", g, g);
	}
}

void live_door(struct writing *w, const struct door *door)
{
	const unsigned g = w->generation;
	if (!live_ends(door)) {
		return;
	}
	ADD(w, "add chain inet minato g%u-end-%s\n", g, door->name);
	for (uint32_t i = 0; i < door->gate_count; i++) {
		const uint32_t index = w->access->gates_of_doors.items[door->first_gate + i];
		const struct gate *gate = &w->access->gates.items[index];
		if (door->cut) {
			writing_gate_rules(w, door, gate, ASKED_LIVE);
		} else if (!gate->closed) {
			ADD(w,
			    "add rule inet minato g%u-end-%s meta nfproto @g%u-until-%s accept\n",
			    g, door->name, g, gate->declaration->entry.name);
		}
	}
	ADD(w, "add rule inet minato g%u-end-%s goto g%u-cut\n", g, door->name, g);
}

/* Packets of the one who made the connection: those of connections that this host makes, and
 * answers, are never asked. */
void live_entry(struct writing *w)
{
	static const char live[] = "ct state established ct direction original";
	const unsigned g = w->generation;
	for (size_t i = 0; i < WRITING_PROTOCOLS; i++) {
		if (writing_has(w, writing_protocols[i], ASKED_LIVE)) {
			const char *name = protocol_name(writing_protocols[i]);
			ADD(w, "add rule inet minato g%u-in %s %s dport vmap @g%u-end-%s\n", g,
			    live, name, g, name);
		}
	}
	if (w->access->cut_undeclared) {
		ADD(w,
		    "add rule inet minato g%u-in %s meta l4proto { tcp, udp, sctp, dccp, udplite } "
		    "goto g%u-cut-undeclared\n",
		    g, live, g);
	}
}
