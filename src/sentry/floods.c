/* SYN floods of open ports: the tap notes each source once, but counts by port. */
#include <stdlib.h>

#include "base/io/clock.h"
#include "model/protocol.h"
#include "sentry.h"

enum { PORTS = 65536 };

void floods_note(struct sentry_floods *floods, const struct packet_note *note)
{
	if (note->protocol == PROTOCOL_TCP && (note->marks & PACKET_OPEN) != 0 &&
	    note->flags == TCP_FLAG_SYN) {
		floods->asking[note->destination_port % SENTRY_ASKING] = *note;
	}
}

/* At a port that is wanted by many as well most connections are made, so that it says little. */
static void look_at(struct sentry *sentry, uint16_t port, struct tap_begun now)
{
	struct tap_begun *before = &sentry->floods.before[port];
	const uint64_t begun = now.begun - before->begun;
	const uint64_t made = now.made - before->made;
	struct packet_note like = sentry->floods.asking[port % SENTRY_ASKING];
	*before = now;
	if (begun > 2 * made && like.destination_port == port) {
		like.time = clock_now();
		detect_unanswered(sentry->detect, &like, begun - made);
	}
}

/* What was there before: while little goes on it is not looked at, and what is made not counted. */
static bool remember_all(struct sentry *sentry)
{
	struct sentry_floods *floods = &sentry->floods;
	if (floods->before == NULL) {
		floods->before = calloc(PORTS, sizeof(*floods->before));
	}
	for (uint32_t port = 0; floods->before != NULL && port < PORTS; port++) {
		floods->before[port] = tap_reader_begun(sentry->reader, (uint16_t)port);
	}
	return floods->before != NULL;
}

void floods_look(struct sentry *sentry)
{
	enum { FEW = 16 }; /* of the sample, in a second: nobody's flood */
	struct sentry_floods *floods = &sentry->floods;
	struct tap_counters counters = { 0 };
	if (sentry->reader == NULL || sentry->tap.way != WIRE_TAP_BPF) {
		return;
	}
	tap_reader_counters(sentry->reader, &counters);
	const bool was_busy = floods->busy;
	const bool busy = counters.asked - floods->asked >= FEW;
	floods->asked = counters.asked;
	floods->busy = busy;
	if (busy && !was_busy) {
		floods->busy = remember_all(sentry);
		return;
	}
	for (uint32_t port = 0; was_busy && port < PORTS; port++) {
		const struct tap_begun now = tap_reader_begun(sentry->reader, (uint16_t)port);
		if (now.begun != floods->before[port].begun) {
			look_at(sentry, (uint16_t)port, now);
		}
	}
}

void floods_deinit(struct sentry_floods *floods)
{
	free(floods->before);
	floods->before = NULL;
}
