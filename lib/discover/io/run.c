/* In minato-probe: one datagram for each address, a question to all, and what comes back. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/sockaddr.h"
#include "discover/discover.h"

enum {
	DISCARD_PORT = 9, /* RFC 863: whoever has it throws it away */
	MDNS_PORT = 5353,
	SSDP_PORT = 1900,
	PACKETS_MAX = 4096, /* that are read */
};

static const uint8_t mdns_group[] = { 224, 0, 0, 251 };
static const uint8_t ssdp_group[] = { 239, 255, 255, 250 };

struct running {
	const struct discover_order *order;
	discover_tell *tell;
	void *data;
	int mdns, ssdp;
	unsigned packets;
};

static int open_socket(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

static void send_to(int fd, const uint8_t four[4], uint16_t port, const void *bytes, size_t length)
{
	const struct addr to = addr_from_ipv4(four);
	struct sockaddr_storage address;
	const socklen_t size = sockaddr_from_addr(&address, &to, port);
	/* An address that cannot be reached is nobody's. */
	(void)sendto(fd, bytes, length, MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
}

/* Out of each interface, and not beyond the next router. */
static void ask_all(const struct running *r)
{
	uint8_t mdns[DISCOVER_QUESTION_BYTES], ssdp[DISCOVER_QUESTION_BYTES];
	const size_t mdns_length = discover_mdns_question(mdns);
	const size_t ssdp_length = discover_ssdp_question(ssdp);
	for (uint32_t i = 0; i < r->order->count; i++) {
		struct ip_mreqn at = { .imr_ifindex = (int)r->order->networks[i].interface };
		memcpy(&at.imr_address, r->order->networks[i].own.bytes, sizeof(at.imr_address));
		if (setsockopt(r->mdns, IPPROTO_IP, IP_MULTICAST_IF, &at, sizeof(at)) == 0) {
			send_to(r->mdns, mdns_group, MDNS_PORT, mdns, mdns_length);
		}
		if (setsockopt(r->ssdp, IPPROTO_IP, IP_MULTICAST_IF, &at, sizeof(at)) == 0) {
			send_to(r->ssdp, ssdp_group, SSDP_PORT, ssdp, ssdp_length);
		}
	}
}

static int hear(struct running *r, int fd)
{
	static uint8_t packet[DISCOVER_PACKET_BYTES];
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	const ssize_t length =
		recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&address, &size);
	if (length < 0 || ++r->packets > PACKETS_MAX) {
		return length < 0 ? 0 : -E2BIG;
	}
	const struct addr from = addr_from_sockaddr((const struct sockaddr *)&address);
	return fd == r->mdns ? discover_read_mdns(packet, (size_t)length, &from, r->tell, r->data)
			     : discover_read_ssdp(packet, (size_t)length, &from, r->tell, r->data);
}

static int wait_until(struct running *r, usec_t until)
{
	for (;;) {
		struct pollfd waits[] = { { r->mdns, POLLIN, 0 }, { r->ssdp, POLLIN, 0 } };
		const usec_t left = until - clock_monotonic();
		const int ready = poll(waits, 2, left <= 0 ? 0 : (int)((left + 999) / 1000));
		for (unsigned i = 0; ready > 0 && i < 2; i++) {
			const int heard = waits[i].revents != 0 ? hear(r, waits[i].fd) : 0;
			if (heard != 0) {
				return heard;
			}
		}
		if (left <= 0) {
			return 0;
		}
	}
}

static int ask_each(struct running *r, int fd)
{
	const usec_t begun = clock_monotonic();
	const size_t count = discover_address_count(r->order);
	for (size_t i = 0; i < count; i++) {
		const struct addr to = discover_address(r->order, i);
		send_to(fd, to.bytes, DISCARD_PORT, "", 0);
		const int heard = wait_until(r, begun + (usec_t)(i + 1) * USEC_PER_SEC /
								(usec_t)r->order->rate);
		if (heard != 0) {
			return heard;
		}
	}
	return wait_until(r, clock_monotonic() + r->order->wait);
}

int discover_run(const struct discover_order *order, discover_tell *tell, void *data)
{
	_cleanup_(close_fdp) int each = open_socket();
	_cleanup_(close_fdp) int mdns = open_socket();
	_cleanup_(close_fdp) int ssdp = open_socket();
	if (each < 0 || mdns < 0 || ssdp < 0) {
		return each < 0 ? each : mdns < 0 ? mdns : ssdp;
	}
	struct running r = {
		.order = order, .tell = tell, .data = data, .mdns = mdns, .ssdp = ssdp
	};
	ask_all(&r);
	const int done = ask_each(&r, each);
	return done == -E2BIG ? 0 : done; /* what came until then counts */
}
