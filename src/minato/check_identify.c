/* minato check: what speaks at a port, when nobody said what should. */
#include <stdlib.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "check.h"

void check_identify(struct check *check)
{
	const bool unnamed = check->order.talk == PROBE_TALK_NONE &&
			     check->order.tls == PROBE_TLS_NONE && check->order.udp == 0;
	if (!unnamed || check->cause != PROBE_ANSWERS || check->evidence == NULL) {
		return;
	}
	struct identity told;
	_cleanup_(freep) struct identify_order *order = calloc(1, sizeof(*order));
	if (order == NULL) {
		return; /* the rest of the check stands */
	}
	identify_order_init(order, &check->evidence->to, check->order.host);
	order->connect_time = check->order.connect_time;
	audit_service_port(&order->ports[order->port_count++], PROTOCOL_TCP, check->order.port);
	if (identify_ask(&told, order, NULL, NULL) == 0 && told.outcome != IDENTIFY_NOT_ASKED) {
		check->identity = told;
	}
}
