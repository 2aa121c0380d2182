/* This host's own side: the way that packets to an address take, asked of the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "base/sockaddr.h"
#include "probe/probe.h"

struct asked {
	struct probe_local *out;
	int state; /* NUD_* */
};

static struct addr address_of(const struct nlattr *attribute)
{
	return addr_from_bytes(mnl_attr_get_payload(attribute),
			       mnl_attr_get_payload_len(attribute));
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	struct asked *asked = data;
	const struct nlattr *attribute = NULL;
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	asked->out->to_itself = route->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(attribute, message, sizeof(*route))
	{
		const int type = mnl_attr_get_type(attribute);
		if (type == RTA_OIF && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
			asked->out->interface_index = mnl_attr_get_u32(attribute);
		} else if (type == RTA_GATEWAY) {
			asked->out->gateway = address_of(attribute);
		} else if (type == RTA_PREFSRC) {
			asked->out->source = address_of(attribute);
		}
	}
	return 0;
}

static int take_neighbour(const struct nlmsghdr *message, void *data)
{
	struct asked *asked = data;
	const struct ndmsg *neighbour = mnl_nlmsg_get_payload(message);
	asked->state = neighbour->ndm_state;
	return 0;
}

static size_t bytes_of(const struct addr *address)
{
	return address->family == ADDR_IPV4 ? 4 : 16;
}

static unsigned char family_of(const struct addr *address)
{
	return address->family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

static int ask_route(int fd, struct asked *asked, const struct addr *to)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = take_route, .data = asked };
	struct nlmsghdr *request = netlink_request(buffer, RTM_GETROUTE, 0, sizeof(struct rtmsg));
	struct rtmsg *route = mnl_nlmsg_get_payload(request);
	route->rtm_family = family_of(to);
	route->rtm_dst_len = (unsigned char)(bytes_of(to) * 8);
	mnl_attr_put(request, RTA_DST, bytes_of(to), to->bytes);
	return netlink_ask(fd, request, &reader);
}

static int ask_neighbour(int fd, struct asked *asked, const struct addr *next)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = take_neighbour, .data = asked };
	struct nlmsghdr *request = netlink_request(buffer, RTM_GETNEIGH, 0, sizeof(struct ndmsg));
	struct ndmsg *neighbour = mnl_nlmsg_get_payload(request);
	neighbour->ndm_family = family_of(next);
	neighbour->ndm_ifindex = (int)asked->out->interface_index;
	mnl_attr_put(request, NDA_DST, bytes_of(next), next->bytes);
	return netlink_ask(fd, request, &reader);
}

static enum probe_neighbour state_of(int state)
{
	return (state & (NUD_FAILED | NUD_INCOMPLETE)) != 0     ? PROBE_NEIGHBOUR_SILENT
	       : (state & (NUD_REACHABLE | NUD_PERMANENT)) != 0 ? PROBE_NEIGHBOUR_ANSWERS
								: PROBE_NEIGHBOUR_UNKNOWN;
}

static void read_link(struct probe_local *out)
{
	char path[64];
	char state[32];
	if (if_indextoname(out->interface_index, out->interface) == NULL) {
		out->interface[0] = '\0';
		return;
	}
	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", out->interface);
	/* Devices without a state of their own (tun, lo) say "unknown" and work. */
	out->link_down = file_read_into(state, sizeof(state), AT_FDCWD, path) > 0 &&
			 strncmp(state, "down", 4) == 0;
}

/* Link-local addresses are always there (RFC 3927, RFC 4291 2.5.6). */
static bool leads_out(const struct addr *address)
{
	static const uint8_t four[] = { 169, 254 };
	if (address->family == ADDR_IPV4) {
		return memcmp(address->bytes, four, sizeof(four)) != 0;
	}
	return address->family == ADDR_IPV6 &&
	       !(address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80);
}

/* Without a route: is there anything that could lead out. */
static void look_around(struct probe_local *out)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0) {
		return;
	}
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		const struct addr address = addr_from_sockaddr(i->ifa_addr);
		const bool counts =
			(i->ifa_flags & IFF_LOOPBACK) == 0 && (i->ifa_flags & IFF_RUNNING) != 0;
		out->any_link = out->any_link || counts;
		out->any_address = out->any_address || (counts && leads_out(&address));
	}
	freeifaddrs(all);
}

size_t probe_resolvers(struct addr *out, size_t room)
{
	char text[4096];
	return file_read_into(text, sizeof(text), AT_FDCWD, "/etc/resolv.conf") <= 0
		       ? 0
		       : probe_resolvers_parse(out, room, text);
}

int probe_overflows(uint64_t *out)
{
	_cleanup_(freep) char *text = NULL;
	return file_read(&text, NULL, "/proc/thread-self/net/netstat", 1 << 16, NULL) < 0
		       ? -1
		       : probe_overflows_parse(out, text);
}

int probe_local(struct probe_local *out, const struct addr *to, struct err *e)
{
	struct asked asked = { .out = out };
	*out = (struct probe_local){ 0 };
	_cleanup_(close_fdp) int fd = netlink_open(NETLINK_ROUTE);
	int r = fd < 0 ? fd : ask_route(fd, &asked, to);
	out->has_route = r == 0;
	if (r < 0 && r != -ENETUNREACH && r != -EHOSTUNREACH) {
		return err_system(e, r, "cannot ask for routes");
	}
	if (!out->has_route) {
		look_around(out);
	} else {
		const struct addr *next = out->gateway.family != ADDR_NONE ? &out->gateway : to;
		read_link(out);
		if (!out->to_itself && ask_neighbour(fd, &asked, next) == 0) {
			out->next_hop = state_of(asked.state);
		}
	}
	return 0;
}
