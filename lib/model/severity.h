/* How bad something is: of a finding, and of a port when it is exposed. */
#pragma once

/* Ordered: a greater number is worse. */
enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
};

/* "none", "low", "medium", "high", "critical": the stable words of data files and JSON. */
const char *severity_name(enum severity severity);
/* The reverse. @return 0 or -EINVAL. */
int severity_parse(enum severity *out, const char *name);
