/* The bytes of a check's packets, laid over the fields that they are. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "words.h"

enum {
	ROW_BYTES = 16,   /* in one line of data */
	HEX_COLUMNS = 11, /* "45 00 00 3c" of a header */
	DATA_COLUMNS = ROW_BYTES * 3 - 1,
	LABEL_COLUMNS = 7,
};

static void add_hex(struct str *out, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		str_printf(out, "%s%02x", i == 0 ? "" : " ", bytes[i]);
	}
}

/* What those bytes leave of their columns. */
static void add_gap(struct str *out, size_t count, size_t columns)
{
	str_printf(out, "%*s", (int)(columns + 2 - (count * 3 - 1)), "");
}

/* Fields of one header, one behind the other. */
struct header {
	struct str *out;
	const struct capture_packet *packet;
	const char *label; /* of the next line */
	size_t at;
};

/* The next bytes of it, with nothing said of them. */
static void bare_field(struct header *h, size_t count)
{
	str_printf(h->out, "  %-*s", LABEL_COLUMNS, h->label);
	h->label = "";
	add_hex(h->out, h->packet->bytes + h->at, count);
	h->at += count;
}

/* The next bytes, and the place where it begins what they say. */
static void field(struct header *h, size_t count)
{
	bare_field(h, count);
	add_gap(h->out, count, HEX_COLUMNS);
}

static unsigned number(const struct capture_packet *packet, size_t at)
{
	return (unsigned)packet->bytes[at] << 8 | packet->bytes[at + 1];
}

/* ---- IP ---- */

static void add_ports_protocol(struct str *out, const struct capture_packet *p)
{
	str_printf(out, "%u (%s)", p->protocol,
		   p->protocol == PROTOCOL_TCP   ? "TCP"
		   : p->protocol == PROTOCOL_UDP ? "UDP"
		   : p->protocol == 1            ? "ICMP"
						 : "ICMPv6");
}

static void add_addresses(struct header *h, size_t bytes)
{
	char text[ADDR_TEXT_BYTES];
	for (unsigned end = 0; end < 2; end++) {
		const struct addr *address =
			end == 0 ? &h->packet->source : &h->packet->destination;
		for (size_t done = 0; done < bytes; done += 4) {
			bare_field(h, 4);
			if (done == 0) {
				add_gap(h->out, 4, HEX_COLUMNS);
				str_printf(h->out,
					   end == 0 ? _("source address %s")
						    : _("destination address %s"),
					   addr_format(address, text));
			}
			str_add_char(h->out, '\n');
		}
	}
}

static void add_ipv4(struct header *h)
{
	const struct capture_packet *p = h->packet;
	h->label = "IPv4";
	field(h, 4);
	str_printf(h->out, _("version 4, header %u bytes; length %u\n"), p->ip_bytes, number(p, 2));
	field(h, 4);
	str_printf(h->out, _("identification %u%s\n"), number(p, 4),
		   (p->bytes[6] & 0x40) != 0 ? _("; do not fragment") : "");
	field(h, 4);
	str_printf(h->out, _("hops left %u; protocol "), p->ttl);
	add_ports_protocol(h->out, p);
	str_printf(h->out, _("; checksum 0x%04x\n"), number(p, 10));
	add_addresses(h, 4);
}

static void add_ipv6(struct header *h)
{
	const struct capture_packet *p = h->packet;
	h->label = "IPv6";
	field(h, 4);
	str_add(h->out, _("version 6; traffic class and flow label\n"));
	field(h, 4);
	str_printf(h->out, _("length behind the header %u; protocol "), number(p, 4));
	add_ports_protocol(h->out, p);
	str_printf(h->out, _("; hops left %u\n"), p->ttl);
	add_addresses(h, 16);
}

/* Options: bytes up to the end of the header. */
static void add_options(struct header *h, size_t end)
{
	bool first = true;
	while (h->at < end) {
		const size_t count = end - h->at < 4 ? end - h->at : 4;
		bare_field(h, count);
		if (first) {
			add_gap(h->out, count, HEX_COLUMNS);
			str_add(h->out, _("options"));
		}
		str_add_char(h->out, '\n');
		first = false;
	}
}

/* ---- TCP, UDP, ICMP ---- */

static void add_ports(struct header *h)
{
	field(h, 2);
	str_printf(h->out, _("source port %u\n"), h->packet->source_port);
	field(h, 2);
	str_printf(h->out, _("destination port %u\n"), h->packet->destination_port);
}

static void add_tcp_flags(struct str *out, uint8_t flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	const char *between = "";
	for (unsigned i = 0; i < 6; i++) {
		if ((flags >> i & 1) != 0) {
			str_printf(out, "%s%s", between, names[i]);
			between = ", ";
		}
	}
}

static void add_tcp(struct header *h)
{
	const struct capture_packet *p = h->packet;
	h->label = "TCP";
	add_ports(h);
	field(h, 4);
	str_printf(h->out, _("sequence number %u\n"), p->sequence);
	field(h, 4);
	str_printf(h->out, _("acknowledgement %u\n"), p->acknowledgement);
	field(h, 2);
	str_printf(h->out, _("header %u bytes; flags "), p->header_bytes);
	add_tcp_flags(h->out, p->flags);
	str_add_char(h->out, '\n');
	field(h, 2);
	str_printf(h->out, _("window %u\n"), p->window);
	field(h, 4);
	str_printf(h->out, _("checksum 0x%04x; urgent pointer %u\n"), number(p, h->at - 4),
		   number(p, h->at - 2));
}

static void add_udp(struct header *h)
{
	h->label = "UDP";
	add_ports(h);
	field(h, 2);
	str_printf(h->out, _("length %u\n"), number(h->packet, h->at - 2));
	field(h, 2);
	str_printf(h->out, _("checksum 0x%04x\n"), number(h->packet, h->at - 2));
}

static void add_icmp(struct header *h)
{
	const struct capture_packet *p = h->packet;
	h->label = p->protocol == 1 ? "ICMP" : "ICMPv6";
	field(h, 2);
	str_printf(h->out, _("type %u, code %u\n"), p->icmp_type, p->icmp_code);
	field(h, 2);
	str_printf(h->out, _("checksum 0x%04x\n"), number(p, h->at - 2));
	field(h, 4);
	str_add(h->out, _("further information\n"));
}

/* ---- data ---- */

static void add_data(struct str *out, const struct capture_packet *p)
{
	const size_t begin = (size_t)p->ip_bytes + p->header_bytes;
	const char *label = p->protocol == 1 || p->protocol == 58 ? _("quoted") : _("data");
	for (size_t at = begin; at < p->kept; at += ROW_BYTES) {
		const size_t count = p->kept - at < ROW_BYTES ? p->kept - at : ROW_BYTES;
		const size_t width = text_width(label);
		str_printf(out, "  %s%*s", label,
			   (int)(width < LABEL_COLUMNS ? LABEL_COLUMNS - width : 1), "");
		add_hex(out, p->bytes + at, count);
		add_gap(out, count, DATA_COLUMNS);
		for (size_t i = 0; i < count; i++) {
			const uint8_t byte = p->bytes[at + i];
			str_add_char(out, byte >= ' ' && byte <= '~' ? (char)byte : '.');
		}
		str_add_char(out, '\n');
		label = "";
	}
	const size_t shown = p->kept - begin;
	if (p->data_bytes > shown) {
		str_printf(out, _("  %*s%zu bytes more\n"), LABEL_COLUMNS, "",
			   p->data_bytes - shown);
	}
}

static void add_one(struct str *out, const struct check *check, size_t index)
{
	char endpoint[ENDPOINT_TEXT_BYTES];
	const struct capture_packet *p = &check->packets[index];
	const bool icmp = p->protocol == 1 || p->protocol == 58;
	struct header h = { .out = out, .packet = p };
	str_printf(out, _("packet %zu, %.1f ms  "), index + 1,
		   (double)(p->time - check->packets[0].time) / 1000.0);
	if (!icmp) {
		str_printf(out, "%s -> ", endpoint_format(&p->source, p->source_port, endpoint));
		str_printf(out, "%s  ",
			   endpoint_format(&p->destination, p->destination_port, endpoint));
	}
	check_add_packet(out, p);
	str_add_char(out, '\n');
	if (p->source.family == ADDR_IPV4) {
		add_ipv4(&h);
	} else {
		add_ipv6(&h);
	}
	add_options(&h, p->ip_bytes);
	if (icmp) {
		add_icmp(&h);
	} else if (p->protocol == PROTOCOL_TCP) {
		add_tcp(&h);
		add_options(&h, (size_t)p->ip_bytes + p->header_bytes);
	} else {
		add_udp(&h);
	}
	add_data(out, p);
}

void check_add_packets(struct str *out, const struct check *check)
{
	for (size_t i = 0; i < check->packet_count; i++) {
		str_add(out, i == 0 ? "" : "\n");
		add_one(out, check, i);
	}
	if (check->packet_count == 0) {
		str_add(out, _("No packet of this connection was seen.\n"));
	}
	if (check->packets_more > 0) {
		str_printf(out, _("\n%llu packets more are not shown\n"),
			   (unsigned long long)check->packets_more);
	}
}
