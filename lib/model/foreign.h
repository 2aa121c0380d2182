/* What rules of other tools do in the packet filter, and where that contradicts the policy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"
#include "model/protocol.h"

enum foreign_kind {
	FOREIGN_ACCEPT,   /* lets packets for these ports in */
	FOREIGN_REFUSE,   /* drops or rejects them, whoever sends them */
	FOREIGN_REDIRECT, /* hands packets for these ports to another port of this host */
	FOREIGN_EXPECT,   /* lets others announce connections to these ports (ct expectation) */
	FOREIGN_AROUND,   /* makes packets from outside look like this host's own */
	FOREIGN_UNCLEAR,  /* holds a target of iptables that is not understood */
};

enum {
	FOREIGN_RULES_MAX = 8192, /* rules times ranges of ports that are looked at */
	FOREIGN_POLICY = -1,      /* for `rule`: the policy of the chain */
};

/* One rule of another tool, for one protocol and one range of ports. */
struct foreign_rule {
	enum foreign_kind kind;
	enum protocol protocol;
	uint16_t first_port, last_port;
	uint16_t target_port;               /* FOREIGN_REDIRECT */
	const char *family, *table, *chain; /* in the arena */
	int32_t rule;                       /* its place in the chain, from 0; FOREIGN_POLICY */
};

struct foreign_rules {
	struct arena arena;
	VEC(struct foreign_rule) list;
	bool cut; /* there are more than can be looked at */
};

/* An empty list on the caller's memory; frees all. */
void foreign_rules_init(struct foreign_rules *rules);
void foreign_rules_deinit(struct foreign_rules *rules);

/* ---- where they contradict the policy ---- */

enum contradiction_kind {
	CONTRADICTION_OPENS = 1, /* a port that the policy closes can be reached by it */
	CONTRADICTION_IN_VAIN,   /* it would open one; the rules of minato refuse it all the same */
	CONTRADICTION_CLOSES,    /* a port that the policy opens is refused by it */
	CONTRADICTION_UNCLEAR,   /* nobody can say what it does with packets */
	CONTRADICTION_LAST = CONTRADICTION_UNCLEAR,
};

enum {
	CONTRADICTIONS_MAX = 64, /* told; more are left out */
	CONTRADICTION_NAME_BYTES = 128,
	CONTRADICTION_RULE_BYTES = 200,
	CONTRADICTION_TOOL_BYTES = 32,
};

/* A flat value that can cross processes. Names are foreign bytes: escape before showing. */
struct contradiction {
	enum contradiction_kind kind;
	enum protocol protocol;
	uint16_t first_port, last_port;
	uint16_t through_port;                /* whoever asks for it gets there; 0 = it itself */
	char table[CONTRADICTION_NAME_BYTES]; /* "inet filter" */
	char chain[CONTRADICTION_NAME_BYTES];
	char rule[CONTRADICTION_RULE_BYTES]; /* as nft prints it */
	char tool[CONTRADICTION_TOOL_BYTES]; /* "ufw", "docker"; "unknown" */
	int32_t pid;                         /* who committed it; 0 = not heard */
	char process[CONTRADICTION_TOOL_BYTES];
};
