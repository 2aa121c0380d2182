/* Loading the tap's programs, and opening what was loaded. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <packet_tap.skel.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "tap/io/pins.h"

enum {
	RING_BYTES = 8 << 20,   /* 75,000 notes until somebody reads them */
	RATE = 20000,           /* what the sentry works off in a tenth of a CPU */
	BURST = 65536,          /* a scan of every port at once... */
	BURST_SHARED = 1 << 18, /* ...but not by so many CPUs that nothing else fits the ring */
	NSEC_PER_SEC = 1000000000,
	AGAIN_SECONDS = 60, /* the shortest window of lib/detect */
};

/* For _cleanup_. */
static void tap_freep(struct tap **tap)
{
	*tap = tap_free(*tap);
}

/* Their numbers go up to this, also of those that come later. */
static uint32_t possible_cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);
	return count < 1 ? 1 : (uint32_t)count;
}

/* What options say, into settings that keep all else. */
static void set_options(struct tap_settings *settings, const struct tap_options *options,
			uint32_t cpus)
{
	const uint32_t rate = options->rate != 0 ? options->rate : RATE;
	const uint32_t share = rate / cpus == 0 ? 1 : rate / cpus;
	settings->interval_ns = NSEC_PER_SEC / share;
	settings->burst = BURST_SHARED / cpus < BURST ? BURST_SHARED / cpus : BURST;
	if (options->burst != 0) {
		settings->burst = options->burst;
	}
	const usec_t again = options->again > 0 ? options->again : AGAIN_SECONDS * USEC_PER_SEC;
	settings->again_ns = (uint64_t)again * 1000;
}

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec now;
	(void)clock_gettime(clock, &now); /* always there */
	return (int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

uint64_t tap_suspended(void)
{
	const int64_t monotonic = nanoseconds(CLOCK_MONOTONIC);
	const int64_t span = nanoseconds(CLOCK_BOOTTIME) - monotonic;
	/* Less than a millisecond passed between the two questions. */
	return span < NSEC_PER_SEC / 1000 ? 0 : (uint64_t)span;
}

static int put_settings(const struct tap *tap, const struct tap_options *options, bool anew,
			struct err *e)
{
	const uint32_t first = 0;
	struct tap_settings settings = { .version = TAP_VERSION, .never = 1 };
	int r = 0;
	if (!anew) {
		r = bpf_read_value(tap->fds[PIN_SETTINGS], first, &settings);
	} else if (getrandom(settings.secret, sizeof(settings.secret), 0) !=
		   sizeof(settings.secret)) {
		return err_system(e, errno, "no random numbers for the tap");
	}
	set_options(&settings, options, tap->cpus);
	settings.suspended_ns = tap_suspended();
	if (r == 0) {
		r = bpf_update(tap->fds[PIN_SETTINGS], &first, &settings);
	}
	return r < 0 ? err_system(e, r, "cannot write the tap's settings") : 0;
}

/* The skeleton closes what it has loaded: the tap gets copies. */
static int take_fds(struct tap *out, const struct packet_tap *skeleton, struct err *e)
{
	const int fds[PIN_COUNT] = {
		[PIN_SETTINGS] = skeleton->maps.tap_settings_map.map_fd,
		[PIN_RING] = skeleton->maps.tap_ring.map_fd,
		[PIN_COUNTERS] = skeleton->maps.tap_counters.map_fd,
		[PIN_SUPPRESSED] = skeleton->maps.tap_suppressed.map_fd,
		[PIN_BANS] = skeleton->maps.tap_bans.map_fd,
		[PIN_NETWORKS] = skeleton->maps.tap_networks.map_fd,
		[PIN_NEVER] = skeleton->maps.tap_never.map_fd,
		[PIN_WATCHED] = skeleton->maps.tap_watched.map_fd,
		[PIN_DEVICES] = skeleton->maps.tap_devices.map_fd,
		[PIN_INGRESS] = skeleton->progs.tap_ingress.prog_fd,
		[PIN_EGRESS] = skeleton->progs.tap_egress.prog_fd,
		[PIN_XDP] = skeleton->progs.tap_xdp.prog_fd,
	};
	for (unsigned i = 0; i < PIN_COUNT; i++) {
		close_fdp(&out->fds[i]);
		out->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (out->fds[i] < 0) {
			return err_system(e, errno, "cannot keep the tap's programs");
		}
	}
	return 0;
}

static int load_programs(struct tap *out, const struct tap_options *options, struct err *e)
{
	struct packet_tap *skeleton = packet_tap__open();
	if (skeleton == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	out->cpus = possible_cpus();
	out->ring_bytes = options->ring_bytes != 0 ? options->ring_bytes : RING_BYTES;
	skeleton->maps.tap_ring.max_entries = out->ring_bytes;
	skeleton->maps.tap_counters.max_entries = out->cpus;
	int r = packet_tap__load(skeleton);
	if (r == -EPERM || r == -ENOMEM) {
		r = err_system(e, r, "cannot load the BPF programs of the tap");
	} else if (r < 0) {
		r = err_set(e, EOPNOTSUPP,
			    "this kernel takes no BPF program that sees packets as the tap does: "
			    "it needs Linux 6.1 or newer, with CONFIG_NET_CLS_BPF");
	} else {
		r = take_fds(out, skeleton, e);
	}
	packet_tap__destroy(skeleton);
	return r;
}

static int load_anew(struct tap *tap, const struct tap_place *place,
		     const struct tap_options *options, struct err *e)
{
	int r = load_programs(tap, options, e);
	if (r == 0) {
		r = put_settings(tap, options, true, e);
	}
	if (r < 0) {
		return r;
	}
	tap_pins_remove(place, true);
	r = tap_pins_make(tap, place, e);
	if (r < 0) {
		tap_pins_remove(place, false);
		return r;
	}
	tap_pins_open_before(tap, place);
	return 0;
}

int tap_load(struct tap **out, const struct tap_place *place, const struct tap_options *options,
	     struct err *e)
{
	const struct tap_options defaults = { 0 };
	_cleanup_(tap_freep) struct tap *tap = tap_pins_new();
	if (tap == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	options = options != NULL ? options : &defaults;
	int r = tap_pins_allowed(place, e);
	if (r == 0) {
		r = tap_pins_lock(tap, place, true, e);
	}
	if (r < 0) {
		return r;
	}
	r = tap_pins_open(tap, place, e);
	if (r == 0) {
		r = put_settings(tap, options, false, e);
	} else if (r == -ENOENT) {
		r = load_anew(tap, place, options, e);
	}
	if (r < 0) {
		(void)rmdir(place->directory); /* fails unless nothing is in it */
		return r;
	}
	tap_pins_unlock(tap);
	*out = steal(&tap);
	return 0;
}

int tap_open(struct tap **out, const struct tap_place *place, struct err *e)
{
	_cleanup_(tap_freep) struct tap *tap = tap_pins_new();
	if (tap == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	int r = tap_pins_allowed(place, e);
	if (r == 0) {
		r = tap_pins_lock(tap, place, false, e);
	}
	if (r == 0) {
		r = tap_pins_open(tap, place, e);
	}
	if (r == -ENOENT) {
		return err_set(e, ENOENT, "no tap is loaded in %s", place->directory);
	}
	if (r == 0) {
		tap_pins_unlock(tap);
		*out = steal(&tap);
	}
	return r;
}

int tap_unload(const struct tap_place *place, struct err *e)
{
	_cleanup_(tap_freep) struct tap *tap = tap_pins_new();
	if (tap == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	/* Away with it also where BPF is not to be used. */
	int r = tap_pins_lock(tap, place, false, e);
	if (r < 0) {
		return r == -ENOENT ? 0 : r;
	}
	tap_pins_remove(place, false);
	(void)rmdir(place->directory); /* something else lies there: it stays */
	return 0;
}

struct tap_fds tap_fds_of(const struct tap *tap)
{
	return (struct tap_fds){ .ring = tap->fds[PIN_RING],
				 .counters = tap->fds[PIN_COUNTERS],
				 .suppressed = tap->fds[PIN_SUPPRESSED],
				 .ring_bytes = tap->ring_bytes,
				 .cpus = tap->cpus };
}
