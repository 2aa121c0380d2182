/*
 * minato-sentry: sees port scans; started by minatod with a socket on descriptor 3. It reads what
 * anybody on the network sends, so it has no rights, opens no file and says nothing but typed
 * messages of fixed fields.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "common/say.h"
#include "sentry.h"

static const usec_t TICK_USEC = USEC_PER_SEC;
/* So long it waits for the ports that are open: without them every client would look like a scan.
 */
static const usec_t PATIENCE_USEC = 20 * USEC_PER_SEC;

/* ---- notes ---- */

/*
 * Without the kernel's knowledge of sockets an ACK to the range of the host's own connections
 * mostly belongs to one of them, and may come long after the last packet that was seen of it.
 */
static bool may_be_own(const struct sentry *sentry, const struct packet_note *note)
{
	return sentry->tap.way == WIRE_TAP_PACKETS && note->protocol == PROTOCOL_TCP &&
	       (note->flags & (TCP_FLAG_ACK | TCP_FLAG_SYN)) == TCP_FLAG_ACK &&
	       note->destination_port >= sentry->ephemeral_first;
}

/* Most hosts pass nothing on, and need not pay for it. */
static struct detect *through_of(struct sentry *sentry)
{
	struct detect_parameters parameters = detect_defaults_through();
	struct err e = ERR_INIT;
	if (sentry->through != NULL || sentry->not_through) {
		return sentry->through;
	}
	parameters.ephemeral_first = sentry->ephemeral_first;
	if (getrandom(parameters.secret, sizeof(parameters.secret), 0) !=
		    (ssize_t)sizeof(parameters.secret) ||
	    detect_new(&sentry->through, &parameters, &e) < 0) {
		sentry->not_through = true;
		say(SAY_WARNING, "scans of machines behind this host are not looked for: %s",
		    e.code != 0 ? err_text(&e) : "no random numbers");
	}
	return sentry->through;
}

/* By a socket notes come of both directions; a program sees what comes in. */
static void on_note(const struct packet_note *note, void *data)
{
	struct sentry *sentry = data;
	const bool sent = (note->marks & PACKET_SENT) != 0;
	struct packet_note judged = *note;
	if ((note->marks & PACKET_DEVICE) != 0) {
		devices_note(sentry, note);
		if (!sent) {
			return; /* an answer to this host is no question */
		}
	}
	if ((note->marks & PACKET_THROUGH) != 0) {
		struct detect *through = through_of(sentry);
		if (through != NULL) {
			sentry->judged++;
			detect_note(through, note);
		}
		return;
	}
	/* The kernel sees a socket there, and a decoy is no service. */
	if (note->protocol == PROTOCOL_TCP &&
	    portset_has(&sentry->ports.decoys, note->destination_port)) {
		judged.marks &= (uint8_t)~PACKET_OPEN;
	}
	if (addresses_have(&sentry->addresses, sent ? &note->source : &note->destination) &&
	    (sent || !may_be_own(sentry, note))) {
		sentry->judged++;
		floods_note(&sentry->floods, &judged);
		detect_note(sentry->detect, &judged);
	}
}

static int on_notes(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	struct sentry *sentry = data;
	(void)tap_reader_read(sentry->reader, SENTRY_NOTES_A_TURN, on_note, sentry);
	tell_changes(sentry);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *data)
{
	(void)usec;
	struct sentry *sentry = data;
	detect_tick(sentry->detect, clock_now());
	floods_look(sentry);
	if (sentry->through != NULL) {
		detect_tick(sentry->through, clock_now());
	}
	tell_changes(sentry);
	tell_growth(sentry);
	int r = sd_event_source_set_time_relative(source, (uint64_t)TICK_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Until then the ring keeps what comes. */
static void begin(struct sentry *sentry)
{
	sentry->judging = true;
	if (sentry->notes != NULL) {
		(void)sd_event_source_set_enabled(sentry->notes, SD_EVENT_ON); /* cannot fail */
	}
}

void sentry_begin_when_known(struct sentry *sentry)
{
	if (!sentry->judging && ports_are_known(&sentry->ports) && sentry->addresses.told) {
		begin(sentry);
	}
}

static int on_patience(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	struct sentry *sentry = data;
	if (!sentry->judging) {
		say(SAY_WARNING, "which ports are open is not known; begins all the same");
		begin(sentry);
	}
	return 0;
}

/* ---- messages ---- */

static void open_tap(struct sentry *sentry, const struct wire_tap *tap, const int *fds)
{
	struct err e = ERR_INIT;
	uint64_t secret[2];
	const bool bpf = tap->way == WIRE_TAP_BPF;
	const struct tap_fds tap_fds = { .ring = fds[0],
					 .counters = bpf ? fds[1] : -1,
					 .suppressed = bpf ? fds[2] : -1,
					 .ring_bytes = bpf ? tap->ring_bytes : 0,
					 .cpus = tap->cpus };
	sentry->tap = *tap;
	int r = getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret) ? 0 : -errno;
	if (tap->way == WIRE_TAP_NONE) {
		return;
	}
	if (r == 0) {
		r = tap_reader_open(&sentry->reader, &tap_fds, secret, &e);
	}
	if (r == 0) {
		r = sd_event_add_io(sentry->loop, &sentry->notes, tap_reader_fd(sentry->reader),
				    EPOLLIN, on_notes, sentry);
	}
	if (r >= 0 && !sentry->judging) {
		r = sd_event_source_set_enabled(sentry->notes, SD_EVENT_OFF);
	}
	if (r < 0) {
		sentry->notes = sd_event_source_disable_unref(sentry->notes);
		sentry->reader = tap_reader_free(sentry->reader);
		(void)snprintf(sentry->tap.reason, sizeof(sentry->tap.reason), "%s",
			       e.code != 0 ? err_text(&e) : strerror(-r));
		say(SAY_WARNING, "no packets are heard: %s", sentry->tap.reason);
	}
}

static int on_parent(const struct wire_message *message, int fds[WIRE_FDS_MAX], void *data)
{
	struct sentry *sentry = data;
	switch (message->type) {
	case WIRE_PING:
		process_tell(&sentry->parent, WIRE_PONG);
		return 0;
	case WIRE_STOP:
		detect_finish(sentry->detect);
		if (sentry->through != NULL) {
			detect_finish(sentry->through);
		}
		tell_changes(sentry);
		(void)sd_event_exit(sentry->loop,
				    EXIT_SUCCESS); /* fails only when it ends already */
		return 0;
	case WIRE_TAP:
		open_tap(sentry, &message->tap, fds);
		return 0;
	case WIRE_OPEN_PORTS:
		ports_take(sentry, &message->open_ports);
		return 0;
	case WIRE_DECOYS:
		ports_take_decoys(sentry, message->order.text);
		return 0;
	case WIRE_RELOAD:
		tell_again(sentry);
		return 0;
	default:
		return -EPROTO;
	}
}

static void on_turn(void *data)
{
	sentry_begin_when_known(data);
}

static void on_parent_closed(void *data)
{
	struct sentry *sentry = data;
	(void)sd_event_exit(sentry->loop, EXIT_FAILURE);
}

/* ---- start ---- */

/* From where on systems choose ports for their own connections; without an answer as usual. */
static void read_ephemeral(struct detect_parameters *parameters)
{
	char text[64];
	uint64_t first = 0;
	if (file_read_into(text, sizeof(text), AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range") >
		    0 &&
	    parse_u64_bytes(&first, text, strspn(text, "0123456789"), 1, UINT16_MAX) == 0) {
		parameters->ephemeral_first = (uint16_t)first;
	}
}

static int make_detector(struct sentry *sentry, struct err *e)
{
	struct detect_parameters parameters = detect_defaults();
	parameters.incidents_max = SENTRY_INCIDENTS_MAX;
	read_ephemeral(&parameters);
	sentry->ephemeral_first = parameters.ephemeral_first;
	if (getrandom(parameters.secret, sizeof(parameters.secret), 0) !=
	    (ssize_t)sizeof(parameters.secret)) {
		return err_system(e, errno, "no random numbers");
	}
	return detect_new(&sentry->detect, &parameters, e);
}

static int watch(struct sentry *sentry, struct err *e)
{
	int r = sd_event_new(&sentry->loop);
	if (r >= 0) {
		r = sd_event_add_time_relative(sentry->loop, &sentry->tick, CLOCK_MONOTONIC,
					       (uint64_t)TICK_USEC, 10000, on_tick, sentry);
	}
	if (r >= 0) {
		r = sd_event_add_time_relative(sentry->loop, &sentry->patience, CLOCK_MONOTONIC,
					       (uint64_t)PATIENCE_USEC, 10000, on_patience, sentry);
	}
	if (r >= 0) {
		r = link_open(&sentry->parent, sentry->loop, PROCESS_SOCKET, e);
	}
	return r < 0 ? err_system(e, r, "cannot make the event loop") : addresses_watch(sentry, e);
}

static int start(struct sentry *sentry, struct err *e)
{
	struct wire_setup setup;
	int fds[WIRE_FDS_MAX];
	int r = process_setup(&setup, fds, e);
	if (r < 0) {
		return r;
	}
	wire_close(fds);
	r = addresses_open(&sentry->addresses, e);
	if (r == 0) {
		r = make_detector(sentry, e);
	}
	if (r == 0) {
		r = process_seal_without_files(SANDBOX_SENTRY, e);
	}
	return r == 0 ? watch(sentry, e) : r;
}

static void sentry_deinit(struct sentry *sentry)
{
	sentry->notes = sd_event_source_disable_unref(sentry->notes);
	sentry->tick = sd_event_source_disable_unref(sentry->tick);
	sentry->patience = sd_event_source_disable_unref(sentry->patience);
	sentry->reader = tap_reader_free(sentry->reader);
	addresses_deinit(&sentry->addresses);
	detect_free(sentry->detect);
	detect_free(sentry->through);
	floods_deinit(&sentry->floods);
	link_close(&sentry->parent);
	sd_event_unref(sentry->loop);
}

int main(void)
{
	say_init("minato-sentry");
	(void)signal(SIGPIPE, SIG_IGN); /* a parent that left is seen when its socket is read */
	struct err e = ERR_INIT;
	struct sentry sentry = {
		.parent = { .socket = -1,
			    .other = WIRE_PARENT,
			    .function = on_parent,
			    .turn = on_turn,
			    .closed = on_parent_closed },
		.addresses = { .socket = -1 },
	};
	sentry.parent.data = &sentry;
	int r = start(&sentry, &e);
	if (r == 0) {
		process_tell(&sentry.parent, WIRE_READY);
		r = sd_event_loop(sentry.loop);
	} else {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	sentry_deinit(&sentry);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
