/* How the way of a packet is told, to people and to machines. */
#pragma once

#include <jansson.h>

#include "explain.h"
#include "twin/twin.h"

enum way_listening {
	WAY_LISTENING_UNKNOWN, /* the sockets could not be seen, or it is not this host's concern */
	WAY_LISTENING,
	WAY_LISTENING_NOBODY,
};

struct way_told {
	const struct twin_packet *packet;
	const struct twin_answer *answer;
	const struct twin_doubt *doubts; /* of the twin */
	size_t doubt_count;
	enum way_listening listening;
	const struct bans *bans;      /* NULL = not known */
	const struct defend_ban *ban; /* that the kernel holds against the sender; NULL = none */
};

/* Whether whoever sends the packet reaches something. */
bool way_reachable(const struct way_told *told);

/* Which rule decides, what is not proven, and the way step by step. Appends. */
void way_reasons(struct str *out, const struct explain *explain, const struct way_told *told);
/* "dropped by ufw". Appends. */
void way_outcome(struct str *out, const struct way_told *told);
/* Appends the answer, then the way hook by hook. */
void way_text(struct str *out, const struct explain *explain, const struct way_told *told);

/* "ip filter, chain INPUT, rule 7: tcp dport 22 drop". Appends. */
void way_add_deciding(struct str *out, const struct twin_step *step);
/* Why without a rule; in English, for _(). NULL for TWIN_CAUSE_RULE. */
const char *way_cause_sentence(enum twin_cause cause);
/* Why it is not proven; in English, for _(), with %s for the detail. */
const char *way_doubt_sentence(enum twin_doubt_kind kind);
/* "ufw", "Docker", as people write it. */
const char *way_owner_word(const char *owner);
/* null for NULL. @return a new reference, NULL when out of memory. */
json_t *way_step_json(const struct twin_step *step);

/* @return a new reference, NULL when out of memory. */
json_t *way_json(const struct way_told *told);
