/* Starting minato-probe, and believing what it says as far as it can be. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "probe/probe.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the limits of the steps. */
static const usec_t GRACE = 2 * USEC_PER_SEC;

static int talk(struct probe_record *records, size_t room, size_t *count, int channel,
		const struct probe_order *order)
{
	const usec_t limit =
		order->connect_time * (order->address_count + 1) + 6 * order->answer_time + GRACE;
	const usec_t until = clock_monotonic() + limit;
	int r = sandbox_send(channel, order, sizeof(*order));
	while (r == 0 && *count < room) {
		r = sandbox_receive(channel, &records[*count], sizeof(*records), until);
		if (r <= 0) {
			return r;
		}
		r = probe_record_valid(&records[*count]) ? 0 : -EBADMSG;
		*count += r == 0;
	}
	return r;
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
