/* Messages of rtnetlink (rtnetlink(7), linux/if_link.h, linux/if_addr.h). */
#include "links/links.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/str.h"

struct reading {
	const struct links_handler *handler;
	int result;
};

/* ---- interfaces ---- */

static int take_name(const struct nlattr *attribute, void *data)
{
	char *name = data;
	if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0) {
		(void)str_copy(name, IF_NAMESIZE, mnl_attr_get_str(attribute));
	}
	return MNL_CB_OK;
}

static void interface(const struct nlmsghdr *message, struct reading *reading)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) || header->ifi_index <= 0) {
		reading->result = -EBADMSG;
		return;
	}
	struct links_interface out = { .index = (uint32_t)header->ifi_index,
				       .loopback = (header->ifi_flags & IFF_LOOPBACK) != 0,
				       .up = (header->ifi_flags & IFF_UP) != 0,
				       .gone = message->nlmsg_type == RTM_DELLINK };
	(void)mnl_attr_parse(message, sizeof(*header), take_name, out.name);
	/* A bridge also tells of its ports, in its own family: that is no interface that comes. */
	if (header->ifi_family == AF_UNSPEC && reading->handler->interface != NULL) {
		reading->handler->interface(&out, reading->handler->data);
	}
}

/* ---- addresses ---- */

struct pair {
	const void *local, *address; /* IFA_LOCAL is ours where there is a peer */
	size_t bytes;
};

static int take_address(const struct nlattr *attribute, void *data)
{
	struct pair *pair = data;
	if (mnl_attr_get_payload_len(attribute) != pair->bytes) {
		return MNL_CB_OK;
	}
	if (mnl_attr_get_type(attribute) == IFA_LOCAL) {
		pair->local = mnl_attr_get_payload(attribute);
	} else if (mnl_attr_get_type(attribute) == IFA_ADDRESS) {
		pair->address = mnl_attr_get_payload(attribute);
	}
	return MNL_CB_OK;
}

static void address(const struct nlmsghdr *message, struct reading *reading)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header)) {
		reading->result = -EBADMSG;
		return;
	}
	const bool v4 = header->ifa_family == AF_INET;
	if ((!v4 && header->ifa_family != AF_INET6) || reading->handler->address == NULL) {
		return;
	}
	struct pair pair = { .bytes = v4 ? 4 : 16 };
	(void)mnl_attr_parse(message, sizeof(*header), take_address, &pair);
	const void *ours = pair.local != NULL ? pair.local : pair.address;
	if (ours == NULL) {
		reading->result = -EBADMSG;
		return;
	}
	const struct links_address out = { .address =
						   v4 ? addr_from_ipv4(ours) : addr_from_ipv6(ours),
					   .interface = header->ifa_index,
					   .gone = message->nlmsg_type == RTM_DELADDR };
	reading->handler->address(&out, reading->handler->data);
}

/* ---- all ---- */

static void one(const struct nlmsghdr *message, struct reading *reading)
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		interface(message, reading);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		address(message, reading);
		break;
	case NLMSG_DONE:
		/* What changed meanwhile may have been passed over (linux/netlink.h). */
		if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
			reading->result = -ENOBUFS;
		} else if (reading->handler->done != NULL) {
			reading->handler->done(reading->handler->data);
		}
		break;
	case NLMSG_ERROR:
		reading->result = mnl_nlmsg_get_payload_len(message) < sizeof(*refusal)
					  ? -EBADMSG
					  : refusal->error;
		break;
	default:
		break;
	}
}

int links_parse(const void *bytes, size_t length, const struct links_handler *handler)
{
	struct reading reading = { .handler = handler };
	const struct nlmsghdr *message = bytes;
	int left = length > INT32_MAX ? -1 : (int)length;
	while (mnl_nlmsg_ok(message, left) && reading.result == 0) {
		one(message, &reading);
		message = mnl_nlmsg_next(message, &left);
	}
	return reading.result != 0 ? reading.result : left != 0 ? -EBADMSG : 0;
}
