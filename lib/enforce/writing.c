/* Parts of rules that inbound and outbound share. */
#include "enforce/writing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	COMMENT_BYTES = 100, /* nft keeps 128 (NFTNL_UDATA_COMMENT_MAXLEN) */
	/* The kernel takes 2^64 ns, 584 years (net/netfilter/nf_tables_api.c,
	 * nf_msecs_to_jiffies64); nft reads at most eight digits before a unit. */
	LIFE_DAYS_MAX = 200000,
};

void writing_comment(struct writing *w, const char *text)
{
	char kept[COMMENT_BYTES];
	(void)str_copy(kept, sizeof(kept), text);
	for (char *c = kept; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') {
			*c = '\'';
		}
	}
	ADD(w, " comment \"%s\"", kept);
}

void writing_interface(struct writing *w, const char *name)
{
	if (name != NULL && strpbrk(name, "*\"\\") != NULL) {
		w->error = -EINVAL;
	}
}

/* ---- sets ---- */

size_t writing_count(const struct prefix *items, size_t count, enum addr_family family)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		found += items[i].address.family == family;
	}
	return found;
}

size_t writing_count_literals(const struct policy_declaration *d, enum addr_family family)
{
	size_t found = 0;
	for (size_t i = 0; i < d->from.count; i++) {
		found += d->from.items[i].kind == POLICY_FROM_PREFIX &&
			 d->from.items[i].prefix.address.family == family;
	}
	return found;
}

static void begin_set(struct writing *w, const char *kind, const char *name,
		      enum addr_family family)
{
	ADD(w,
	    "add set inet minato g%u-%s-%s-%d { type ipv%d_addr; flags interval; auto-merge; "
	    "elements = { ",
	    w->generation, kind, name, family, family);
}

void writing_set(struct writing *w, const char *kind, const char *name, const struct prefix *items,
		 size_t count, enum addr_family family)
{
	char text[PREFIX_TEXT_BYTES];
	const char *comma = "";
	if (writing_count(items, count, family) == 0) {
		return;
	}
	begin_set(w, kind, name, family);
	for (size_t i = 0; i < count; i++) {
		if (items[i].address.family == family) {
			ADD(w, "%s%s", comma, prefix_format(&items[i], text));
			comma = ", ";
		}
	}
	ADD(w, " } }\n");
}

static void write_literal_set(struct writing *w, const char *kind,
			      const struct policy_declaration *d, enum addr_family family)
{
	char text[PREFIX_TEXT_BYTES];
	const char *comma = "";
	if (writing_count_literals(d, family) == 0) {
		return;
	}
	begin_set(w, kind, d->entry.name, family);
	for (size_t i = 0; i < d->from.count; i++) {
		const struct policy_from *from = &d->from.items[i];
		if (from->kind == POLICY_FROM_PREFIX && from->prefix.address.family == family) {
			ADD(w, "%s%s", comma, prefix_format(&from->prefix, text));
			comma = ", ";
		}
	}
	ADD(w, " } }\n");
}

void writing_literals(struct writing *w, const char *kind, const struct policy_declaration *d)
{
	write_literal_set(w, kind, d, ADDR_IPV4);
	write_literal_set(w, kind, d, ADDR_IPV6);
}

/* Alive as long as its elements: they leave by themselves at the end of the last day. */
void writing_life(struct writing *w, const char *kind, const struct gate *gate)
{
	const usec_t most = LIFE_DAYS_MAX * USEC_PER_DAY;
	const usec_t left = gate->left < most ? gate->left : most;
	const long long seconds = (left + USEC_PER_SEC - 1) / USEC_PER_SEC;
	char time[48];
	(void)snprintf(time, sizeof(time), "%lldd%llds", seconds / 86400, seconds % 86400);
	ADD(w,
	    "add set inet minato g%u-%s-%s { type nf_proto; flags timeout; elements = { "
	    "ipv4 timeout %s, ipv6 timeout %s } }\n",
	    w->generation, kind, gate->declaration->entry.name, time, time);
}

/* ---- rules ---- */

void writing_refusal(struct writing *w, const char *chain, int verdict)
{
	const unsigned g = w->generation;
	if (verdict == POLICY_REJECT) {
		ADD(w,
		    "add rule inet minato g%u-%s meta l4proto tcp counter reject with tcp reset\n",
		    g, chain);
		ADD(w, "add rule inet minato g%u-%s counter reject with icmpx admin-prohibited\n",
		    g, chain);
	} else {
		ADD(w, "add rule inet minato g%u-%s counter drop\n", g, chain);
	}
}

/*
 * Errors and path MTU (RFC 4890 4.3.1, 4.4.1), neighbours and routers (RFC 4861), multicast
 * listeners (RFC 2710, 3810), IGMP (RFC 3376), leases (RFC 2131, RFC 8415).
 */
void writing_necessities(struct writing *w, const char *chain, bool pings)
{
	const unsigned g = w->generation;
	const char *ping = pings ? "echo-request, " : "";
	ADD(w,
	    "add rule inet minato g%u-%s icmp type { %sdestination-unreachable, time-exceeded, "
	    "parameter-problem } accept\n",
	    g, chain, ping);
	ADD(w,
	    "add rule inet minato g%u-%s icmpv6 type { %sdestination-unreachable, packet-too-big, "
	    "time-exceeded, parameter-problem, nd-router-solicit, nd-router-advert, "
	    "nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, mld-listener-query, "
	    "mld-listener-report, mld-listener-done, mld2-listener-report } accept\n",
	    g, chain, ping);
	ADD(w, "add rule inet minato g%u-%s ip protocol igmp accept\n", g, chain);
}
