/* What the kernel says of a traced packet: NFT_MSG_TRACE of nfnetlink, decoded. */
#include "twin/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Two attributes are newer than some headers; a larger number is no attribute of ours. */
enum { ATTRIBUTES = NFTA_TRACE_MAX + 1 };

const char *trace_family(uint8_t number)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",       [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};
	bool known = number < sizeof(names) / sizeof(names[0]) && names[number] != NULL;
	return known ? names[number] : "?";
}

static int keep(const struct nlattr *attribute, void *data)
{
	const struct nlattr **kept = data;
	unsigned type = mnl_attr_get_type(attribute);
	if (type < ATTRIBUTES) {
		kept[type] = attribute;
	}
	return MNL_CB_OK;
}

static const char *text(const struct nlattr *attribute)
{
	if (attribute == NULL || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) {
		return "";
	}
	return mnl_attr_get_str(attribute);
}

static uint32_t number(const struct nlattr *attribute)
{
	bool whole = attribute != NULL && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t);
	return whole ? ntohl(mnl_attr_get_u32(attribute)) : 0;
}

static void read_verdict(struct trace_event *out, const struct nlattr *nest)
{
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each_nested(attribute, nest)
	{
		unsigned type = mnl_attr_get_type(attribute);
		if (type == NFTA_VERDICT_CODE) {
			out->verdict = (int32_t)number(attribute);
		} else if (type == NFTA_VERDICT_CHAIN) {
			out->target = text(attribute);
		}
	}
}

struct span {
	const uint8_t *bytes;
	size_t length;
};

static struct span span(const struct nlattr *attribute)
{
	return attribute == NULL ? (struct span){ 0 }
				 : (struct span){ mnl_attr_get_payload(attribute),
						  mnl_attr_get_payload_len(attribute) };
}

static void read_packet(struct trace_event *out, const struct nlattr *const *kept)
{
	struct span link = span(kept[NFTA_TRACE_LL_HEADER]);
	struct span network = span(kept[NFTA_TRACE_NETWORK_HEADER]);
	struct span transport = span(kept[NFTA_TRACE_TRANSPORT_HEADER]);
	if (link.length >= FRAME_ETHERNET_BYTES && link.bytes[12] == FRAME_MARKER_TYPE >> 8 &&
	    link.bytes[13] == (FRAME_MARKER_TYPE & 0xff) && network.length >= sizeof(uint32_t)) {
		uint32_t cookie = 0;
		memcpy(&cookie, network.bytes, sizeof(cookie));
		out->packet.cookie = ntohl(cookie);
		out->marker = true;
		return;
	}
	out->has_packet = network.bytes != NULL && transport.bytes != NULL &&
			  frame_read(&out->packet, network.bytes, network.length, transport.bytes,
				     transport.length);
}

int trace_decode(struct trace_event *out, const struct nlmsghdr *message)
{
	if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE)) {
		return -ENOMSG;
	}
	const struct nlattr *kept[ATTRIBUTES] = { 0 };
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg) ||
	    mnl_attr_parse(message, sizeof(struct nfgenmsg), keep, kept) < 0) {
		return -EBADMSG;
	}
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *handle = kept[NFTA_TRACE_RULE_HANDLE];
	*out = (struct trace_event){
		.id = number(kept[NFTA_TRACE_ID]),
		.type = (enum trace_type)number(kept[NFTA_TRACE_TYPE]),
		.family = trace_family(head->nfgen_family),
		.table = text(kept[NFTA_TRACE_TABLE]),
		.chain = text(kept[NFTA_TRACE_CHAIN]),
		.verdict = (int32_t)number(kept[NFTA_TRACE_POLICY]),
		.target = "",
		.in_index = number(kept[NFTA_TRACE_IIF]),
		.out_index = number(kept[NFTA_TRACE_OIF]),
	};
	if (handle != NULL && mnl_attr_get_payload_len(handle) == sizeof(uint64_t)) {
		out->handle = be64toh(mnl_attr_get_u64(handle));
	}
	if (kept[NFTA_TRACE_VERDICT] != NULL) {
		read_verdict(out, kept[NFTA_TRACE_VERDICT]);
	}
	read_packet(out, kept);
	return 0;
}
