/* The refusals of a guard, out of its ring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "base/io/clock.h"
#include "base/io/ring.h"
#include "guard/io/pins.h"

struct guard_attempts {
	struct ring ring;
};

struct guard_place guard_place_of(enum guard_hook hook, const struct guard_place *bind,
				  char *directory)
{
	struct guard_place place = *bind;
	if (hook == GUARD_HOOK_CONNECT) {
		(void)snprintf(directory, GUARD_DIRECTORY_BYTES, "%s-outbound", bind->directory);
		place.directory = directory;
	}
	return place;
}

int guard_ring(uint32_t *bytes, enum guard_hook hook, const struct guard_place *place,
	       struct err *e)
{
	_cleanup_(pins_close) struct pins pins =
		PINS_INIT(hook == GUARD_HOOK_CONNECT ? &pins_connect : &pins_bind);
	uint32_t value_bytes = 0;
	int r = pins_open(&pins, place, e);
	if (r < 0) {
		return r;
	}
	if (!pins_whole(&pins)) {
		return err_set(e, ENOENT, "no guard is loaded");
	}
	r = bpf_map_size(pins.fds[PIN_RING], &value_bytes, bytes);
	if (r < 0) {
		return err_system(e, r, "cannot ask for the size of the guard's ring");
	}
	return steal_fd(&pins.fds[PIN_RING]);
}

int guard_attempts_open(struct guard_attempts **out, int ring, uint32_t bytes, struct err *e)
{
	struct guard_attempts *attempts = calloc(1, sizeof(*attempts));
	if (attempts == NULL) {
		return err_system(e, ENOMEM, "bind guard");
	}
	int r = ring_open(&attempts->ring, ring, bytes, e);
	if (r < 0) {
		(void)guard_attempts_free(attempts);
		return r;
	}
	*out = attempts;
	return 0;
}

struct guard_attempts *guard_attempts_free(struct guard_attempts *attempts)
{
	if (attempts != NULL) {
		ring_close(&attempts->ring);
		free(attempts);
	}
	return NULL;
}

int guard_attempts_fd(const struct guard_attempts *attempts)
{
	return attempts->ring.fd;
}

struct receiver {
	usec_t boot_offset;
	guard_attempt_function *function;
	void *data;
};

static bool hand_over(const void *record, size_t length, void *data)
{
	const struct receiver *receiver = data;
	struct guard_attempt attempt;
	if (guard_attempt_read(&attempt, record, length, receiver->boot_offset) < 0) {
		return false;
	}
	receiver->function(&attempt, receiver->data);
	return true;
}

unsigned guard_attempts_read(struct guard_attempts *attempts, unsigned max,
			     guard_attempt_function *function, void *data)
{
	struct receiver receiver = { clock_boot_offset(), function, data };
	return ring_read(&attempts->ring, max, hand_over, &receiver);
}
