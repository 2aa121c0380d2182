/* What the kernel says of a traced packet: NFT_MSG_TRACE of nfnetlink, decoded. */
#pragma once

#include <linux/netlink.h>

#include "twin/frame.h"

enum trace_type { TRACE_POLICY = 1, TRACE_RETURN = 2, TRACE_RULE = 3 }; /* enum nft_trace_types */

struct trace_event {
	uint32_t id; /* of the packet; changes when it enters another interface */
	enum trace_type type;
	const char *family;           /* of the table; static text, "?" for an unknown one */
	const char *table, *chain;    /* point into the message */
	uint64_t handle;              /* of the rule; 0 for a policy */
	int32_t verdict;              /* NF_*, NFT_* or, of a chain, its policy */
	const char *target;           /* chain that is jumped to; "" */
	uint32_t in_index, out_index; /* of interfaces; 0 = none */
	bool has_packet; /* `packet` could be read; the first event of a chain has it */
	struct frame_seen packet;
	bool marker; /* a frame_marker(), with its cookie in `packet` */
};

/* "inet", "ip", "ip6", "arp", "bridge", "netdev" of an NFPROTO number; "?". */
const char *trace_family(uint8_t number);

/*
 * @param message a whole message; its texts are pointed to.
 * @return 0; -ENOMSG when it is another kind of message; -EBADMSG when it is broken.
 */
int trace_decode(struct trace_event *out, const struct nlmsghdr *message);
