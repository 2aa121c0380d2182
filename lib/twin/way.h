/* From trace events of one packet to the answer: what became of it, and which rule decided. */
#pragma once

#include "twin/rules.h"
#include "twin/trace.h"
#include "twin/twin.h"

/* The chains that the twin adds; they are no steps of a way. */
#define WAY_TABLE "minato_twin"
#define WAY_END "end_" /* and the hook: the packet came through everything there */

/* A rule that looks at what a twin does not have. */
struct suspect {
	size_t chain; /* index into the ruleset's chains */
	size_t place; /* of the rule in the chain */
	const char *rule;
	enum twin_doubt_kind kind;
};

/* All rulesets that an answer is read with. */
struct legend {
	struct twin_rules twin;        /* as loaded there: the handles of the trace */
	const struct twin_rules *host; /* as on the host: the handles that people know */
	const char *saved[2]; /* iptables-save and ip6tables-save; NULL = nft's text counts */
	VEC(struct suspect) suspects;
};

/* Whether a rule may match a packet, by what it says of protocol and port at its beginning.
 * @param port  as sent; @param final_port  after translation: either may be meant. */
bool suspect_concerns(const char *rule, uint8_t protocol, uint16_t port, uint16_t final_port);

/* Looks for suspects in legend->twin. @return 0 or -ENOMEM. */
int legend_suspect(struct legend *legend);

struct way {
	struct twin_answer *answer; /* initialised by way_begin() */
	const struct legend *legend;
	uint32_t cookie;
	uint32_t id;
	bool known;         /* `id` is the packet's */
	const char *hook;   /* of the base chain that it is in */
	const char *type;   /* likewise */
	bool seen;          /* at its first chain */
	bool prerouting;    /* came through it */
	bool input, output; /* came through everything, for the host or for elsewhere */
	bool stopped;       /* the last step dropped it */
	bool has_owner;     /* it has the user that rules may ask for */
	uint8_t protocol;   /* as it was sent */
	uint16_t port;      /* likewise */
	uint32_t out_index;
};

/* @param answer emptied; twin_answer_deinit() frees what way_take() puts there. */
void way_begin(struct way *way, struct twin_answer *answer, const struct legend *legend,
	       uint32_t cookie);

/* Takes the events of this packet and passes others over. @return 0 or -ENOMEM. */
int way_take(struct way *way, const struct trace_event *event);

/* Says the outcome; TWIN_UNROUTED without a cause yet. @return 0 or -ENOMEM. */
int way_decide(struct way *way);

/* Adds a doubt once. @return 0 or -ENOMEM. */
int way_doubt(struct twin_answer *answer, enum twin_doubt_kind kind, const char *detail);
