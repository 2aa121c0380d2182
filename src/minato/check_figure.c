/* The ladder of a check: of its packets where they were captured, else of its steps. */
#include "check_figure.h"

#include <string.h>

#include "words.h"

static void place_labels(struct ladder *l)
{
	char *text = l->labels.text;
	for (size_t i = 0; i < l->labels.length; i++) {
		text[i] = (char)(text[i] == '\n' ? '\0' : text[i]);
	}
	for (size_t i = 0; i < l->figure.count; i++) {
		l->rows[i].label = text + l->ends[i];
	}
}

/* ---- packets ---- */

static void add_flags(struct str *out, const struct capture_packet *packet)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} flags[] = {
		{ TCP_FLAG_SYN, "SYN" }, { TCP_FLAG_FIN, "FIN" }, { TCP_FLAG_RST, "RST" },
		{ TCP_FLAG_URG, "URG" }, { TCP_FLAG_PSH, "PSH" }, { TCP_FLAG_ACK, "ACK" },
	};
	/* Nearly everything with data has them: they would be noise there. */
	const uint8_t usual = packet->data_bytes > 0 ? TCP_FLAG_PSH | TCP_FLAG_ACK : 0;
	const char *between = "";
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if ((packet->flags & ~usual & flags[i].flag) != 0) {
			str_printf(out, "%s%s", between, flags[i].name);
			between = ", ";
		}
	}
	str_add(out, packet->data_bytes > 0 && between[0] != '\0' ? ", " : "");
}

void check_add_packet(struct str *out, const struct capture_packet *packet)
{
	char from[ADDR_TEXT_BYTES];
	if (packet->protocol != PROTOCOL_TCP && packet->protocol != PROTOCOL_UDP) {
		str_printf(out, _("ICMP%s type %u code %u from %s"),
			   packet->source.family == ADDR_IPV6 ? "v6" : "", packet->icmp_type,
			   packet->icmp_code, addr_format(&packet->source, from));
		return;
	}
	if (packet->protocol == PROTOCOL_TCP) {
		add_flags(out, packet);
	}
	if (packet->data_bytes > 0 || packet->protocol == PROTOCOL_UDP) {
		str_printf(out, ngettext("%u byte", "%u bytes", packet->data_bytes),
			   packet->data_bytes);
		str_printf(out, "%s%s", packet->words[0] != '\0' ? ": " : "", packet->words);
	}
}

static bool is_again(const struct check *check, size_t index)
{
	const struct capture_packet *p = &check->packets[index];
	const bool says = p->protocol == PROTOCOL_TCP &&
			  (p->data_bytes > 0 || (p->flags & (TCP_FLAG_SYN | TCP_FLAG_FIN)) != 0);
	for (size_t i = 0; says && i < index; i++) {
		const struct capture_packet *earlier = &check->packets[i];
		if (earlier->protocol == p->protocol && earlier->sent == p->sent &&
		    earlier->sequence == p->sequence && earlier->data_bytes == p->data_bytes &&
		    earlier->flags == p->flags &&
		    addr_compare(&earlier->destination, &p->destination) == 0) {
			return true;
		}
	}
	return false;
}

static enum figure_way way_of(const struct capture_packet *packet, const struct addr *server)
{
	return packet->sent != 0 ? FIGURE_TO_SERVER
	       : (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP ||
		  addr_compare(&packet->source, server) == 0)
		       ? FIGURE_TO_CLIENT
		       : FIGURE_FROM_BETWEEN;
}

static void draw_packets(struct ladder *l, const struct addr *server)
{
	char address[ADDR_TEXT_BYTES];
	const struct check *check = l->check;
	l->begin = check->packets[0].time;
	for (size_t i = 0; i < check->packet_count; i++) {
		const struct capture_packet *p = &check->packets[i];
		const struct addr *peer = p->sent != 0 ? &p->destination : &p->source;
		const enum figure_way way = way_of(p, server);
		ladder_begin_row(l, p->time, way);
		check_add_packet(&l->labels, p);
		str_add(&l->labels, is_again(check, i) ? _(" (again)") : "");
		if (way != FIGURE_FROM_BETWEEN && addr_compare(peer, server) != 0) {
			str_printf(&l->labels, p->sent != 0 ? _(" (to %s)") : _(" (from %s)"),
				   addr_format(peer, address));
		}
		ladder_end_row(l);
	}
	l->figure.more = check->packets_more;
	const struct probe_record *last = &check->records[check->count - 1];
	if (last->outcome == PROBE_TIMED_OUT) {
		ladder_add_row(l, l->begin + last->begun + last->took, FIGURE_NOTHING,
			       _("no reply"));
	}
}

/* ---- both ---- */

/* The address whose line is drawn, and this host's end. */
static const struct probe_record *main_record(const struct check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		if (check->records[i].step == PROBE_STEP_CONNECT &&
		    check->records[i].outcome == PROBE_OK) {
			return &check->records[i];
		}
	}
	return check->count > 0 ? &check->records[0] : NULL;
}

static void name_ends(char *client, char *server, const struct check *check,
		      const struct probe_record *record)
{
	struct addr local = record->local.family != ADDR_NONE ? record->local : check->local.source;
	uint16_t port = record->local_port;
	for (size_t i = 0; check->captured && i < check->packet_count; i++) {
		const struct capture_packet *p = &check->packets[i];
		if (p->sent != 0 && addr_compare(&p->destination, &record->to) == 0) {
			local = p->source;
			port = p->source_port;
		}
	}
	(void)endpoint_format(&record->to, check->target.port, server);
	if (local.family == ADDR_NONE) {
		(void)str_copy(client, ENDPOINT_TEXT_BYTES, _("this host"));
	} else if (port == 0) {
		(void)addr_format(&local, client);
	} else {
		(void)endpoint_format(&local, port, client);
	}
}

int check_figure(struct str *out, const struct check *check, const struct context *context,
		 bool svg)
{
	static struct ladder l; /* too large for a stack */
	char client[ENDPOINT_TEXT_BYTES];
	char server[ENDPOINT_TEXT_BYTES];
	const struct probe_record *record = main_record(check);
	if (record == NULL) {
		return str_printf(out, svg ? "" : _("There is no figure: nothing was sent.\n"));
	}
	l = (struct ladder){ .check = check, .labels = STR_INIT(TEXT_BYTES) };
	name_ends(client, server, check, record);
	if (check->captured) {
		draw_packets(&l, &record->to);
	} else {
		ladder_draw_steps(&l, &record->to);
	}
	l.figure.language = context->language;
	l.figure.client = client;
	l.figure.server = server;
	l.figure.source = check->captured ? FIGURE_CAPTURED : FIGURE_DEDUCED;
	l.figure.rows = l.rows;
	int r = l.labels.error;
	if (r == 0) {
		place_labels(&l);
		r = svg ? figure_ladder_svg(out, &l.figure) : figure_ladder_text(out, &l.figure);
	}
	str_deinit(&l.labels);
	return r;
}
