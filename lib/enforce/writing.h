/* What the parts that write rules share. Private to lib/enforce. */
#pragma once

#include "enforce/access.h"

struct writing {
	struct str *out;
	const struct policy *policy;
	const struct access *access;  /* what is being written */
	const struct access *forward; /* NULL = what is passed on is not limited */
	const char *prefix; /* of names: "", "fwd-" for what is passed on, "out-" for outgoing */
	unsigned generation;
	usec_t grace;   /* as in enforce_environment */
	bool used_only; /* leaves out sets that no gate asks */
	int error;
};

#define ADD(w, ...) ((void)str_printf((w)->out, __VA_ARGS__)) /* kept in out->error */

/* Of whom a chain asks whether they are let in. */
enum asked {
	ASKED_NEW,  /* new connections: chain to-DOOR, map PROTOCOL */
	ASKED_LIVE, /* connections that live: chain end-DOOR, map end-PROTOCOL */
	ASKED_PAST, /* those that live by what has ended: likewise, behind the others */
};

static const enum protocol writing_protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
						   PROTOCOL_DCCP, PROTOCOL_UDPLITE };
enum { WRITING_PROTOCOLS = sizeof(writing_protocols) / sizeof(writing_protocols[0]) };

/* Appends everything that chain `in` leads to: chains that refuse and observe, sets, doors, maps.
 */
void writing_doors(struct writing *w);
/* Appends sets, chains and maps of the present access. */
void writing_access(struct writing *w);
/* Appends the rules of a gate: whom it lets in leaves the chain of the door there; ASKED_PAST: whom
 * it let in until its last day is cut. */
void writing_gate_rules(struct writing *w, const struct door *door, const struct gate *gate,
			enum asked asked);
/* Appends the rule that lets packets for other machines go on to the forward chains. */
void writing_forwarding(struct writing *w, const char *chain);
/* Appends the rules that let answers of servers for leases in. */
void writing_leases(struct writing *w, const char *chain);

/* ---- maps from ports to doors (maps.c) ---- */

/* Appends the maps of the present access. */
void writing_maps(struct writing *w);
/* Appends the rules of a chain that look a new connection's port up. */
void writing_lookups(struct writing *w, const char *chain);
/* Whether a map has an opening of that protocol. */
bool writing_has(const struct writing *w, enum protocol protocol, enum asked asked);

/* ---- what all directions write alike (writing.c) ---- */

/* A purpose as nft keeps it: quotes would end it, and there is no way to escape them. */
void writing_comment(struct writing *w, const char *text);
/* Refuses what nft would misread: a star would be a pattern, a quote would end the word. NULL is
 * fine. */
void writing_interface(struct writing *w, const char *name);

/* How many of the prefixes are of that family. */
size_t writing_count(const struct prefix *items, size_t count, enum addr_family family);
/* The same of the networks that stand in a declaration's list itself. */
size_t writing_count_literals(const struct policy_from *items, size_t count,
			      enum addr_family family);

/* Set gN-PREFIXKIND-NAME-4 (-6) of the prefixes of that family; nothing when there are none. */
void writing_set(struct writing *w, const char *kind, const char *name, const struct prefix *items,
		 size_t count, enum addr_family family);
/* Sets gN-PREFIXKIND-NAME-4 and -6 of the networks that stand in a declaration's list itself. */
void writing_literals(struct writing *w, const char *kind, const char *name,
		      const struct policy_from *items, size_t count);
/* Set gN-PREFIXuntil-NAME that is empty once the last day is over. @param gate  one that ends. */
void writing_life(struct writing *w, const struct gate *gate);
/*
 * Who was refused, or would be, at which port: in the kernel, without a message for each. What
 * comes while the sets are full goes uncounted; what has no ports does not fill them, as its bytes
 * there are others each time.
 * @param sets  their name in the frame without the family. @param end  "saddr" or "daddr".
 */
void writing_counting(struct writing *w, const char *chain, const char *sets, const char *end);
/* The end of a chain: whatever comes so far is refused. @param verdict  POLICY_DROP or _REJECT. */
void writing_refusal(struct writing *w, const char *chain, int verdict);
/* What no host or router can do without. */
void writing_necessities(struct writing *w, const char *chain, bool pings);

/* ---- live connections (live.c) ---- */

/* Whether a door ends connections. */
bool live_ends(const struct door *door);
/* Whether anything of a direction does. */
bool live_any(const struct access *access);
/* Whether live connections at a door have to be told from those that end. */
bool live_asks(const struct access *access, const struct door *door);
/* Appends what ends connections: one chain for all, and one for ports that nobody declared. */
void live_chains(struct writing *w);
/* Appends the chain that asks the live connections of a door. */
void live_door(struct writing *w, const struct door *door);
/* Appends the rules that lead live connections there, to chain `in`. What is passed on goes first,
 * and comes back when it is for this host. */
void live_entry(struct writing *w);

/* Rules are made of frozen host names alone. @return 0, or -EINVAL with the name. */
int writing_check_names(const struct policy *policy, struct err *e);

/* ---- what is passed on (forward.c) ---- */

/* Whether it is what is passed on that is being written. */
bool forward_is(const struct writing *w);
/* Whether destinations are a condition of a declaration. */
bool forward_has_way(const struct policy_declaration *declaration);
/* Appends the chain that accepts what goes where a gate's declaration allows, and comes back else;
 * and one that cuts it, where that is asked. */
void forward_way(struct writing *w, const struct gate *gate);
/* Appends the rules that ask live connections, to chain `in`. */
void forward_live(struct writing *w);
/* Appends the rules that lead there what is new, to chain `in`. */
void forward_entry(struct writing *w);
/* Appends the chain `fwd` and all that it leads to. */
void forward_chains(struct writing *w);
