/* Parts of rules that all directions share. */
#include "enforce/writing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	COMMENT_BYTES = 100, /* nft keeps 128 (NFTNL_UDATA_COMMENT_MAXLEN) */
	/* The kernel takes 213,503 (net/netfilter/nf_tables_api.c, nf_msecs_to_jiffies64). */
	TIMEOUT_DAYS_MAX = 99999,
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

size_t writing_count_literals(const struct policy_from *items, size_t count,
			      enum addr_family family)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		found += items[i].kind == POLICY_FROM_PREFIX &&
			 items[i].prefix.address.family == family;
	}
	return found;
}

static void begin_set(struct writing *w, const char *kind, const char *name,
		      enum addr_family family)
{
	ADD(w,
	    "add set inet minato g%u-%s%s-%s-%d { type ipv%d_addr; flags interval; auto-merge; "
	    "elements = { ",
	    w->generation, w->prefix, kind, name, family, family);
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

static void add_literal_set(struct writing *w, const char *kind, const char *name,
			    const struct policy_from *items, size_t count, enum addr_family family)
{
	char text[PREFIX_TEXT_BYTES];
	const char *comma = "";
	if (writing_count_literals(items, count, family) == 0) {
		return;
	}
	begin_set(w, kind, name, family);
	for (size_t i = 0; i < count; i++) {
		if (items[i].kind == POLICY_FROM_PREFIX &&
		    items[i].prefix.address.family == family) {
			ADD(w, "%s%s", comma, prefix_format(&items[i].prefix, text));
			comma = ", ";
		}
	}
	ADD(w, " } }\n");
}

void writing_literals(struct writing *w, const char *kind, const char *name,
		      const struct policy_from *items, size_t count)
{
	add_literal_set(w, kind, name, items, count, ADDR_IPV4);
	add_literal_set(w, kind, name, items, count, ADDR_IPV6);
}

/* Alive as long as its elements: they leave by themselves at the end of the last day. */
void writing_life(struct writing *w, const struct gate *gate)
{
	/* nft takes at most eight digits of a unit; days beyond it come again with the next boot.
	 */
	const long long seconds = (gate->left + USEC_PER_SEC - 1) / USEC_PER_SEC;
	const long long days =
		seconds / 86400 < TIMEOUT_DAYS_MAX ? seconds / 86400 : TIMEOUT_DAYS_MAX;
	char left[48];
	(void)snprintf(left, sizeof(left), "%lldd%llds", days, seconds % 86400);
	ADD(w,
	    "add set inet minato g%u-%suntil-%s { type nf_proto; flags timeout; elements = { "
	    "ipv4 timeout %s, ipv6 timeout %s } }\n",
	    w->generation, w->prefix, gate->declaration->entry.name, left, left);
}

/* ---- rules ---- */

void writing_counting(struct writing *w, const char *chain, const char *sets, const char *end)
{
	for (int family = ADDR_IPV4; family <= ADDR_IPV6; family += ADDR_IPV6 - ADDR_IPV4) {
		ADD(w,
		    "add rule inet minato g%u-%s meta l4proto { tcp, udp, sctp, dccp, udplite } "
		    "update @%s-%d { %s %s . meta l4proto . th dport counter }\n",
		    w->generation, chain, sets, family, family == ADDR_IPV4 ? "ip" : "ip6", end);
	}
}

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
