/*
 * The scenes of `minato learn`: what is said in data/lessons.yaml, with the facts of this host
 * filled in. Pure: facts come as text, lines go out. Scenes are static memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "text/text.h"

/* What is known of this host; each has a name in facts.c. */
enum learn_fact {
	LEARN_NONE, /* of a line without a condition */
	LEARN_HOST,
	LEARN_ADDRESS,
	LEARN_PROGRAMS, /* that listen: how many */
	LEARN_LISTENERS,
	LEARN_TRIED_ADDRESS, /* a second program asked for it in vain */
	LEARN_TRIED_PORT,
	LEARN_TRIED_ERROR,
	LEARN_EPHEMERAL_FIRST,
	LEARN_EPHEMERAL_LAST,
	LEARN_EPHEMERAL_COUNT,
	LEARN_EPHEMERAL_LISTENER, /* a program that listens within that range */
	LEARN_EPHEMERAL_LISTENER_PORT,
	LEARN_LOCAL_ADDRESS, /* one connection */
	LEARN_LOCAL_PORT,
	LEARN_REMOTE_ADDRESS,
	LEARN_REMOTE_PORT,
	LEARN_CONNECTION_PROGRAM,
	LEARN_CONNECTION_MADE, /* by this lesson */
	LEARN_CLIENT_PORT,     /* of the side that called */
	LEARN_SERVER_PORT,
	LEARN_CHOSEN_BY_KERNEL, /* the client's port */
	LEARN_TCP_CAPTURED,     /* the packets of the exchange were seen */
	LEARN_TCP_TIME,
	LEARN_RISKY_OPEN, /* dangerous ports that others reach: how many */
	LEARN_RISKY_NAMES,
	LEARN_NAT_LIVE, /* this host hides connections of others: how many are drawn */
	LEARN_NAT_SANDBOX,
	LEARN_NAT_DEVICES,
	LEARN_NAT_CONNECTIONS,
	LEARN_NAT_OUTSIDE,
	LEARN_NAT_INSIDE, /* of the first one */
	LEARN_NAT_INSIDE_PORT,
	LEARN_NAT_OUTSIDE_PORT,
	LEARN_SANDBOX_WHY, /* there can be none */
	LEARN_SCAN_SOURCE, /* in the sandbox */
	LEARN_SCAN_ASKED,
	LEARN_SCAN_OPEN,
	LEARN_SCAN_LINE, /* what minato said of it */
	LEARN_SCAN_AFTER,
	LEARN_FACTS,
};

/* "tried_port"; never NULL. */
const char *learn_fact_name(enum learn_fact fact);

struct learn_facts {
	const char *value[LEARN_FACTS]; /* UTF-8, harmless; NULL = not known */
};

/* Of which the command line makes text or SVG. */
enum learn_figure {
	LEARN_FIGURE_NONE,
	LEARN_FIGURE_DOORS,
	LEARN_FIGURE_RANGES,
	LEARN_FIGURE_HEADER,
	LEARN_FIGURE_TCP,
	LEARN_FIGURE_UDP,
	LEARN_FIGURE_RISKS,
	LEARN_FIGURE_NAT,
	LEARN_FIGURE_SCAN,
	LEARN_FIGURES,
};

/* "doors"; never NULL. */
const char *learn_figure_name(enum learn_figure figure);

enum learn_kind {
	LEARN_ASK, /* the newcomer */
	LEARN_SAY, /* minato */
	LEARN_FIGURE,
};

struct learn_line {
	enum learn_kind kind;
	struct text text;         /* with {fact}s; of LEARN_FIGURE "" */
	enum learn_figure figure; /* of LEARN_FIGURE */
	enum learn_fact when, unless;
};

/* What may be typed next. */
struct learn_try {
	const char *command;
	struct text what;
};

struct learn_answer {
	struct text text;
	struct text why; /* it is right, or not */
	bool right;
};

enum { LEARN_ANSWERS = 3 };

struct learn_scene {
	const char *id;
	struct text title;
	const struct learn_line *lines;
	size_t line_count;
	const struct learn_try *tries;
	size_t try_count;
	struct text question;
	struct learn_answer answers[LEARN_ANSWERS]; /* just one is right */
};

/* All scenes in their order. */
const struct learn_scene *learn_scenes(size_t *count);

/* Whether a line stands: its conditions hold, and every fact in it is known. */
bool learn_line_stands(const struct learn_line *line, const struct learn_facts *facts);

/* Appends the text of a line that stands. @return 0 or the first error of `out`. */
int learn_line_fill(struct str *out, const struct learn_line *line, const struct learn_facts *facts,
		    enum language language);
