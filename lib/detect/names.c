/* The stable words of incidents. */
#include "detect/detect.h"

const char *detect_shape_name(enum detect_shape shape)
{
	static const char *const names[] = {
		[DETECT_SCAN] = "scan",   [DETECT_SLOW] = "slow",
		[DETECT_SWEEP] = "sweep", [DETECT_DISTRIBUTED] = "distributed",
		[DETECT_DECOY] = "decoy", [DETECT_FLOOD] = "flood",
	};
	return names[shape];
}

const char *detect_probe_name(enum detect_probe probe)
{
	static const char *const names[] = {
		[DETECT_SYN] = "syn",   [DETECT_CONNECT] = "connect", [DETECT_FIN] = "fin",
		[DETECT_NULL] = "null", [DETECT_XMAS] = "xmas",       [DETECT_MAIMON] = "maimon",
		[DETECT_ACK] = "ack",   [DETECT_UDP] = "udp",
	};
	return names[probe];
}

const char *detect_tool_name(enum detect_tool tool)
{
	static const char *const names[] = {
		[DETECT_TOOL_NONE] = "",
		[DETECT_NMAP] = "nmap",
		[DETECT_MASSCAN] = "masscan",
		[DETECT_ZMAP] = "zmap",
	};
	return names[tool];
}
