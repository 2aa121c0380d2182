/* How bad something is. */
#include "model/severity.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[SEVERITY_NONE] = "none", [SEVERITY_LOW] = "low",           [SEVERITY_MEDIUM] = "medium",
	[SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
};

const char *severity_name(enum severity severity)
{
	return names[severity];
}

int severity_parse(enum severity *out, const char *name)
{
	for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum severity)i;
			return 0;
		}
	}
	return -EINVAL;
}
