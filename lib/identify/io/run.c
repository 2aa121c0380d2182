/* Many ports at once: each with a socket that does not block, and its conversation. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/io/clock.h"
#include "identify/io/slot.h"

struct running {
	const struct identify_order *order;
	struct identify_tls_context *tls;
	identify_tell_function *tell;
	void *data;
	struct slot *slots;
	size_t slot_count; /* fewer once descriptors have run out */
	size_t busy;
	uint32_t next; /* port */
	int error;
};

static void end_port(struct running *run, struct slot *slot, usec_t now)
{
	struct identity *identity = &slot->talking.identity;
	identity->took = now - slot->begun;
	slot_hang_up(slot);
	slot->busy = false;
	run->busy--;
	run->error = run->error < 0 ? run->error : run->tell(run->data, identity);
}

/* @return 0; 1 it has to wait for a descriptor. */
static int perform(struct running *run, struct slot *slot)
{
	struct identify_talking *t = &slot->talking;
	while (slot->busy && t->fresh) {
		const usec_t now = clock_monotonic();
		t->fresh = false;
		slot->until = now + t->wait;
		switch (t->action) {
		case IDENTIFY_CONNECT:
			if (slot_connect(slot, run->order, run->busy > 1) != 0) {
				t->fresh = true;
				return 1;
			}
			break;
		case IDENTIFY_SHAKE:
			slot_shake(slot, run->order, run->tls);
			break;
		case IDENTIFY_SAY:
			slot_say(slot);
			break;
		case IDENTIFY_DONE:
			end_port(run, slot, now);
			break;
		case IDENTIFY_HEAR:
			break;
		}
	}
	return 0;
}

static void begin_port(struct running *run, struct slot *slot)
{
	slot->busy = true;
	run->busy++;
	slot->begun = clock_monotonic();
	identify_begin(&slot->talking, run->order, &run->order->ports[run->next++]);
}

static void begin_some(struct running *run)
{
	for (size_t i = 0; i < run->slot_count && run->next < run->order->port_count; i++) {
		if (!run->slots[i].busy) {
			begin_port(run, &run->slots[i]);
		}
	}
	for (size_t i = 0; i < run->order->at_once && run->error == 0; i++) {
		if (run->slots[i].busy && perform(run, &run->slots[i]) != 0) {
			/* Fewer at once from now on; this one goes on when another is done. */
			run->slot_count = run->slot_count > 1 ? run->slot_count - 1 : 1;
		}
	}
}

static int time_left(const struct running *run, usec_t now)
{
	usec_t until = now + USEC_PER_SEC;
	for (size_t i = 0; i < run->order->at_once; i++) {
		const struct slot *slot = &run->slots[i];
		if (slot->busy && !slot->talking.fresh && slot->until < until) {
			until = slot->until;
		}
	}
	return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

/* What has come about at a socket, or that nothing has in time. */
static void take_event(struct slot *slot, usec_t now, bool ready)
{
	if (now >= slot->until) {
		slot_time_out(slot); /* also when something is there: it may be there without end */
	} else if (ready && slot->connecting) {
		slot_connected(slot);
	} else if (ready) {
		slot_hear(slot);
	}
}

static void wait_for_any(struct running *run)
{
	/* Those that have a socket alone: poll(2) takes no more than there may be descriptors. */
	struct pollfd waits[IDENTIFY_AT_ONCE_MAX];
	struct slot *slots[IDENTIFY_AT_ONCE_MAX];
	nfds_t count = 0;
	for (size_t i = 0; i < run->order->at_once; i++) {
		struct slot *slot = &run->slots[i];
		if (slot->busy && !slot->talking.fresh) {
			slots[count] = slot;
			waits[count++] = (struct pollfd){ slot->socket,
							  slot->connecting ? POLLOUT : POLLIN, 0 };
		}
	}
	const int ready = poll(waits, count, time_left(run, clock_monotonic()));
	const usec_t now = clock_monotonic();
	for (nfds_t i = 0; i < count; i++) {
		take_event(slots[i], now, ready > 0 && waits[i].revents != 0);
	}
}

int identify_run(const struct identify_order *order, struct identify_tls_context *tls,
		 identify_tell_function *tell, void *data)
{
	struct running run = { .order = order, .tls = tls, .tell = tell, .data = data };
	const usec_t until = clock_monotonic() + order->total_time;
	run.slots = calloc(order->at_once, sizeof(*run.slots));
	run.slot_count = order->at_once;
	if (run.slots == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < order->at_once; i++) {
		run.slots[i].socket = -1;
	}
	while (run.error == 0 && clock_monotonic() < until) {
		begin_some(&run);
		if (run.busy == 0 && run.next == order->port_count) {
			break;
		}
		wait_for_any(&run);
	}
	for (size_t i = 0; i < order->at_once; i++) {
		slot_hang_up(&run.slots[i]);
	}
	free(run.slots);
	return run.error;
}
