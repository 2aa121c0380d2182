/* Options of iptables' rules. Private to import. */
#pragma once

#include "import/rules.h"

enum { TOKENS_MAX = 512, LINE_BYTES = 32 * 1024 };

/* Words of one line; quotes and backslashes are gone. */
struct tokens {
	const char *items[TOKENS_MAX];
	size_t count;
	bool cut; /* more than there is room for, or an open quote */
	size_t used;
	char bytes[LINE_BYTES];
};

/* A line that is being read. */
struct line {
	struct ruleset *set;
	struct rule rule;
	unsigned family;
	const char *target;
	bool negated;     /* the option that is being read has a ! before it */
	bool jumps_away;  /* -g */
	bool never;       /* a new connection from outside is not like this */
	bool broadcast;   /* multicast or broadcast alone */
	bool other;       /* a protocol without ports */
	bool connections; /* counts open connections */
	uint64_t hits;    /* -m recent */
	uint64_t seconds;
	bool looks_back; /* -m recent --update, --rcheck */
	const char *bad; /* an option whose value cannot be read */
};

/* A condition that no policy can say; the first one counts. */
void iptables_doubt(struct line *l, const char *option, const char *value);
/* Reads the words of a rule from `at` on. */
void iptables_options(struct line *l, const struct tokens *t, size_t at);
