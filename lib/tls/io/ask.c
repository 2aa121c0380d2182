/* Starting minato-probe for an order, and believing what it says as far as it can be. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "sandbox/sandbox.h"
#include "tls/tls.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the limits of the ports. */
static const usec_t GRACE = 2 * USEC_PER_SEC;

enum { AT_ONCE = 128 }; /* ports that share a limit; see run.c */

static int talk(const struct tls_order *order, int channel, tls_tell_function *tell, void *data)
{
	const usec_t rounds = (order->count + AT_ONCE - 1) / AT_ONCE;
	const usec_t one = order->port_time + order->connect_time + 2 * order->answer_time;
	const usec_t until = clock_monotonic() + rounds * one + GRACE;
	struct tls_record record;
	int r = sandbox_send(channel, order, sizeof(*order));
	for (uint32_t i = 0; i < order->count && r == 0; i++) {
		r = sandbox_receive(channel, &record, sizeof(record), until);
		if (r <= 0) {
			return r;
		}
		r = tls_record_valid(&record) ? tell(data, &record) : -EBADMSG;
		r = r < 0 ? r : 0;
	}
	return r;
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
