/*
 * Load for the rules benchmark, in the network namespace that it is started in.
 *   rules-load serve PORT              takes TCP connections and counts datagrams until stdin ends;
 *                                      prints how many datagrams came
 *   rules-load connect ADDRESS PORT MS connections one after the other; prints how many
 *   rules-load send ADDRESS PORT MS    datagrams as fast as it goes; prints how many
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

enum { BATCH = 64, PAYLOAD = 16 };

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(const char *what)
{
	(void)fprintf(stderr, "rules-load: %s: %s\n", what, strerror(errno));
	return 1;
}

static int bound(int type, uint16_t port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int yes = 1;
	const int room = 8 << 20;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return bind(fd, (const void *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static void *take_connections(void *data)
{
	const int listener = *(const int *)data;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd >= 0) {
			(void)close(fd); /* nothing was sent */
		}
	}
	return NULL;
}

static uint64_t count_datagrams(int fd)
{
	uint64_t count = 0;
	struct pollfd waits[] = { { .fd = fd, .events = POLLIN },
				  { .fd = STDIN_FILENO, .events = POLLIN } };
	for (;;) {
		(void)poll(waits, 2, -1); /* an error shows in the next call */
		char bytes[PAYLOAD];
		while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
			count++;
		}
		if (waits[1].revents != 0) {
			return count;
		}
	}
}

static int serve(uint16_t port)
{
	static int listener;
	pthread_t thread;
	listener = bound(SOCK_STREAM, port);
	int datagrams = bound(SOCK_DGRAM, port);
	if (listener < 0 || datagrams < 0 || listen(listener, 4096) < 0 ||
	    pthread_create(&thread, NULL, take_connections, &listener) != 0) {
		return fail("serve");
	}
	(void)puts("ready");
	(void)fflush(stdout); /* a lost line shows as a hang of the benchmark */
	(void)printf("%llu\n", (unsigned long long)count_datagrams(datagrams));
	return 0;
}

static int connect_for(const struct sockaddr_in *to, int64_t span_ms)
{
	uint64_t count = 0;
	const struct linger reset = { 1, 0 };
	for (int64_t end = now_ms() + span_ms; now_ms() < end;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		/* One that a firewall refuses by mistake is one less. */
		count += connect(fd, (const void *)to, sizeof(*to)) == 0;
		(void)close(fd); /* by RST: no TIME_WAIT fills the ports */
	}
	if (count == 0) {
		return fail("connect");
	}
	(void)printf("%llu\n", (unsigned long long)count);
	return 0;
}

static int send_for(const struct sockaddr_in *to, int64_t span_ms)
{
	char bytes[PAYLOAD] = "";
	struct iovec part = { bytes, sizeof(bytes) };
	struct mmsghdr messages[BATCH];
	uint64_t count = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const void *)to, sizeof(*to)) < 0) {
		return fail("send");
	}
	memset(messages, 0, sizeof(messages));
	for (size_t i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (int64_t end = now_ms() + span_ms; now_ms() < end;) {
		int sent = sendmmsg(fd, messages, BATCH, 0);
		count += sent > 0 ? (uint64_t)sent : 0;
	}
	(void)printf("%llu\n", (unsigned long long)count);
	return 0;
}

int main(int argc, char **argv)
{
	uint16_t port = 0;
	uint64_t span_ms = 0;
	struct sockaddr_in to = { .sin_family = AF_INET };
	if (argc == 3 && strcmp(argv[1], "serve") == 0 && parse_port(&port, argv[2]) == 0) {
		return serve(port);
	}
	if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 ||
	    parse_port(&port, argv[3]) < 0 || parse_u64(&span_ms, argv[4], 1, 60000) < 0) {
		errno = EINVAL;
		return fail("serve PORT | connect ADDRESS PORT MS | send ADDRESS PORT MS");
	}
	to.sin_port = htons(port);
	return strcmp(argv[1], "connect") == 0 ? connect_for(&to, (int64_t)span_ms)
					       : send_for(&to, (int64_t)span_ms);
}
