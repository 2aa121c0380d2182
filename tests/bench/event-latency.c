/*
 * Opens listeners at a fixed rate and hears of each from the daemon's event stream; prints the time
 * from listen(2) to the arrival as JSON.
 * Usage: event-latency SOCKET COUNT RATE
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

enum { COUNT_MAX = 15000, LINE_BYTES = 16384 };

static const long GRACE_NS = 2000000000L; /* what has not come then is missed */

struct bench {
	int stream;
	uint32_t count, rate;
	_Atomic int64_t begun[65536]; /* by port: monotonic ns before listen(2) */
	int64_t latency_ns[COUNT_MAX];
	_Atomic uint32_t heard;
	_Atomic int64_t finished; /* when the last was opened; 0 = not yet */
};

static int64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(int64_t when)
{
	const struct timespec t = { when / 1000000000LL, when % 1000000000LL };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
	}
}

/* The sockets stay open to the end, so that no number comes twice. */
static bool open_one(struct bench *bench)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		return false;
	}
	atomic_store(&bench->begun[ntohs(address.sin_port)], now_ns());
	return listen(fd, 1) == 0;
}

static void *open_all(void *data)
{
	struct bench *bench = data;
	const int64_t start = now_ns();
	for (uint32_t i = 0; i < bench->count; i++) {
		sleep_until(start + (int64_t)i * 1000000000LL / bench->rate);
		if (!open_one(bench)) {
			perror("event-latency: cannot open a listener");
			break;
		}
	}
	atomic_store(&bench->finished, now_ns());
	return NULL;
}

static void hear(struct bench *bench, const char *line, int64_t now)
{
	const char *port = strstr(line, "\"port\":");
	uint64_t number = 0;
	if (strstr(line, "\"kind\":\"listener_opened\"") == NULL || port == NULL) {
		return;
	}
	port += strlen("\"port\":");
	if (parse_u64_bytes(&number, port, strspn(port, "0123456789"), 0, UINT16_MAX) < 0) {
		return;
	}
	const int64_t begun = atomic_exchange(&bench->begun[number], 0);
	if (begun != 0) {
		const uint32_t place = atomic_fetch_add(&bench->heard, 1);
		bench->latency_ns[place] = now - begun;
	}
}

static void read_stream(struct bench *bench)
{
	static char text[4 * LINE_BYTES];
	size_t used = 0;
	for (;;) {
		const ssize_t n = recv(bench->stream, text + used, sizeof(text) - 1 - used, 0);
		const int64_t now = now_ns();
		const int64_t finished = atomic_load(&bench->finished);
		if (atomic_load(&bench->heard) == bench->count ||
		    (finished != 0 && now - finished > GRACE_NS)) {
			return;
		}
		if (n <= 0) {
			continue;
		}
		used += (size_t)n;
		text[used] = '\0';
		char *line = text;
		for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			hear(bench, line, now);
		}
		used -= (size_t)(line - text);
		memmove(text, line, used);
	}
}

static int subscribe(const char *path)
{
	static const char request[] =
		"GET /v1/events/stream?kind=listener_opened HTTP/1.1\r\nHost: m\r\n\r\n";
	const struct timeval wait = { .tv_usec = 100000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send(fd, request, sizeof(request) - 1, 0) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		perror("event-latency: cannot subscribe");
		return -1;
	}
	/* The head of the answer comes once the subscription stands. */
	char head[512];
	return recv(fd, head, sizeof(head), 0) > 0 ? fd : -1;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a;
	const int64_t y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	uint64_t count = 0;
	uint64_t rate = 0;
	pthread_t opener;
	if (argc != 4 || parse_u64(&count, argv[2], 1, COUNT_MAX) < 0 ||
	    parse_u64(&rate, argv[3], 1, 1000000) < 0) {
		(void)fputs("usage: event-latency SOCKET COUNT RATE\n", stderr);
		return 3;
	}
	bench.count = (uint32_t)count;
	bench.rate = (uint32_t)rate;
	bench.stream = subscribe(argv[1]);
	if (bench.stream < 0 || pthread_create(&opener, NULL, open_all, &bench) != 0) {
		return 1;
	}
	read_stream(&bench);
	(void)pthread_join(opener, NULL); /* it has ended: it set `finished` or all were heard */
	const uint32_t heard = atomic_load(&bench.heard);
	qsort(bench.latency_ns, heard, sizeof(bench.latency_ns[0]), compare);
	if (heard == 0) {
		(void)printf("{\"heard\": 0, \"missed\": %u}\n", bench.count);
		return 1;
	}
	(void)printf("{\"heard\": %u, \"missed\": %u, \"p50_us\": %.1f, \"p99_us\": %.1f, "
		     "\"max_us\": %.1f}\n",
		     heard, bench.count - heard, (double)bench.latency_ns[heard / 2] / 1000,
		     (double)bench.latency_ns[(uint64_t)heard * 99 / 100] / 1000,
		     (double)bench.latency_ns[heard - 1] / 1000);
	return 0;
}
