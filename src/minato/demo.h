/* The parts of `minato demo`. */
#pragma once

#include "command.h"
#include "harbour/harbour.h"

/* What inside functions are given. */
struct demo {
	const struct context *context;
	const char *const *words; /* a command for the host; NULL-terminated */
};

/* What all programs inside have as environment; a terminal and the language as outside. The caller
 * frees `memory`. */
struct demo_environment {
	struct arena memory;
	const char *words[32];
};
/* @return 0, -ENOMEM. */
int demo_environment(struct demo_environment *out, const struct context *context);

/* Waits for its end. @return its exit code, 128 + the signal that ended it. */
int demo_wait(pid_t child);

/* Runs a program at a machine with this process's input and output. @return as demo_wait(). */
int demo_at(struct harbour_world *world, uint32_t machine, const char *const *words);

/* Whether the host lets the reader in over the network, from his desk. */
bool demo_has_login(const struct harbour *harbour);

/*
 * Runs a command line on the host, in a login of its own from the desk where there is one.
 * @param line  NULL = a shell.
 * @return its exit code; DEMO_CUT when the connection has ended.
 */
int demo_login(struct harbour_world *world, const char *line);
enum { DEMO_CUT = 255 };
/* Begins the same with descriptors of the caller's. @return as harbour_start(). */
pid_t demo_login_start(struct harbour_world *world, const char *line, const int fds[3]);

/* Prints the picture of the world. @return an exit code. */
int demo_draw(const struct harbour_world *world, const struct context *context);

/* Inside functions; `data` is a struct demo. */
harbour_inside demo_watch, demo_words, demo_shell, demo_tour;
