/* Requests to ctnetlink. Pure. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <sys/socket.h>

#include "conntrack/message.h"
#include "conntrack/ports.h"

static struct nlmsghdr *begin(void *buffer, unsigned subsystem, unsigned type, unsigned flags,
			      uint8_t family, uint32_t sequence)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = sequence;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return message;
}

struct nlmsghdr *message_dump(void *buffer, uint8_t family, uint32_t sequence)
{
	return begin(buffer, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family,
		     sequence);
}

struct nlmsghdr *message_statistics(void *buffer)
{
	return begin(buffer, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK, AF_UNSPEC,
		     0);
}

struct nlmsghdr *message_hooks(void *buffer, uint8_t family)
{
	struct nlmsghdr *message =
		begin(buffer, NFNL_SUBSYS_HOOK, NFNL_MSG_HOOK_GET, NLM_F_DUMP, family, 0);
	mnl_attr_put_u32(message, NFNLA_HOOK_HOOKNUM, htonl(NF_INET_PRE_ROUTING));
	return message;
}

static void put_addresses(struct nlmsghdr *message, const struct conntrack_tuple *tuple)
{
	bool ipv4 = tuple->source.family == ADDR_IPV4;
	size_t length = ipv4 ? 4 : 16;
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	mnl_attr_put(message, ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, length, tuple->source.bytes);
	mnl_attr_put(message, ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, length,
		     tuple->destination.bytes);
	mnl_attr_nest_end(message, nest);
}

static void put_protocol(struct nlmsghdr *message, uint8_t protocol,
			 const struct conntrack_tuple *tuple)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, protocol);
	if (ports_has(protocol)) {
		mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(tuple->source_port));
		mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(tuple->destination_port));
	} else if (protocol == IPPROTO_ICMP) {
		mnl_attr_put_u16(message, CTA_PROTO_ICMP_ID, htons(tuple->icmp_id));
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_TYPE, tuple->icmp_type);
		mnl_attr_put_u8(message, CTA_PROTO_ICMP_CODE, tuple->icmp_code);
	} else if (protocol == IPPROTO_ICMPV6) {
		mnl_attr_put_u16(message, CTA_PROTO_ICMPV6_ID, htons(tuple->icmp_id));
		mnl_attr_put_u8(message, CTA_PROTO_ICMPV6_TYPE, tuple->icmp_type);
		mnl_attr_put_u8(message, CTA_PROTO_ICMPV6_CODE, tuple->icmp_code);
	}
	mnl_attr_nest_end(message, nest);
}

static void put_tuple(struct nlmsghdr *message, const struct conntrack_flow *flow, bool reply)
{
	const struct conntrack_tuple *tuple = reply ? &flow->reply : &flow->original;
	struct nlattr *nest =
		mnl_attr_nest_start(message, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	put_addresses(message, tuple);
	put_protocol(message, flow->protocol, tuple);
	if (flow->zone_direction == (reply ? CONNTRACK_ZONE_REPLY : CONNTRACK_ZONE_ORIGINAL)) {
		mnl_attr_put_u16(message, CTA_TUPLE_ZONE, htons(flow->zone));
	}
	mnl_attr_nest_end(message, nest);
}

static void put_zone(struct nlmsghdr *message, const struct conntrack_flow *flow)
{
	if (flow->zone_direction == CONNTRACK_ZONE_BOTH && flow->zone != 0) {
		mnl_attr_put_u16(message, CTA_ZONE, htons(flow->zone));
	}
}

static void put_tcp(struct nlmsghdr *message, const struct conntrack_flow *flow)
{
	struct nf_ct_tcp_flags original = { flow->tcp_flags_original, flow->tcp_flags_original };
	struct nf_ct_tcp_flags reply = { flow->tcp_flags_reply, flow->tcp_flags_reply };
	struct nlattr *outer = mnl_attr_nest_start(message, CTA_PROTOINFO);
	struct nlattr *inner = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, flow->tcp_state);
	mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(original), &original);
	mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(reply), &reply);
	mnl_attr_nest_end(message, inner);
	mnl_attr_nest_end(message, outer);
}

/* Without addresses a tuple would be left out, and a request to delete would mean the table. */
static bool has_addresses(const struct conntrack_flow *flow)
{
	uint8_t family = flow->original.source.family;
	return (family == ADDR_IPV4 || family == ADDR_IPV6) &&
	       flow->original.destination.family == family && flow->reply.source.family == family &&
	       flow->reply.destination.family == family;
}

static uint8_t family_of(const struct conntrack_flow *flow)
{
	return flow->original.source.family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

struct nlmsghdr *message_create(void *buffer, const struct conntrack_flow *flow, uint32_t sequence)
{
	if (!has_addresses(flow)) {
		return NULL;
	}
	/* Without NLM_F_EXCL an entry that is there would be changed. */
	struct nlmsghdr *message =
		begin(buffer, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW,
		      NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, family_of(flow), sequence);
	put_tuple(message, flow, false);
	put_tuple(message, flow, true);
	put_zone(message, flow);
	mnl_attr_put_u32(message, CTA_STATUS, htonl(flow->status));
	mnl_attr_put_u32(message, CTA_TIMEOUT, htonl(flow->timeout_s));
	if (flow->mark != 0) {
		mnl_attr_put_u32(message, CTA_MARK, htonl(flow->mark));
	}
	if (flow->protocol == IPPROTO_TCP) {
		put_tcp(message, flow);
	}
	return message;
}

struct nlmsghdr *message_delete(void *buffer, const struct conntrack_flow *flow, uint32_t sequence)
{
	if (!has_addresses(flow) || flow->id == 0) {
		return NULL;
	}
	struct nlmsghdr *message = begin(buffer, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE,
					 NLM_F_ACK, family_of(flow), sequence);
	put_tuple(message, flow, false);
	put_zone(message, flow);
	mnl_attr_put_u32(message, CTA_ID, htonl(flow->id));
	return message;
}
