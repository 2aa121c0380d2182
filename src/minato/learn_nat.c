/* Several devices behind one address: from this host's table of connections, else from a sandbox.
 */
#include <string.h>
#include <sys/socket.h>

#include "conntrack/conntrack.h"
#include "learn.h"
#include "words.h"

enum { TCP = 6, UDP = 17 }; /* IANA's numbers */

static bool is_hidden(const struct conntrack_flow *flow)
{
	return (flow->status & CONNTRACK_SNAT) != 0 &&
	       (flow->protocol == TCP || flow->protocol == UDP) &&
	       addr_compare(&flow->original.source, &flow->reply.destination) != 0;
}

/* conntrack_flow_function. */
static int take(const struct conntrack_flow *flow, void *data)
{
	struct lesson_nat *nat = data;
	const struct addr *outside = &flow->reply.destination;
	if (!is_hidden(flow) ||
	    (nat->outside.family != ADDR_NONE && addr_compare(&nat->outside, outside) != 0)) {
		return 0;
	}
	if (nat->count == LESSON_NAT_ROWS) {
		nat->more++;
		return 0;
	}
	nat->outside = *outside;
	nat->rows[nat->count++] = (struct lesson_nat_row){
		.inside = flow->original.source,
		.inside_port = flow->original.source_port,
		.outside_port = flow->reply.destination_port,
		.remote = flow->original.destination,
		.remote_port = flow->original.destination_port,
	};
	return 0;
}

void lesson_nat_read(struct lesson_nat *out)
{
	struct conntrack *conntrack = NULL;
	*out = (struct lesson_nat){ .source = FIGURE_NAT_LIVE };
	if (conntrack_open(&conntrack, false, NULL) == 0 &&
	    conntrack_dump(conntrack, AF_UNSPEC, take, out, NULL) < 0) {
		out->count = 0; /* without the right to it nothing is known */
	}
	(void)conntrack_close(conntrack);
}

size_t lesson_nat_devices(const struct lesson_nat *nat)
{
	size_t devices = 0;
	for (size_t i = 0; i < nat->count; i++) {
		bool known = false;
		for (size_t k = 0; !known && k < i; k++) {
			known = addr_compare(&nat->rows[k].inside, &nat->rows[i].inside) == 0;
		}
		devices += !known;
	}
	return devices;
}

void lesson_know_nat(struct lesson *lesson)
{
	char text[ADDR_TEXT_BYTES];
	struct lesson_nat *nat = &lesson->nat;
	lesson_nat_read(nat);
	if (nat->count == 0) {
		lesson_sandbox(lesson, LEARN_FIGURE_NAT);
	}
	if (nat->count == 0) {
		return;
	}
	lesson_know(lesson, nat->source == FIGURE_NAT_LIVE ? LEARN_NAT_LIVE : LEARN_NAT_SANDBOX,
		    "%zu", nat->count);
	lesson_know(lesson, LEARN_NAT_DEVICES, "%zu", lesson_nat_devices(nat));
	lesson_know(lesson, LEARN_NAT_CONNECTIONS, "%zu", nat->count + (size_t)nat->more);
	lesson_know(lesson, LEARN_NAT_OUTSIDE, "%s", addr_format(&nat->outside, text));
	lesson_know(lesson, LEARN_NAT_INSIDE, "%s", addr_format(&nat->rows[0].inside, text));
	lesson_know(lesson, LEARN_NAT_INSIDE_PORT, "%u", nat->rows[0].inside_port);
	lesson_know(lesson, LEARN_NAT_OUTSIDE_PORT, "%u", nat->rows[0].outside_port);
}

int lesson_nat_figure(struct str *out, const struct lesson *lesson, bool svg)
{
	const struct lesson_nat *nat = &lesson->nat;
	struct figure_nat_row rows[LESSON_NAT_ROWS];
	char texts[LESSON_NAT_ROWS][2][ADDR_TEXT_BYTES];
	char outside[ADDR_TEXT_BYTES];
	for (size_t i = 0; i < nat->count; i++) {
		const struct lesson_nat_row *row = &nat->rows[i];
		rows[i] = (struct figure_nat_row){
			.inside = addr_format(&row->inside, texts[i][0]),
			.inside_port = row->inside_port,
			.outside_port = row->outside_port,
			.remote = addr_format(&row->remote, texts[i][1]),
			.remote_port = row->remote_port,
		};
	}
	const struct figure_nat figure = { .language = lesson->context->language,
					   .outside = addr_format(&nat->outside, outside),
					   .source = nat->source,
					   .rows = rows,
					   .count = nat->count,
					   .more = nat->more };
	return nat->count == 0 ? 0
	       : svg           ? figure_nat_svg(out, &figure)
			       : figure_nat_text(out, &figure);
}
