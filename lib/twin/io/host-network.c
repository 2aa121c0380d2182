/* Interfaces, addresses, routes and rules of routing, over rtnetlink. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "model/tap_mark.h"
#include "twin/io/host.h"

enum {
	ENOUGH = 1,           /* no more of this listing */
	INGRESS = 0xfffffff2, /* TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) */
};

/* How much was read. */
struct reading_marks {
	size_t links, addresses, route_bytes, routing_bytes;
	size_t routes;
	unsigned routes_left_out;
};

struct reading {
	struct twin_host *host;
	size_t routes;
	unsigned routes_left_out;
	struct reading_marks begin; /* before the listing that is being read */
};

static void remember(struct reading *reading)
{
	const struct twin_host *host = reading->host;
	reading->begin = (struct reading_marks){ .links = host->links.count,
						 .addresses = host->addresses.count,
						 .route_bytes = host->routes.length,
						 .routing_bytes = host->routing.length,
						 .routes = reading->routes,
						 .routes_left_out = reading->routes_left_out };
}

static void forget(void *data)
{
	struct reading *reading = data;
	struct twin_host *host = reading->host;
	host->links.count = reading->begin.links;
	host->addresses.count = reading->begin.addresses;
	str_truncate(&host->routes, reading->begin.route_bytes);
	str_truncate(&host->routing, reading->begin.routing_bytes);
	reading->routes = reading->begin.routes;
	reading->routes_left_out = reading->begin.routes_left_out;
}

static void read_kind(struct host_link *link, const struct nlattr *nest)
{
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each_nested(attribute, nest)
	{
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0) {
			(void)str_copy(link->kind, sizeof(link->kind), mnl_attr_get_str(attribute));
		}
	}
}

static bool has_program(const struct nlattr *nest)
{
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each_nested(attribute, nest)
	{
		if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED &&
		    mnl_attr_get_u8(attribute) != XDP_ATTACHED_NONE) {
			return true;
		}
	}
	return false;
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	if (reading->host->links.count >= HOST_LINKS_MAX) {
		int r = host_doubt(reading->host, TWIN_DOUBT_INTERFACE, "...");
		return r < 0 ? r : ENOUGH;
	}
	struct host_link *link = vec_push(&reading->host->links);
	if (link == NULL) {
		return -ENOMEM;
	}
	*link = (struct host_link){ .index = (uint32_t)info->ifi_index,
				    .flags = info->ifi_flags,
				    .type = info->ifi_type };
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		uint16_t length = mnl_attr_get_payload_len(attribute);
		const void *payload = mnl_attr_get_payload(attribute);
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_IFNAME:
			(void)str_copy(link->name, sizeof(link->name), payload);
			break;
		case IFLA_GROUP:
			link->group = mnl_attr_get_u32(attribute);
			break;
		case IFLA_MASTER:
			link->master = mnl_attr_get_u32(attribute);
			break;
		case IFLA_ADDRESS:
			link->has_mac = length == TWIN_MAC_BYTES;
			memcpy(link->mac, payload, link->has_mac ? TWIN_MAC_BYTES : 0);
			break;
		case IFLA_XDP:
			link->xdp = has_program(attribute);
			break;
		case IFLA_LINKINFO:
			read_kind(link, attribute);
			break;
		default:
			break;
		}
	}
	return 0;
}

/* Programs of tc hang in a queueing discipline that exists for them alone. */
static int take_discipline(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	const struct tcmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		if (mnl_attr_get_type(attribute) != TCA_KIND) {
			continue;
		}
		const char *kind = mnl_attr_get_str(attribute);
		for (size_t i = 0; i < reading->host->links.count; i++) {
			struct host_link *link = &reading->host->links.items[i];
			link->tc |= link->index == (uint32_t)info->tcm_ifindex &&
				    (strcmp(kind, "clsact") == 0 || strcmp(kind, "ingress") == 0);
		}
	}
	return 0;
}

static struct addr address_of(const struct nlattr *attribute)
{
	return addr_from_bytes(mnl_attr_get_payload(attribute),
			       mnl_attr_get_payload_len(attribute));
}

/* IPv4: IFA_LOCAL is the own address, IFA_ADDRESS the peer or the same. IPv6: IFA_ADDRESS alone,
 * unless there is a peer. */
static int take_address(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct host_address address = { .index = info->ifa_index,
					.flags = info->ifa_flags,
					.bits = info->ifa_prefixlen,
					.scope = info->ifa_scope };
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		switch (mnl_attr_get_type(attribute)) {
		case IFA_LOCAL:
			address.local = address_of(attribute);
			break;
		case IFA_ADDRESS:
			address.peer = address_of(attribute);
			break;
		case IFA_BROADCAST:
			address.broadcast = address_of(attribute);
			break;
		case IFA_FLAGS:
			address.flags = mnl_attr_get_u32(attribute);
			break;
		default:
			break;
		}
	}
	if (address.local.family == ADDR_NONE) {
		address.local = address.peer;
	}
	if (addr_compare(&address.local, &address.peer) == 0) {
		address.peer = (struct addr){ 0 };
	}
	struct host_address *kept =
		address.local.family == ADDR_NONE ? NULL : vec_push(&reading->host->addresses);
	if (kept != NULL) {
		*kept = address;
	} else if (address.local.family != ADDR_NONE) {
		return -ENOMEM;
	}
	return 0;
}

static int keep(struct str *to, const struct nlmsghdr *message)
{
	_Alignas(struct nlmsghdr) static const char padding[NLMSG_ALIGNTO];
	(void)str_add_bytes(to, (const char *)message, message->nlmsg_len);
	return str_add_bytes(to, padding, NLMSG_ALIGN(message->nlmsg_len) - message->nlmsg_len);
}

/* What the kernel makes by itself from addresses, and what nobody uses, is not copied. */
static int take_route(const struct nlmsghdr *message, void *data)
{
	struct reading *reading = data;
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	if ((route->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) != 0 ||
	    (route->rtm_table == RT_TABLE_LOCAL && route->rtm_protocol == RTPROT_KERNEL)) {
		return 0;
	}
	bool strange = reading->routes >= HOST_ROUTES_MAX;
	mnl_attr_for_each(attribute, message, sizeof(*route))
	{
		strange |= mnl_attr_get_type(attribute) == RTA_NH_ID ||
			   mnl_attr_get_type(attribute) == RTA_ENCAP;
	}
	if (strange) {
		reading->routes_left_out++;
		return 0;
	}
	reading->routes++;
	return keep(&reading->host->routes, message);
}

/* Every namespace has the rules 0, 32766 and 32767 (net/ipv4/fib_rules.c). */
static int take_rule(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute = NULL;
	uint32_t priority = 0;
	mnl_attr_for_each(attribute, message, sizeof(struct fib_rule_hdr))
	{
		if (mnl_attr_get_type(attribute) == FRA_PRIORITY) {
			priority = mnl_attr_get_u32(attribute);
		}
	}
	struct reading *reading = data;
	return priority == 0 || priority == 32766 || priority == 32767
		       ? 0
		       : keep(&reading->host->routing, message);
}

static int dump(int fd, struct reading *reading, uint16_t type, unsigned char family,
		netlink_function *function, struct err *e)
{
	const struct netlink_reader reader = { .function = function,
					       .again = forget,
					       .data = reading };
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *request =
		netlink_request(buffer, type, NLM_F_DUMP,
				type == RTM_GETQDISC ? sizeof(struct tcmsg) : sizeof(struct rtmsg));
	*(unsigned char *)mnl_nlmsg_get_payload(request) = family; /* first in each header */
	remember(reading);
	int r = netlink_ask(fd, request, &reader);
	if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT) {
		return 0; /* a kernel without IPv6, or without rules of routing */
	}
	return r < 0 ? err_system(e, r, "cannot read the host's network") : 0;
}

/* Our own tap lets pass what nobody banned; whom it keeps out, minato bans and explain tell. */
static int take_filter(const struct nlmsghdr *message, void *data)
{
	struct host_link *link = data;
	const struct tcmsg *info = mnl_nlmsg_get_payload(message);
	if (message->nlmsg_type != RTM_NEWTFILTER || info->tcm_handle == 0) {
		return 0; /* the head of a priority */
	}
	link->tc |=
		info->tcm_handle != TAP_HANDLE || TC_H_MAJ(info->tcm_info) >> 16 != TAP_PRIORITY;
	return 0;
}

static void see_nothing(void *data)
{
	struct host_link *link = data;
	link->tc = false;
}

/* A discipline for programs that has none, or ours alone, decides nothing. */
static void read_filters(int fd, struct host_link *link)
{
	const struct netlink_reader reader = { .function = take_filter,
					       .again = see_nothing,
					       .data = link };
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *request =
		netlink_request(buffer, RTM_GETTFILTER, NLM_F_DUMP, sizeof(struct tcmsg));
	struct tcmsg *info = mnl_nlmsg_get_payload(request);
	info->tcm_family = AF_UNSPEC;
	info->tcm_ifindex = (int)link->index;
	info->tcm_parent = INGRESS;
	link->tc = false;
	if (netlink_ask(fd, request, &reader) < 0) {
		link->tc = true; /* it is not known */
	}
}

int host_read_network(struct twin_host *host, struct err *e)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct reading reading = { .host = host };
	_cleanup_(close_fdp) int fd = netlink_open(NETLINK_ROUTE);
	if (fd < 0) {
		return err_system(e, fd, "cannot read the host's network");
	}
	int r = dump(fd, &reading, RTM_GETLINK, AF_UNSPEC, take_link, e);
	r = r < 0 ? r : dump(fd, &reading, RTM_GETQDISC, AF_UNSPEC, take_discipline, e);
	for (size_t i = 0; r == 0 && i < host->links.count; i++) {
		if (host->links.items[i].tc) {
			read_filters(fd, &host->links.items[i]);
		}
	}
	r = r < 0 ? r : dump(fd, &reading, RTM_GETADDR, AF_UNSPEC, take_address, e);
	for (size_t i = 0; r == 0 && i < HOST_FAMILIES; i++) {
		r = dump(fd, &reading, RTM_GETROUTE, families[i], take_route, e);
		r = r < 0 ? r : dump(fd, &reading, RTM_GETRULE, families[i], take_rule, e);
	}
	if (r == 0 && reading.routes_left_out > 0) {
		char text[16];
		(void)snprintf(text, sizeof(text), "%u", reading.routes_left_out);
		r = host_doubt(host, TWIN_DOUBT_ROUTES, text);
	}
	return r;
}

/* ---- Which way an address is ---- */

struct lookup {
	uint32_t index;
	struct addr source;
	unsigned char type;
};

static int take_lookup(const struct nlmsghdr *message, void *data)
{
	struct lookup *lookup = data;
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	if (message->nlmsg_type != RTM_NEWROUTE) {
		return 0;
	}
	lookup->type = route->rtm_type;
	mnl_attr_for_each(attribute, message, sizeof(*route))
	{
		if (mnl_attr_get_type(attribute) == RTA_OIF) {
			lookup->index = mnl_attr_get_u32(attribute);
		} else if (mnl_attr_get_type(attribute) == RTA_PREFSRC) {
			lookup->source = address_of(attribute);
		}
	}
	return 0;
}

static int take_name(const struct nlmsghdr *message, void *data)
{
	struct host_link *link = data;
	const struct nlattr *attribute = NULL;
	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME) {
			(void)str_copy(link->name, sizeof(link->name), mnl_attr_get_str(attribute));
		}
	}
	return 0;
}

static int look_up(struct lookup *lookup, int fd, const struct addr *from)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	bool ipv6 = from->family == ADDR_IPV6;
	struct nlmsghdr *request = netlink_request(buffer, RTM_GETROUTE, 0, sizeof(struct rtmsg));
	struct rtmsg *route = mnl_nlmsg_get_payload(request);
	route->rtm_family = ipv6 ? AF_INET6 : AF_INET;
	route->rtm_dst_len = ipv6 ? 128 : 32;
	mnl_attr_put(request, RTA_DST, ipv6 ? 16 : 4, from->bytes);
	const struct netlink_reader reader = { .function = take_lookup, .data = lookup };
	return netlink_ask(fd, request, &reader);
}

int twin_way(char interface[TWIN_INTERFACE_BYTES], struct addr *to, int route,
	     const struct addr *from, struct err *e)
{
	struct lookup lookup = { 0 };
	struct host_link link = { 0 };
	char text[ADDR_TEXT_BYTES];
	if (route < 0) {
		return err_system(e, route, "cannot ask the kernel for its routes");
	}
	int r = look_up(&lookup, route, from);
	if (r == 0 && (lookup.index == 0 || lookup.source.family == ADDR_NONE)) {
		r = -ENETUNREACH;
	}
	if (r < 0) {
		return err_system(e, r, "no route leads to %s", addr_format(from, text));
	}
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *request =
		netlink_request(buffer, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	info->ifi_index = (int)lookup.index;
	const struct netlink_reader reader = { .function = take_name, .data = &link };
	r = netlink_ask(route, request, &reader);
	if (r < 0) {
		return err_system(e, r, "cannot read interface %u", lookup.index);
	}
	(void)str_copy(interface, TWIN_INTERFACE_BYTES,
		       lookup.type == RTN_LOCAL ? "lo" : link.name);
	*to = lookup.source;
	return 0;
}
