/* Whether the other rules of this host agree with a policy: proven by the kernel, in a copy of the
 * whole packet filter, before the host is touched. */
#pragma once

#include <jansson.h>

#include "rules.h"
#include "twin_ask.h"

enum {
	PROOF_CASES_MAX = 200,  /* kept apart; further ones are counted */
	PROOF_REASONS_MAX = 32, /* likewise */
};

enum proof_kind {
	PROOF_REFUSED, /* the policy lets it in, and a rule of somebody else does not */
	PROOF_LET_IN,  /* the policy refuses it, and it gets in all the same */
};

/* Packets to one port, or to some in a row, that the same rule decides otherwise than the policy.
 */
struct proof_case {
	enum proof_kind kind;
	bool mine;                /* the login that the command is typed in is among them */
	struct enforce_port port; /* the first */
	uint16_t last_port;
	unsigned packets;
	struct addr from; /* of the one that tells most; so are these: */
	enum enforce_place place;
	const char *entry; /* NULL = none */
	enum twin_outcome outcome;
	enum twin_cause cause;
	struct addr to; /* where it went */
	uint16_t to_port;
	bool by_rule; /* `step` is the rule that decides */
	struct twin_step step;
};

/* Why packets could not be proven. */
struct proof_reason {
	bool by_cause; /* `cause` counts, not `doubt` */
	enum twin_cause cause;
	enum twin_doubt_kind doubt;
	const char *detail;
	unsigned packets; /* 0 = it holds for the whole twin */
};

struct proof {
	struct arena arena;
	VEC(struct proof_case) cases;     /* the login's first, then by port */
	VEC(struct proof_reason) reasons; /* in the order in which they were met */
	unsigned asked, agree, unproven;  /* packets */
	unsigned disproved;               /* packets; asked = agree + unproven + disproved */
	unsigned dropped;                 /* packets of cases beyond PROOF_CASES_MAX */
	bool mine;                        /* a case has the login */
	bool blind;                       /* a table of the host is not in the twin */
	struct twin_unasked unasked;
};

/* The rules that are to be proven. */
struct proof_rules {
	const char *text;
	unsigned number; /* of their generation; also decides what is left out of too many */
	bool layer;      /* laid over the confirmed one, else they stand by themselves */
	bool brief; /* of a layer only ports that change or are listened on are asked, and some of
		     * all others */
};

/*
 * Asks the twin with the new rules in it what becomes of the packets of enforce_questions(). Where
 * our own table is known to be as it was written it is not read: the twin has it as the policy is
 * written down, in brief only for the ports that are asked for.
 * @param rules      compared and looked.
 * @return 0; negative errno when nothing can be proven, with the reason. proof_deinit() always.
 */
int proof_make(struct proof *out, const struct rules *rules, const struct context *context,
	       const struct proof_rules *candidate, struct err *e);
void proof_deinit(struct proof *proof);

/* Lines for people: what contradicts, what is not proven, how many packets. Appends. */
void proof_add(struct str *out, const struct proof *proof);
/* On stderr: why nothing could be asked. */
void proof_complain(const struct context *context, const struct err *e);
json_t *proof_json(const struct proof *proof);
