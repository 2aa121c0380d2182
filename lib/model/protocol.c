/* Transport protocols that have ports. */
#include "model/protocol.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	enum protocol protocol;
	const char *name;
} names[] = {
	{ PROTOCOL_TCP, "tcp" },   { PROTOCOL_UDP, "udp" },         { PROTOCOL_DCCP, "dccp" },
	{ PROTOCOL_SCTP, "sctp" }, { PROTOCOL_UDPLITE, "udplite" }, { PROTOCOL_MPTCP, "mptcp" },
};

const char *protocol_name(enum protocol protocol)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].protocol == protocol) {
			return names[i].name;
		}
	}
	return "?";
}

int protocol_parse(enum protocol *out, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0) {
			*out = names[i].protocol;
			return 0;
		}
	}
	return -EINVAL;
}

enum protocol protocol_registry(enum protocol protocol)
{
	if (protocol == PROTOCOL_MPTCP) {
		return PROTOCOL_TCP;
	}
	return protocol == PROTOCOL_UDPLITE ? PROTOCOL_UDP : protocol;
}
