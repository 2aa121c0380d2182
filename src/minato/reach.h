/* From where the ports of this host are really reached: the kernel is asked, in a copy of its
 * rules. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "command.h"
#include "model/inventory.h"
#include "policy/policy.h"
#include "review/review.h"

enum reach_kind {
	REACH_UNKNOWN,  /* nobody was asked for */
	REACH_NOBODY,   /* of all that were asked for */
	REACH_DEPENDS,  /* on what a copy of the rules does not have */
	REACH_SOME,     /* those of `names` */
	REACH_ANYWHERE, /* an address that nobody names */
};

struct reach_port {
	enum protocol protocol;
	uint16_t port;
	enum reach_kind kind;
	struct str names; /* entries of the policy and networks that the host is in; ", " between */
};

struct reach {
	struct arena arena;
	VEC(struct reach_port) ports; /* that are listened on, published or declared */
	VEC(struct review_contradiction) contradictions; /* those from anywhere first */
	VEC(struct review_port) closed;                  /* nobody who was asked for gets in */
	unsigned asked;                                  /* packets; 0 = none was sent */
	struct err why;                                  /* what kept us from asking */
};

/*
 * Asks for every port that listens, is published or declared: from an address that nobody names,
 * and the first one of each entry of the policy and each network that the host is in; at most 256
 * packets. Never fails: what could not be asked is REACH_UNKNOWN.
 * @param policy that was declared, or NULL: then nothing contradicts it.
 */
void reach_find(struct reach *out, const struct context *context, const struct inventory *inventory,
		const struct policy *policy);
void reach_deinit(struct reach *reach);

/* ---- words (reach_text.c) ---- */

/* @return NULL when it was not asked for. `reach` may be NULL. */
const struct reach_port *reach_port(const struct reach *reach, enum protocol protocol,
				    uint16_t port);

/* "anyone", "nobody", "depends", or the names. */
const char *reach_words(const struct reach_port *port);

/* Appends one line about how it was found out, or why not. */
void reach_add(struct str *out, const struct reach *reach, const struct context *context);

/* ---- for machines (reach.c) ---- */

/* {"from": "anywhere", "names": [...]}. @return a new reference. */
json_t *reach_port_json(const struct reach_port *port);
/* What was asked, or why nothing. */
json_t *reach_json(const struct reach *reach);
