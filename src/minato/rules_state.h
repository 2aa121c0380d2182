/* How the rules of the packet filter are, in one line of `minato status`. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "daemon_state.h"

struct rules_state {
	bool watched;  /* the daemon puts lost ones back */
	bool verified; /* the kernel was asked, by the daemon or by us; else the record is believed
			*/
	bool lost;     /* the record has confirmed rules, the kernel has not */
	bool altered;  /* another tool changed lines */
	bool stale_users; /* users of outbound: have other numbers by now; as root alone */
	unsigned state;   /* 0 = no rules */
	usec_t since;
	char user[64];      /* "" = not known */
	char source[64];    /* likewise */
	unsigned candidate; /* 0 = none */
	usec_t candidate_until;
};

/*
 * What the daemon told, where it watches the rules; else what the record says and, without a daemon
 * and as root, the kernel. Never fails: what cannot be read is as if it were not there.
 */
void rules_state_find(struct rules_state *out, const struct context *context,
		      const struct daemon_state *daemon);

/* Appends one line, or two on a narrow terminal, with its newline. */
void rules_state_words(struct str *out, const struct rules_state *state,
		       const struct context *context);

/* Of the daemon's JSON into `out`; false when it does not watch. */
bool rules_state_read(struct rules_state *out, const json_t *rules);

json_t *rules_state_view(const struct rules_state *state);
