/* Wearing the host's interfaces and settings. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "twin/io/wearing.h"

enum { LOOPBACK_INDEX = 1 };

static const usec_t ready_timeout = 2 * USEC_PER_SEC;

uint32_t wearing_index(const struct wearing *wearing, uint32_t host_index)
{
	for (size_t i = 0; i < wearing->host->links.count; i++) {
		if (wearing->links[i].host_index == host_index) {
			return wearing->links[i].inside;
		}
	}
	return 0;
}

/* ---- Interfaces ---- */

static bool is_bridge(const struct host_link *link)
{
	return strcmp(link->kind, "bridge") == 0;
}

/* What a bond or a team has below it sees no packets of its own. */
static bool is_left_out(const struct wearing *wearing, const struct host_link *link)
{
	const struct host_link *master = host_link_by_index(wearing->host, link->master);
	return master != NULL &&
	       (strcmp(master->kind, "bond") == 0 || strcmp(master->kind, "team") == 0);
}

static struct nlmsghdr *link_request(struct wearing *wearing, uint32_t index, const char *name)
{
	struct nlmsghdr *request = netlink_request(
		wearing->buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	info->ifi_index = (int)index;
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return request;
}

static void put_peer(struct wearing *wearing, struct nlmsghdr *request, uint32_t index)
{
	char name[TWIN_INTERFACE_BYTES];
	struct nlattr *information = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_index = (int)(index + BUILD_PEER_OFFSET);
	(void)snprintf(name, sizeof(name), "far%u", index);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)wearing->outside);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, information);
}

static int set_up(struct wearing *wearing, int route, uint32_t index, unsigned more)
{
	struct nlmsghdr *request =
		netlink_request(wearing->buffer, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	info->ifi_index = (int)index;
	info->ifi_flags = IFF_UP | more;
	info->ifi_change = IFF_UP | more;
	return netlink_ask(route, request, NULL);
}

/* The far end is up at once, so that the near one has a carrier when it comes up. */
static int make_veth(struct wearing *wearing, uint32_t index, const char *name, const uint8_t *mac,
		     uint32_t master)
{
	struct nlmsghdr *request = link_request(wearing, index, name);
	mnl_attr_put(request, IFLA_ADDRESS, TWIN_MAC_BYTES, mac);
	put_peer(wearing, request, index);
	int r = netlink_ask(wearing->route, request, NULL);
	if (r == 0) {
		r = set_up(wearing, wearing->far_route, index + BUILD_PEER_OFFSET, 0);
	}
	if (r == 0 && master != 0) {
		request =
			netlink_request(wearing->buffer, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
		((struct ifinfomsg *)mnl_nlmsg_get_payload(request))->ifi_index = (int)index;
		mnl_attr_put_u32(request, IFLA_MASTER, master);
		r = netlink_ask(wearing->route, request, NULL);
	}
	return r;
}

static int make_bridge(struct wearing *wearing, uint32_t index, const char *name,
		       const uint8_t *mac)
{
	struct nlmsghdr *request = link_request(wearing, index, name);
	mnl_attr_put(request, IFLA_ADDRESS, TWIN_MAC_BYTES, mac);
	struct nlattr *information = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(request, information);
	return netlink_ask(wearing->route, request, NULL);
}

static int set_group(struct wearing *wearing, uint32_t index, uint32_t group)
{
	struct nlmsghdr *request =
		netlink_request(wearing->buffer, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	((struct ifinfomsg *)mnl_nlmsg_get_payload(request))->ifi_index = (int)index;
	mnl_attr_put_u32(request, IFLA_GROUP, group);
	return netlink_ask(wearing->route, request, NULL);
}

static int make(struct wearing *wearing, const struct host_link *link, uint32_t index,
		const uint8_t *mac)
{
	const struct host_link *master = host_link_by_index(wearing->host, link->master);
	bool port = master != NULL && is_bridge(master);
	if (is_bridge(link)) {
		return make_bridge(wearing, index, link->name, mac);
	}
	return make_veth(wearing, index, link->name, mac,
			 port ? wearing_index(wearing, link->master) : 0);
}

/* The host's own index where it is free, since rules may name it. */
static int wear_link(struct wearing *wearing, const struct host_link *link, struct built_link *out)
{
	const uint8_t own[TWIN_MAC_BYTES] = {
		0x02, 0x6d, 0x6e, 0x74, (uint8_t)(link->index >> 8), (uint8_t)link->index
	};
	static const uint8_t zero[TWIN_MAC_BYTES];
	bool usable = link->has_mac && memcmp(link->mac, zero, sizeof(zero)) != 0;
	memcpy(out->mac, usable ? link->mac : own, TWIN_MAC_BYTES);
	uint32_t index = link->index;
	int r = make(wearing, link, index, out->mac);
	if (r == -EBUSY || r == -EEXIST) {
		index += BUILD_OWN_OFFSET;
		r = make(wearing, link, index, out->mac);
	}
	if (r < 0) {
		return build_doubt(wearing->doubts, TWIN_DOUBT_INTERFACE, link->name);
	}
	out->inside = index;
	if (link->group != 0 && set_group(wearing, index, link->group) < 0) {
		return build_doubt(wearing->doubts, TWIN_DOUBT_INTERFACE, link->name);
	}
	out->outside = is_bridge(link) ? 0 : index + BUILD_PEER_OFFSET;
	const struct host_link *master = host_link_by_index(wearing->host, link->master);
	return master != NULL && strcmp(master->kind, "vrf") == 0
		       ? build_doubt(wearing->doubts, TWIN_DOUBT_INTERFACE, link->name)
		       : 0;
}

static int wear_links(struct wearing *wearing, bool bridges)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < wearing->host->links.count; i++) {
		const struct host_link *link = &wearing->host->links.items[i];
		if ((link->flags & IFF_LOOPBACK) != 0) {
			wearing->links[i].inside = LOOPBACK_INDEX;
		} else if (is_bridge(link) == bridges && !is_left_out(wearing, link)) {
			r = wear_link(wearing, link, &wearing->links[i]);
		}
	}
	return r;
}

/* A packet "through the bridge" comes in at one of its ports; a bridge without gets one. */
static int give_port(struct wearing *wearing, const struct host_link *bridge,
		     struct built_link *out)
{
	for (size_t i = 0; i < wearing->host->links.count; i++) {
		if (wearing->host->links.items[i].master == bridge->index &&
		    (wearing->host->links.items[i].flags & IFF_UP) != 0 &&
		    wearing->links[i].outside != 0) {
			out->outside = wearing->links[i].outside;
			return 0;
		}
	}
	char name[TWIN_INTERFACE_BYTES];
	const uint32_t index = out->inside + 2 * BUILD_PEER_OFFSET;
	const uint8_t mac[TWIN_MAC_BYTES] = { 0x02, 0x6d, 0x6e, 0x74, 0xff, (uint8_t)index };
	(void)snprintf(name, sizeof(name), "mnt%u", out->inside);
	int r = make_veth(wearing, index, name, mac, out->inside);
	if (r < 0) {
		return build_doubt(wearing->doubts, TWIN_DOUBT_INTERFACE, bridge->name);
	}
	out->outside = index + BUILD_PEER_OFFSET;
	return set_up(wearing, wearing->route, index, IFF_NOARP);
}

/* Without ARP no answer needs a neighbour that the twin does not have. */
static int bring_up(struct wearing *wearing)
{
	int r = set_up(wearing, wearing->route, LOOPBACK_INDEX, 0);
	for (size_t i = 0; r == 0 && i < wearing->host->links.count; i++) {
		const struct host_link *link = &wearing->host->links.items[i];
		struct built_link *out = &wearing->links[i];
		out->up = (link->flags & IFF_UP) != 0;
		if (out->inside == 0 || out->inside == LOOPBACK_INDEX || !out->up) {
			continue;
		}
		r = set_up(wearing, wearing->route, out->inside, IFF_NOARP);
		if (r == 0 && is_bridge(link)) {
			r = give_port(wearing, link, out);
		}
	}
	return r;
}

/* ---- Settings ---- */

static int apply_setting(struct wearing *wearing, const struct host_setting *setting)
{
	char path[HOST_SETTING_BYTES + 16];
	char value[HOST_VALUE_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", setting->path);
	long length = file_read_into(value, sizeof(value), AT_FDCWD, path);
	if (length <= 0) {
		return 0; /* the interface is none of the twin's, or the kernel has none for it */
	}
	value[strcspn(value, "\n")] = '\0';
	if (strcmp(value, setting->value) == 0) {
		return 0;
	}
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write_all(fd, setting->value, strlen(setting->value)) < 0) {
		return build_doubt(wearing->doubts, TWIN_DOUBT_SETTING, setting->path);
	}
	return 0;
}

static int apply_settings(struct wearing *wearing)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < wearing->host->settings.count; i++) {
		r = apply_setting(wearing, &wearing->host->settings.items[i]);
	}
	return r;
}

/* ---- Everything ---- */

static int look_at_link(const struct nlmsghdr *message, void *data)
{
	bool *waiting = data;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	bool up = (info->ifi_flags & IFF_UP) == 0 || info->ifi_index == LOOPBACK_INDEX;
	mnl_attr_for_each(attribute, message, sizeof(*info))
	{
		up |= mnl_attr_get_type(attribute) == IFLA_OPERSTATE &&
		      mnl_attr_get_u8(attribute) == 6; /* IF_OPER_UP, RFC 2863 */
	}
	*waiting |= !up;
	return 0;
}

/* IPv6 uses an interface only once its carrier was noticed, which the kernel does in its own time
 * (net/core/link_watch.c): each change is told to the group of links. */
static int wait_until_ready(struct wearing *wearing)
{
	_cleanup_(close_fdp) int events = netlink_open(NETLINK_ROUTE);
	const int group = RTNLGRP_LINK;
	const usec_t deadline = clock_monotonic() + ready_timeout;
	if (events < 0 ||
	    setsockopt(events, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		return events < 0 ? events : -errno;
	}
	for (;;) {
		bool waiting = false;
		const struct netlink_reader reader = { .function = look_at_link, .data = &waiting };
		struct nlmsghdr *request = netlink_request(wearing->buffer, RTM_GETLINK, NLM_F_DUMP,
							   sizeof(struct ifinfomsg));
		int r = netlink_ask(wearing->route, request, &reader);
		usec_t left = deadline - clock_monotonic();
		if (r < 0 || !waiting || left <= 0) {
			return r;
		}
		struct pollfd event = { .fd = events, .events = POLLIN };
		char told[NETLINK_REQUEST_BYTES];
		if (poll(&event, 1, (int)(left / 1000) + 1) > 0) {
			(void)recv(events, told, sizeof(told),
				   MSG_DONTWAIT); /* only that it came */
		}
	}
}

int build_network(struct built_link *links, const struct twin_host *host, int route,
		  const struct build_outside *outside, int doubts, struct err *e)
{
	struct wearing wearing = { .host = host,
				   .links = links,
				   .route = route,
				   .far_route = outside->route,
				   .outside = outside->namespace,
				   .doubts = doubts };
	for (size_t i = 0; i < host->links.count; i++) {
		links[i].host_index = host->links.items[i].index;
	}
	int r = wear_links(&wearing, true);
	r = r < 0 ? r : wear_links(&wearing, false);
	r = r < 0 ? r : apply_settings(&wearing);
	r = r < 0 ? r : bring_up(&wearing);
	r = r < 0 ? r : wait_until_ready(&wearing);
	r = r < 0 ? r : wear_addresses(&wearing);
	r = r < 0 ? r : wear_routes(&wearing);
	return r < 0 ? err_system(e, r, "cannot make the twin's interfaces") : 0;
}
