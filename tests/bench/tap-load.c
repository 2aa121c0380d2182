/*
 * Load for the benchmark of the tap, in the network namespace that it is started in.
 *   tap-load flood INTERFACE MAC ADDRESS PORT FIRST SOURCES RATE MS
 *                                  SYNs from SOURCES addresses from FIRST on, as the driver of a
 * card hands them over; PORT 0 = any; RATE packets a second, 0 = as fast as it goes; prints packets
 * and microseconds tap-load driver INTERFACE      lets a veth take packets as a card does (NAPI)
 *   tap-load sink PORT             takes one connection after the other until stdin ends
 *   tap-load pump ADDRESS PORT MS  bytes as fast as they go; prints how many
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <tap_flood.skel.h>

#include "base/parse.h"
#include "tap_flood.h"

enum { BATCH = 64, BURST = 1 << 18, PIPE_BYTES = 1 << 17 };

static int64_t now_us(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What this process has used; the kernel's work for a packet that it sends is part of it. */
static int64_t used_us(void)
{
	struct rusage used;
	(void)getrusage(RUSAGE_SELF, &used); /* always there */
	return (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
	       used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static int fail(const char *what)
{
	(void)fprintf(stderr, "tap-load: %s: %s\n", what, strerror(errno));
	return 1;
}

static uint64_t number(const char *word)
{
	uint64_t value = 0;
	if (parse_u64(&value, word, 0, UINT32_MAX) < 0) {
		errno = EINVAL;
		exit(fail(word));
	}
	return value;
}

static int64_t end_of(const char *milliseconds)
{
	return now_us() + (int64_t)number(milliseconds) * 1000;
}

/* ---- packets ---- */

static void write_packet(uint8_t *out, const char *mac, const char *address, uint16_t port)
{
	static const uint8_t head[FLOOD_BYTES] = {
		[12] = 8,    0,    0x45, 0,  0,           40, 0,
		0,           0,    0,    57, 6,                  /* IPv4, TTL 57, TCP */
		[34] = 0x9c, 0x40,                               /* port 40000 */
		[38] = 1,    2,    3,    4,  [46] = 0x50, 2,  4, /* 20 bytes, SYN, window 1024 */
	};
	memcpy(out, head, sizeof(head));
	if (ether_aton_r(mac, (struct ether_addr *)out) == NULL) {
		errno = EINVAL;
		exit(fail(mac));
	}
	out[6] = 2; /* ours: any that is local */
	if (inet_pton(AF_INET, address, out + 30) != 1) {
		errno = EINVAL;
		exit(fail(address));
	}
	out[36] = (uint8_t)(port >> 8);
	out[37] = (uint8_t)port;
}

/* A burst of them. @return 0 or errno. */
static int burst(int program, const uint8_t *packet, unsigned count)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (__u32)program;
	attributes.test.data_in = (uintptr_t)packet;
	attributes.test.data_size_in = FLOOD_BYTES;
	attributes.test.repeat = count;
	attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	attributes.test.batch_size = BATCH;
	return syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)) < 0 ? errno : 0;
}

/* Waits until `sent` packets are due. */
static void keep_rate(int64_t begin, uint64_t sent, uint64_t rate)
{
	const int64_t ahead = begin + (int64_t)(sent * 1000000 / rate) - now_us();
	if (ahead > 100) {
		const struct timespec wait = { ahead / 1000000, ahead % 1000000 * 1000 };
		(void)nanosleep(&wait, NULL); /* early is as good: we look again */
	}
}

static int flood(char **words)
{
	uint8_t packet[FLOOD_BYTES];
	const uint32_t first = 0;
	struct in_addr address;
	const uint64_t rate = number(words[8]);
	struct tap_flood *skeleton = tap_flood__open();
	if (skeleton == NULL || tap_flood__load(skeleton) < 0) {
		return fail("cannot load the program that makes packets");
	}
	if (inet_pton(AF_INET, words[6], &address) != 1) {
		errno = EINVAL;
		return fail(words[6]);
	}
	const struct flood settings = { .state = (uint64_t)now_us(),
					.first = ntohl(address.s_addr),
					.sources = (uint32_t)number(words[7]),
					.interface = if_nametoindex(words[2]),
					.any_port = number(words[5]) == 0 };
	write_packet(packet, words[3], words[4], (uint16_t)number(words[5]));
	if (skel_map_update_elem(skeleton->maps.flood_settings.map_fd, &first, &settings, 0) < 0) {
		return fail("settings");
	}
	const unsigned step = rate == 0 ? BURST : (unsigned)(rate / 5 / BATCH + 1) * BATCH;
	const int64_t begin = now_us();
	const int64_t end = end_of(words[9]);
	const int64_t used = used_us();
	uint64_t sent = 0;
	while (now_us() < end) {
		const int error = burst(skeleton->progs.flood_make.prog_fd, packet, step);
		if (error != 0) {
			errno = error;
			return fail("BPF_PROG_TEST_RUN");
		}
		sent += step;
		if (rate != 0) {
			keep_rate(begin, sent, rate);
		}
	}
	(void)printf("%llu %lld %lld\n", (unsigned long long)sent, (long long)(now_us() - begin),
		     (long long)(used_us() - used));
	tap_flood__destroy(skeleton);
	return 0;
}

static int driver(const char *interface)
{
	struct ethtool_value on = { .cmd = ETHTOOL_SGRO, .data = 1 };
	struct ifreq request = { .ifr_data = (void *)&on };
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? fail("GRO") : 0;
}

/* ---- bytes ---- */

static int sink(const char *port)
{
	static char bytes[PIPE_BYTES];
	const struct sockaddr_in any = { .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)number(port)) };
	const int yes = 1;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (const void *)&any, sizeof(any)) < 0 || listen(listener, 8) < 0) {
		return fail("sink");
	}
	(void)printf("ready\n");
	(void)fflush(stdout);
	for (int fd = -1;;) {
		struct pollfd wait[3] = { { 0, POLLIN, 0 },
					  { listener, POLLIN, 0 },
					  { fd, POLLIN, 0 } };
		if (poll(wait, 3, -1) < 0 || wait[0].revents != 0) {
			return 0;
		}
		if (fd >= 0 && wait[2].revents != 0 && read(fd, bytes, sizeof(bytes)) <= 0) {
			(void)close(fd);
			fd = -1;
		}
		if (fd < 0 && wait[1].revents != 0) {
			fd = accept(listener, NULL, NULL);
		}
	}
}

static int pump(char **words)
{
	static const char bytes[PIPE_BYTES];
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)number(words[3])) };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int64_t end = end_of(words[4]);
	uint64_t sent = 0;
	if (inet_pton(AF_INET, words[2], &to.sin_addr) != 1 ||
	    connect(fd, (const void *)&to, sizeof(to)) < 0) {
		return fail("pump");
	}
	while (now_us() < end) {
		const ssize_t length = write(fd, bytes, sizeof(bytes));
		if (length < 0) {
			return fail("write");
		}
		sent += (uint64_t)length;
	}
	(void)printf("%llu\n", (unsigned long long)sent);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 10 && strcmp(argv[1], "flood") == 0) {
		return flood(argv);
	}
	if (argc == 3 && strcmp(argv[1], "driver") == 0) {
		return driver(argv[2]);
	}
	if (argc == 3 && strcmp(argv[1], "sink") == 0) {
		return sink(argv[2]);
	}
	if (argc == 5 && strcmp(argv[1], "pump") == 0) {
		return pump(argv);
	}
	(void)fprintf(stderr, "tap-load: see the head of its source\n");
	return 3;
}
