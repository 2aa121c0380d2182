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
