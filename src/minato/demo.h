/* The parts of `minato demo`. */
#pragma once

#include "command.h"
#include "harbour/harbour.h"

/* What inside functions are given. */
struct demo {
	const struct context *context;
	const char *const *words; /* a command for the host; NULL-terminated */
	bool replays;             /* where no world can be made a recording is shown instead */
};

/* What all programs inside have as environment; a terminal and the language as outside. The caller
 * frees `memory`. */
struct demo_environment {
	struct arena memory;
	const char *words[32];
};
/* @return 0, -ENOMEM. */
int demo_environment(struct demo_environment *out, const struct context *context);

/* Runs a program at a machine with this process's input and output. @return as run_wait(). */
int demo_at(struct harbour_world *world, uint32_t machine, const char *const *words);

/*
 * Keeps what a program writes, and waits for its end.
 * @param from   the reading end of its output, which is closed.
 * @param child  what harbour_start() gave; negative errno: it was not started.
 * @return as run_wait(), or that errno.
 */
int demo_collect(struct str *out, int from, pid_t child);

/* Whether the host lets the reader in over the network, from his desk. */
bool demo_has_login(const struct harbour *harbour);

/*
 * Runs a command line on the host, in a login of its own from the desk where there is one.
 * @param line  NULL = a shell.
 * @return its exit code; DEMO_CUT when the connection has ended.
 */
int demo_login(struct harbour_world *world, const char *line);
enum { DEMO_CUT = 255 };

/*
 * Runs a program at a machine and keeps what it writes, errors too. On a terminal it gets one of
 * its own, and the keys.
 * @param shown  bounded; what does not fit is not kept.
 * @param quiet  nothing of it is shown, and it hears nothing.
 * @return as run_wait(); EXIT_ERROR when it cannot be started.
 */
int demo_captured(struct str *shown, bool quiet, struct harbour_world *world, uint32_t machine,
		  const char *const *words);

/* Whether `text` stands in what was shown, wherever lines were broken, whatever its colours. */
bool demo_has(const char *shown, const char *text);

/* Prints the picture of the world. @return an exit code. */
int demo_draw(const struct harbour_world *world, const struct context *context);

/* Inside functions; `data` is a struct demo. */
harbour_inside demo_watch, demo_words, demo_shell, demo_tour;

/* ---- recordings (demo_record.c) ---- */

struct demo_record {
	pid_t child; /* that keeps what is shown */
	int shown;   /* where it was shown before */
};

/*
 * From here on what this process and its children print on stdout is kept too, as asciicast
 * version 2 (https://docs.asciinema.org/manual/asciicast/v2/): with the time of each piece.
 * @return 0, then demo_record_end() is due; negative errno with the sentence.
 */
int demo_record_begin(struct demo_record *out, const char *path, struct err *e);
/* @return 0; -EIO something of it could not be written. */
int demo_record_end(struct demo_record *record);

/* Shows a recording; at a terminal with its pauses, shortened. @return an exit code. */
int demo_replay(const struct context *context, const char *recording);

/* Recordings of the tour that comes with minato, in both languages: the text of
 * data/tour.*.cast. Static memory. */
extern const char demo_tour_en[], demo_tour_ja[];
