/*
 * What all readers make and the walk follows: chains of rules over ports, sources and interfaces.
 * Private to import.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "import/import.h"
#include "import/spans.h"
#include "model/protocol.h"
#include "policy/policy.h"

enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

/* Kinds of traffic that are followed, as bits of rule.traffic. */
enum traffic {
	TRAFFIC_TCP,
	TRAFFIC_UDP,
	TRAFFIC_SCTP,
	TRAFFIC_DCCP,
	TRAFFIC_PING, /* ICMP echo requests */
	TRAFFICS,
	TRAFFIC_ALL = (1 << TRAFFICS) - 1,
	TRAFFIC_PORTS = TRAFFIC_ALL & ~(1 << TRAFFIC_PING),
};

extern const enum protocol traffic_protocols[TRAFFICS];

/* One rule as a person wrote it; the walk says what became of it. */
struct statement {
	const char *file;
	uint32_t line;
	const char *text;
	const char *comment; /* NULL = none */
	const char *service; /* name of what it opens, as the source calls it; NULL */
	bool noted;          /* the reader has said what there is to say */
	bool accepted, narrowed;
	bool left; /* the walk said why it could not be carried */
};

enum rule_verdict {
	RULE_NOTHING,
	RULE_ACCEPT,
	RULE_DROP,
	RULE_REJECT,
	RULE_JUMP,
	RULE_GOTO,
	RULE_RETURN,
	RULE_LIMIT, /* drops what goes beyond `rate`: ruleset_settle makes it */
};

/* All given conditions must hold. */
struct rule {
	uint32_t statement;
	enum rule_verdict verdict;
	uint32_t target;                       /* chain of RULE_JUMP and RULE_GOTO */
	unsigned families;                     /* bits of FAMILY_ */
	unsigned traffic;                      /* bits of enum traffic */
	const struct spans *ports;             /* NULL = any */
	const struct spans *sources[FAMILIES]; /* NULL = any */
	const char *const *interfaces;         /* "*" at the end = any such; NULL = any */
	uint32_t interface_count;
	bool interfaces_excluded; /* any but these */
	const char *group;        /* what the source calls these people; NULL */
	/*
	 * Count 0 = none. Within it the rule applies; with `over` beyond it: then it only drops,
	 * and is a RULE_LIMIT once all chains are known.
	 */
	struct policy_rate rate;
	bool over;
	bool global;       /* the rate is for all sources together */
	const char *doubt; /* a condition that no policy can say; NULL = none */
};

struct chain {
	const char *name;
	VEC(struct rule) rules;
	bool base;
	bool skipped; /* the reader knows that it is somebody else's */
	bool active;  /* being walked */
	int priority;
	unsigned families;
	enum rule_verdict policy; /* of a base chain: RULE_ACCEPT or RULE_DROP, RULE_REJECT */
};

struct chain_name;

struct ruleset {
	struct arena *arena;      /* the report's */
	struct chain_name *names; /* of chains, by hash */
	struct import_report *report;
	VEC(struct chain) chains;
	VEC(struct statement) statements;
	size_t rule_count;
	unsigned families;              /* that were spoken of */
	unsigned traffic;               /* beyond TCP and UDP: that some rule names */
	bool all_protocols;             /* some rule accepts every protocol */
	const struct import_host *host; /* NULL = not known */
	int error;
	struct err *e;
};

enum { NO_CHAIN = UINT32_MAX };

/* All of these keep the first failure in set->error and go on harmlessly. */
uint32_t ruleset_chain(struct ruleset *set, const char *name); /* found or made */
uint32_t ruleset_find(const struct ruleset *set, const char *name);
uint32_t ruleset_statement(struct ruleset *set, const char *file, uint32_t line, const char *text,
			   size_t length);
struct rule ruleset_rule(uint32_t statement);
void ruleset_add(struct ruleset *set, uint32_t chain, const struct rule *given);
/* A copy in the arena; "" when out of memory. */
const char *ruleset_text(struct ruleset *set, const char *text, size_t length);
/* A note on a statement (UINT32_MAX = on the whole), with up to one argument. */
void ruleset_note(struct ruleset *set, uint32_t statement, enum import_outcome outcome,
		  const char *reason, const char *name, const char *value);
/* When all chains are known: which rules beyond a rate are limits, and which are in doubt. */
void ruleset_settle(struct ruleset *set);
/* The rule has no effect on new connections from outside, and why that is in order. */
void ruleset_itself(struct ruleset *set, uint32_t statement, const char *reason);
void ruleset_fail(struct ruleset *set, int code);
void ruleset_deinit(struct ruleset *set);

/* Narrows: the rule's condition and one more of the same kind must both hold. NULL sets fail. */
void rule_ports(struct ruleset *set, struct rule *rule, const struct spans *ports, bool negated);
void rule_sources(struct ruleset *set, struct rule *rule, unsigned family,
		  const struct spans *sources, bool negated);
/* Reads "22", "22-25", "22:25", "1024:". @return false when it is none. */
bool span_of_ports(struct span *out, const char *text, size_t length);
/* Reads an address, a prefix, "address/255.255.255.0", "a-b". @return false when it is none. */
bool span_of_network(struct span *out, unsigned *family, const char *text);
/* Multicast or broadcast (255.255.255.255): no port of a policy is meant. */
bool span_is_multicast(const struct span *span, unsigned family);
/* Loopback. */
bool span_is_loopback(const struct span *span, unsigned family);
/* A number per unit as the policy can say it. @return false when it cannot. */
bool rate_of(struct policy_rate *out, uint64_t count, usec_t per);
/* Whether so many per so long is less than the other; none is the most. */
bool rate_stricter(const struct policy_rate *a, const struct policy_rate *b);

/* The readers: one file each; chains and statements are added. */
void read_ufw(struct ruleset *set, const struct import_file *files, size_t count);
void read_firewalld(struct ruleset *set, const struct import_file *files, size_t count);
void read_iptables(struct ruleset *set, const struct import_file *file);
void read_nft(struct ruleset *set, const struct import_file *file);

/* ---- what is accepted ---- */

/* Ports of one kind of traffic that no rule tells apart. */
struct segment {
	uint16_t first, last;
};

enum { BY_DEFAULT = UINT32_MAX };

/* Sources that a statement accepts. */
struct piece {
	uint32_t statement;             /* or BY_DEFAULT */
	uint32_t order;                 /* in which packets meet the rules */
	uint8_t traffic, family, place; /* place: 0 = any other interface, else 1 + its index */
	uint32_t segment;
	const struct spans *sources;
	struct policy_rate rate;
	const char *group;
};

struct accepted {
	VEC(struct segment) segments[TRAFFICS];
	VEC(struct piece) pieces;
	const char *interfaces[IMPORT_INTERFACES_MAX];
	uint32_t interface_count;
	bool open[FAMILIES]; /* what no rule decides is accepted */
	bool rejects;        /* what no rule decides is rejected */
	struct arena arena;  /* of the sets */
};

/* Follows all base chains. Failures are in set->error. Free with accepted_deinit. */
void walk_rules(struct accepted *out, struct ruleset *set);
void accepted_deinit(struct accepted *accepted);

/* Appends the policy. @return 0 or negative errno. */
int write_accepted(struct str *out, struct ruleset *set, struct accepted *accepted,
		   enum language language);
