/*
 * minato-sweep: asks the ports of one address, without any right but the sockets that it opened at
 * its start. SANDBOX_CHANNEL is a socket that keeps the borders of messages: the order comes in,
 * reports go out; any other message, or its end, says that it shall end.
 */
#include <errno.h>
#include <stdlib.h>

#include "sandbox/sandbox.h"
#include "sweep/sweep.h"

static int give_rights_away(void)
{
	int r = sandbox_nobody(NULL);
	if (r == 0) {
		r = sandbox_no_files(NULL);
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_SWEEPER, NULL) : r;
}

static int tell(void *data, const struct sweep_report *report)
{
	(void)data;
	return sandbox_send(SANDBOX_CHANNEL, report, sizeof(*report));
}

int main(void)
{
	static struct sweep_order order;
	struct sweep_raw raw = SWEEP_RAW_NONE;
	struct sweep_hands hands;
	sweep_hands_start(&hands, give_rights_away, SANDBOX_CHANNEL);
	sweep_raw_open(&raw);
	if (give_rights_away() < 0) {
		return SANDBOX_EXIT_RIGHTS;
	}
	if (sandbox_take_order(SANDBOX_CHANNEL, &order, sizeof(order)) < 0 ||
	    !sweep_order_valid(&order)) {
		return EXIT_FAILURE;
	}
	if (order.mode != SWEEP_RAW) {
		sweep_raw_close(&raw);
	}
	return sweep_run(&order, &raw, &hands, SANDBOX_CHANNEL, tell, NULL) < 0 ? EXIT_FAILURE
										: EXIT_SUCCESS;
}
