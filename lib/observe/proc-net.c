/* Lines of /proc/net/tcp, udp and their like, for kernels without sock_diag. Pure. */
#include "observe/proc-net.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

enum { WORD_HEX = 8, IPV4_WORDS = 1, IPV6_WORDS = 4 };

/* Fields of a line, parted by spaces; "sl" is number 0. */
enum { FIELD_LOCAL = 1, FIELD_REMOTE, FIELD_STATE, FIELD_QUEUES, FIELD_UID = 7, FIELD_INODE = 9 };

static const char *field(const char *line, int wanted)
{
	line += strspn(line, " ");
	for (int now = 0; now < wanted; now++) {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	return line;
}

/* The kernel prints each 32 bits of the address as a number in its own byte order. */
static int parse_endpoint(struct addr *address, uint16_t *port, const char *text, bool ipv6)
{
	const size_t words = ipv6 ? IPV6_WORDS : IPV4_WORDS;
	uint8_t bytes[16] = { 0 };
	uint64_t value = 0;
	for (size_t i = 0; i < words; i++) {
		if (strnlen(text, WORD_HEX) < WORD_HEX ||
		    parse_hex_u64(&value, text, WORD_HEX) < 0) {
			return -EINVAL;
		}
		uint32_t word = (uint32_t)value;
		memcpy(bytes + i * sizeof(word), &word, sizeof(word));
		text += WORD_HEX;
	}
	if (text[0] != ':' || parse_hex_u64(&value, text + 1, strcspn(text + 1, " \n")) < 0 ||
	    value > UINT16_MAX) {
		return -EINVAL;
	}
	*address = ipv6 ? addr_from_ipv6(bytes) : addr_from_ipv4(bytes);
	*port = (uint16_t)value;
	return 0;
}

static int parse_decimal(uint64_t *out, const char *text)
{
	return parse_u64_bytes(out, text, strcspn(text, " \n"), 0, UINT64_MAX);
}

int proc_net_parse(struct socket_facts *out, enum protocol protocol, bool ipv6, const char *line)
{
	struct socket_facts facts = { .protocol = protocol };
	const char *queues = field(line, FIELD_QUEUES);
	const char *colon = strchr(queues, ':');
	uint64_t state = 0;
	uint64_t sent = 0;
	uint64_t received = 0;
	uint64_t uid = 0;
	if (parse_endpoint(&facts.local, &facts.local_port, field(line, FIELD_LOCAL), ipv6) < 0 ||
	    parse_endpoint(&facts.remote, &facts.remote_port, field(line, FIELD_REMOTE), ipv6) <
		    0 ||
	    parse_hex_u64(&state, field(line, FIELD_STATE), 2) < 0 || colon == NULL ||
	    parse_hex_u64(&sent, queues, (size_t)(colon - queues)) < 0 ||
	    parse_hex_u64(&received, colon + 1, strcspn(colon + 1, " \n")) < 0 ||
	    parse_decimal(&uid, field(line, FIELD_UID)) < 0 || uid > UINT32_MAX ||
	    parse_decimal(&facts.inode, field(line, FIELD_INODE)) < 0) {
		return -EINVAL;
	}
	facts.state = (uint8_t)state;
	facts.uid = (uint32_t)uid;
	facts.receive_queue = (uint32_t)received;
	facts.send_queue = state == SOCKET_LISTEN ? 0 : (uint32_t)sent;
	*out = facts;
	return 0;
}
