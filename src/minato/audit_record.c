/* What was audited on a person's word, told to the daemon. */
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
