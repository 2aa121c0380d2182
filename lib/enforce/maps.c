/* The maps from ports to doors, alike in every direction. */
#include "enforce/writing.h"

static void add_port(struct writing *w, const struct opening *o)
{
	ADD(w, o->first == o->last ? "%u" : "%u-%u", o->first, o->last);
}

static bool wanted(const struct writing *w, const struct opening *o, enum protocol protocol,
		   enum asked asked)
{
	return o->protocol == protocol &&
	       (asked == ASKED_NEW || live_asks(w->access, &w->access->doors.items[o->door]));
}

static void add_verdict(struct writing *w, const struct door *door, enum asked asked)
{
	const bool asks = asked == ASKED_NEW ? !door->open : live_ends(door);
	const bool comes_back = asked == ASKED_LIVE && forward_is(w); /* when it is for this host */
	if (asks) {
		ADD(w, " : %s g%u-%s%s-%s", comes_back ? "jump" : "goto", w->generation, w->prefix,
		    asked == ASKED_LIVE ? "end" : "to", door->name);
	} else if (comes_back) {
		ADD(w, " : jump g%u-fwd-stay", w->generation);
	} else {
		ADD(w, " : accept");
	}
}

static void add_map(struct writing *w, enum protocol protocol, enum asked asked)
{
	const struct access *access = w->access;
	bool ranges = false;
	size_t count = 0;
	for (size_t i = 0; i < access->openings.count; i++) {
		const struct opening *o = &access->openings.items[i];
		count += wanted(w, o, protocol, asked);
		ranges = ranges || (wanted(w, o, protocol, asked) && o->first != o->last);
	}
	if (count == 0) {
		return;
	}
	/* Each element counts who asks for its ports: see enforce_asked(). */
	const bool counted = asked == ASKED_NEW && (w->prefix[0] == '\0' || forward_is(w));
	ADD(w, "add map inet minato g%u-%s%s%s { type inet_service : verdict;%s%s elements = { ",
	    w->generation, w->prefix, asked == ASKED_LIVE ? "end-" : "", protocol_name(protocol),
	    ranges ? " flags interval;" : "", counted ? " counter;" : "");
	const char *comma = "";
	for (size_t i = 0; i < access->openings.count; i++) {
		const struct opening *o = &access->openings.items[i];
		if (wanted(w, o, protocol, asked)) {
			ADD(w, "%s", comma);
			add_port(w, o);
			add_verdict(w, &access->doors.items[o->door], asked);
			comma = ", ";
		}
	}
	ADD(w, " } }\n");
}

bool writing_has(const struct writing *w, enum protocol protocol, enum asked asked)
{
	for (size_t i = 0; i < w->access->openings.count; i++) {
		if (wanted(w, &w->access->openings.items[i], protocol, asked)) {
			return true;
		}
	}
	return false;
}

void writing_maps(struct writing *w)
{
	for (size_t i = 0; i < WRITING_PROTOCOLS; i++) {
		add_map(w, writing_protocols[i], ASKED_NEW);
		add_map(w, writing_protocols[i], ASKED_LIVE);
	}
}

void writing_lookups(struct writing *w, const char *chain)
{
	const unsigned g = w->generation;
	for (size_t i = 0; i < WRITING_PROTOCOLS; i++) {
		if (writing_has(w, writing_protocols[i], ASKED_NEW)) {
			const char *name = protocol_name(writing_protocols[i]);
			ADD(w, "add rule inet minato g%u-%s %s dport vmap @g%u-%s%s\n", g, chain,
			    name, g, w->prefix, name);
		}
	}
}
