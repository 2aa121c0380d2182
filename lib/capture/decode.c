/* One packet's bytes to a note. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/be.h"
#include "capture/capture.h"
#include "transport.h"

enum {
	/* https://www.tcpdump.org/linktypes.html; RAW has different numbers in files and on systems
	 */
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100, /* 802.1Q */
	ETHER_QINQ = 0x88a8, /* 802.1ad */
	ETHER_OLD_QINQ = 0x9100,
	VLAN_TAGS_MAX = 8,
	EXTENSIONS_MAX = 16,
};

struct bytes {
	const uint8_t *at;
	size_t left;
};

static bool skip(struct bytes *b, size_t count)
{
	if (b->left < count) {
		return false;
	}
	b->at += count;
	b->left -= count;
	return true;
}

/* ---- IP ---- */

/* What the transport layer has to be told. */
struct ip {
	struct packet_note note;
	uint32_t id;
	uint16_t offset; /* of this fragment, bytes */
	bool fragment;
};

static int hand_on(struct packet_note *out, struct capture_fragments *fragments, struct ip *ip,
		   struct bytes b)
{
	if (!ip->fragment) {
		return transport_read(out, &ip->note, b.at, b.left);
	}
	return fragments_add(out, fragments, &ip->note, ip->id, ip->offset, b.at, b.left);
}

static int ipv4(struct packet_note *out, struct capture_fragments *fragments, struct bytes b,
		usec_t time)
{
	if (b.left < 20 || b.at[0] >> 4 != 4) {
		return CAPTURE_MALFORMED;
	}
	const size_t header = (size_t)(b.at[0] & 0x0f) * 4;
	size_t total = be16_at(b.at + 2);
	total = total == 0 ? b.left : total; /* left to the card by TCP segmentation offload */
	if (header < 20 || header > b.left || total < header) {
		return CAPTURE_MALFORMED;
	}
	const uint16_t fragment = be16_at(b.at + 6);
	struct ip ip = {
		.note = { .time = time,
			  .source = addr_from_ipv4(b.at + 12),
			  .destination = addr_from_ipv4(b.at + 16),
			  .protocol = b.at[9],
			  .ttl = b.at[8],
			  .ipv4_id = be16_at(b.at + 4) },
		.id = be16_at(b.at + 4),
		.offset = (uint16_t)((fragment & 0x1fff) * 8),
		.fragment = (fragment & 0x3fff) != 0,
	};
	b.left = b.left < total ? b.left : total; /* behind it stands padding of Ethernet */
	(void)skip(&b, header);                   /* it is there */
	return hand_on(out, fragments, &ip, b);
}

/* Steps over one extension header. @return 1 stepped, 0 it is none, or CAPTURE_MALFORMED. */
static int extension(struct ip *ip, struct bytes *b)
{
	enum { HOP = 0, ROUTING = 43, FRAGMENT = 44, AH = 51, OPTIONS = 60 };
	enum { MOBILITY = 135, HIP = 139, SHIM6 = 140 };
	size_t length = 0;
	const uint8_t kind = ip->note.protocol;
	if (kind != HOP && kind != ROUTING && kind != FRAGMENT && kind != AH && kind != OPTIONS &&
	    kind != MOBILITY && kind != HIP && kind != SHIM6) {
		return 0;
	}
	if (b->left < 8) {
		return CAPTURE_MALFORMED;
	}
	ip->note.protocol = b->at[0];
	if (kind == FRAGMENT) {
		ip->offset = be16_at(b->at + 2) & 0xfff8;
		/* With neither an offset nor more to come it is an atomic one (RFC 6946). */
		ip->fragment = (be16_at(b->at + 2) & 0xfff9) != 0;
		ip->id = be32_at(b->at + 4);
		length = 8;
	} else {
		length = kind == AH ? ((size_t)b->at[1] + 2) * 4 : ((size_t)b->at[1] + 1) * 8;
	}
	return skip(b, length) ? 1 : CAPTURE_MALFORMED;
}

static int ipv6(struct packet_note *out, struct capture_fragments *fragments, struct bytes b,
		usec_t time)
{
	if (b.left < 40 || b.at[0] >> 4 != 6) {
		return CAPTURE_MALFORMED;
	}
	const size_t payload = be16_at(b.at + 4);
	struct ip ip = { .note = { .time = time,
				   .source = addr_from_ipv6(b.at + 8),
				   .destination = addr_from_ipv6(b.at + 24),
				   .protocol = b.at[6],
				   .ttl = b.at[7] } };
	(void)skip(&b, 40);                                           /* it is there */
	b.left = payload == 0 || b.left < payload ? b.left : payload; /* 0: jumbo, or offload */
	int r = 1;
	for (unsigned i = 0; r == 1 && i < EXTENSIONS_MAX; i++) {
		/* Behind the header of a later fragment stands its payload, no header. */
		r = ip.fragment && ip.offset > 0 ? 0 : extension(&ip, &b);
	}
	return r == 0 ? hand_on(out, fragments, &ip, b) : CAPTURE_MALFORMED;
}

/* ---- link ---- */

/* Takes the header of the link away. @return the EtherType, 0 for none of ours, or -1 cut off. */
static int ether_type(struct bytes *b, int link)
{
	size_t header = 0;
	size_t type_at = 0;
	switch (link) {
	case LINK_ETHERNET:
		header = 14;
		type_at = 12;
		break;
	case LINK_LINUX_SLL:
		header = 16;
		type_at = 14;
		break;
	default: /* LINK_LINUX_SLL2 */
		header = 20;
		type_at = 0;
		break;
	}
	if (b->left < header) {
		return -1;
	}
	int type = be16_at(b->at + type_at);
	(void)skip(b, header); /* it is there */
	for (unsigned tags = 0; type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_OLD_QINQ;
	     tags++) {
		if (b->left < 4 || tags == VLAN_TAGS_MAX) {
			return -1;
		}
		type = be16_at(b->at + 2);
		(void)skip(b, 4); /* it is there */
	}
	return type;
}

static int by_version(struct packet_note *out, struct capture_fragments *fragments, struct bytes b,
		      usec_t time)
{
	if (b.left == 0) {
		return CAPTURE_MALFORMED;
	}
	return b.at[0] >> 4 == 6 ? ipv6(out, fragments, b, time) : ipv4(out, fragments, b, time);
}

bool capture_link_known(int link)
{
	static const int known[] = { LINK_NULL,      LINK_ETHERNET, LINK_RAW_BSD,
				     LINK_RAW,       LINK_LOOP,     LINK_IPV4,
				     LINK_LINUX_SLL, LINK_IPV6,     LINK_LINUX_SLL2 };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i] == link) {
			return true;
		}
	}
	return false;
}

int capture_decode(struct packet_note *out, struct capture_fragments *fragments,
		   const uint8_t *bytes, size_t length, int link, usec_t time)
{
	struct bytes b = { bytes, length };
	if (!capture_link_known(link)) {
		return -EPROTONOSUPPORT;
	}
	if (link == LINK_NULL || link == LINK_LOOP) {
		/* An address family of the system that wrote it: the packet itself says it better.
		 */
		return skip(&b, 4) ? by_version(out, fragments, b, time) : CAPTURE_MALFORMED;
	}
	if (link != LINK_ETHERNET && link != LINK_LINUX_SLL && link != LINK_LINUX_SLL2) {
		return by_version(out, fragments, b, time);
	}
	switch (ether_type(&b, link)) {
	case ETHER_IPV4:
		return ipv4(out, fragments, b, time);
	case ETHER_IPV6:
		return ipv6(out, fragments, b, time);
	case -1:
		return CAPTURE_MALFORMED;
	default:
		return CAPTURE_OTHER;
	}
}
