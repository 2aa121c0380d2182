/* One look at the host, as every reading command takes it. */
#pragma once

#include "command.h"
#include "model/inventory.h"

/* Directory of the running daemon: MINATO_RUNTIME_DIRECTORY, or /run/minato. Static or environment
 * memory. */
const char *runtime_directory(void);

/*
 * Takes an inventory. @param flags enum observe_flags.
 * @return 0, or negative with the sentence in `e`; `out` is then untouched.
 */
int look(struct inventory *out, const struct context *context, unsigned flags, struct err *e);

/* The same for a command: complains when it cannot. @return EXIT_IN_ORDER, or the exit code. */
int look_or_complain(struct inventory *out, const struct context *context, unsigned flags);

/* Appends one line about what could not be seen for lack of rights. @return false, and nothing,
 * when all was seen. */
bool coverage_words(struct str *out, const struct inventory *inventory);
/* The same on stderr, with what to type. */
void complain_of_coverage(const struct context *context, const struct inventory *inventory);
