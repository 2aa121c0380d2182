/* Own addresses and gateways over rtnetlink, name servers from resolv.conf. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "defend/defend.h"

enum { RESOLVERS_BYTES_MAX = 64 * 1024 };

struct reading {
	struct defend_facts *facts;
	usec_t now;
};

static int take(struct reading *reading, const void *bytes, size_t length,
		enum defend_fact_kind kind)
{
	const struct addr address = addr_from_bytes(bytes, length);
	return address.family == ADDR_NONE
		       ? 0
		       : defend_facts_add(reading->facts, &address, kind, reading->now);
}

static int take_attribute(struct reading *reading, const struct nlattr *attribute,
			  enum defend_fact_kind kind)
{
	return take(reading, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute),
		    kind);
}

static int take_address(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute = NULL;
	int r = 0;
	mnl_attr_for_each(attribute, message, sizeof(struct ifaddrmsg))
	{
		const uint16_t type = mnl_attr_get_type(attribute);
		/* IFA_ADDRESS is the peer's on a point-to-point link, who is the way out there. */
		if (r == 0 && (type == IFA_LOCAL || type == IFA_ADDRESS)) {
			r = take_attribute(data, attribute,
					   type == IFA_LOCAL ? DEFEND_OWN : DEFEND_GATEWAY);
		}
	}
	return r;
}

/* RTA_VIA: a gateway of the other family (RFC 8950). */
static int take_via(struct reading *reading, const struct nlattr *attribute)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	const size_t length = mnl_attr_get_payload_len(attribute);
	return length <= sizeof(*via)
		       ? 0
		       : take(reading, via->rtvia_addr, length - sizeof(*via), DEFEND_GATEWAY);
}

static int take_hop(struct reading *reading, const struct nlattr *attribute)
{
	switch (mnl_attr_get_type(attribute)) {
	case RTA_GATEWAY:
		return take_attribute(reading, attribute, DEFEND_GATEWAY);
	case RTA_VIA:
		return take_via(reading, attribute);
	default:
		return 0;
	}
}

/* Several ways at once (RTA_MULTIPATH), each with its gateway. */
static int take_hops(struct reading *reading, const struct nlattr *nest)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(nest);
	int left = (int)mnl_attr_get_payload_len(nest);
	int r = 0;
	while (r == 0 && RTNH_OK(hop, left)) {
		const size_t length = hop->rtnh_len - sizeof(*hop);
		const struct nlattr *attr = NULL;
		mnl_attr_for_each_payload((const void *)(hop + 1), length)
		{
			r = r == 0 ? take_hop(reading, attr) : r;
		}
		left -= (int)NLMSG_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return r;
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute = NULL;
	int r = 0;
	mnl_attr_for_each(attribute, message, sizeof(*route))
	{
		if (r != 0) {
			break;
		}
		const uint16_t type = mnl_attr_get_type(attribute);
		if (type == RTA_MULTIPATH) {
			r = take_hops(data, attribute);
		} else if (type == RTA_DST && route->rtm_type == RTN_LOCAL &&
			   route->rtm_dst_len == 8 * mnl_attr_get_payload_len(attribute)) {
			r = take_attribute(data, attribute, DEFEND_OWN);
		} else {
			r = take_hop(data, attribute);
		}
	}
	return r;
}

/* Next hops that routes name by their number. */
static int take_nexthop(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attribute = NULL;
	int r = 0;
	mnl_attr_for_each(attribute, message, sizeof(struct nhmsg))
	{
		if (r == 0 && mnl_attr_get_type(attribute) == NHA_GATEWAY) {
			r = take_attribute(data, attribute, DEFEND_GATEWAY);
		}
	}
	return r;
}

/* A fact that is told twice is one fact: nothing is forgotten before a listing comes again. */
static int dump(int fd, struct reading *reading, uint16_t type, size_t header,
		netlink_function *function)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = function, .data = reading };
	/* A header of zeros: AF_UNSPEC. */
	return netlink_ask(fd, netlink_request(buffer, type, NLM_F_DUMP, header), &reader);
}

int defend_network_read(struct defend_facts *facts, usec_t now, struct err *e)
{
	struct reading reading = { .facts = facts, .now = now };
	_cleanup_(close_fdp) int fd = netlink_open(NETLINK_ROUTE);
	int r = fd < 0 ? fd
		       : dump(fd, &reading, RTM_GETADDR, sizeof(struct ifaddrmsg), take_address);
	r = r < 0 ? r : dump(fd, &reading, RTM_GETROUTE, sizeof(struct rtmsg), take_route);
	if (r == 0) {
		r = dump(fd, &reading, RTM_GETNEXTHOP, sizeof(struct nhmsg), take_nexthop);
		r = r == -EOPNOTSUPP || r == -EINVAL ? 0 : r; /* before Linux 5.3 */
	}
	return r < 0 ? err_system(e, r, "cannot read the host's addresses and gateways") : 0;
}

static int read_resolvers(struct defend_facts *facts, const char *path, usec_t now, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	int r = file_read(&text, NULL, path, RESOLVERS_BYTES_MAX, NULL);
	if (r == -ENOENT) {
		return 0;
	}
	r = r < 0 ? r : defend_resolvers_parse(facts, text, now);
	return r < 0 ? err_system(e, r, "cannot read %s", path) : 0;
}

int defend_resolvers_read(struct defend_facts *facts, const char *root, usec_t now, struct err *e)
{
	/* Behind systemd-resolved, NetworkManager with dnsmasq, and dnsmasq with resolvconf the
	 * first one names 127.0.0.53 or the like alone. */
	static const char *const files[] = { "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
					     "/run/NetworkManager/no-stub-resolv.conf",
					     "/run/dnsmasq/resolv.conf" };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s%s", root, files[i]);
		r = read_resolvers(facts, path, now, e);
	}
	return r;
}
