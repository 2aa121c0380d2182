/* The words of the twin's answers, for machines. */
#include "twin/twin.h"

const char *twin_outcome_name(enum twin_outcome outcome)
{
	static const char *const names[] = {
		[TWIN_UNKNOWN] = "unknown",     [TWIN_ACCEPTED] = "accepted",
		[TWIN_FORWARDED] = "forwarded", [TWIN_DROPPED] = "dropped",
		[TWIN_REJECTED] = "rejected",   [TWIN_UNROUTED] = "unrouted",
	};
	return names[outcome];
}

const char *twin_cause_name(enum twin_cause cause)
{
	static const char *const names[] = {
		[TWIN_CAUSE_NONE] = "none",
		[TWIN_CAUSE_RULE] = "rule",
		[TWIN_CAUSE_UNTRACED] = "untraced",
		[TWIN_CAUSE_DOWN] = "interface_down",
		[TWIN_CAUSE_NO_ROUTE] = "no_route",
		[TWIN_CAUSE_REVERSE_PATH] = "reverse_path",
		[TWIN_CAUSE_SOURCE] = "source",
		[TWIN_CAUSE_TARGET] = "target",
		[TWIN_CAUSE_NO_FORWARD] = "no_forwarding",
		[TWIN_CAUSE_ABSENT] = "interface_absent",
	};
	return names[cause];
}

const char *twin_verdict_name(enum twin_verdict verdict)
{
	static const char *const names[] = {
		[TWIN_VERDICT_CONTINUE] = "continue", [TWIN_VERDICT_ACCEPT] = "accept",
		[TWIN_VERDICT_DROP] = "drop",         [TWIN_VERDICT_REJECT] = "reject",
		[TWIN_VERDICT_JUMP] = "jump",         [TWIN_VERDICT_GOTO] = "goto",
		[TWIN_VERDICT_RETURN] = "return",     [TWIN_VERDICT_QUEUE] = "queue",
		[TWIN_VERDICT_STOLEN] = "stolen",
	};
	return names[verdict];
}

const char *twin_doubt_name(enum twin_doubt_kind kind)
{
	static const char *const names[] = {
		[TWIN_DOUBT_SOCKET] = "socket",       [TWIN_DOUBT_CGROUP] = "cgroup",
		[TWIN_DOUBT_OWNER] = "owner",         [TWIN_DOUBT_RATE] = "rate",
		[TWIN_DOUBT_LEARNED] = "learned",     [TWIN_DOUBT_PROGRAM] = "program",
		[TWIN_DOUBT_OFFLOAD] = "offload",     [TWIN_DOUBT_DEVICE] = "device",
		[TWIN_DOUBT_IPSEC] = "ipsec",         [TWIN_DOUBT_TABLE] = "table",
		[TWIN_DOUBT_INTERFACE] = "interface", [TWIN_DOUBT_ROUTES] = "routes",
		[TWIN_DOUBT_SETTING] = "setting",     [TWIN_DOUBT_STEPS] = "steps",
		[TWIN_DOUBT_LOST] = "lost",
	};
	return names[kind];
}
