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
};

/* What stands at some ports: the gates, of which one must let a packet in. */
struct door {
	const char *name;                /* unique among doors */
	uint32_t first_gate, gate_count; /* in access.gates_of_doors */
	bool open;                       /* one of its gates is */
	bool observed;                   /* likewise */
	usec_t left;                     /* when every gate ends: until the last one does; else 0 */
	bool cut; /* a gate cuts: live connections are asked who they come from, all the time */
};

/* A run of ports of one protocol that have the same door by the same declaration. */
struct opening {
	enum protocol protocol;
	uint16_t first, last;
	uint32_t door;
	const struct policy_declaration *declaration; /* the first that covers them */
};

struct access {
	struct arena arena;
	VEC(struct gate) gates;
	VEC(struct door) doors;
	VEC(uint32_t) gates_of_doors;
	VEC(struct opening) openings; /* sorted by protocol, then port; never overlapping */
	bool cut_undeclared;          /* live connections to ports without a door end */
};

/* @return 0; -E2BIG; -ENOMEM. `out` needs access_deinit in every case. */
int access_make(struct access *out, const struct policy *policy,
		const struct enforce_environment *environment, struct err *e);
/* The same of `outbound:`: whoever opens a socket here is held to the doors of what it connects to.
 */
int access_make_outbound(struct access *out, const struct policy *policy,
			 const struct enforce_environment *environment, struct err *e);
void access_deinit(struct access *access);

/* Microseconds until a declaration ends; 0 = it does not end; negative = it has ended. */
usec_t access_left(const struct policy_declaration *declaration,
		   const struct enforce_environment *environment);

/* Whether nobody outside this machine can come in by it: only `host`, or conditions that no rule
 * of a packet filter can judge. */
bool access_is_internal(const struct policy *policy, const struct policy_declaration *declaration);

/* Whether packets can be told by it: it has an address, an interface or a hardware address. */
bool access_who_counts(const struct policy_who *who);
