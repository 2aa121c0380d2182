/* What minato and minato-probe say to each other about a login. Private to lib/probe. */
#pragma once

#include "probe/probe.h"

/* What minato-probe is told; the reading ends of ssh's output and errors come with it. */
struct via_order {
	uint32_t count;   /* questions */
	uint32_t seconds; /* until it gives up */
};

/* What it tells: an answer, or at the end the last line of errors. */
struct via_told {
	uint32_t number; /* of the question; UINT32_MAX = the end */
	struct probe_via_answer answer;
	char reason[PROBE_TEXT_BYTES]; /* printable ASCII */
};
