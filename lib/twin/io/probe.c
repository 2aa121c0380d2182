/* One packet through the twin. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/be.h"
#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/netlink.h"
#include "base/sockaddr.h"
#include "twin/io/parts.h"

enum {
	EVENTS_BYTES = 64 * 1024,
	PORT_FIRST = 40000, /* high, and below the range that Linux hands out last */
	PORTS = 20000,
	LOOPBACK_INDEX = 1,
	BATCH_PACKETS = 32, /* in flight: their traces have room in the socket's buffer */
};

static const usec_t answer_timeout = 5 * USEC_PER_SEC;
static const char loopback[] = "lo";

static int send_frame(int fd, uint32_t index, const uint8_t *frame, size_t length)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(be16_at(frame + 12)),
				  .sll_ifindex = (int)index,
				  .sll_halen = TWIN_MAC_BYTES };
	memcpy(to.sll_addr, frame, TWIN_MAC_BYTES);
	return sendto(fd, frame, length, 0, (const void *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* The twin itself sends: through its output, over its loopback. */
static int send_own(const struct twin *twin, const struct twin_packet *packet, const uint8_t *frame,
		    size_t length)
{
	struct sockaddr_storage to;
	const socklen_t to_bytes = sockaddr_from_addr(&to, &packet->to, 0);
	int fd = twin->parts[packet->to.family == ADDR_IPV6 ? PART_RAW_IPV6 : PART_RAW_IPV4];
	return sendto(fd, frame + FRAME_ETHERNET_BYTES, length - FRAME_ETHERNET_BYTES, 0,
		      (const struct sockaddr *)&to, to_bytes) < 0
		       ? -errno
		       : 0;
}

/* Where a probe is put in. */
struct entry {
	const struct host_link *host;
	const struct built_link *link; /* NULL = there is none */
	bool own;
};

static int send_probe(struct twin *twin, const struct twin_packet *packet,
		      const struct entry *entry, uint32_t cookie)
{
	uint8_t frame[FRAME_MAX_BYTES];
	struct frame_mark mark = { .cookie = cookie, .from_port = packet->from_port };
	if (mark.from_port == 0) {
		mark.from_port = (uint16_t)(PORT_FIRST + twin->port++ % PORTS);
	}
	size_t length = frame_build(frame, packet, entry->link->mac, &mark);
	if (length == 0) {
		return -EINVAL;
	}
	return entry->own
		       ? send_own(twin, packet, frame, length)
		       : send_frame(twin->parts[PART_OUTSIDE], entry->link->outside, frame, length);
}

static int send_marker(struct twin *twin, const struct entry *entry)
{
	uint8_t frame[FRAME_MAX_BYTES];
	const uint32_t cookie = ++twin->cookie;
	size_t length = frame_marker(frame, entry->link->mac, cookie);
	int fd = twin->parts[entry->own ? PART_INSIDE : PART_OUTSIDE];
	return send_frame(fd, entry->own ? LOOPBACK_INDEX : entry->link->outside, frame, length);
}

/* ---- What the kernel says ---- */

/* Packets that enter one interface, one behind another, and are read together. */
struct batch {
	struct twin *twin;
	const struct twin_packet *packets;
	struct entry entry;
	size_t count;   /* 1..BATCH_PACKETS */
	uint32_t first; /* cookie of the first packet; each next one has the next */
	struct way ways[BATCH_PACKETS];
	struct twin_answer answers[BATCH_PACKETS];
	struct way *current; /* of the packet that the kernel tells of */
	bool lost;           /* a part of the trace */
};

/* Of the packet whose number an event has: the answer to a refused one is told of in between. */
static struct way *way_of(struct batch *batch, uint32_t id)
{
	if (batch->current != NULL && batch->current->id == id) {
		return batch->current;
	}
	for (size_t i = batch->count; i-- > 0;) {
		if (batch->ways[i].known && batch->ways[i].id == id) {
			return &batch->ways[i];
		}
	}
	return NULL;
}

/* The kernel tells of one packet after another: whose a chain's other events are is said by the
 * first, which alone shows the packet. */
static int take_event(struct batch *batch, const struct trace_event *event)
{
	if (event->has_packet) {
		const uint32_t place = event->packet.cookie - batch->first;
		batch->current = place < batch->count ? &batch->ways[place] : NULL;
	}
	struct way *way = event->has_packet ? batch->current : way_of(batch, event->id);
	return way == NULL ? 0 : way_take(way, event);
}

/* @return 1 = the marker came, 0 = more may come, or negative errno. */
static int take_events(struct batch *batch, const char *bytes, size_t length)
{
	int left = (int)length;
	for (const struct nlmsghdr *message = (const void *)bytes; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		struct trace_event event;
		int r = trace_decode(&event, message);
		if (r == -ENOMSG) {
			continue;
		}
		if (r == 0 && event.marker) {
			if (event.packet.cookie == batch->twin->cookie) {
				return 1;
			}
			continue;
		}
		r = r < 0 ? r : take_event(batch, &event);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Until more can be read. What was lost may have been the marker, so another follows. */
static int wait_for_more(struct batch *batch, bool *marked_again, usec_t deadline)
{
	struct pollfd waiting = { .fd = batch->twin->parts[PART_TRACE], .events = POLLIN };
	if (batch->lost && !*marked_again) {
		*marked_again = true;
		return send_marker(batch->twin, &batch->entry);
	}
	usec_t left = deadline - clock_monotonic();
	return left <= 0 || poll(&waiting, 1, (int)(left / 1000) + 1) == 0 ? -ETIMEDOUT : 0;
}

/* Until the marker: packets of one interface go one behind another, and all were sent from one
 * processor, so that nothing of the probes comes after it. */
static int listen_until_marker(struct batch *batch)
{
	_Alignas(struct nlmsghdr) char bytes[EVENTS_BYTES];
	const usec_t deadline = clock_monotonic() + answer_timeout;
	bool marked_again = false;
	for (;;) {
		ssize_t length =
			recv(batch->twin->parts[PART_TRACE], bytes, sizeof(bytes), MSG_DONTWAIT);
		if (length < 0 && errno == ENOBUFS) {
			batch->lost = true;
			continue;
		}
		if (length < 0 && errno != EAGAIN && errno != EINTR) {
			return -errno;
		}
		int r = length > 0 ? take_events(batch, bytes, (size_t)length)
				   : wait_for_more(batch, &marked_again, deadline);
		if (r != 0) {
			return r < 0 ? r : 0;
		}
	}
}

/* ---- Why the routing did not let it through ---- */

static int take_type(const struct nlmsghdr *message, void *data)
{
	if (message->nlmsg_type == RTM_NEWROUTE) {
		*(unsigned char *)data =
			((const struct rtmsg *)mnl_nlmsg_get_payload(message))->rtm_type;
	}
	return 0;
}

/* Loopback, multicast, broadcast and "none" come from nowhere (RFC 1122 3.2.1.3, RFC
 * 4291 2.5, 2.7), nor does a host's own address, unless accept_local. */
static bool is_no_source(const struct twin *twin, const struct addr *from)
{
	const bool ipv6 = from->family == ADDR_IPV6;
	if (addr_is_any(from) || addr_exposure(from) == EXPOSURE_LOOPBACK ||
	    from->bytes[0] >= (ipv6 ? 0xff : 224)) {
		return true;
	}
	return twin_host_has(twin->host, from);
}

static int ask_route(unsigned char *type, const struct twin *twin, const struct twin_packet *packet,
		     const struct addr *to, uint32_t in_index)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const bool ipv6 = to->family == ADDR_IPV6;
	const size_t bytes = ipv6 ? 16 : 4;
	struct nlmsghdr *request = netlink_request(buffer, RTM_GETROUTE, 0, sizeof(struct rtmsg));
	struct rtmsg *route = mnl_nlmsg_get_payload(request);
	*route = (struct rtmsg){ .rtm_family = ipv6 ? AF_INET6 : AF_INET,
				 .rtm_dst_len = (unsigned char)(bytes * 8),
				 .rtm_src_len = (unsigned char)(bytes * 8) };
	mnl_attr_put(request, RTA_DST, bytes, to->bytes);
	mnl_attr_put(request, RTA_SRC, bytes, packet->from.bytes);
	mnl_attr_put_u32(request, RTA_IIF, in_index);
	const struct netlink_reader reader = { .function = take_type, .data = type };
	return netlink_ask(twin->parts[PART_ROUTE], request, &reader);
}

/* The kernel's own words (inet_rtm_getroute() in net/ipv4/route.c): since 6.13 -EINVAL stands for
 * all that is wrong with the source, -EXDEV before for its way back alone. */
static enum twin_cause route_cause(const struct twin *twin, const struct twin_packet *packet,
				   const struct addr *to, uint32_t in_index)
{
	unsigned char type = 0;
	if (addr_exposure(to) == EXPOSURE_LOOPBACK) {
		return TWIN_CAUSE_TARGET;
	}
	if (is_no_source(twin, &packet->from)) {
		return TWIN_CAUSE_SOURCE;
	}
	switch (ask_route(&type, twin, packet, to, in_index)) {
	case -EXDEV:
	case -EINVAL:
		return TWIN_CAUSE_REVERSE_PATH;
	case -EHOSTUNREACH:
		return TWIN_CAUSE_NO_FORWARD;
	case 0:
		return type == RTN_UNREACHABLE ? TWIN_CAUSE_NO_FORWARD : TWIN_CAUSE_UNTRACED;
	default:
		return TWIN_CAUSE_NO_ROUTE;
	}
}

/* Loopback addresses of IPv6 are thrown away before the first hook (ip6_rcv_core()). */
static bool is_refused_early(const struct way *way, const struct twin_packet *packet)
{
	return way->answer->cause == TWIN_CAUSE_UNTRACED && !way->prerouting &&
	       (addr_exposure(&packet->to) == EXPOSURE_LOOPBACK ||
		addr_exposure(&packet->from) == EXPOSURE_LOOPBACK);
}

/* ---- One packet ---- */

/* Without a link, with the cause why. */
static struct entry find_entry(const struct twin *twin, const char *interface,
			       enum twin_cause *cause)
{
	struct entry entry = { .host = host_link(twin->host, interface),
			       .own = strcmp(interface, loopback) == 0 };
	*cause = TWIN_CAUSE_ABSENT;
	if (entry.host == NULL) {
		return entry;
	}
	const struct built_link *link = &twin->links[entry.host - twin->host->links.items];
	if (entry.own || (link->up && link->outside != 0)) {
		entry.link = link;
	} else if (!link->up) {
		*cause = TWIN_CAUSE_DOWN;
	}
	return entry;
}

/* What sees a packet before every rule, and is not in the twin. */
static int doubt_programs(struct twin_answer *answer, const struct host_link *link)
{
	char text[TWIN_INTERFACE_BYTES + 8];
	int r = 0;
	if (link->xdp) {
		(void)snprintf(text, sizeof(text), "%s: XDP", link->name);
		r = way_doubt(answer, TWIN_DOUBT_PROGRAM, text);
	}
	if (r == 0 && link->tc) {
		(void)snprintf(text, sizeof(text), "%s: tc", link->name);
		r = way_doubt(answer, TWIN_DOUBT_PROGRAM, text);
	}
	return r;
}

static void name_exit(const struct twin *twin, struct twin_answer *answer, uint32_t index)
{
	for (size_t i = 0; i < twin->host->links.count && index != 0; i++) {
		if (twin->links[i].inside == index) {
			memcpy(answer->interface, twin->host->links.items[i].name,
			       TWIN_INTERFACE_BYTES);
		}
	}
}

/* What the trace left open. */
static int complete(struct batch *batch, size_t index)
{
	const struct twin *twin = batch->twin;
	const struct twin_packet *packet = &batch->packets[index];
	struct way *way = &batch->ways[index];
	struct twin_answer *answer = way->answer;
	int r = batch->lost ? way_doubt(answer, TWIN_DOUBT_LOST, "") : 0;
	r = r < 0 ? r : way_decide(way);
	if (r == 0 && !batch->entry.own && is_refused_early(way, packet)) {
		answer->outcome = TWIN_UNROUTED;
	}
	if (r == 0 && answer->outcome == TWIN_UNROUTED) {
		answer->cause = route_cause(twin, packet, &answer->to, batch->entry.link->inside);
		if (answer->cause == TWIN_CAUSE_UNTRACED) {
			answer->outcome = TWIN_DROPPED;
		}
	}
	if (r == 0 && answer->outcome == TWIN_FORWARDED) {
		name_exit(twin, answer, way->out_index);
	}
	return r < 0 ? r : doubt_programs(answer, batch->entry.host);
}

/* ---- Many packets ---- */

static void batch_begin(struct batch *batch)
{
	batch->first = batch->twin->cookie + 1;
	batch->current = NULL;
	batch->lost = false;
	for (size_t i = 0; i < batch->count; i++) {
		way_begin(&batch->ways[i], &batch->answers[i], &batch->twin->legend,
			  ++batch->twin->cookie);
		batch->ways[i].has_owner = batch->entry.own && batch->twin->has_owner;
		batch->answers[i].to = batch->packets[i].to;
		batch->answers[i].port = batch->packets[i].port;
	}
}

static int batch_send(struct batch *batch)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < batch->count; i++) {
		r = send_probe(batch->twin, &batch->packets[i], &batch->entry,
			       batch->first + (uint32_t)i);
		/* A packet that the output drops is refused to its sender with EPERM. */
		r = batch->entry.own && r == -EPERM ? 0 : r;
	}
	r = r < 0 ? r : send_marker(batch->twin, &batch->entry);
	r = r < 0 ? r : listen_until_marker(batch);
	for (size_t i = 0; r == 0 && i < batch->count; i++) {
		r = complete(batch, i);
	}
	return r;
}

/* Nothing can enter there: the answer is the cause why. */
static void batch_refuse(struct batch *batch, enum twin_cause cause)
{
	for (size_t i = 0; i < batch->count; i++) {
		batch->answers[i].outcome = TWIN_UNROUTED;
		batch->answers[i].cause = cause;
	}
}

static int batch_run(struct batch *batch, const struct twin_taker *taker, size_t index)
{
	enum twin_cause cause = TWIN_CAUSE_NONE;
	batch->entry = find_entry(batch->twin, batch->packets->interface, &cause);
	batch_begin(batch);
	int r = 0;
	if (batch->entry.link == NULL) {
		batch_refuse(batch, cause);
	} else {
		r = batch_send(batch);
	}
	/* Of many a part was lost: one alone has all the room. */
	const bool again = r == 0 && batch->lost && batch->count > 1;
	for (size_t i = 0; i < batch->count; i++) {
		if (r == 0 && !again) {
			r = taker->take(taker->data, index + i, &batch->answers[i]);
		}
		twin_answer_deinit(&batch->answers[i]);
	}
	return r == 0 && again ? -EAGAIN : r;
}

/* How many packets enter where the first one does. */
static size_t batch_length(const struct twin_packet *packets, size_t count)
{
	size_t length = 1;
	while (length < count && length < BATCH_PACKETS &&
	       strcmp(packets[length].interface, packets->interface) == 0) {
		length++;
	}
	return length;
}

static int run_batches(struct batch *batch, const struct twin_packet *packets, size_t count,
		       const struct twin_taker *taker)
{
	size_t together = BATCH_PACKETS;
	for (size_t at = 0; at < count; at += batch->count) {
		const size_t length = batch_length(packets + at, count - at);
		batch->packets = packets + at;
		batch->count = length < together ? length : together;
		int r = batch_run(batch, taker, at);
		if (r == -EAGAIN) {
			batch->count = 0;
			together = 1;
			continue;
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int twin_probe_all(struct twin *twin, const struct twin_packet *packets, size_t count,
		   const struct twin_taker *taker, struct err *e)
{
	cpu_set_t before;
	cpu_set_t one;
	_cleanup_(freep) struct batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL) {
		return err_system(e, ENOMEM, "no answer of the twin");
	}
	batch->twin = twin;
	bool pinned = sched_getaffinity(0, sizeof(before), &before) == 0;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	pinned = pinned && sched_setaffinity(0, sizeof(one), &one) == 0;
	int r = run_batches(batch, packets, count, taker);
	if (pinned) {
		(void)sched_setaffinity(0, sizeof(before), &before); /* as it was */
	}
	return r < 0 ? err_system(e, r, "no answer of the twin") : 0;
}

/* The answer outlives the call: its pointers stay in its own memory. */
static int keep(void *data, size_t index, struct twin_answer *answer)
{
	(void)index; /* the only one */
	*(struct twin_answer *)data = *answer;
	*answer = (struct twin_answer){ .reject = "" };
	return 0;
}

int twin_probe(struct twin *twin, const struct twin_packet *packet, struct twin_answer *out,
	       struct err *e)
{
	const struct twin_taker taker = { .take = keep, .data = out };
	*out = (struct twin_answer){ .reject = "" };
	return twin_probe_all(twin, packet, 1, &taker, e);
}
