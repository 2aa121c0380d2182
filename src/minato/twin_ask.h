/* Questions of a policy, put to the kernel: packets through a copy of the whole packet filter. */
#pragma once

#include "enforce/enforce.h"
#include "login.h"
#include "twin/twin.h"

/* One packet's question and what became of it. Gone after the call. */
struct twin_asked {
	const struct enforce_question *question;
	const struct enforce_source *source;
	const struct twin_packet *packet;
	struct twin_answer *answer;
};

struct twin_asking {
	struct enforce_asking ask;           /* is_own, host and login are filled in */
	const char *candidate;               /* nft commands on top of what the host has, or NULL */
	const struct twin_stand_in *instead; /* of a table that need not be read; or NULL */
	const struct login *login;           /* NULL = nobody's */
	const struct inventory
		*inventory;     /* packets for a port go to where it is listened; or NULL */
	size_t rules_bytes_max; /* of the listing of the host's rules; 0 = no bound */
	/* @return 0; negative errno ends the asking. */
	int (*take)(void *data, const struct twin_asked *asked);
	/* What holds for all answers; before the first one. */
	int (*doubt)(void *data, const struct twin_doubt *doubt);
	void *data;
};

/* What was not asked. */
struct twin_unasked {
	uint64_t left_out; /* packets that there was no room for, or no way from */
	size_t absent;     /* addresses that no way leads from */
};

/*
 * Makes the twin, asks everything and frees it.
 * @return 0; -EPERM without the right to read the rules; -EFBIG beyond rules_bytes_max; -EINVAL nft
 *         refuses the candidate; or as twin_new() and twin_probe(), with the sentence.
 */
int twin_ask(struct twin_unasked *out, const struct twin_asking *asking, struct err *e);

/* What listens on addresses that others can reach, or is published, for enforce_asking.listening:
 * TCP and UDP of the host's own namespace. The caller frees `out` with vec_free. @return 0 or
 * -ENOMEM. */
struct twin_ports {
	VEC(struct enforce_port) list;
};
int twin_ports_find(struct twin_ports *out, const struct inventory *inventory);

/* ---- what one answer says (twin_asked.c) ---- */

/* Whether it comes to the host, or through it. */
bool twin_gets_in(const struct twin_answer *answer);
/* Whether a rule of somebody else keeps it out. Ours do that to whom the policy lets in for a rate
 * alone. */
bool twin_is_kept_out(const struct twin_answer *answer);
/* Why it is not proven; NULL = it is. That our own rules count, or limit rates, is no doubt: they
 * are what is proven. */
const struct twin_doubt *twin_asked_doubt(const struct twin_answer *answer);
/* Whether there is such, or the answer is unknown. */
bool twin_is_doubtful(const struct twin_answer *answer);
/* The rule that is to be named: what lets a packet in that is sent on to somewhere else is the rule
 * that sends it there. NULL = none decides. */
const struct twin_step *twin_asked_rule(const struct twin_asked *asked);
