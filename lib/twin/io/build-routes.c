/* Wearing the host's addresses, routes and rules of routing. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "twin/io/wearing.h"

enum { PASSES = 4 };

static int add_address(struct wearing *wearing, const struct host_address *address)
{
	bool ipv6 = address->local.family == ADDR_IPV6;
	size_t bytes = ipv6 ? 16 : 4;
	struct nlmsghdr *request =
		netlink_request(wearing->buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
				sizeof(struct ifaddrmsg));
	struct ifaddrmsg *info = mnl_nlmsg_get_payload(request);
	*info = (struct ifaddrmsg){ .ifa_family = ipv6 ? AF_INET6 : AF_INET,
				    .ifa_prefixlen = address->bits,
				    .ifa_scope = address->scope,
				    .ifa_index = wearing_index(wearing, address->index) };
	if (info->ifa_index == 0) {
		return 0;
	}
	const struct addr *peer =
		address->peer.family == ADDR_NONE ? &address->local : &address->peer;
	mnl_attr_put(request, IFA_LOCAL, bytes, address->local.bytes);
	mnl_attr_put(request, IFA_ADDRESS, bytes, peer->bytes);
	if (address->broadcast.family != ADDR_NONE) {
		mnl_attr_put(request, IFA_BROADCAST, bytes, address->broadcast.bytes);
	}
	mnl_attr_put_u32(request, IFA_FLAGS,
			 (address->flags & IFA_F_NOPREFIXROUTE) | (ipv6 ? IFA_F_NODAD : 0));
	int r = netlink_ask(wearing->route, request, NULL);
	/* 127.0.0.1 and ::1 are there already; IPv6 may be off. */
	if (r < 0 && r != -EEXIST && (address->flags & IFA_F_DADFAILED) == 0) {
		char text[ADDR_TEXT_BYTES];
		return build_doubt(wearing->doubts, TWIN_DOUBT_INTERFACE,
				   addr_format(&address->local, text));
	}
	return 0;
}

int wear_addresses(struct wearing *wearing)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < wearing->host->addresses.count; i++) {
		r = add_address(wearing, &wearing->host->addresses.items[i]);
	}
	return r;
}

/* @return false when the route is over an interface that is not in the twin. */
static bool translate_index(const struct wearing *wearing, void *at)
{
	uint32_t index = 0;
	memcpy(&index, at, sizeof(index));
	index = wearing_index(wearing, index);
	memcpy(at, &index, sizeof(index));
	return index != 0;
}

static bool translate_hops(const struct wearing *wearing, const struct nlattr *attribute)
{
	char *at = mnl_attr_get_payload(attribute);
	size_t left = mnl_attr_get_payload_len(attribute);
	bool whole = true;
	while (left >= sizeof(struct rtnexthop)) {
		struct rtnexthop *hop = (void *)at;
		size_t length = RTNH_ALIGN(hop->rtnh_len);
		if (length < sizeof(*hop) || length > left) {
			return false;
		}
		whole &= translate_index(wearing, &hop->rtnh_ifindex);
		hop->rtnh_flags &= RTNH_F_ONLINK;
		at += length;
		left -= length;
	}
	return whole;
}

static bool translate_route(const struct wearing *wearing, struct nlmsghdr *message)
{
	struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	route->rtm_flags &= RTNH_F_ONLINK;
	bool whole = true;
	mnl_attr_for_each(attribute, message, sizeof(*route))
	{
		if (mnl_attr_get_type(attribute) == RTA_OIF) {
			whole &= translate_index(wearing, mnl_attr_get_payload(attribute));
		} else if (mnl_attr_get_type(attribute) == RTA_MULTIPATH) {
			whole &= translate_hops(wearing, attribute);
		}
	}
	return whole;
}

/* Messages that are told again: those that need another first come through in a later pass. */
static int replay(struct wearing *wearing, const struct str *messages, uint16_t type,
		  unsigned *left_out)
{
	_cleanup_(freep) char *copy = malloc(messages->length + 1);
	if (copy == NULL) {
		return -ENOMEM;
	}
	memcpy(copy, str_text(messages), messages->length);
	bool failed = true;
	for (int pass = 0; pass < PASSES && failed; pass++) {
		failed = false;
		*left_out = 0;
		for (size_t at = 0; at < messages->length;) {
			struct nlmsghdr *message = (void *)(copy + at);
			at += NLMSG_ALIGN(message->nlmsg_len);
			if (message->nlmsg_type == 0) {
				continue; /* done */
			}
			bool whole = type != RTM_NEWROUTE || pass > 0 ||
				     translate_route(wearing, message);
			message->nlmsg_type = type;
			message->nlmsg_flags = NLM_F_CREATE | NLM_F_APPEND;
			message->nlmsg_pid = 0;
			int r = whole ? netlink_ask(wearing->route, message, NULL) : -ENODEV;
			if (r == 0 || r == -EEXIST || !whole) {
				message->nlmsg_type = 0;
			} else {
				failed = true;
				++*left_out;
			}
		}
	}
	return 0;
}

int wear_routes(struct wearing *wearing)
{
	unsigned routes = 0;
	unsigned rules = 0;
	int r = replay(wearing, &wearing->host->routes, RTM_NEWROUTE, &routes);
	r = r < 0 ? r : replay(wearing, &wearing->host->routing, RTM_NEWRULE, &rules);
	if (r == 0 && routes + rules > 0) {
		char text[16];
		(void)snprintf(text, sizeof(text), "%u", routes + rules);
		r = build_doubt(wearing->doubts, TWIN_DOUBT_ROUTES, text);
	}
	return r;
}
