/* Answers of ctnetlink. Pure. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <string.h>
#include <sys/socket.h>

#include "conntrack/message.h"
#include "conntrack/ports.h"

enum { ATTRIBUTES_MAX = 32 };

/* The attributes of one level by their numbers. */
struct attributes {
	const struct nlattr *by_type[ATTRIBUTES_MAX];
};

static void keep(struct attributes *out, const struct nlattr *attribute)
{
	uint16_t type = mnl_attr_get_type(attribute);
	if (type < ATTRIBUTES_MAX) {
		out->by_type[type] = attribute;
	}
}

static struct attributes of_message(const struct nlmsghdr *message)
{
	struct attributes out = { 0 };
	const struct nlattr *attribute;
	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
	{
		keep(&out, attribute);
	}
	return out;
}

/* None where the attribute is missing. */
static struct attributes inside(const struct attributes *outer, unsigned type)
{
	struct attributes out = { 0 };
	const struct nlattr *attribute;
	if (outer->by_type[type] != NULL) {
		mnl_attr_for_each_nested(attribute, outer->by_type[type])
		{
			keep(&out, attribute);
		}
	}
	return out;
}

/* Payload of exactly that length, into host memory. @return false and zeros otherwise. */
static bool take(void *out, size_t length, const struct attributes *from, unsigned type)
{
	const struct nlattr *attribute = from->by_type[type];
	memset(out, 0, length);
	if (attribute == NULL || mnl_attr_get_payload_len(attribute) != length) {
		return false;
	}
	memcpy(out, mnl_attr_get_payload(attribute), length);
	return true;
}

static uint8_t take_u8(const struct attributes *from, unsigned type)
{
	uint8_t value;
	(void)take(&value, sizeof(value), from, type); /* zero where it is missing */
	return value;
}

static uint16_t take_u16(const struct attributes *from, unsigned type)
{
	uint16_t value;
	(void)take(&value, sizeof(value), from, type);
	return ntohs(value);
}

static uint32_t take_u32(const struct attributes *from, unsigned type)
{
	uint32_t value;
	(void)take(&value, sizeof(value), from, type);
	return ntohl(value);
}

static uint64_t take_u64(const struct attributes *from, unsigned type)
{
	uint64_t value;
	(void)take(&value, sizeof(value), from, type);
	return be64toh(value);
}

static bool take_addresses(struct conntrack_tuple *out, const struct attributes *tuple,
			   uint8_t family)
{
	const struct attributes ip = inside(tuple, CTA_TUPLE_IP);
	uint8_t source[16];
	uint8_t destination[16];
	if (family == AF_INET) {
		if (!take(source, 4, &ip, CTA_IP_V4_SRC) ||
		    !take(destination, 4, &ip, CTA_IP_V4_DST)) {
			return false;
		}
		out->source = addr_from_ipv4(source);
		out->destination = addr_from_ipv4(destination);
		return true;
	}
	if (!take(source, 16, &ip, CTA_IP_V6_SRC) || !take(destination, 16, &ip, CTA_IP_V6_DST)) {
		return false;
	}
	out->source = addr_from_ipv6(source);
	out->destination = addr_from_ipv6(destination);
	return true;
}

static bool take_protocol(struct conntrack_tuple *out, uint8_t *protocol,
			  const struct attributes *tuple)
{
	const struct attributes numbers = inside(tuple, CTA_TUPLE_PROTO);
	if (!take(protocol, 1, &numbers, CTA_PROTO_NUM)) {
		return false;
	}
	if (ports_has(*protocol)) {
		out->source_port = take_u16(&numbers, CTA_PROTO_SRC_PORT);
		out->destination_port = take_u16(&numbers, CTA_PROTO_DST_PORT);
	} else if (*protocol == IPPROTO_ICMP) {
		out->icmp_id = take_u16(&numbers, CTA_PROTO_ICMP_ID);
		out->icmp_type = take_u8(&numbers, CTA_PROTO_ICMP_TYPE);
		out->icmp_code = take_u8(&numbers, CTA_PROTO_ICMP_CODE);
	} else if (*protocol == IPPROTO_ICMPV6) {
		out->icmp_id = take_u16(&numbers, CTA_PROTO_ICMPV6_ID);
		out->icmp_type = take_u8(&numbers, CTA_PROTO_ICMPV6_TYPE);
		out->icmp_code = take_u8(&numbers, CTA_PROTO_ICMPV6_CODE);
	}
	return true;
}

static bool take_tuple(struct conntrack_flow *flow, const struct attributes *all, bool reply,
		       uint8_t family)
{
	const struct attributes tuple = inside(all, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct conntrack_tuple *out = reply ? &flow->reply : &flow->original;
	if (!take_addresses(out, &tuple, family) || !take_protocol(out, &flow->protocol, &tuple)) {
		return false;
	}
	if (tuple.by_type[CTA_TUPLE_ZONE] != NULL) {
		flow->zone = take_u16(&tuple, CTA_TUPLE_ZONE);
		flow->zone_direction = reply ? CONNTRACK_ZONE_REPLY : CONNTRACK_ZONE_ORIGINAL;
	}
	return true;
}

static void take_tcp(struct conntrack_flow *flow, const struct attributes *all)
{
	const struct attributes outer = inside(all, CTA_PROTOINFO);
	const struct attributes tcp = inside(&outer, CTA_PROTOINFO_TCP);
	struct nf_ct_tcp_flags flags;
	flow->tcp_state = take_u8(&tcp, CTA_PROTOINFO_TCP_STATE);
	(void)take(&flags, sizeof(flags), &tcp, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL);
	flow->tcp_flags_original = flags.flags;
	(void)take(&flags, sizeof(flags), &tcp, CTA_PROTOINFO_TCP_FLAGS_REPLY);
	flow->tcp_flags_reply = flags.flags;
}

static void take_counters(struct conntrack_flow *flow, const struct attributes *all)
{
	const struct attributes original = inside(all, CTA_COUNTERS_ORIG);
	const struct attributes reply = inside(all, CTA_COUNTERS_REPLY);
	flow->counted =
		all->by_type[CTA_COUNTERS_ORIG] != NULL && all->by_type[CTA_COUNTERS_REPLY] != NULL;
	if (flow->counted) {
		flow->packets_original = take_u64(&original, CTA_COUNTERS_PACKETS);
		flow->bytes_original = take_u64(&original, CTA_COUNTERS_BYTES);
		flow->packets_reply = take_u64(&reply, CTA_COUNTERS_PACKETS);
		flow->bytes_reply = take_u64(&reply, CTA_COUNTERS_BYTES);
	}
}

/*
 * A message of the subsystem with its fixed part. libmnl rounds its length up to find the last
 * attribute, so a length that the kernel would have padded is refused.
 */
static bool is_of(const struct nlmsghdr *message, unsigned subsystem, unsigned type)
{
	return message->nlmsg_type == (subsystem << 8 | type) &&
	       message->nlmsg_len >= NLMSG_HDRLEN + sizeof(struct nfgenmsg) &&
	       message->nlmsg_len % NLMSG_ALIGNTO == 0;
}

int message_flow(struct conntrack_flow *out, const struct nlmsghdr *message)
{
	if (!is_of(message, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW)) {
		return -EBADMSG;
	}
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	uint8_t family = head->nfgen_family;
	const struct attributes all = of_message(message);
	struct conntrack_flow flow = { 0 };
	if ((family != AF_INET && family != AF_INET6) || !take_tuple(&flow, &all, false, family)) {
		return -EBADMSG;
	}
	uint8_t protocol = flow.protocol;
	if (!take_tuple(&flow, &all, true, family) || flow.protocol != protocol) {
		return -EBADMSG;
	}
	if (all.by_type[CTA_ZONE] != NULL) {
		flow.zone = take_u16(&all, CTA_ZONE);
		flow.zone_direction = CONNTRACK_ZONE_BOTH;
	}
	if (protocol == IPPROTO_TCP) {
		take_tcp(&flow, &all);
	}
	take_counters(&flow, &all);
	flow.status = take_u32(&all, CTA_STATUS);
	flow.timeout_s = take_u32(&all, CTA_TIMEOUT);
	flow.mark = take_u32(&all, CTA_MARK);
	flow.id = take_u32(&all, CTA_ID);
	*out = flow;
	return 0;
}

int message_statistics_of(uint64_t *count, uint64_t *max, const struct nlmsghdr *message)
{
	if (!is_of(message, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS)) {
		return -EBADMSG;
	}
	const struct attributes all = of_message(message);
	if (all.by_type[CTA_STATS_GLOBAL_ENTRIES] == NULL ||
	    all.by_type[CTA_STATS_GLOBAL_MAX_ENTRIES] == NULL) {
		return -EBADMSG;
	}
	*count = take_u32(&all, CTA_STATS_GLOBAL_ENTRIES);
	*max = take_u32(&all, CTA_STATS_GLOBAL_MAX_ENTRIES);
	return 0;
}

bool message_is_tracking_hook(const struct nlmsghdr *message)
{
	static const char *const names[] = { "ipv4_conntrack_in", "ipv6_conntrack_in" };
	if (!is_of(message, NFNL_SUBSYS_HOOK, NFNL_MSG_HOOK_GET)) {
		return false;
	}
	const struct attributes all = of_message(message);
	const struct nlattr *name = all.by_type[NFNLA_HOOK_FUNCTION_NAME];
	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		/* With its NUL or without. */
		size_t length = strlen(names[i]);
		size_t given = mnl_attr_get_payload_len(name);
		const char *text = mnl_attr_get_payload(name);
		if (given >= length && memcmp(text, names[i], length) == 0 &&
		    (given == length || text[length] == '\0')) {
			return true;
		}
	}
	return false;
}
