/* Starting minato-probe for measures, and believing what it says as far as it can be. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "measure/measure.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

/* Of the process itself, beyond the limits of the steps: HTTP connects twice, SMTP says six things.
 */
static const usec_t GRACE = 2 * USEC_PER_SEC;
enum { STEPS_MAX = 8 };

static int talk(struct measure_answer *out, int channel, const struct measure_order *order)
{
	const usec_t until = clock_monotonic() + 2 * order->to.connect_time +
			     STEPS_MAX * order->to.answer_time + GRACE;
	struct measure_answer answer;
	int r = sandbox_send(channel, order, sizeof(*order));
	r = r < 0 ? r : sandbox_receive(channel, &answer, sizeof(answer), until);
	if (r <= 0) {
		return r == 0 ? -EIO : r;
	}
	if (!measure_answer_valid(&answer)) {
		return -EBADMSG;
	}
	*out = answer;
	return 0;
}

int measure_ask(struct measure_answer *out, const struct measure_order *order, struct err *e)
{
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	int r = sandbox_start(&channel, &child, program, "measure", e);
	if (r < 0) {
		return r;
	}
	r = talk(out, channel, order);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
