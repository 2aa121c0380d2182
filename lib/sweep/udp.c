/* What is said to UDP ports: each service answers only what it understands. */
#include <string.h>

#include "sweep/sweep.h"

struct question {
	uint16_t port;
	const char *bytes;
	size_t length;
	size_t filled; /* with zeros, to so many bytes; 0 = as it is */
};

#define BYTES(text) text, sizeof(text) - 1

static const struct question questions[] = {
	/* RFC 1035 4.1: who serves the root. */
	{ 53, BYTES("\x6d\x69\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"), 0 },
	/* RFC 1350: read a file that is not there; the answer is an error. */
	{ 69, BYTES("\x00\x01minato-audit\x00octet\x00"), 0 },
	/* RFC 5905 7.3: version 4, client. */
	{ 123, BYTES("\x23"), 48 },
	/* RFC 1002 4.2.18: the names of the node. */
	{ 137,
	  BYTES("\x6d\x69\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20"
		"CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01"),
	  0 },
	/* RFC 3414 4: which engine it is; no community, no user. */
	{ 161,
	  BYTES("\x30\x3a\x02\x01\x03\x30\x0f\x02\x02\x4a\x69\x02\x03\x00\xff\xe3\x04\x01\x04\x02"
		"\x01\x03\x04\x10\x30\x0e\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x00"
		"\x30\x12\x04\x00\x04\x00\xa0\x0c\x02\x02\x37\xf0\x02\x01\x00\x02\x01\x00\x30\x00"),
	  0 },
	/* RFC 8999 6, RFC 9000 14.1: a version that nobody has, so the answer is the list of
	   versions. */
	{ 443, BYTES("\xc0\x1a\x2a\x3a\x4a\x08minato01\x08minato02\x00"), 1200 },
	/* UPnP Device Architecture 1.3.2. */
	{ 1900,
	  BYTES("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\n"
		"MX: 1\r\nST: ssdp:all\r\n\r\n"),
	  0 },
	/* RFC 8489 5: binding request. */
	{ 3478, BYTES("\x00\x01\x00\x00\x21\x12\xa4\x42minatoaudit1"), 0 },
	/* RFC 3261 11: what it can. */
	{ 5060,
	  BYTES("OPTIONS sip:minato SIP/2.0\r\nVia: SIP/2.0/UDP minato;branch=z9hG4bKm;rport\r\n"
		"From: <sip:minato@minato>;tag=m\r\nTo: <sip:minato>\r\nCall-ID: minato\r\n"
		"CSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n"),
	  0 },
	/* RFC 6762 6.7: which services there are. */
	{ 5353,
	  BYTES("\x6d\x69\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09_services\x07_dns-sd\x04_udp"
		"\x05local\x00\x00\x0c\x00\x01"),
	  0 },
	/* RFC 7252 4.3: an empty message that has to be confirmed. */
	{ 5683, BYTES("\x40\x00\x6d\x69"), 0 },
	/* memcached protocol.txt, "UDP protocol". */
	{ 11211, BYTES("\x6d\x69\x00\x00\x00\x01\x00\x00version\r\n"), 0 },
};

size_t sweep_udp_question(uint8_t *out, size_t room, uint16_t port)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question *q = &questions[i];
		const size_t length = q->filled > q->length ? q->filled : q->length;
		if (q->port == port && length <= room) {
			memset(out, 0, length);
			memcpy(out, q->bytes, q->length);
			return length;
		}
	}
	out[0] = '\n'; /* an empty datagram is dropped by some that answer any other */
	return 1;
}

bool sweep_icmp_closed(const struct addr *target, uint8_t type, uint8_t code,
		       const struct addr *from)
{
	/* RFC 792 and RFC 4443 3.1: port unreachable. A firewall in between says it in its own
	 * name.
	 */
	const bool unreachable =
		target->family == ADDR_IPV6 ? type == 1 && code == 4 : type == 3 && code == 3;
	return unreachable && addr_compare(target, from) == 0;
}

bool sweep_icmp_settles(const struct addr *target, uint8_t type, uint8_t code)
{
	if (target->family == ADDR_IPV6) {
		/* RFC 4443 3.1: prohibited, port, source address failed policy, reject route. */
		return type == 1 && (code == 1 || code == 4 || code == 5 || code == 6);
	}
	/* RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1: protocol, port, prohibited in three ways. */
	return type == 3 && (code == 2 || code == 3 || code == 9 || code == 10 || code == 13);
}
