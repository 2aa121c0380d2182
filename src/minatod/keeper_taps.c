/* Where packets are heard: the keeper attaches the tap to every interface, as they come and go. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/say.h"
#include "keeper.h"
#include "links/links.h"

/* How often it looks whether ours are still there: `tc qdisc del` tells nobody. */
static const usec_t LOOK_USEC = 10 * USEC_PER_SEC;

enum { INTERFACES_MAX = 16384 }; /* beyond it they are counted as failed */

static struct keeper_interface *find(struct keeper_taps *taps, uint32_t index)
{
	for (size_t i = 0; i < taps->all.count; i++) {
		if (taps->all.items[i].index == index) {
			return &taps->all.items[i];
		}
	}
	return NULL;
}

/* ---- telling ---- */

static void add_fault(struct wire_tapped *out, const struct keeper_interface *interface)
{
	out->failed++;
	if (out->reason[0] == '\0') {
		(void)snprintf(out->reason, sizeof(out->reason), "%s: %s", interface->name,
			       strerror(interface->error));
	}
}

static void add_neighbour(struct wire_tapped *out, const struct keeper_interface *interface)
{
	out->beside++;
	if (out->neighbour[0] == '\0') {
		(void)str_copy(out->neighbour, sizeof(out->neighbour), interface->name);
	}
}

static void tell(struct keeper *keeper, bool always)
{
	struct keeper_taps *taps = &keeper->taps;
	struct wire_message message = { .type = WIRE_TAPPED };
	struct wire_tapped *now = &message.tapped;
	for (size_t i = 0; i < taps->all.count; i++) {
		const struct keeper_interface *interface = &taps->all.items[i];
		if (interface->error != 0) {
			add_fault(now, interface);
		} else {
			now->attached++;
		}
		if (interface->earlier) {
			add_neighbour(now, interface);
		}
	}
	now->failed += taps->beyond;
	now->kept_out = (uint32_t)keeper->defence.table.bans.count;
	if ((always || memcmp(now, &taps->told, sizeof(*now)) != 0) &&
	    wire_send(keeper->parent, &message, NULL, 0, NULL) == 0) {
		taps->told = *now;
	}
}

void keeper_taps_tell(struct keeper *keeper)
{
	if (keeper->taps.tap != NULL &&
	    keeper->taps.told.kept_out != keeper->defence.table.bans.count) {
		tell(keeper, false);
	}
}

void keeper_taps_tell_again(struct keeper *keeper)
{
	if (keeper->taps.tap != NULL) {
		tell(keeper, true);
	}
}

/* ---- attaching ---- */

/* Programs of others go on; those before ours may drop what we then do not hear. */
static void attach(struct keeper_taps *taps, struct keeper_interface *interface)
{
	struct tap_attachment found = { 0 };
	struct err e = ERR_INIT;
	int r = tap_attach(taps->tap, (int)interface->index, TAP_TC, &e);
	if (r == 0) {
		r = tap_attachment_read(&found, taps->tap, (int)interface->index, &e);
	}
	if (r < 0 && interface->error != -r) {
		say(SAY_WARNING, "%s: %s", interface->name, err_text(&e));
	}
	interface->error = r < 0 ? -r : 0;
	interface->earlier = found.earlier > 0 || found.xdp_other;
}

static void on_interface(const struct links_interface *told, void *data)
{
	struct keeper *keeper = data;
	struct keeper_taps *taps = &keeper->taps;
	struct keeper_interface *known = find(taps, told->index);
	if (told->gone) {
		if (known != NULL) {
			*known = taps->all.items[--taps->all.count];
		}
		return;
	}
	if (told->loopback) {
		return;
	}
	const bool anew = known == NULL;
	if (anew) {
		known = taps->all.count < INTERFACES_MAX ? vec_push(&taps->all) : NULL;
		taps->beyond += known == NULL;
	}
	if (known == NULL) {
		return;
	}
	if (anew) {
		*known = (struct keeper_interface){ .index = told->index };
	}
	memcpy(known->name, told->name, sizeof(known->name)); /* it may have another one now */
	if (anew) {
		attach(taps, known);
	}
}

void keeper_taps_hear(struct keeper *keeper)
{
	struct keeper_taps *taps = &keeper->taps;
	const struct links_handler handler = { .interface = on_interface, .data = keeper };
	int r = links_read(taps->links, &handler);
	if (r == -ENOBUFS || r == -EBUSY) {
		r = links_ask(taps->links, LINKS_INTERFACES);
	}
	if (r < 0 && r != -EBUSY) {
		say(SAY_WARNING, "interfaces that come are not heard of any more: %s",
		    strerror(-r));
		close_fdp(&taps->links);
	}
	tell(keeper, false);
}

void keeper_taps_look(struct keeper *keeper)
{
	struct keeper_taps *taps = &keeper->taps;
	taps->look_at = clock_monotonic() + LOOK_USEC;
	for (size_t i = 0; i < taps->all.count; i++) {
		struct keeper_interface *interface = &taps->all.items[i];
		struct tap_attachment found = { 0 };
		const int r = tap_attachment_read(&found, taps->tap, (int)interface->index, NULL);
		if (r == -ENODEV) { /* that it went was among what could not be heard */
			*interface = taps->all.items[--taps->all.count];
			i--;
			continue;
		}
		interface->earlier = found.earlier > 0 || found.xdp_other;
		if (r == 0 && (!found.tc || interface->error != 0)) {
			attach(taps, interface);
		}
	}
	tell(keeper, false);
}

void keeper_taps_open(struct keeper *keeper, struct tap *tap)
{
	struct keeper_taps *taps = &keeper->taps;
	struct err e = ERR_INIT;
	taps->tap = tap;
	taps->links = -1;
	taps->look_at = INT64_MAX;
	if (tap == NULL) {
		return;
	}
	if (links_open(&taps->links, LINKS_INTERFACES, &e) < 0) {
		say(SAY_WARNING, "%s", err_text(&e));
	}
	taps->look_at = clock_monotonic() + LOOK_USEC;
}
