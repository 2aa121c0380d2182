/* What matches and targets of iptables mean (include/uapi/linux/netfilter/xt_*.h). */
#include "observe/xt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_TPROXY.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

/* ---- matches ---- */

static json_t *port_match(const char *op, const char *protocol, json_t *ports)
{
	return json_pack("[{s{ss, s{s{ss, ss}}, so}}]", "match", "op", op, "left", "payload",
			 "protocol", protocol, "field", "dport", "right", ports);
}

static json_t *range(uint16_t first, uint16_t last)
{
	return first == last ? json_integer(first) : json_pack("{s[ii]}", "range", first, last);
}

/* Asked for beside what is said here: then the rule is met by fewer packets than it reads. */
static void add_more(json_t *statements, const char *name)
{
	json_array_append_new(statements,
			      json_pack("{s{ss, ss}}", "xt", "type", "match", "name", name));
}

static bool is_any(const uint16_t ports[2])
{
	return ports[0] == 0 && ports[1] == UINT16_MAX;
}

static json_t *read_ports(const char *protocol, const uint16_t sources[2],
			  const uint16_t targets[2], bool inverted, bool more)
{
	json_t *statements = is_any(targets) && !inverted
				     ? json_array()
				     : port_match(inverted ? "!=" : "==", protocol,
						  range(targets[0], targets[1]));
	if (!is_any(sources) || more) {
		add_more(statements, protocol);
	}
	return statements;
}

static json_t *read_tcp(const struct xt_part *part)
{
	struct xt_tcp tcp;
	if (part->length < sizeof(tcp)) {
		return NULL;
	}
	memcpy(&tcp, part->info, sizeof(tcp));
	const bool more =
		tcp.option != 0 || tcp.flg_mask != 0 || (tcp.invflags & ~XT_TCP_INV_DSTPT) != 0;
	return read_ports("tcp", tcp.spts, tcp.dpts, (tcp.invflags & XT_TCP_INV_DSTPT) != 0, more);
}

static json_t *read_udp(const struct xt_part *part)
{
	struct xt_udp udp;
	if (part->length < sizeof(udp)) {
		return NULL;
	}
	memcpy(&udp, part->info, sizeof(udp));
	return read_ports("udp", udp.spts, udp.dpts, (udp.invflags & XT_UDP_INV_DSTPT) != 0,
			  (udp.invflags & ~XT_UDP_INV_DSTPT) != 0);
}

static json_t *read_multiport(const struct xt_part *part)
{
	struct xt_multiport_v1 multi;
	if (part->revision != 1 || part->length < sizeof(multi)) {
		return NULL;
	}
	memcpy(&multi, part->info, sizeof(multi));
	if (multi.count > XT_MULTI_PORTS) {
		return NULL;
	}
	json_t *ports = json_array();
	for (unsigned i = 0; i < multi.count; i++) {
		const bool ranged = multi.pflags[i] != 0 && i + 1 < multi.count;
		json_array_append_new(ports,
				      range(multi.ports[i], multi.ports[ranged ? i + 1 : i]));
		i += ranged;
	}
	if (multi.flags == XT_MULTIPORT_DESTINATION) {
		return port_match(multi.invert ? "!=" : "==", "th",
				  json_pack("{so}", "set", ports));
	}
	json_decref(ports);
	json_t *statements = json_array();
	add_more(statements, part->name);
	return statements;
}

/* The bits of both "conntrack" and "state" (XT_CONNTRACK_STATE_BIT, XT_STATE_BIT). */
static json_t *state_match(unsigned states, bool inverted)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { XT_CONNTRACK_STATE_INVALID, "invalid" },
		      { XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "established" },
		      { XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "related" },
		      { XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "new" },
		      { XT_CONNTRACK_STATE_UNTRACKED, "untracked" } };
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		/* "Not these" are the others: the walk knows the words of what is met. */
		if (((states & names[i].bit) != 0) != inverted) {
			json_array_append_new(list, json_string(names[i].name));
		}
	}
	return json_pack("[{s{ss, s{s{ss}}, so}}]", "match", "op", "in", "left", "ct", "key",
			 "state", "right", list);
}

static json_t *read_conntrack(const struct xt_part *part)
{
	/* Revisions 2 and 3 differ in the width of the state and in ranges behind it. */
	struct xt_conntrack_mtinfo3 info = { 0 };
	if (part->revision < 2 || part->revision > 3 ||
	    part->length < sizeof(struct xt_conntrack_mtinfo2)) {
		return NULL;
	}
	memcpy(&info, part->info, part->length < sizeof(info) ? part->length : sizeof(info));
	json_t *statements = (info.match_flags & XT_CONNTRACK_STATE) == 0
				     ? json_array()
				     : state_match(info.state_mask,
						   (info.invert_flags & XT_CONNTRACK_STATE) != 0);
	if ((info.match_flags & ~XT_CONNTRACK_STATE) != 0) {
		add_more(statements, part->name);
	}
	return statements;
}

static json_t *read_state(const struct xt_part *part)
{
	struct xt_state_info info;
	if (part->length < sizeof(info)) {
		return NULL;
	}
	memcpy(&info, part->info, sizeof(info));
	return state_match(info.statemask, false);
}

static json_t *read_addrtype(const struct xt_part *part)
{
	struct xt_addrtype_info_v1 info;
	if (part->revision != 1 || part->length < sizeof(info)) {
		return NULL;
	}
	memcpy(&info, part->info, sizeof(info));
	const unsigned inverted = XT_ADDRTYPE_INVERT_SOURCE | XT_ADDRTYPE_INVERT_DEST;
	json_t *statements = json_array();
	/* What is looked at are packets for this host. */
	if (info.source != 0 || info.dest != XT_ADDRTYPE_LOCAL || (info.flags & inverted) != 0) {
		add_more(statements, part->name);
	}
	return statements;
}

static json_t *read_nothing(const struct xt_part *part)
{
	(void)part; /* whatever it says, packets go on */
	return json_array();
}

/* ---- targets ---- */

/* Where a translation leads to, whichever form it has. */
struct leading {
	unsigned flags;
	bool ipv6;
	uint8_t address[16];
	uint16_t port; /* first of them */
};

static bool read_leading(struct leading *out, const struct xt_part *part)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range range_of;
	const bool compat = part->revision == 0 && !part->ipv6;
	*out = (struct leading){ .ipv6 = part->ipv6 };
	if (compat && part->length >= sizeof(old)) {
		memcpy(&old, part->info, sizeof(old));
		out->flags = old.range[0].flags;
		memcpy(out->address, &old.range[0].min_ip, 4);
		out->port = ntohs(old.range[0].min.all);
		return old.rangesize == 1;
	}
	/* Revision 2 (struct nf_nat_range2) begins like this one. */
	if (!compat && part->revision <= 2 && part->length >= sizeof(range_of)) {
		memcpy(&range_of, part->info, sizeof(range_of));
		out->flags = range_of.flags;
		memcpy(out->address, &range_of.min_addr, sizeof(out->address));
		out->port = ntohs(range_of.min_proto.all);
		return true;
	}
	return false;
}

static json_t *leading_to(const char *key, const struct leading *leading, bool addressed,
			  bool ported)
{
	json_t *value = json_object();
	if (addressed) {
		char text[ADDR_TEXT_BYTES];
		const struct addr address = leading->ipv6 ? addr_from_ipv6(leading->address)
							  : addr_from_ipv4(leading->address);
		json_object_set_new(value, "addr", json_string(addr_format(&address, text)));
	}
	if (ported) {
		json_object_set_new(value, "port", json_integer(leading->port));
	}
	return json_pack("[{so}]", key, value);
}

static json_t *read_translation(const struct xt_part *part)
{
	const bool dnat = strcmp(part->name, "DNAT") == 0;
	struct leading leading;
	if (!read_leading(&leading, part)) {
		return NULL;
	}
	return leading_to(dnat ? "dnat" : "redirect", &leading,
			  dnat && (leading.flags & NF_NAT_RANGE_MAP_IPS) != 0,
			  (leading.flags & NF_NAT_RANGE_PROTO_SPECIFIED) != 0);
}

static json_t *read_tproxy(const struct xt_part *part)
{
	struct xt_tproxy_target_info old;
	struct xt_tproxy_target_info_v1 info;
	struct leading leading = { .ipv6 = part->ipv6 };
	if (part->revision == 0 && part->length >= sizeof(old)) {
		memcpy(&old, part->info, sizeof(old));
		memcpy(leading.address, &old.laddr, 4);
		leading.port = ntohs(old.lport);
	} else if (part->revision == 1 && part->length >= sizeof(info)) {
		memcpy(&info, part->info, sizeof(info));
		memcpy(leading.address, &info.laddr, sizeof(leading.address));
		leading.port = ntohs(info.lport);
	} else {
		return NULL;
	}
	const struct addr address =
		leading.ipv6 ? addr_from_ipv6(leading.address) : addr_from_ipv4(leading.address);
	/* 0 = the address or the port that the packet has. */
	return leading_to("tproxy", &leading, !addr_is_any(&address), leading.port != 0);
}

static json_t *read_reject(const struct xt_part *part)
{
	(void)part; /* with which answer makes no difference */
	return json_pack("[{sn}]", "reject");
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	bool target;
	json_t *(*read)(const struct xt_part *part);
} readers[] = {
	{ "tcp", false, read_tcp },
	{ "udp", false, read_udp },
	{ "multiport", false, read_multiport },
	{ "conntrack", false, read_conntrack },
	{ "state", false, read_state },
	{ "addrtype", false, read_addrtype },
	{ "comment", false, read_nothing },
	{ "REDIRECT", true, read_translation },
	{ "DNAT", true, read_translation },
	{ "TPROXY", true, read_tproxy },
	{ "REJECT", true, read_reject },
	/* What these write into a packet or elsewhere leads it to no other port. */
	{ "AUDIT", true, read_nothing },
	{ "CHECKSUM", true, read_nothing },
	{ "CLASSIFY", true, read_nothing },
	{ "CONNMARK", true, read_nothing },
	{ "CONNSECMARK", true, read_nothing },
	{ "DSCP", true, read_nothing },
	{ "ECN", true, read_nothing },
	{ "HL", true, read_nothing },
	{ "IDLETIMER", true, read_nothing },
	{ "LED", true, read_nothing },
	{ "LOG", true, read_nothing },
	{ "MARK", true, read_nothing },
	{ "MASQUERADE", true, read_nothing },
	{ "NFLOG", true, read_nothing },
	{ "RATEEST", true, read_nothing },
	{ "SECMARK", true, read_nothing },
	{ "SET", true, read_nothing },
	{ "SNAT", true, read_nothing },
	{ "TCPMSS", true, read_nothing },
	{ "TCPOPTSTRIP", true, read_nothing },
	{ "TOS", true, read_nothing },
	{ "TRACE", true, read_nothing },
	{ "TTL", true, read_nothing },
};

json_t *xt_statements(const struct xt_part *part)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (readers[i].target == part->target && strcmp(readers[i].name, part->name) == 0) {
			return readers[i].read(part);
		}
	}
	return NULL;
}

/* ---- in their places ---- */

void xt_key(char out[XT_KEY_BYTES], const char *chain, uint64_t handle)
{
	(void)snprintf(out, XT_KEY_BYTES, "%.256s %llu", chain, (unsigned long long)handle);
}

static size_t count_parts(const json_t *statements)
{
	size_t count = 0;
	size_t i;
	const json_t *statement;
	json_array_foreach(statements, i, statement)
	{
		count += json_object_get(statement, "xt") != NULL;
	}
	return count;
}

static int put_into_rule(json_t *rule, const json_t *means)
{
	const json_t *before = json_object_get(rule, "expr");
	if (json_array_size(means) == 0 || count_parts(before) != json_array_size(means)) {
		return 0; /* the rule was exchanged meanwhile */
	}
	json_t *after = json_array();
	size_t next = 0;
	size_t i;
	json_t *statement;
	int r = after == NULL ? -1 : 0;
	json_array_foreach((json_t *)before, i, statement)
	{
		json_t *mean = json_object_get(statement, "xt") != NULL
				       ? json_array_get(means, next++)
				       : NULL;
		r |= json_is_array(mean) ? json_array_extend(after, mean)
					 : json_array_append(after, statement);
	}
	r |= json_object_set_new(rule, "expr", after);
	return r == 0 ? 0 : -ENOMEM;
}

int xt_put_in(json_t *document, const json_t *parts)
{
	int r = 0;
	size_t i;
	json_t *object;
	json_array_foreach(json_object_get(document, "nftables"), i, object)
	{
		char key[XT_KEY_BYTES];
		json_t *rule = json_object_get(object, "rule");
		const char *chain = json_string_value(json_object_get(rule, "chain"));
		const json_int_t handle = json_integer_value(json_object_get(rule, "handle"));
		if (r == 0 && chain != NULL) {
			xt_key(key, chain, (uint64_t)handle);
			r = put_into_rule(rule, json_object_get(parts, key));
		}
	}
	return r;
}
