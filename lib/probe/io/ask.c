/* Starting minato-probe, and believing what it says as far as it can be. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "probe/probe.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the limits of the steps. */
static const usec_t GRACE = 2 * USEC_PER_SEC;

/* @return 1 there is one; 0 no more will come; negative errno. */
static int receive(struct probe_record *record, int channel, usec_t until)
{
	struct pollfd wait = { .fd = channel, .events = POLLIN };
	int r = 0;
	do {
		const usec_t left = until - clock_monotonic();
		r = poll(&wait, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));
	} while (r < 0 && errno == EINTR);
	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : -errno;
	}
	const ssize_t length = recv(channel, record, sizeof(*record), MSG_TRUNC);
	if (length <= 0) {
		return 0;
	}
	return length == (ssize_t)sizeof(*record) && probe_record_valid(record) ? 1 : -EBADMSG;
}

static int talk(struct probe_record *records, size_t room, size_t *count, int channel,
		const struct probe_order *order)
{
	const usec_t limit =
		order->connect_time * (order->address_count + 1) + 6 * order->answer_time + GRACE;
	const usec_t until = clock_monotonic() + limit;
	if (send(channel, order, sizeof(*order), MSG_NOSIGNAL) != (ssize_t)sizeof(*order)) {
		return -EIO;
	}
	int r = 1;
	while (r == 1 && *count < room) {
		r = receive(&records[*count], channel, until);
		*count += r == 1;
	}
	return r < 0 ? r : 0;
}

int probe_ask(struct probe_record *records, size_t room, size_t *count,
	      const struct probe_order *order, struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	*count = 0;
	int r = sandbox_start(&channel, &child, program, "check", e);
	if (r < 0) {
		return r;
	}
	r = talk(records, room, count, channel, order);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
