/* Talking to the daemon: its HTTP API over the Unix socket in the runtime directory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "command.h"

enum {
	CLIENT_BODY_BYTES_MAX = 256 << 20, /* of one answer */
	CLIENT_FRAME_BYTES_MAX = 64 << 10, /* of one event in a stream */
};

/*
 * libcurl is loaded when it is first needed, because it and what it brings take longer to load than
 * most commands run.
 * Common errors: -ENOENT, -ECONNREFUSED the daemon does not run; -EACCES its socket is not for this
 * user; -ENOPKG libcurl is not installed; -EPROTO it answered something else than HTTP.
 */

/*
 * Asks for a document.
 * @param target  path and query: "/v1/status".
 * @param body    receives the answer, also that of a refusal; empty and with a maximum before.
 * @param status  of HTTP, set on 0.
 */
int client_get(struct str *body, long *status, const char *target, struct err *e);

/* One event of a stream; strings are "" when not sent. */
struct client_frame {
	const char *id;
	const char *name;
	const char *data;
};

/* @return 0 to go on, anything else to end the stream. */
typedef int client_frame_function(const struct client_frame *frame, void *data);

/*
 * Follows a stream of server-sent events until it ends or the function ends it.
 * @return 0 when it ended, by either side; -EPROTO also for an HTTP status other than 200.
 */
int client_follow(const char *target, client_frame_function *function, void *data, struct err *e);

/* Appends "name=value" with '?' or '&' before it, percent-encoded (RFC 3986). */
void client_add_parameter(struct str *target, const char *name, const char *value);

/* Complains that the daemon cannot be asked, with what to do. @return the exit code. */
int complain_of_daemon(const struct context *context, int error, const struct err *e);
