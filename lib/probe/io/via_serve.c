/* What ssh(1) writes, read without any right: the part of minato-probe. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "probe/io/via.h"
#include "sandbox/sandbox.h"

enum {
	LINE_BYTES = 512,
	READ_MAX = 256 * 1024, /* of both outputs; the rest is not read */
};

struct source {
	int fd; /* -1 = it ended */
	size_t used;
	char line[LINE_BYTES];
};

struct reading {
	int channel;
	uint32_t count;
	struct via_told told; /* reason: the last line of errors */
};

static int take_line(struct reading *r, const struct source *source, bool errors)
{
	if (errors) {
		if (source->used > 0) {
			probe_first_line(r->told.reason, (const uint8_t *)source->line,
					 source->used);
		}
		return 0;
	}
	const int number = probe_via_line(&r->told.answer, source->line, r->count);
	if (number < 0) {
		return 0; /* a profile of the login wrote it */
	}
	struct via_told told = { .number = (uint32_t)number, .answer = r->told.answer };
	return sandbox_send(r->channel, &told, sizeof(told));
}

/* @return 0, or negative when nobody wants to know any more. */
static int take_bytes(struct reading *r, struct source *source, const char *bytes, size_t length,
		      bool errors)
{
	int result = 0;
	for (size_t i = 0; i < length && result == 0; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\0') {
			source->line[source->used] = '\0';
			result = take_line(r, source, errors);
			source->used = 0;
		} else if (source->used + 1 < LINE_BYTES) {
			source->line[source->used++] = bytes[i];
		}
	}
	return result;
}

static int read_both(struct reading *r, struct source sources[2], usec_t until)
{
	size_t total = 0;
	int result = 0;
	while (result == 0 && total < READ_MAX && (sources[0].fd >= 0 || sources[1].fd >= 0)) {
		struct pollfd waits[2] = { { sources[0].fd, POLLIN, 0 },
					   { sources[1].fd, POLLIN, 0 } };
		const usec_t left = until - clock_monotonic();
		if (left <= 0 || poll(waits, 2, (int)((left + 999) / 1000)) <= 0) {
			return 0;
		}
		for (unsigned i = 0; i < 2 && result == 0; i++) {
			char bytes[4096];
			const ssize_t n = waits[i].revents == 0
						  ? -1
						  : read(sources[i].fd, bytes, sizeof(bytes));
			if (waits[i].revents != 0 && n <= 0) {
				sources[i].fd = -1;
			} else if (n > 0) {
				total += (size_t)n;
				result = take_bytes(r, &sources[i], bytes, (size_t)n, i == 1);
			}
		}
	}
	return result;
}

int probe_via_serve(int channel)
{
	static struct source sources[2];
	struct via_order order;
	int fds[2] = { -1, -1 };
	int r = sandbox_take_order_fds(channel, &order, sizeof(order), fds, 2);
	if (r < 0 || order.count > PROBE_VIA_MAX) {
		return -EBADMSG;
	}
	struct reading reading = { .channel = channel, .count = order.count };
	sources[0].fd = fds[0];
	sources[1].fd = fds[1];
	r = read_both(&reading, sources, clock_monotonic() + order.seconds * USEC_PER_SEC);
	reading.told.number = UINT32_MAX;
	reading.told.answer = (struct probe_via_answer){ 0 };
	return r < 0 ? r : sandbox_send(channel, &reading.told, sizeof(reading.told));
}
