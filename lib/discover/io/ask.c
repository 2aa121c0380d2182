/* Starting minato-probe for a discovery, and believing what it says as far as it can be. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "discover/discover.h"
#include "sandbox/sandbox.h"

static const usec_t GRACE = 5 * USEC_PER_SEC;

/* @return 1 there is one; 0 no more will come; negative errno. */
static int receive(struct discover_record *record, int channel, const struct discover_order *order,
		   usec_t until)
{
	struct pollfd wait = { .fd = channel, .events = POLLIN };
	const usec_t left = until - clock_monotonic();
	const int r = poll(&wait, 1, left <= 0 ? 0 : (int)((left + 999) / 1000));
	if (r <= 0) {
		return r == 0 ? -ETIMEDOUT : -errno;
	}
	const ssize_t length = recv(channel, record, sizeof(*record), MSG_TRUNC);
	if (length <= 0) {
		return 0;
	}
	return length == (ssize_t)sizeof(*record) && discover_record_valid(record, order)
		       ? 1
		       : -EBADMSG;
}

static int talk(struct discover_record *records, size_t *count, int channel,
		const struct discover_order *order)
{
	const usec_t asking = (usec_t)discover_address_count(order) * USEC_PER_SEC / order->rate;
	const usec_t until = clock_monotonic() + asking + order->wait + GRACE;
	if (send(channel, order, sizeof(*order), MSG_NOSIGNAL) != (ssize_t)sizeof(*order)) {
		return -EIO;
	}
	int r = 1;
	while (r == 1 && *count < DISCOVER_RECORDS_MAX) {
		r = receive(&records[*count], channel, order, until);
		*count += r == 1;
	}
	return r < 0 ? r : 0;
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
