/* Reading rules of nft's JSON: what one comparison says. Private to import. */
#pragma once

#include <jansson.h>

#include "import/rules.h"

enum { NFT_KEY_BYTES = 512, ALL_FAMILIES = 1 << FAMILY_IPV4 | 1 << FAMILY_IPV6 };

struct reading {
	struct ruleset *set;
	const char *file;
	json_t *rules; /* "family table chain" -> array of rules */
	json_t *sets;  /* "family table name" -> the set */
	size_t steps;
	bool elsewhere; /* rules at other hooks */
	bool foreign;   /* rules that iptables made, which nft cannot print whole */
	/* The rule that is being read. */
	const char *family, *table;
	uint32_t statement;
	uint32_t chain;
};

/* One way in which a rule can match. */
struct way {
	struct rule rule;
	bool never, broadcast, connections, spoofing, other;
};

enum field {
	FIELD_OTHER,
	FIELD_INTERFACE,
	FIELD_PROTOCOL,
	FIELD_FAMILY,
	FIELD_SOURCE4,
	FIELD_SOURCE6,
	FIELD_DESTINATION4,
	FIELD_DESTINATION6,
	FIELD_PORT,
	FIELD_ICMP,
	FIELD_STATE,
	FIELD_STATUS,
	FIELD_DIRECTION,
	FIELD_PACKET_TYPE,
	FIELD_ADDRESS_TYPE,
	FIELD_REVERSE_PATH,
	FIELD_FLAGS,
};

/* A field, with what it takes for granted. */
struct compared {
	enum field field;
	unsigned traffic; /* of the payload's protocol */
	unsigned families;
	const json_t *mask; /* of FIELD_FLAGS; NULL = none */
	const char *name;   /* for people */
};

/* What a value stands for: an array of elements. A named set that is not there has none. */
struct values {
	const json_t *list; /* NULL = the value alone */
	const json_t *alone;
	const char *name; /* of the set; NULL = none */
	bool passing;     /* its elements come and go */
};

/* Counts what is looked at: sets multiply. @return false when it is enough. */
bool nft_step(struct reading *r);
/* The string under a key; "" when there is none. */
const char *nft_word(const json_t *object, const char *key);
/* Whether a word, or one of a list, is this one. */
bool nft_has_word(const json_t *list, const char *wanted);
void nft_doubt(struct reading *r, struct way *way, const char *what);
/* What the left side of a comparison means. */
struct compared nft_compared_of(const json_t *left);
struct values nft_values_of(const struct reading *r, const json_t *value);
size_t nft_value_count(const struct values *v);
const json_t *nft_value_at(const struct values *v, size_t index);
const json_t *nft_unwrap(const json_t *element);
/* Narrows the way by one comparison. */
void nft_apply(struct reading *r, struct way *way, const struct compared *c, const struct values *v,
	       bool negated);
