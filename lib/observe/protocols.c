/* Which protocols have sockets in a namespace, out of /proc/net/protocols. Pure. */
#include "observe/protocols.h"

#include <stddef.h>
#include <string.h>

/* Names of struct proto in the kernel, by family. A bit of the mask is its place here. */
static const struct {
	enum protocol protocol;
	const char *names[2];
} protocols[] = {
	{ PROTOCOL_TCP, { "TCP", "TCPv6" } },
	{ PROTOCOL_UDP, { "UDP", "UDPv6" } },
	{ PROTOCOL_MPTCP, { "MPTCP", "MPTCPv6" } },
	{ PROTOCOL_SCTP, { "SCTP", "SCTPv6" } },
	{ PROTOCOL_DCCP, { "DCCP", "DCCPv6" } },
	{ PROTOCOL_UDPLITE, { "UDP-Lite", "UDPLITEv6" } },
};

enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

static uint32_t bit(size_t protocol, size_t family)
{
	return 1U << (protocol * 2 + family);
}

/* "TCPv6     2432      1     244   no ...": name, size, sockets. @return its bit if it is in use.
 */
static uint32_t line_bit(const char *line)
{
	size_t length = strcspn(line, " \n");
	const char *size = line + length + strspn(line + length, " ");
	const char *sockets = size + strcspn(size, " \n");
	sockets += strspn(sockets, " ");
	/* The kernel prints -1 where it does not count. */
	bool idle = sockets[0] == '0' && (sockets[1] == ' ' || sockets[1] == '\n');
	for (size_t i = 0; i < (size_t)PROTOCOLS * 2; i++) {
		const char *name = protocols[i / 2].names[i % 2];
		if (strlen(name) == length && memcmp(name, line, length) == 0) {
			return idle ? 0 : bit(i / 2, i % 2);
		}
	}
	return 0;
}

uint32_t protocols_idle(const char *text)
{
	uint32_t in_use = 0;
	if (strncmp(text, "protocol ", strlen("protocol ")) != 0) {
		return 0;
	}
	for (const char *line = text; line != NULL && *line != '\0';) {
		in_use |= line_bit(line);
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	/* A protocol that is not in the table is not in the kernel. */
	return ~in_use & (bit(PROTOCOLS, 0) - 1);
}

bool protocols_is_idle(uint32_t mask, enum protocol protocol, bool ipv6)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (protocols[i].protocol == protocol) {
			return (mask & bit(i, ipv6)) != 0;
		}
	}
	return false;
}
