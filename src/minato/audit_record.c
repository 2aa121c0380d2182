/* What the daemon remembers of audits. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "control.h"

enum { ANSWER_SECONDS = 2 };

bool audit_record(const struct audit_target *target)
{
	char address[ADDR_TEXT_BYTES], order[64], answer[128];
	(void)snprintf(order, sizeof(order), "audited %s", addr_format(&target->address, address));
	return control_order(answer, sizeof(answer), order, -1, ANSWER_SECONDS) > 0 &&
	       strcmp(answer, "recorded") == 0;
}

void audit_record_change(const struct audit_target *target, enum protocol protocol,
			 const struct audit_change *change, size_t more)
{
	char address[ADDR_TEXT_BYTES], since[TIME_TEXT_BYTES], order[512], answer[128];
	const enum sweep_mode mode = protocol == PROTOCOL_UDP ? SWEEP_UDP : SWEEP_RAW;
	int length = snprintf(
		order, sizeof(order), "port-%s %s %s %u %zu %s is %s and was %s on %s",
		change->now == SWEEP_OPEN ? "opened" : "closed",
		addr_format(&target->address, address), protocol_name(protocol), change->port,
		1 + more, target->host->entry.name, sweep_state_name(change->now, mode),
		sweep_state_name(change->before, mode), time_format(change->since, since));
	if (more > 0 && length > 0 && (size_t)length < sizeof(order)) {
		(void)snprintf(order + length, sizeof(order) - (size_t)length,
			       ", as %zu more ports", more);
	}
	/* Where no daemon runs nobody does. */
	(void)control_order(answer, sizeof(answer), order, -1, ANSWER_SECONDS);
}
