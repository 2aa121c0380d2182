/* How packets are heard: by the tap's programs, else by a packet socket. Loaded once, removed at
 * the end. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "common/bans.h"
#include "common/say.h"
#include "daemon.h"

/* ---- in the loader ---- */

static int load_tap(struct wire_tap *out, int fds[3], struct err *e)
{
	const struct tap_place where = bans_tap_place();
	struct tap *tap = NULL;
	int r = tap_load(&tap, &where, NULL, e);
	if (r < 0) {
		return r;
	}
	const struct tap_fds all = tap_fds_of(tap);
	const int wanted[] = { all.ring, all.counters, all.suppressed };
	for (unsigned i = 0; i < 3 && r == 0; i++) {
		fds[i] = dup(wanted[i]);
		r = fds[i] < 0 ? err_system(e, errno, "cannot keep the tap's tables") : 0;
	}
	out->way = WIRE_TAP_BPF;
	out->ring_bytes = all.ring_bytes;
	out->cpus = all.cpus;
	(void)tap_free(tap); /* what is pinned stays */
	return r;
}

static int open_socket(struct wire_tap *out, int fds[3], struct err *e)
{
	struct tap_fds all = TAP_FDS_INIT;
	const int r = tap_socket_open(&all, e);
	if (r == 0) {
		fds[0] = all.ring;
		out->way = WIRE_TAP_PACKETS;
	}
	return r;
}

/* Why not as it should be stands in the reason. */
static void choose(struct wire_tap *out, int fds[3], const struct options *options)
{
	struct err e = ERR_INIT;
	struct err fault = ERR_INIT;
	if (options->sentry == SENTRY_OFF) {
		(void)err_set(&e, ENOENT, "minatod runs with --sentry off");
	} else if (options->observe) {
		(void)err_set(&e, ENOENT, "minatod runs with --observe");
	} else if (options->sentry == SENTRY_PACKETS) {
		(void)err_set(&e, ENOENT, "minatod runs with --sentry packets");
	} else if (load_tap(out, fds, &e) == 0) {
		return;
	}
	if (options->sentry != SENTRY_OFF && open_socket(out, fds, &fault) < 0) {
		e = fault;
	}
	(void)str_copy(out->reason, sizeof(out->reason), err_text(&e));
}

void taps_load(const struct daemon *daemon, int socket)
{
	struct wire_message message = { .type = WIRE_TAP };
	int fds[] = { -1, -1, -1 };
	struct err e = ERR_INIT;
	choose(&message.tap, fds, &daemon->options);
	const unsigned count = message.tap.way == WIRE_TAP_BPF       ? 3
			       : message.tap.way == WIRE_TAP_PACKETS ? 1
								     : 0;
	if (wire_send(socket, &message, fds, count, &e) < 0) {
		say(SAY_ERROR, "%s", err_text(&e));
	}
}

/* ---- in the parent ---- */

int tap_send(const struct daemon *daemon, struct err *e)
{
	const struct wire_message message = { .type = WIRE_TAP, .tap = daemon->tap };
	unsigned count = 0;
	while (count < 3 && daemon->tap_fds[count] >= 0) {
		count++;
	}
	return wire_send(daemon->children[CHILD_SENTRY].socket, &message, daemon->tap_fds, count,
			 e);
}

/* ---- in keeper and helper ---- */

struct tap *taps_open(const struct daemon *daemon)
{
	const struct tap_place where = bans_tap_place();
	struct tap *tap = NULL;
	struct err e = ERR_INIT;
	if (daemon->tap.way == WIRE_TAP_BPF && tap_open(&tap, &where, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
	}
	return tap;
}

static void free_interfaces(struct if_nameindex **list)
{
	if (*list != NULL) {
		if_freenameindex(*list);
	}
}

void taps_remove(struct tap *tap)
{
	const struct tap_place where = bans_tap_place();
	struct err e = ERR_INIT;
	_cleanup_(free_interfaces) struct if_nameindex *list = if_nameindex();
	for (const struct if_nameindex *i = list; i != NULL && i->if_index != 0; i++) {
		const int index = (int)i->if_index;
		if (tap_detach(tap, index, TAP_TC, &e) < 0 && e.code != -ENODEV) {
			say(SAY_WARNING, "%s: %s", i->if_name, err_text(&e));
		}
		(void)tap_detach(tap, index, TAP_XDP_GENERIC, NULL); /* mostly there is none */
		(void)tap_detach(tap, index, TAP_XDP_NATIVE, NULL);
	}
	if (tap_unload(&where, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
	}
	(void)tap_free(tap);
}
