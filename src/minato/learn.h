/* minato learn: what is known of this host for the scenes, their figures, and how they are shown.
 */
#pragma once

#include "base/arena.h"
#include "command.h"
#include "figure/figure.h"
#include "learn/learn.h"
#include "model/inventory.h"
#include "nat_live.h"

/* One exchange on loopback, drawn. */
struct lesson_exchange {
	bool captured; /* its packets were seen, else they are deduced */
	usec_t took;
	struct str text, svg;
};

/* A scan in the sandbox, what minato there said of it, and a door that was closed then. Plain
 * bytes. */
struct lesson_scan {
	bool scanned; /* `asked` ports, of which `open` answered */
	unsigned asked;
	char source[ADDR_TEXT_BYTES];
	char open[256], line[512];
	char after[256]; /* what the closed door says */
	char figure[8192], svg[32768];
};

/* Everything that the scenes say and draw. */
struct lesson {
	const struct context *context;
	struct arena arena; /* strings of the facts */
	struct inventory inventory;
	bool looked; /* the inventory holds */
	struct learn_facts facts;
	uint16_t tried_port; /* that two programs wanted; 0 = it could not be tried */
	bool has_connection;
	struct figure_port header;
	struct lesson_exchange tcp, udp;
	VEC(struct figure_risk) risks;
	struct nat_live nat;
	enum figure_nat_source nat_source;
	struct lesson_scan scan;
	bool prepared[LEARN_FIGURES]; /* by lesson_prepare_scene() */
};

/* Looks and tries. What cannot be found out is left out of the facts. Never fails. */
void lesson_prepare(struct lesson *lesson, const struct context *context);
/* What a scene needs besides, once: packets that pass, a harbour of namespaces for some seconds.
 * Never fails. */
void lesson_prepare_scene(struct lesson *lesson, const struct learn_scene *scene);
void lesson_deinit(struct lesson *lesson);

/* One fact, copied; nothing where there is no memory. */
void lesson_know(struct lesson *lesson, enum learn_fact fact, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- parts of lesson_prepare() ---- */

/* This host, its listeners and ranges (learn_host.c). */
void lesson_know_host(struct lesson *lesson);
/* Two programs, one port: tried on loopback (learn_host.c). */
void lesson_try_two_programs(struct lesson *lesson);
/* One connection that lives, or one made on loopback (learn_connection.c). */
void lesson_know_connection(struct lesson *lesson);
/* A web page over TCP and a datagram over UDP, with their packets where that may be
 * (learn_exchange.c). */
void lesson_exchange(struct lesson *lesson);
/* The dangerous ports and their state here (learn_risks.c). */
void lesson_know_risks(struct lesson *lesson);

/* Devices behind one address (learn_nat.c). */
void lesson_know_nat(struct lesson *lesson);
/* How many different ones are inside. */
size_t lesson_nat_devices(const struct nat_live *nat);
int lesson_nat_figure(struct str *out, const struct lesson *lesson, bool svg);

/* Makes a harbour of namespaces for a few seconds, for the figure LEARN_FIGURE_NAT or
 * LEARN_FIGURE_SCAN: fills `nat` or `scan` (learn_sandbox.c); nothing where none can be made, but
 * why. */
void lesson_sandbox(struct lesson *lesson, enum learn_figure wanted);

/* ---- figures (learn_figures.c) ---- */

/* Appends a figure as text or SVG; nothing where what it shows is not known.
 * @return 0 or negative errno of `out`. */
int lesson_figure(struct str *out, const struct lesson *lesson, enum learn_figure figure, bool svg);
/* Writes all that can be drawn as DIRECTORY/learn-NAME.svg. @return an exit code, after a complaint
 * when it is not EXIT_IN_ORDER; else how many in `count`. */
int lesson_write_figures(const struct lesson *lesson, const char *directory, size_t *count);

/* ---- showing (learn_show.c) ---- */

/* Appends a scene without its quiz. @param number  from 1. */
void lesson_show(struct str *out, const struct lesson *lesson, const struct learn_scene *scene,
		 size_t number);
/* Appends the question and its answers, "1" to "3". */
void lesson_show_question(struct str *out, const struct lesson *lesson,
			  const struct learn_scene *scene);
/* Appends whether answer `index` is right, and why. */
void lesson_show_answer(struct str *out, const struct lesson *lesson,
			const struct learn_scene *scene, size_t index);
/* Scene after scene at a terminal, from `first` on, until somebody quits. @return an exit code. */
int lesson_dialogue(struct lesson *lesson, size_t first);
