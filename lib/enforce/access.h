/* The policy from the side of the packets: which ports have which doors. Private to lib/enforce. */
#pragma once

#include "base/vec.h"
#include "enforce/enforce.h"

/* A declaration's conditions; declarations with the same ones share a gate. */
struct gate {
	const struct policy_declaration *declaration; /* the first that has it; names it */
	const struct policy_program *program;         /* outbound: who may; NULL = whoever it is */
	usec_t left;                                  /* until it ends; 0 = does not end */
	bool open;                                    /* to everybody, everywhere, always */
	bool closed;   /* to everybody: it has ended, or is for this machine alone */
	bool lasting;  /* nobody who got in by it ever loses the permission: open, a rate aside */
	bool observed; /* whom it does not let in is counted and let in all the same */
	bool parting;  /* it ends at a door that stays: what came by it alone is ended then */
};

/* What stands at some ports: the gates, of which one must let a packet in. */
struct door {
	const char *name;                /* unique among doors */
	uint32_t first_gate, gate_count; /* in access.gates_of_doors */
	bool open;                       /* one of its gates is */
	bool observed;                   /* likewise */
	usec_t left; /* not outbound, when every gate ends: until the last one does; else 0 */
	bool cut;    /* a gate cuts: live connections are asked who they come from, all the time */
	bool parts;  /* some gates end and others stay, and it does not cut */
};

/* A run of ports of one protocol that have the same door by the same declaration. */
struct opening {
	enum protocol protocol;
	uint16_t first, last;
	uint32_t door;
	const struct policy_declaration *declaration; /* the first that covers them */
};

enum { ACCESS_NO_DOOR = UINT32_MAX };

struct access {
	struct arena arena;
	VEC(struct gate) gates;
	VEC(struct door) doors;
	VEC(uint32_t) gates_of_doors;
	VEC(struct opening) openings; /* sorted by protocol, then port; never overlapping */
	bool cut_undeclared;          /* live connections to ports without a door end */
	uint32_t other_door;          /* of protocols without ports; ACCESS_NO_DOOR = none */
};

/* The doors of one direction: for outgoing packets they stand at the ports of the other end.
 * @return 0; -E2BIG; -ENOMEM. `out` needs access_deinit in every case. */
int access_make(struct access *out, const struct policy *policy, enum enforce_direction direction,
		const struct enforce_environment *environment, struct err *e);
void access_deinit(struct access *access);

/* ---- conditions of packets (conditions.c) ---- */

/* The declarations of one direction, in the order of the files. */
const struct policy_declaration *access_declarations(size_t *count, const struct policy *policy,
						     enum enforce_direction direction);
/* What `defaults:` says of a direction. @return enum policy_verdict. */
int access_verdict(const struct policy *policy, enum enforce_direction direction);
/* What becomes of what nobody declared; what is only observed passes. @param policy  NULL = no
 * rules. @return enum policy_verdict. */
int access_default(const struct policy *policy, enum enforce_direction direction);
/* Whether packets of that direction meet rules. @param policy  NULL = no rules. */
bool access_limits(const struct policy *policy, enum enforce_direction direction);

/* Whether the declaration names the port; without ports it holds for all. */
bool access_covers(const struct policy_declaration *declaration, enum protocol protocol,
		   uint16_t port);

/* Microseconds until a declaration ends; 0 = it does not end; negative = it has ended. */
usec_t access_left(const struct policy_declaration *declaration,
		   const struct enforce_environment *environment);

/* Whether nobody outside this machine can come in by it: only `host`, or conditions that no rule
 * of a packet filter can judge. */
bool access_is_internal(const struct policy *policy, const struct policy_declaration *declaration);

/* Whether destinations are no condition of a declaration, but for the interface `out:`. */
bool access_leads_anywhere(const struct policy_declaration *declaration);
/* Whether no packet can be told to go where a declaration allows. */
bool access_leads_nowhere(const struct policy *policy,
			  const struct policy_declaration *declaration);
/* Whether a who can be a destination: it has an address or an interface. */
bool access_who_is_place(const struct policy_who *who);

/* Whether packets can be told by it: it has an address, an interface or a hardware address. */
bool access_who_counts(const struct policy_who *who);
