/* One entry of the kernel's table of neighbours. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "devices/devices.h"

/* What NDA_DST, NDA_LLADDR and NDA_CACHEINFO say; lengths that they cannot have are no message. */
static bool take_attribute(struct devices_neighbour *out, const struct rtattr *attribute,
			   long ticks)
{
	const size_t length = RTA_PAYLOAD(attribute);
	const void *data = RTA_DATA(attribute);
	struct nda_cacheinfo cache;
	switch (attribute->rta_type) {
	case NDA_DST:
		out->address = addr_from_bytes(data, length);
		return out->address.family != ADDR_NONE;
	case NDA_LLADDR:
		out->has_mac = length == sizeof(out->mac); /* tunnels have others */
		if (out->has_mac) {
			memcpy(out->mac, data, sizeof(out->mac));
		}
		return true;
	case NDA_CACHEINFO:
		if (length < sizeof(cache)) {
			return false;
		}
		memcpy(&cache, data, sizeof(cache));
		out->silent_for = (usec_t)cache.ndm_confirmed * USEC_PER_SEC / ticks;
		return true;
	default:
		return true;
	}
}

static enum devices_state state_of(unsigned state)
{
	return (state & NUD_REACHABLE) != 0                         ? DEVICES_ANSWERS
	       : (state & (NUD_STALE | NUD_DELAY | NUD_PROBE)) != 0 ? DEVICES_STALE
	       : (state & (NUD_INCOMPLETE | NUD_FAILED)) != 0       ? DEVICES_SILENT
								    : DEVICES_UNKNOWN;
}

static bool is_many(const struct addr *a)
{
	return a->family == ADDR_IPV6 ? a->bytes[0] == 0xff : a->bytes[0] >= 224;
}

int devices_parse_neighbour(struct devices_neighbour *out, const struct nlmsghdr *message,
			    long ticks)
{
	struct devices_neighbour read = { .silent_for = -1 };
	struct ndmsg header;
	if (message->nlmsg_type != RTM_NEWNEIGH ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(header))) {
		return -EBADMSG;
	}
	memcpy(&header, NLMSG_DATA(message), sizeof(header));
	int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(header)));
	const struct rtattr *attribute =
		(const void *)((const char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(header)));
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (!take_attribute(&read, attribute, ticks)) {
			return -EBADMSG;
		}
	}
	read.interface = (uint32_t)header.ndm_ifindex;
	read.state = state_of(header.ndm_state);
	read.router = (header.ndm_flags & NTF_ROUTER) != 0;
	/* When it answered last says nothing of one that never did. */
	read.silent_for =
		read.state == DEVICES_STALE || read.state == DEVICES_ANSWERS ? read.silent_for : -1;
	*out = read;
	return (header.ndm_state & NUD_NOARP) != 0 || (header.ndm_flags & NTF_PROXY) != 0 ||
			       read.address.family == ADDR_NONE || is_many(&read.address)
		       ? DEVICES_NO_NEIGHBOUR
		       : DEVICES_NEIGHBOUR;
}

/* ---- words ---- */

bool devices_mac_is_local(const uint8_t mac[DEVICES_MAC_BYTES])
{
	return (mac[0] & 2) != 0;
}

const char *devices_mac_format(char out[DEVICES_MAC_TEXT_BYTES],
			       const uint8_t mac[DEVICES_MAC_BYTES])
{
	(void)snprintf(out, DEVICES_MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		       mac[2], mac[3], mac[4], mac[5]);
	return out;
}

const char *devices_state_name(enum devices_state state)
{
	static const char *const names[DEVICES_STATES] = {
		[DEVICES_UNKNOWN] = "unknown",
		[DEVICES_SILENT] = "silent",
		[DEVICES_STALE] = "stale",
		[DEVICES_ANSWERS] = "answers",
	};
	return names[state];
}
