/* Clients: those that go to a port, and the one that goes to all of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actor.h"
#include "base/io/clock.h"

enum {
	CONNECT_MS = 3000,
	WAVE = 400, /* ports at once; below the usual limit of open files */
	WAVE_MS = 150,
	SCAN_LAST = 9999,
	GAME = 25565, /* what lies above and is worth a question */
};

static int find(struct addrinfo **out, const char *host, uint16_t port)
{
	char service[8];
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	(void)snprintf(service, sizeof(service), "%u", port);
	return getaddrinfo(host, service, &hints, out) == 0 ? 0 : -ENOENT;
}

static int begin(const struct addrinfo *to)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS) {
		const int error = errno;
		(void)close(fd);
		return -error;
	}
	return fd < 0 ? -errno : fd;
}

static bool is_connected(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

int reach(const char *host, uint16_t port, int timeout_ms)
{
	struct addrinfo *to = NULL;
	int r = find(&to, host, port);
	const int fd = r < 0 ? r : begin(to);
	if (to != NULL) {
		freeaddrinfo(to);
	}
	struct pollfd on = { .fd = fd, .events = POLLOUT };
	if (fd >= 0 && (poll(&on, 1, timeout_ms) != 1 || !is_connected(fd))) {
		(void)close(fd);
		return -ECONNREFUSED;
	}
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFL, 0); /* waits from here on */
	}
	return fd;
}

/* ---- to one port ---- */

void visit(const char *host, uint16_t port, unsigned seconds)
{
	char page[2048];
	for (;; (void)sleep(seconds > 0 ? seconds : 1)) {
		struct channel channel = { .fd = reach(host, port, CONNECT_MS) };
		if (channel.fd < 0) {
			continue;
		}
		(void)channel_say(&channel, "GET / HTTP/1.1\r\nHost: harbour\r\n"
					    "Connection: close\r\n\r\n");
		while (channel_read(&channel, page, sizeof(page)) > 0) {
		}
		(void)close(channel.fd);
	}
}

/* Says something now and then, and comes again when the connection ended. */
static void remain(const char *host, uint16_t port, unsigned seconds, const void *first,
		   size_t first_bytes, const void *again, size_t again_bytes)
{
	char answer[256];
	seconds = seconds > 0 ? seconds : 1;
	for (;; (void)sleep(seconds)) {
		struct channel channel = { .fd = reach(host, port, CONNECT_MS) };
		int r = channel.fd < 0 ? -1 : channel_write(&channel, first, first_bytes);
		while (r == 0 && channel_read(&channel, answer, sizeof(answer)) > 0) {
			(void)sleep(seconds);
			r = channel_write(&channel, again, again_bytes);
		}
		if (channel.fd >= 0) {
			(void)close(channel.fd);
		}
	}
}

void stay(const char *host, uint16_t port, unsigned seconds)
{
	remain(host, port, seconds, "hello\n", 6, "here\n", 5);
}

void publish(const char *host, uint16_t port, unsigned seconds)
{
	/* CONNECT with a clean session, 60 s, as "lamp"; PINGREQ (MQTT 3.1.1, 3.1 and 3.12) */
	static const unsigned char connect_packet[] = { 0x10, 16, 0,  4, 'M', 'Q', 'T', 'T', 4,
							2,    0,  60, 0, 4,   'l', 'a', 'm', 'p' };
	static const unsigned char ping[] = { 0xc0, 0 };
	remain(host, port, seconds, connect_packet, sizeof(connect_packet), ping, sizeof(ping));
}

/* ---- to all ports ---- */

struct sweep {
	struct addrinfo *to; /* its port is set anew for each question */
	unsigned asked, open;
};

static void tell_open(struct sweep *sweep, unsigned port)
{
	(void)printf("%u/tcp open\n", port);
	(void)fflush(stdout);
	sweep->open++;
}

/* Closing a socket whose question has left takes nothing back. */
static void ask_wave(struct sweep *sweep, const unsigned *ports, unsigned count)
{
	struct pollfd on[WAVE];
	const usec_t until = clock_monotonic() + WAVE_MS * 1000;
	unsigned left = count;
	for (unsigned i = 0; i < count; i++) {
		((struct sockaddr_in *)sweep->to->ai_addr)->sin_port = htons((uint16_t)ports[i]);
		on[i] = (struct pollfd){ .fd = begin(sweep->to), .events = POLLOUT };
	}
	for (usec_t now; left > 0 && (now = clock_monotonic()) < until;) {
		if (poll(on, count, (int)((until - now) / 1000) + 1) <= 0) {
			break;
		}
		for (unsigned i = 0; i < count; i++) {
			if (on[i].fd >= 0 && on[i].revents != 0) {
				if (is_connected(on[i].fd)) {
					tell_open(sweep, ports[i]);
				}
				(void)close(on[i].fd);
				on[i].fd = -1;
				left--;
			}
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (on[i].fd >= 0) {
			(void)close(on[i].fd);
		}
	}
	sweep->asked += count;
}

static void scan_fast(struct sweep *sweep)
{
	unsigned ports[WAVE];
	unsigned count = 0;
	for (unsigned port = 1; port <= SCAN_LAST + 1; port++) {
		ports[count++] = port <= SCAN_LAST ? port : GAME;
		if (count == WAVE || port == SCAN_LAST + 1) {
			ask_wave(sweep, ports, count);
			count = 0;
		}
	}
}

static void scan_slow(struct sweep *sweep, unsigned seconds)
{
	static const unsigned ports[] = { 3306, 445, 8081, 21, 5900, 143, 3389, 23 };
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		(void)sleep(i > 0 ? seconds : 0);
		ask_wave(sweep, &ports[i], 1);
	}
}

int scan(const char *host, unsigned seconds)
{
	struct sweep sweep = { 0 };
	if (find(&sweep.to, host, 1) < 0) {
		(void)fprintf(stderr, "scan: %s: ?\n", host);
		return EXIT_FAILURE;
	}
	if (seconds == 0) {
		scan_fast(&sweep);
	} else {
		scan_slow(&sweep, seconds);
	}
	freeaddrinfo(sweep.to);
	(void)printf("%s: %u/tcp asked, %u open\n", host, sweep.asked, sweep.open);
	return EXIT_SUCCESS;
}
