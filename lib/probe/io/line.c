/* Bytes over one connection, in plain text or within TLS. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "probe/io/run.h"

long probe_line_read(const struct probe_line *line, void *bytes, size_t room, usec_t until)
{
	if (line->session != NULL) {
		return probe_session_read(line->session, line->p, bytes, room, until);
	}
	for (;;) {
		const ssize_t r = recv(line->p->socket, bytes, room, MSG_DONTWAIT);
		if (r >= 0 || (errno != EAGAIN && errno != EINTR)) {
			return r < 0 ? -errno : r;
		}
		const int ready = probing_wait(line->p, POLLIN, until);
		if (ready <= 0) {
			return ready == 0 ? -ETIMEDOUT : ready;
		}
	}
}

long probe_line_write(const struct probe_line *line, const void *bytes, size_t length, usec_t until)
{
	if (line->session != NULL) {
		return probe_session_write(line->session, line->p, bytes, length, until);
	}
	/* Questions are shorter than any empty buffer of a socket. */
	const ssize_t r = send(line->p->socket, bytes, length, MSG_NOSIGNAL);
	return r < 0 ? -errno : r;
}

/* ---- for other tasks ---- */

/* Nobody is told of the steps. */
static int keep_quiet(void *data, const struct probe_record *record)
{
	(void)data, (void)record;
	return 0;
}

int probe_line_open(struct probe_line **out, const struct probe_order *order,
		    struct probe_tls_context *tls)
{
	struct probe_line *line = calloc(1, sizeof(*line));
	int error = 0;
	*out = NULL;
	if (line == NULL) {
		return -ENOMEM;
	}
	line->p = &line->own;
	line->own = (struct probing){ .order = order,
				      .tls = tls,
				      .tell = keep_quiet,
				      .start = clock_monotonic(),
				      .socket = -1 };
	int r = probing_connect(line->p);
	if (r == 0 && order->tls == PROBE_TLS_DIRECT) {
		line->session = probe_session_begin(line->p, &error);
		r = line->session == NULL;
	}
	if (r != 0) {
		probe_line_close(line);
		return 1;
	}
	*out = line;
	return 0;
}

void probe_line_close(struct probe_line *line)
{
	if (line != NULL) {
		probe_session_end(line->session);
		close_fdp(&line->own.socket);
		free(line);
	}
}

void probe_line_ends(const struct probe_line *line, struct addr *local, struct addr *to)
{
	*local = line->p->base.local;
	*to = line->p->base.to;
}

usec_t probe_line_now(const struct probe_line *line)
{
	return probing_now(line->p);
}
