/* minato check: one target, from its name to what became of it. */
#pragma once

#include <jansson.h>
#include <signal.h>

#include "command.h"
#include "model/inventory.h"
#include "probe/probe.h"
#include "resolve/resolve.h"

/* What this host itself knows of one of its ports. */
enum check_inside {
	CHECK_INSIDE_UNKNOWN,   /* it is another host, or nobody looked */
	CHECK_INSIDE_NOBODY,    /* nothing listens there */
	CHECK_INSIDE_ELSEWHERE, /* something listens, on another address */
	CHECK_INSIDE_LISTENS,
	CHECK_INSIDE_FULL, /* as many connections wait for accept() as may */
};

struct check {
	struct probe_target target;
	struct resolve_answer names;
	usec_t resolved; /* time it took; 0 = nothing was asked */
	struct probe_order order;
	struct probe_record records[PROBE_RECORDS_MAX];
	size_t count;
	enum probe_cause cause;
	const struct probe_record *evidence; /* one of records; NULL = none */
	struct probe_local local;
	bool own; /* the address that was asked, or would be, is this host's */
	enum check_inside inside;
	char program[64]; /* that listens there; "" = none, or not known */
	usec_t began, took;
};

struct check_limits {
	usec_t connect_time, answer_time;
};

/*
 * Asks. @param inventory  listeners of this host, for its own ports; or NULL.
 * @return EXIT_IN_ORDER when it could be asked, whatever the cause; or an exit code after a
 * complaint.
 */
int check_run(struct check *out, const struct context *context, const struct probe_target *target,
	      const struct check_limits *limits, const struct inventory *inventory);

/* What this host knows of its own port; see struct check. */
void check_look_inside(struct check *check, const struct inventory *inventory);

/* ---- several at once (check_crew.c) ---- */

/* Carried out by a process of its own. @return an exit code; then `out` holds with
 * EXIT_IN_ORDER. */
typedef int check_ask_function(struct check *out, const struct probe_target *target,
			       const void *data);
/* Told of each target in the order in which they were given. @return whether to go on. */
typedef bool check_tell_function(const struct check *check, int code, void *data);

struct check_crew {
	check_ask_function *ask;
	check_tell_function *tell;
	void *data;                           /* of both */
	const volatile sig_atomic_t *stopped; /* once it is not 0 nobody is told any more */
};

/* Asks up to 16 targets at a time. @return 0; negative errno when nobody could be asked. */
int check_crew(const struct check_crew *crew, const struct probe_target *targets, size_t count);

/* ---- words (check_text.c) ---- */

/* The cause in a sentence, with what it rests on. Appends one line without its end. */
void check_add_cause(struct str *out, const struct check *check, const struct context *context);
/* Every step, the cause, and what to do. Appends. */
void check_add(struct str *out, const struct check *check, const struct context *context);
/* "https://host:443". Appends. */
void check_add_target(struct str *out, const struct probe_target *target);

json_t *check_json(const struct check *check, const struct context *context);
