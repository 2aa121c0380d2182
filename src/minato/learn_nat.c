/* Several devices behind one address: from this host's table of connections, else from a sandbox.
 */
#include <string.h>

#include "learn.h"
#include "words.h"

size_t lesson_nat_devices(const struct nat_live *nat)
{
	size_t devices = 0;
	for (size_t i = 0; i < nat->count; i++) {
		bool known = false;
		for (size_t k = 0; !known && k < i; k++) {
			known = strcmp(nat->inside[k], nat->inside[i]) == 0;
		}
		devices += !known;
	}
	return devices;
}

void lesson_know_nat(struct lesson *lesson)
{
	struct nat_live *nat = &lesson->nat;
	lesson->nat_source = FIGURE_NAT_LIVE;
	if (nat_live_read(nat) < 0) {
		nat->count = 0; /* without the right to it nothing is known */
	}
	if (nat->count == 0) {
		lesson->nat_source = FIGURE_NAT_SANDBOX;
		lesson_sandbox(lesson, LEARN_FIGURE_NAT);
	}
	if (nat->count == 0) {
		return;
	}
	lesson_know(lesson,
		    lesson->nat_source == FIGURE_NAT_LIVE ? LEARN_NAT_LIVE : LEARN_NAT_SANDBOX,
		    "%zu", nat->count);
	lesson_know(lesson, LEARN_NAT_DEVICES, "%zu", lesson_nat_devices(nat));
	lesson_know(lesson, LEARN_NAT_CONNECTIONS, "%zu", nat->count + (size_t)nat->more);
	lesson_know(lesson, LEARN_NAT_OUTSIDE, "%s", nat->outside);
	lesson_know(lesson, LEARN_NAT_INSIDE, "%s", nat->inside[0]);
	lesson_know(lesson, LEARN_NAT_INSIDE_PORT, "%u", nat->rows[0].inside_port);
	lesson_know(lesson, LEARN_NAT_OUTSIDE_PORT, "%u", nat->rows[0].outside_port);
}

int lesson_nat_figure(struct str *out, const struct lesson *lesson, bool svg)
{
	struct figure_nat figure = nat_live_figure(&lesson->nat, lesson->context->language);
	figure.source = lesson->nat_source;
	return figure.count == 0 ? 0
	       : svg             ? figure_nat_svg(out, &figure)
				 : figure_nat_text(out, &figure);
}
