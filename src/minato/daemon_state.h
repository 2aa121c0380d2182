/* Whether the daemon is there, and how it learns of changes. */
#pragma once

#include <jansson.h>

#include "base/str.h"

struct daemon_state {
	const char
		*name;   /* "running", "stopped", "unreachable" (its socket is not for this user) */
	char events[16]; /* "kernel", "sweep"; "" when it was not told */
	char reason[256]; /* why there are no kernel events; "" = none given */
	json_t *sentry;   /* how it sees port scans; NULL = not told */
	json_t *devices;  /* what other machines opened; NULL = not told */
	json_t *rules;    /* how the rules of the packet filter are; NULL = not told */
};

/* Asks the daemon of this runtime directory. Never fails: what is not told stays "". Free with
 * daemon_state_deinit. */
void daemon_state_ask(struct daemon_state *out, const char *runtime_directory);
void daemon_state_deinit(struct daemon_state *state);

/* Appends the state as a short phrase in the reader's language. */
void daemon_state_words(struct str *out, const struct daemon_state *state);

/* The same as JSON: {"state", "events", "reason"}. */
json_t *daemon_state_view(const struct daemon_state *state);
