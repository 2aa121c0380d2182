/* Entries of ip_tables and ip6_tables as statements of libnftables-json(5). */
#include "observe/legacy.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "observe/xt.h"

enum { ENTRIES_MAX = 65536, OFFSET_TEXT_BYTES = 24 };

static const struct {
	const char *chain, *hook;
} hooks[LEGACY_HOOKS] = {
	[NF_INET_PRE_ROUTING] = { "PREROUTING", "prerouting" },
	[NF_INET_LOCAL_IN] = { "INPUT", "input" },
	[NF_INET_FORWARD] = { "FORWARD", "forward" },
	[NF_INET_LOCAL_OUT] = { "OUTPUT", "output" },
	[NF_INET_POST_ROUTING] = { "POSTROUTING", "postrouting" },
};

/* What both families have, of one entry. */
struct entry {
	size_t offset;
	const char *bytes; /* of the entry */
	size_t matches;    /* offset of the first in it */
	size_t target, next;
	unsigned protocol;
	bool protocol_inverted, gone_to, inverted, narrow, input_inverted;
	char input[IFNAMSIZ];
	struct addr to; /* one address alone; ADDR_NONE = any, or a network: then narrow */
};

struct reading {
	const struct legacy_table *table;
	json_t *objects; /* the document's */
	json_t *chains;
	char chain[XT_EXTENSION_MAXNAMELEN + 4];
	unsigned handle;
};

/* ---- an entry ---- */

static bool is_zero(const void *bytes, size_t length)
{
	const char *at = bytes;
	for (size_t i = 0; i < length; i++) {
		if (at[i] != 0) {
			return false;
		}
	}
	return true;
}

static bool is_full(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++) {
		if (at[i] != 0xff) {
			return false;
		}
	}
	return true;
}

static void take_interface(struct entry *out, const char *name, const unsigned char *mask)
{
	(void)snprintf(out->input, sizeof(out->input), "%.*s", IFNAMSIZ - 1, name);
	/* "eth+" compares no NUL at the end. */
	if (out->input[0] != '\0' &&
	    (strcmp(out->input, "lo") != 0 || !is_full(mask, strlen(out->input) + 1))) {
		out->input[0] = '\0';
		out->narrow = true;
	}
}

static void take_ipv4(struct entry *out, const struct ipt_entry *entry)
{
	const struct ipt_ip *ip = &entry->ip;
	const bool one = is_full(&ip->dmsk, 4) && (ip->invflags & IPT_INV_DSTIP) == 0;
	out->target = entry->target_offset;
	out->next = entry->next_offset;
	out->protocol = ip->proto;
	out->protocol_inverted = (ip->invflags & IPT_INV_PROTO) != 0;
	out->input_inverted = (ip->invflags & IPT_INV_VIA_IN) != 0;
	out->gone_to = (ip->flags & IPT_F_GOTO) != 0;
	out->to = one ? addr_from_ipv4((const uint8_t *)&ip->dst) : (struct addr){ 0 };
	out->narrow = !is_zero(&ip->smsk, 4) || (!one && !is_zero(&ip->dmsk, 4)) ||
		      ip->outiface[0] != '\0' ||
		      (ip->invflags & (IPT_INV_SRCIP | IPT_INV_DSTIP | IPT_INV_FRAG)) != 0 ||
		      (ip->flags & IPT_F_FRAG) != 0;
	take_interface(out, ip->iniface, ip->iniface_mask);
}

static void take_ipv6(struct entry *out, const struct ip6t_entry *entry)
{
	const struct ip6t_ip6 *ip = &entry->ipv6;
	const bool one = is_full(&ip->dmsk, 16) && (ip->invflags & IP6T_INV_DSTIP) == 0;
	out->target = entry->target_offset;
	out->next = entry->next_offset;
	out->protocol = (ip->flags & IP6T_F_PROTO) != 0 ? ip->proto : 0;
	out->protocol_inverted = (ip->invflags & XT_INV_PROTO) != 0;
	out->input_inverted = (ip->invflags & IP6T_INV_VIA_IN) != 0;
	out->gone_to = (ip->flags & IP6T_F_GOTO) != 0;
	out->to = one ? addr_from_ipv6((const uint8_t *)&ip->dst) : (struct addr){ 0 };
	out->narrow = !is_zero(&ip->smsk, 16) || (!one && !is_zero(&ip->dmsk, 16)) ||
		      ip->outiface[0] != '\0' ||
		      (ip->invflags & (IP6T_INV_SRCIP | IP6T_INV_DSTIP)) != 0 ||
		      (ip->flags & IP6T_F_TOS) != 0;
	take_interface(out, ip->iniface, ip->iniface_mask);
}

/* @return false when the bytes do not hold together. */
static bool read_entry(struct entry *out, const struct legacy_table *table, size_t offset)
{
	const size_t head = table->ipv6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	*out = (struct entry){ .offset = offset,
			       .bytes = (const char *)table->entries + offset,
			       .matches = head };
	if (offset > table->length || table->length - offset < head) {
		return false;
	}
	if (table->ipv6) {
		struct ip6t_entry entry;
		memcpy(&entry, out->bytes, sizeof(entry));
		take_ipv6(out, &entry);
	} else {
		struct ipt_entry entry;
		memcpy(&entry, out->bytes, sizeof(entry));
		take_ipv4(out, &entry);
	}
	return out->target >= head && out->next <= table->length - offset &&
	       out->next >= out->target + sizeof(struct xt_entry_target);
}

/* A match or the target; both have one form. @return its size, 0 when it does not hold together. */
static size_t read_part(struct xt_part *out, char name[XT_EXTENSION_MAXNAMELEN + 1],
			const struct legacy_table *table, const struct entry *entry, size_t at,
			size_t end)
{
	struct xt_entry_match match;
	if (end - at < sizeof(match)) {
		return 0;
	}
	memcpy(&match, entry->bytes + at, sizeof(match));
	(void)snprintf(name, XT_EXTENSION_MAXNAMELEN + 1, "%.*s", XT_EXTENSION_MAXNAMELEN,
		       match.u.user.name);
	*out = (struct xt_part){ .target = at == entry->target,
				 .name = name,
				 .revision = match.u.user.revision,
				 .ipv6 = table->ipv6,
				 .info = entry->bytes + at + sizeof(match),
				 .length = match.u.match_size - sizeof(match) };
	return match.u.match_size >= sizeof(match) && match.u.match_size <= end - at
		       ? match.u.match_size
		       : 0;
}

/* ---- statements ---- */

static void add_match(json_t *all, const char *op, json_t *left, json_t *right)
{
	json_array_append_new(
		all, json_pack("{s{ss, so, so}}", "match", "op", op, "left", left, "right", right));
}

static void add_strange(json_t *all, bool target, const char *name)
{
	json_array_append_new(all,
			      json_pack("{s{ss, so}}", "xt", "type", target ? "target" : "match",
					"name", json_stringn_nocheck(name, strnlen(name, 32))));
}

static void add_protocol(json_t *all, const struct entry *entry)
{
	static const char *const names[] = { [IPPROTO_TCP] = "tcp",
					     [IPPROTO_UDP] = "udp",
					     [IPPROTO_DCCP] = "dccp",
					     [IPPROTO_SCTP] = "sctp",
					     [IPPROTO_UDPLITE] = "udplite" };
	const char *name =
		entry->protocol < sizeof(names) / sizeof(names[0]) ? names[entry->protocol] : NULL;
	if (entry->protocol != 0) {
		add_match(all, entry->protocol_inverted ? "!=" : "==",
			  json_pack("{s{ss}}", "meta", "key", "l4proto"),
			  name != NULL ? json_string(name) : json_sprintf("%u", entry->protocol));
	}
}

static void add_head(json_t *all, const struct entry *entry, bool ipv6)
{
	add_protocol(all, entry);
	if (entry->input[0] != '\0') {
		add_match(all, entry->input_inverted ? "!=" : "==",
			  json_pack("{s{ss}}", "meta", "key", "iifname"),
			  json_string(entry->input));
	}
	if (entry->to.family != ADDR_NONE) {
		char text[ADDR_TEXT_BYTES];
		add_match(all, "==",
			  json_pack("{s{ss, ss}}", "payload", "protocol", ipv6 ? "ip6" : "ip",
				    "field", "daddr"),
			  json_string(addr_format(&entry->to, text)));
	}
	if (entry->narrow) {
		add_strange(all, false, "address");
	}
}

static void add_part(json_t *all, const struct xt_part *part)
{
	json_auto_t *means = xt_statements(part);
	if (means != NULL) {
		(void)json_array_extend(all, means);
	} else {
		add_strange(all, part->target, part->name);
	}
}

/* "ERROR" holds the name of the chain that begins behind it. */
static bool read_chain_name(char out[XT_EXTENSION_MAXNAMELEN + 1], const struct xt_part *part)
{
	const bool begins = strcmp(part->name, XT_ERROR_TARGET) == 0 && part->target &&
			    part->length >= XT_FUNCTION_MAXNAMELEN;
	if (begins) {
		(void)snprintf(out, XT_EXTENSION_MAXNAMELEN + 1, "%.*s", XT_EXTENSION_MAXNAMELEN,
			       (const char *)part->info);
	}
	return begins;
}

/* Where chains of the user begin: the offset of the first entry, as text, -> name. */
static json_t *find_chains(const struct legacy_table *table)
{
	json_t *chains = json_object();
	struct entry entry;
	for (size_t at = 0; at < table->length && read_entry(&entry, table, at); at += entry.next) {
		struct xt_part part;
		char name[XT_EXTENSION_MAXNAMELEN + 1];
		char chain[XT_EXTENSION_MAXNAMELEN + 1];
		if (read_part(&part, name, table, &entry, entry.target, entry.next) > 0 &&
		    read_chain_name(chain, &part)) {
			char key[OFFSET_TEXT_BYTES];
			(void)snprintf(key, sizeof(key), "%zu", at + entry.next);
			json_object_set_new(chains, key, json_string(chain));
		}
	}
	return chains;
}

static void add_verdict(json_t *all, const json_t *chains, const struct entry *entry,
			const struct xt_part *part)
{
	int verdict = 0;
	char key[OFFSET_TEXT_BYTES];
	if (part->length < sizeof(verdict)) {
		add_strange(all, true, "?");
		return;
	}
	memcpy(&verdict, part->info, sizeof(verdict));
	if (verdict >= 0) {
		/* Without a jump it goes on with the entry behind it. */
		if ((size_t)verdict == entry->offset + entry->next) {
			return;
		}
		(void)snprintf(key, sizeof(key), "%d", verdict);
		const char *chain = json_string_value(json_object_get(chains, key));
		if (chain == NULL) {
			add_strange(all, true, "?");
			return;
		}
		json_array_append_new(all, json_pack("{s{ss}}", entry->gone_to ? "goto" : "jump",
						     "target", chain));
		return;
	}
	const char *name = verdict == -NF_ACCEPT - 1 ? "accept"
			   : verdict == -NF_DROP - 1 ? "drop"
			   : verdict == XT_RETURN    ? "return"
						     : NULL;
	if (name == NULL) { /* a queue: whoever reads it decides */
		add_strange(all, true, "QUEUE");
	} else {
		json_array_append_new(all, json_pack("{sn}", name));
	}
}

/* ---- chains ---- */

static int priority_of(const char *table)
{
	return strcmp(table, "raw") == 0        ? -300
	       : strcmp(table, "mangle") == 0   ? -150
	       : strcmp(table, "nat") == 0      ? -100
	       : strcmp(table, "security") == 0 ? 50
						: 0;
}

static const char *family_of(const struct legacy_table *table)
{
	return table->ipv6 ? "ip6" : "ip";
}

static void begin_base(struct reading *reading, unsigned hook)
{
	const struct legacy_table *table = reading->table;
	struct entry entry;
	struct xt_part part;
	char name[XT_EXTENSION_MAXNAMELEN + 1];
	int verdict = -NF_ACCEPT - 1;
	if (read_entry(&entry, table, table->policy[hook]) &&
	    read_part(&part, name, table, &entry, entry.target, entry.next) > 0 &&
	    part.length >= sizeof(verdict)) {
		memcpy(&verdict, part.info, sizeof(verdict));
	}
	(void)snprintf(reading->chain, sizeof(reading->chain), "%s", hooks[hook].chain);
	json_array_append_new(reading->objects,
			      json_pack("{s{ss, ss, ss, ss, ss, si, ss}}", "chain", "family",
					family_of(table), "table", table->name, "name",
					reading->chain, "type",
					strcmp(table->name, "nat") == 0 ? "nat" : "filter", "hook",
					hooks[hook].hook, "prio", priority_of(table->name),
					"policy", verdict == -NF_DROP - 1 ? "drop" : "accept"));
}

/* @return false when it does not hold together. */
static bool take_entry(struct reading *reading, const struct entry *entry)
{
	const struct legacy_table *table = reading->table;
	struct xt_part part;
	char name[XT_EXTENSION_MAXNAMELEN + 1];
	json_t *all = json_array();
	add_head(all, entry, table->ipv6);
	for (size_t at = entry->matches; at < entry->target;) {
		size_t bytes = read_part(&part, name, table, entry, at, entry->target);
		if (bytes == 0) {
			json_decref(all);
			return false;
		}
		add_part(all, &part);
		at += bytes;
	}
	if (read_part(&part, name, table, entry, entry->target, entry->next) == 0) {
		json_decref(all);
		return false;
	}
	char chain[XT_EXTENSION_MAXNAMELEN + 1];
	if (read_chain_name(chain, &part)) {
		(void)snprintf(reading->chain, sizeof(reading->chain), "%s", chain);
		json_decref(all);
		return true;
	}
	if (name[0] == '\0') {
		add_verdict(all, reading->chains, entry, &part);
	} else {
		add_part(all, &part);
	}
	json_array_append_new(reading->objects,
			      json_pack("{s{ss, ss, ss, si, so}}", "rule", "family",
					family_of(table), "table", table->name, "chain",
					reading->chain, "handle", (int)++reading->handle, "expr",
					all));
	return true;
}

static bool is_policy(const struct legacy_table *table, size_t offset)
{
	for (unsigned i = 0; i < LEGACY_HOOKS; i++) {
		if ((table->hooks & 1U << i) != 0 && table->policy[i] == offset) {
			return true;
		}
	}
	return false;
}

json_t *legacy_document(const struct legacy_table *table)
{
	json_auto_t *objects = json_array();
	json_auto_t *chains = find_chains(table);
	struct reading reading = { .table = table, .objects = objects, .chains = chains };
	size_t count = 0;
	for (size_t offset = 0; offset < table->length && count < ENTRIES_MAX; count++) {
		struct entry entry;
		if (!read_entry(&entry, table, offset)) {
			return NULL;
		}
		for (unsigned i = 0; i < LEGACY_HOOKS; i++) {
			if ((table->hooks & 1U << i) != 0 && table->begin[i] == offset) {
				begin_base(&reading, i);
			}
		}
		if (!is_policy(table, offset) && !take_entry(&reading, &entry)) {
			return NULL;
		}
		offset += entry.next;
	}
	return json_pack("{sO}", "nftables", objects);
}
