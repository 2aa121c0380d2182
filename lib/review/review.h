/* Compares what is open with what was declared: findings, worst first. Pure: no clock, no files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/when.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/foreign.h"
#include "model/inventory.h"
#include "model/protocol.h"
#include "text/text.h"

struct policy;

enum {
	REVIEW_ATTEMPTS_MAX = 64,
	REVIEW_ATTEMPTS_SECONDS = 3600, /* older ones are history */
};

/* The kinds of events that are attempts of a program, EVENT_BIT(). */
#define REVIEW_ATTEMPT_KINDS                                                                       \
	(EVENT_BIT(EVENT_BIND_REFUSED) | EVENT_BIT(EVENT_BIND_WATCHED) |                           \
	 EVENT_BIT(EVENT_CONNECT_REFUSED) | EVENT_BIT(EVENT_CONNECT_WATCHED))

/* A packet to a declared or listening port that other rules of the host decide otherwise than the
 * policy, as the kernel proved it. */
struct review_contradiction {
	enum protocol protocol;
	uint16_t port;
	bool let_in;        /* against the policy; else refused against it */
	const char *source; /* the address that was asked from */
	const char *entry;  /* the who or network that it belongs to; NULL = it is like any other */
	const char *owner;  /* of the deciding rule: "ufw", "docker"; "unknown" */
	const char *rule;   /* "ip filter, chain INPUT, policy drop" */
	const char *command; /* that shows the rule; NULL = none does */
};

/* A port of the host's own namespace; UDP or TCP. */
struct review_port {
	enum protocol protocol;
	uint16_t port;
};

struct review_input {
	const struct inventory *inventory; /* after inventory_sort() */
	const struct policy *policy;       /* NULL = there is none: only dangers are found */
	int64_t today; /* days since 1970-01-01 in the reader's zone, as until: means */
	usec_t now;    /* wall clock */
	/* Binds and connects that did not fit lately: of REVIEW_ATTEMPT_KINDS, oldest first;
	 * the daemon hears of them and stores them. */
	const struct event *attempts;
	size_t attempt_count;
	const struct review_contradiction *contradictions; /* NULL = nothing was asked */
	size_t contradiction_count;
	const struct review_port *closed; /* the kernel lets nobody in who was asked for, or NULL */
	size_t closed_count;
};

/*
 * Finds every difference between the inventory and the policy, and every danger that needs no
 * policy to be one. Sockets of one service (IPv4 and IPv6, SO_REUSEPORT) make one finding.
 *
 * Each finding carries the facts that its message in data/messages/findings.yaml names, among them
 * "port", "protocol" and "endpoint" where there is a port.
 *
 * @param out  made by findings_init() and empty; sorted worst first, then by id, port, protocol and
 *             declaration, so that the same input gives the same list.
 * @return 0; -ENOMEM, with `out` to be freed as usual.
 */
int review_findings(struct findings *out, const struct review_input *in);

/*
 * Adds a finding for each rule of another tool that contradicts the policy, and sorts all again.
 * @return 0 or -ENOMEM.
 */
int review_contradictions(struct findings *out, const struct contradiction *list, size_t count);

/* Whether a finding is one of those. */
bool review_is_contradiction(const struct finding *finding);

/* Severity of the worst finding; SEVERITY_NONE for an empty list. */
enum severity review_worst(const struct findings *findings);

/* How many findings are at least that bad. */
size_t review_count(const struct findings *findings, enum severity at_least);

/*
 * Appends what the finding says, or the one thing that mends it, in that language, with its facts
 * filled in and made harmless. Nothing is appended for an unknown id.
 * @return 0, -ENOMEM or -EFBIG, as `out` records it.
 */
int review_text(struct str *out, const struct finding *finding, enum language language);
int review_advice(struct str *out, const struct finding *finding, enum language language);
