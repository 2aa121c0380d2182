/*
 * How a failure travels. Functions return 0 when done and a negative errno when they cannot go on;
 * callers hand that up unchanged. Positive values are outcomes of the function's own enum: the
 * caller must handle them and must not pass them on (dbus-broker's contract).
 * Beside the number goes a sentence in the caller's memory; no allocation on the error path.
 */
#pragma once

#include <stdint.h>

struct err {
	int code;             /* negative errno, 0 = no error */
	const char *function; /* where it failed first; static string */
	char text[400];       /* one sentence for people, UTF-8, no newline, may be empty */
};

#define ERR_INIT ((struct err){ 0 })

/*
 * Records a failure, unless one is recorded already: the first cause is the interesting one.
 * @param e    may be NULL: then only the number travels.
 * @param code errno value, positive or negative; stored negative.
 * @return     the negative code, so that `return err_set(e, EINVAL, "...")` reads well.
 */
#define err_set(e, code, ...) err_set_at((e), (code), __func__, __VA_ARGS__)
int err_set_at(struct err *e, int code, const char *function, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Like err_set, with ": " and the system's sentence for `code` appended. */
#define err_system(e, code, ...) err_system_at((e), (code), __func__, __VA_ARGS__)
int err_system_at(struct err *e, int code, const char *function, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The sentence, or the system's words for the code when no sentence was recorded. Never NULL. */
const char *err_text(const struct err *e);
