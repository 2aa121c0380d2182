/* Starting minato-probe for an order, and believing what it says as far as it can be. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "sandbox/sandbox.h"
#include "tls/tls.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the limits of the ports. */
static const usec_t GRACE = 2 * USEC_PER_SEC;

enum { AT_ONCE = 128 }; /* ports that share a limit; see run.c */

/* @return 1 there is one; 0 no more will come; negative errno. */
static int receive(struct tls_record *record, int channel, usec_t until)
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
	return length == (ssize_t)sizeof(*record) && tls_record_valid(record) ? 1 : -EBADMSG;
}

static int talk(const struct tls_order *order, int channel, tls_tell_function *tell, void *data)
{
	const usec_t rounds = (order->count + AT_ONCE - 1) / AT_ONCE;
	const usec_t one = order->port_time + order->connect_time + 2 * order->answer_time;
	const usec_t until = clock_monotonic() + rounds * one + GRACE;
	if (send(channel, order, sizeof(*order), MSG_NOSIGNAL) != (ssize_t)sizeof(*order)) {
		return -EIO;
	}
	struct tls_record record;
	int r = 1;
	for (uint32_t i = 0; i < order->count && r == 1; i++) {
		r = receive(&record, channel, until);
		if (r == 1) {
			const int told = tell(data, &record);
			r = told < 0 ? told : 1;
		}
	}
	return r < 0 ? r : 0;
}

int tls_ask(const struct tls_order *order, tls_tell_function *tell, void *data, struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	int r = sandbox_start(&channel, &child, program, "encryption", e);
	if (r < 0) {
		return r;
	}
	r = talk(order, channel, tell, data);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
