/* Starting minato-probe, and believing what it says as far as it can be. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "identify/identify.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the order's time. */
static const usec_t GRACE = 3 * USEC_PER_SEC;
static const usec_t TURN = USEC_PER_SEC / 5;

/* @return the place of what was told; NULL: that was not asked, or was told before. */
static struct identity *place_of(struct identity *out, const struct identify_order *order,
				 const struct identity *told)
{
	for (uint32_t i = 0; i < order->port_count; i++) {
		if (order->ports[i].port == told->port &&
		    order->ports[i].protocol == told->protocol) {
			return out[i].outcome == IDENTIFY_NOT_ASKED ? &out[i] : NULL;
		}
	}
	return NULL;
}

/* @return 1 there may be more; 0 no more will come; negative errno. */
static int receive(struct identity *out, const struct identify_order *order, int channel,
		   usec_t until)
{
	struct identity told;
	const usec_t now = clock_monotonic();
	/* At most so long, since Ctrl-C is looked for in between. */
	const usec_t turn = now + TURN < until ? now + TURN : until;
	const int r = sandbox_receive(channel, &told, sizeof(told), turn);
	if (r <= 0) {
		return r == -ETIMEDOUT && turn < until ? 1 : r;
	}
	struct identity *place = identity_valid(&told) ? place_of(out, order, &told) : NULL;
	if (place == NULL) {
		return -EBADMSG;
	}
	*place = told;
	return 1;
}

int identify_ask(struct identity *out, const struct identify_order *order, const volatile int *stop,
		 struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	memset(out, 0, order->port_count * sizeof(*out));
	for (uint32_t i = 0; i < order->port_count; i++) {
		out[i].port = order->ports[i].port;
		out[i].protocol = order->ports[i].protocol;
	}
	int r = sandbox_start(&channel, &child, program, "identify", e);
	if (r < 0) {
		return r;
	}
	const usec_t until = clock_monotonic() + order->total_time + GRACE;
	r = sandbox_send(channel, order, sizeof(*order));
	r = r < 0 ? r : 1;
	while (r == 1 && (stop == NULL || *stop == 0)) {
		r = receive(out, order, channel, until);
	}
	if (r == 1) { /* stopped: it ends as nobody listens */
		(void)sandbox_finish(child, -ECANCELED, program, NULL, NULL);
		return 0;
	}
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
