/*
 * What comes back to minato-sweep, and its reports. The first byte chooses which, the second the
 * family.
 */
#include <assert.h>
#include <string.h>

#include "audit/audit.h"
#include "fuzz.h"
#include "sweep/sweep.h"

static void take_answer(const uint8_t *bytes, size_t length, bool six)
{
	struct sweep_order order = { .source_first = 61000, .source_last = 65159, .seed = 42 };
	uint16_t port = 0, source = 0;
	enum sweep_state state = SWEEP_UNASKED;
	(void)addr_parse(&order.target, six ? "2001:db8::1" : "192.0.2.1");
	if (sweep_read_answer(&order, bytes, length, &port, &source, &state)) {
		assert(port != 0 && source >= order.source_first && source <= order.source_last);
		assert(state == SWEEP_OPEN || state == SWEEP_CLOSED);
	}
}

static void take_report(const uint8_t *bytes, size_t length)
{
	static struct sweep_report report;
	double bound;
	memset(&report, 0, sizeof(report));
	memcpy(&report, bytes, length < sizeof(report) ? length : sizeof(report));
	if (sweep_report_valid(&report) && report.kind == SWEEP_REPORT_END) {
		assert(sweep_prove(&bound, &report.end.facts) < SWEEP_PROOFS);
		assert(bound == -1 || bound >= 0);
	}
}

static void take_list(const uint8_t *bytes, size_t length)
{
	char text[256];
	struct portset ports = { 0 };
	length = length < sizeof(text) ? length : sizeof(text) - 1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (audit_parse_ports(&ports, text) == 0) {
		assert(portset_count(&ports) > 0 && !portset_has(&ports, 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 2) {
		return 0;
	}
	switch (bytes[0] % 3) {
	case 0:
		take_answer(bytes + 2, length - 2, bytes[1] % 2 == 1);
		break;
	case 1:
		take_report(bytes + 2, length - 2);
		break;
	default:
		take_list(bytes + 2, length - 2);
		break;
	}
	return 0;
}
