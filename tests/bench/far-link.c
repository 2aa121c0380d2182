/*
 * A link between two network namespaces that takes time and loses packets, as netem is not in every
 * kernel: far-link NAMESPACE NAMESPACE INTERFACE DELAY_US LOST_PER_MILLE. Makes a tap of that name
 * in both, says "ready", and ends with its input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

enum { FRAME_BYTES = 252, FRAMES = 1 << 17, BURST = 256 };

struct frame {
	uint32_t length;
	uint8_t bytes[FRAME_BYTES];
};

/* One direction. */
struct lane {
	struct frame *frames;
	int64_t *due_ns;
	uint32_t first, count;
};

static int64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int make_tap(const char *netns, const char *name)
{
	char path[256];
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	(void)snprintf(path, sizeof(path), "/run/netns/%s", netns);
	const int place = open(path, O_RDONLY | O_CLOEXEC);
	if (place < 0 || setns(place, CLONE_NEWNET) < 0) {
		return -1;
	}
	(void)close(place);
	const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0 ? -1 : tap;
}

static bool is_lost(unsigned per_mille)
{
	static uint64_t random = 88172645463325252u;
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random % 1000 < per_mille;
}

static void take(struct lane *lane, int tap, int64_t delay_ns, unsigned per_mille)
{
	struct frame spare;
	for (unsigned i = 0; i < BURST; i++) {
		const bool room = lane->count < FRAMES;
		const uint32_t at = (lane->first + lane->count) % FRAMES;
		struct frame *frame = room ? &lane->frames[at] : &spare;
		const ssize_t length = read(tap, frame->bytes, FRAME_BYTES);
		if (length <= 0) {
			return;
		}
		if (room && !is_lost(per_mille)) {
			frame->length = (uint32_t)length;
			lane->due_ns[at] = now_ns() + delay_ns;
			lane->count++;
		}
	}
}

static void give(struct lane *lane, int tap)
{
	const int64_t now = now_ns();
	for (unsigned i = 0; i < BURST && lane->count > 0 && lane->due_ns[lane->first] <= now;
	     i++) {
		const struct frame *frame = &lane->frames[lane->first];
		if (write(tap, frame->bytes, frame->length) < 0) {
			/* as lost on the way */
		}
		lane->first = (lane->first + 1) % FRAMES;
		lane->count--;
	}
}

static int64_t wait_ns(const struct lane lanes[2])
{
	int64_t next = INT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		if (lanes[i].count > 0 && lanes[i].due_ns[lanes[i].first] < next) {
			next = lanes[i].due_ns[lanes[i].first];
		}
	}
	const int64_t left = next == INT64_MAX ? 1000000000 : next - now_ns();
	return left < 0 ? 0 : left > 1000000000 ? 1000000000 : left;
}

int main(int count, char **words)
{
	struct lane lanes[2];
	uint64_t delay_us = 0, per_mille = 0;
	if (count != 6 || parse_u64(&delay_us, words[4], 0, 10000000) < 0 ||
	    parse_u64(&per_mille, words[5], 0, 1000) < 0) {
		(void)fprintf(stderr, "far-link NETNS NETNS INTERFACE DELAY_US LOST_PER_MILLE\n");
		return 3;
	}
	const int taps[2] = { make_tap(words[1], words[3]), make_tap(words[2], words[3]) };
	for (unsigned i = 0; i < 2; i++) {
		lanes[i] = (struct lane){ calloc(FRAMES, sizeof(struct frame)),
					  calloc(FRAMES, sizeof(int64_t)), 0, 0 };
		if (taps[i] < 0 || lanes[i].frames == NULL || lanes[i].due_ns == NULL) {
			(void)fprintf(stderr, "far-link: %s\n", strerror(errno));
			return 1;
		}
	}
	(void)printf("ready\n");
	(void)fflush(stdout);
	struct pollfd waits[3] = { { taps[0], POLLIN, 0 },
				   { taps[1], POLLIN, 0 },
				   { 0, POLLIN, 0 } };
	while (waits[2].revents == 0) {
		const int64_t wait = wait_ns(lanes);
		const struct timespec span = { wait / 1000000000, wait % 1000000000 };
		(void)ppoll(waits, 3, &span, NULL); /* whatever it says, all is looked at */
		for (unsigned i = 0; i < 2; i++) {
			take(&lanes[i], taps[i], (int64_t)delay_us * 1000, (unsigned)per_mille);
			give(&lanes[i], taps[1 - i]);
		}
	}
	return 0;
}
