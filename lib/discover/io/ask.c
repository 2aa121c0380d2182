/* Starting minato-probe for a discovery, and believing what it says as far as it can be. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "discover/discover.h"
#include "sandbox/sandbox.h"

static const usec_t GRACE = 5 * USEC_PER_SEC;

static int talk(struct discover_record *records, size_t *count, int channel,
		const struct discover_order *order)
{
	const usec_t asking = (usec_t)discover_address_count(order) * USEC_PER_SEC / order->rate;
	const usec_t until = clock_monotonic() + asking + order->wait + GRACE;
	int r = sandbox_send(channel, order, sizeof(*order));
	while (r == 0 && *count < DISCOVER_RECORDS_MAX) {
		r = sandbox_receive(channel, &records[*count], sizeof(*records), until);
		if (r <= 0) {
			return r;
		}
		r = discover_record_valid(&records[*count], order) ? 0 : -EBADMSG;
		*count += r == 0;
	}
	return r;
}

int discover_ask(struct discover_record *records, size_t *count, const struct discover_order *order,
		 struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	*count = 0;
	int r = sandbox_start(&channel, &child, "minato-probe", "discover", e);
	if (r < 0) {
		return r;
	}
	r = talk(records, count, channel, order);
	close_fdp(&channel);
	return sandbox_finish(child, r, "minato-probe", "libssl.so.3 of OpenSSL", e);
}
