/* The ladder of a check, as far as its steps tell what must have passed. */
#include <errno.h>
#include <string.h>

#include "check_figure.h"
#include "words.h"

/* ---- rows ---- */

void ladder_begin_row(struct ladder *l, usec_t at, enum figure_way way)
{
	if (l->figure.count < ROWS_MAX) {
		l->ends[l->figure.count] = l->labels.length;
		l->rows[l->figure.count++] =
			(struct figure_ladder_row){ .at = at > l->begin ? at - l->begin : 0,
						    .way = way };
	}
}

void ladder_end_row(struct ladder *l)
{
	str_add_char(&l->labels, '\n'); /* NUL when all are there: the text may still move */
}

void ladder_add_row(struct ladder *l, usec_t at, enum figure_way way, const char *label)
{
	ladder_begin_row(l, at, way);
	str_add(&l->labels, label);
	ladder_end_row(l);
}

/* ---- steps ---- */

/* What became of one that went wrong. */
static void draw_failure(struct ladder *l, const struct probe_record *r)
{
	char from[ADDR_TEXT_BYTES];
	const usec_t at = r->begun + r->took;
	if (r->icmp.given != 0) {
		const bool itself = addr_compare(&r->icmp.from, &r->to) == 0;
		ladder_begin_row(l, at, itself ? FIGURE_TO_CLIENT : FIGURE_FROM_BETWEEN);
		str_printf(&l->labels, _("ICMP%s type %u code %u from %s"),
			   r->to.family == ADDR_IPV6 ? "v6" : "", r->icmp.type, r->icmp.code,
			   r->icmp.from.family == ADDR_NONE ? "?"
							    : addr_format(&r->icmp.from, from));
		ladder_end_row(l);
	} else if (r->outcome == PROBE_TIMED_OUT) {
		ladder_add_row(l, at, FIGURE_NOTHING, _("no reply"));
	} else if (r->outcome == PROBE_ENDED) {
		ladder_add_row(l, at, FIGURE_TO_CLIENT, "FIN");
	} else if (r->outcome == PROBE_LEFT) {
		ladder_add_row(l, at, FIGURE_NOTHING, _("left: another address was quicker"));
	} else if (r->error == ECONNREFUSED || r->error == ECONNRESET) {
		ladder_add_row(l, at, FIGURE_TO_CLIENT,
			       r->error == ECONNRESET ? "RST" : "RST, ACK");
	} else {
		ladder_add_row(l, at, FIGURE_NOTHING,
			       r->tls.detail[0] != '\0' ? r->tls.detail : strerror(r->error));
	}
}

/* Whether an error says that not one packet left this host. */
static bool was_sent(const struct probe_record *r)
{
	return r->outcome != PROBE_FAILED || r->icmp.given != 0 ||
	       (r->error != ENETUNREACH && r->error != EADDRNOTAVAIL && r->error != EPERM &&
		r->error != EACCES && r->error != EMFILE);
}

static void draw_connecting(struct ladder *l, const struct probe_record *r,
			    const struct addr *server)
{
	char address[ADDR_TEXT_BYTES];
	if (l->check->order.udp != 0 && r->outcome == PROBE_OK) {
		return;
	}
	if (was_sent(r)) {
		ladder_begin_row(l, r->begun, FIGURE_TO_SERVER);
		str_add(&l->labels, "SYN");
		if (addr_compare(&r->to, server) != 0) {
			str_printf(&l->labels, _(" (to %s)"), addr_format(&r->to, address));
		}
		ladder_end_row(l);
	}
	if (r->outcome == PROBE_OK) {
		ladder_add_row(l, r->begun + r->took, FIGURE_TO_CLIENT, "SYN, ACK");
		ladder_add_row(l, r->begun + r->took, FIGURE_TO_SERVER, "ACK");
	} else {
		draw_failure(l, r);
	}
}

static void draw_tls(struct ladder *l, const struct probe_record *r)
{
	const usec_t end = r->begun + r->took;
	ladder_add_row(l, r->begun, FIGURE_TO_SERVER, "ClientHello");
	if (r->outcome == PROBE_OK) {
		ladder_begin_row(l, end, FIGURE_TO_CLIENT);
		str_printf(&l->labels, "ServerHello ... Finished (%s)", r->tls.version);
		ladder_end_row(l);
		ladder_add_row(l, end, FIGURE_TO_SERVER, "Finished");
	} else if (r->outcome == PROBE_STRANGE) {
		ladder_add_row(l, end, FIGURE_TO_CLIENT, r->text);
	} else {
		draw_failure(l, r);
	}
}

static void draw_answer(struct ladder *l, const struct probe_record *r)
{
	uint8_t question[1024];
	char words[PROBE_TEXT_BYTES];
	const struct probe_order *order = &l->check->order;
	const size_t length = order->tls == PROBE_TLS_ASKED
				      ? 0
				      : probe_question(question, sizeof(question), order);
	if (length > 0) {
		probe_first_line(words, question, length);
		ladder_begin_row(l, r->begun, FIGURE_TO_SERVER);
		if (order->udp != 0) {
			str_printf(&l->labels, ngettext("%u byte", "%u bytes", (unsigned)length),
				   (unsigned)length);
		} else {
			str_add(&l->labels, words);
		}
		ladder_end_row(l);
	}
	if (r->outcome == PROBE_OK || r->outcome == PROBE_STRANGE) {
		ladder_add_row(l, r->begun + r->took, FIGURE_TO_CLIENT, r->text);
	} else {
		draw_failure(l, r);
	}
}

void ladder_draw_steps(struct ladder *l, const struct addr *server)
{
	for (size_t i = 0; i < l->check->count; i++) {
		const struct probe_record *r = &l->check->records[i];
		if (r->step == PROBE_STEP_CONNECT) {
			draw_connecting(l, r, server);
		} else if (r->step == PROBE_STEP_TLS) {
			draw_tls(l, r);
		} else {
			draw_answer(l, r);
		}
	}
}
