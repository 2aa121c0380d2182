/* Bridges for networks, and links from them to the machines. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "base/io/run.h"
#include "harbour/io/world.h"
#include "harbour/words.h"

enum { LOOPBACK_INDEX = 1, OWN_INDEX = 2, LOOK_AGAIN_MS = 5 };

static const usec_t carrier_timeout = 5 * USEC_PER_SEC;
static const usec_t nft_timeout = 10 * USEC_PER_SEC;

struct wire {
	int route;
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
};

static struct nlmsghdr *link_request(struct wire *wire, uint16_t flags, int index)
{
	struct nlmsghdr *request =
		netlink_request(wire->buffer, RTM_NEWLINK, flags, sizeof(struct ifinfomsg));
	((struct ifinfomsg *)mnl_nlmsg_get_payload(request))->ifi_index = index;
	return request;
}

static int set_up(struct wire *wire, int index)
{
	struct nlmsghdr *request = link_request(wire, 0, index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	info->ifi_flags = info->ifi_change = IFF_UP;
	return netlink_ask(wire->route, request, NULL);
}

static int make_bridge(struct wire *wire, int index, const char *name)
{
	struct nlmsghdr *request = link_request(wire, NLM_F_CREATE | NLM_F_EXCL, index);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	struct nlattr *information = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(request, information);
	int r = netlink_ask(wire->route, request, NULL);
	return r < 0 ? r : set_up(wire, index);
}

/*
 * One end is a port of the bridge, the other is the machine's eth0, eth1, ... Their indexes differ:
 * else they count as one device that stands alone, and stay without a queue for up to a second
 * (net/core/link_watch.c, linkwatch_urgent_event).
 */
static int make_link(struct wire *wire, int index, int bridge, pid_t machine, unsigned number)
{
	char name[IFNAMSIZ];
	struct nlmsghdr *request = link_request(wire, NLM_F_CREATE | NLM_F_EXCL, index);
	(void)snprintf(name, sizeof(name), "port%d", index);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)bridge);
	struct nlattr *information = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_index = OWN_INDEX + (int)number;
	(void)snprintf(name, sizeof(name), "eth%u", number);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_NET_NS_PID, (uint32_t)machine);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, information);
	int r = netlink_ask(wire->route, request, NULL);
	return r < 0 ? r : set_up(wire, index);
}

static int connect_machine(struct wire *wire, const struct harbour_world *world, uint32_t machine)
{
	const struct harbour_machine *m = &world->harbour->machines[machine];
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < m->place_count; i++) {
		const uint32_t index = PORT_INDEX + machine * HARBOUR_NETWORKS_MAX + i;
		r = make_link(wire, (int)index, SWITCH_INDEX + (int)m->places[i].network,
			      world->machines[machine], i);
	}
	return r;
}

static int open_wire(struct wire *wire)
{
	wire->route = netlink_open(NETLINK_ROUTE);
	return wire->route < 0 ? wire->route : 0;
}

int network_connect(const struct harbour_world *world, struct err *e)
{
	const struct harbour *harbour = world->harbour;
	struct wire wire = { .route = -1 };
	int r = open_wire(&wire);
	for (uint32_t i = 0; r == 0 && i < harbour->network_count; i++) {
		r = make_bridge(&wire, SWITCH_INDEX + (int)i, harbour->networks[i].name);
	}
	for (uint32_t i = 0; r == 0 && i < harbour->machine_count; i++) {
		r = connect_machine(&wire, world, i);
	}
	close_fdp(&wire.route);
	return r < 0 ? err_system(e, r, _("cannot connect the machines")) : 0;
}

/* ---- in a machine ---- */

static int add_address(struct wire *wire, int index, const struct addr *address, uint8_t bits)
{
	const uint32_t host_bits = htonl(bits == 32 ? 0 : UINT32_MAX >> bits);
	uint32_t broadcast;
	memcpy(&broadcast, address->bytes, sizeof(broadcast));
	broadcast |= host_bits;
	struct nlmsghdr *request = netlink_request(
		wire->buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *info = mnl_nlmsg_get_payload(request);
	info->ifa_family = AF_INET;
	info->ifa_prefixlen = bits;
	info->ifa_index = (uint32_t)index;
	mnl_attr_put(request, IFA_LOCAL, 4, address->bytes);
	mnl_attr_put(request, IFA_ADDRESS, 4, address->bytes);
	mnl_attr_put(request, IFA_BROADCAST, 4, &broadcast);
	return netlink_ask(wire->route, request, NULL);
}

static int add_default_route(struct wire *wire, const struct addr *gateway)
{
	struct nlmsghdr *request = netlink_request(wire->buffer, RTM_NEWROUTE,
						   NLM_F_CREATE | NLM_F_EXCL, sizeof(struct rtmsg));
	struct rtmsg *info = mnl_nlmsg_get_payload(request);
	info->rtm_family = AF_INET;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_type = RTN_UNICAST;
	mnl_attr_put(request, RTA_GATEWAY, 4, gateway->bytes);
	return netlink_ask(wire->route, request, NULL);
}

static bool carries(int socket, unsigned number)
{
	struct ifreq request = { 0 };
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "eth%u", number);
	return ioctl(socket, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

/* Until then the kernel drops what is sent, without a word. */
static int wait_for_carrier(uint32_t count)
{
	_cleanup_(close_fdp) int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const usec_t until = clock_monotonic() + carrier_timeout;
	uint32_t i = 0;
	while (socket_fd >= 0 && i < count) {
		if (carries(socket_fd, i)) {
			i++;
		} else if (clock_monotonic() > until) {
			return -ETIMEDOUT;
		} else {
			(void)poll(NULL, 0, LOOK_AGAIN_MS);
		}
	}
	return socket_fd < 0 ? -errno : 0;
}

static int set_places(struct wire *wire, const struct harbour *harbour,
		      const struct harbour_machine *machine)
{
	int r = set_up(wire, LOOPBACK_INDEX);
	for (uint32_t i = 0; r == 0 && i < machine->place_count; i++) {
		const struct harbour_place *place = &machine->places[i];
		const uint8_t bits = harbour->networks[place->network].prefix.bits;
		r = add_address(wire, OWN_INDEX + (int)i, &place->address, bits);
		r = r < 0 ? r : set_up(wire, OWN_INDEX + (int)i);
	}
	if (r == 0 && machine->via.family != ADDR_NONE) {
		r = add_default_route(wire, &machine->via);
	}
	return r < 0 ? r : wait_for_carrier(machine->place_count);
}

static int masquerade(const struct harbour_machine *machine)
{
	char rules[400];
	struct str nothing = STR_INIT(4096);
	uint32_t out = 0;
	while (machine->places[out].network + 1 != machine->masquerades) {
		if (++out == machine->place_count) {
			return 0; /* it has no place there: nothing goes out */
		}
	}
	(void)snprintf(rules, sizeof(rules),
		       "add table ip router; "
		       "add chain ip router out { type nat hook postrouting priority srcnat; }; "
		       "add rule ip router out oifname \"eth%u\" masquerade",
		       out);
	const char *const words[] = { "nft", rules, NULL };
	int r = file_write_setting("/proc/sys/net/ipv4/ip_forward", "1");
	r = r < 0 ? r : run_program(&nothing, words, nft_timeout);
	str_deinit(&nothing);
	return r;
}

int network_settle(const struct harbour *harbour, uint32_t machine, struct err *e)
{
	const struct harbour_machine *m = &harbour->machines[machine];
	struct wire wire = { .route = -1 };
	int r = open_wire(&wire);
	r = r < 0 ? r : set_places(&wire, harbour, m);
	close_fdp(&wire.route);
	if (r < 0) {
		return err_system(e, r, _("cannot give %s its addresses"), m->name);
	}
	r = m->masquerades == 0 ? 0 : masquerade(m);
	return r < 0 ? err_system(e, r, _("cannot make %s a router (is nft installed?)"), m->name)
		     : 0;
}
