/* Loading the host's rules, the candidate, and the twin's own chains around them. */
#include <errno.h>
#include <string.h>

#include "base/io/file.h"
#include "twin/io/build.h"
#include "twin/io/program.h"
#include "twin/way.h"

enum { COMPLAINT_BYTES = 300 };

/*
 * The first chain, before everything else, turns the trace on; it swallows the markers. The last in
 * each hook say by their own trace that a packet came so far.
 */
static void add_own_chains(struct str *text, const struct twin_host *host,
			   const struct built_link *links)
{
	static const char *const hooks[] = { "prerouting", "input", "forward", "output",
					     "postrouting" };
	str_add(text, "table netdev " WAY_TABLE " {\nchain start {\n"
		      "type filter hook ingress devices = { \"lo\"");
	for (size_t i = 0; i < host->links.count; i++) {
		if (links[i].outside != 0) {
			str_printf(text, ", \"%s\"", host->links.items[i].name);
		}
		if (links[i].outside > 2 * BUILD_PEER_OFFSET) {
			str_printf(text, ", \"mnt%u\"", links[i].inside);
		}
	}
	str_printf(text,
		   " } priority -2147483648;\n"
		   "meta protocol 0x%x meta nftrace set 1 drop\nmeta nftrace set 1\n}\n}\n"
		   "table inet " WAY_TABLE " {\nchain local {\n"
		   "type filter hook output priority -2147483648;\n"
		   "oif \"lo\" meta nftrace set 1\n"
		   /* Of what goes out only the probes: answers of the kernel have no owner. */
		   "oif != \"lo\" meta skuid >= 0 meta nftrace set 1\n}\n",
		   FRAME_MARKER_TYPE);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		str_printf(text,
			   "chain " WAY_END "%s {\ntype filter hook %s priority 2147483647;\n}\n",
			   hooks[i], hooks[i]);
	}
	str_add(text, "}\n");
}

/* ---- Loading ---- */

struct loading {
	const struct twin_host *host;
	const struct built_link *links;
	int doubts;
	struct str complaint; /* of the last program */
	bool whole;           /* the twin's own chains are loaded too */
};

static int nft(struct loading *loading, const char *text)
{
	static const char *const words[] = { "nft", "-f", "-", NULL };
	str_clear(&loading->complaint);
	return program_run(NULL, &loading->complaint, words, text);
}

static int doubt_table(struct loading *loading, const char *family, const char *name)
{
	struct str detail = STR_INIT(1024);
	str_printf(&detail, "%s %s: %s", family, name, str_text(&loading->complaint));
	int r = build_doubt(loading->doubts, TWIN_DOUBT_TABLE, str_text(&detail));
	str_deinit(&detail);
	return r;
}

static int load_text(struct loading *loading, struct str *text)
{
	int r = text->error < 0     ? text->error
		: text->length == 0 ? 0
				    : nft(loading, str_text(text));
	str_deinit(text);
	return r;
}

static void add_table(struct str *text, const struct twin_host *host, const struct table *table)
{
	if (host_stands_in(host, table)) {
		(void)str_add(text, host->instead->commands); /* kept in text->error */
	} else {
		(void)rules_loadable(text, table); /* likewise */
	}
}

/* One by one, so that one table that cannot be loaded takes no other with it. */
static int load_each(struct loading *loading, const struct table *tables, size_t count)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct str text = STR_INIT(RULES_MAX_BYTES);
		add_table(&text, loading->host, &tables[i]);
		r = load_text(loading, &text);
		if (r == -EIO) {
			r = doubt_table(loading, tables[i].family, tables[i].name);
		}
	}
	return r;
}

/* @param with_own the twin's own chains in the same run. */
static int load_nft(struct loading *loading, const struct table *tables, size_t count,
		    bool with_own)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		add_table(&text, loading->host, &tables[i]);
	}
	if (with_own) {
		add_own_chains(&text, loading->host, loading->links);
	}
	int r = load_text(loading, &text);
	loading->whole = with_own && r == 0;
	return r == -EIO && count > 0 ? load_each(loading, tables, count) : r;
}

static int restore(struct loading *loading, const char *saved, const char *const *programs,
		   const struct table *table)
{
	int r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && programs[i] != NULL; i++) {
		const char *const words[] = { programs[i], "--counters", NULL };
		str_clear(&loading->complaint);
		r = program_run(NULL, &loading->complaint, words, saved);
	}
	return r < 0 ? doubt_table(loading, table->family, table->name) : 0;
}

static int restore_tables(struct loading *loading, enum host_loader loader,
			  const struct table *tables, size_t count)
{
	static const char *const programs[HOST_FAMILIES][3] = {
		{ "iptables-nft-restore", "iptables-restore", NULL },
		{ "ip6tables-nft-restore", "ip6tables-restore", NULL },
	};
	struct str text = STR_INIT(RULES_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		(void)rules_saved_table(&text, loading->host->saved[loader], tables[i].name);
	}
	int r = text.error < 0 ? text.error
			       : restore(loading, str_text(&text), programs[loader], &tables[0]);
	str_deinit(&text);
	return r;
}

/* In the order of the listing, since of chains with one priority that of the later table is first
 * (nf_hook_entries_grow() in net/netfilter/core.c). */
static int load_tables(struct loading *loading, bool alone)
{
	const struct table *tables = loading->host->rules.tables.items;
	const size_t count = loading->host->rules.tables.count;
	int r = 0;
	size_t next = 0;
	for (size_t first = 0; r == 0 && first < count; first = next) {
		enum host_loader loader = host_loader(loading->host, &tables[first]);
		for (next = first + 1;
		     next < count && host_loader(loading->host, &tables[next]) == loader; next++) {
		}
		r = loader == HOST_BY_NFT
			    ? load_nft(loading, &tables[first], next - first,
				       alone && next == count)
			    : restore_tables(loading, loader, &tables[first], next - first);
	}
	return r;
}

static int restore_legacy(struct loading *loading)
{
	static const char *const programs[HOST_FAMILIES][2] = {
		{ "iptables-legacy-restore", NULL },
		{ "ip6tables-legacy-restore", NULL },
	};
	static const struct table tables[HOST_FAMILIES] = {
		{ .family = "ip", .name = "(legacy)" },
		{ .family = "ip6", .name = "(legacy)" },
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < HOST_FAMILIES; i++) {
		const char *saved = loading->host->legacy[i];
		r = saved == NULL ? 0 : restore(loading, saved, programs[i], &tables[i]);
	}
	return r;
}

static int list(int listing)
{
	static const char *const words[] = { "nft", "-a", "-t", "list", "ruleset", NULL };
	struct str text = STR_INIT(RULES_MAX_BYTES);
	int r = program_run(&text, NULL, words, NULL);
	r = r < 0 ? r : write_all(listing, str_text(&text), text.length);
	str_deinit(&text);
	return r;
}

static int load(struct loading *loading, const char *candidate, struct err *e)
{
	const bool legacy = loading->host->legacy[0] != NULL || loading->host->legacy[1] != NULL;
	int r = load_tables(loading, candidate == NULL && !legacy);
	r = r < 0 ? r : restore_legacy(loading);
	if (r == 0 && candidate != NULL) {
		r = nft(loading, candidate);
		if (r == -EIO) {
			r = err_set(e, EINVAL, "nft refuses the candidate: %s",
				    str_text(&loading->complaint));
		}
	}
	return r == 0 && !loading->whole ? load_nft(loading, NULL, 0, true) : r;
}

int build_rules(int listing, const struct twin_host *host, const struct built_link *links,
		const char *candidate, int doubts, struct err *e)
{
	struct loading loading = { .host = host,
				   .links = links,
				   .doubts = doubts,
				   .complaint = STR_INIT(COMPLAINT_BYTES) };
	int r = load(&loading, candidate, e);
	if (r == 0) {
		r = candidate != NULL ? list(listing) : build_handles(listing);
	}
	if (r == -ENOENT) {
		r = err_set(e, ENOENT, "nft is not installed");
	} else if (r < 0) {
		r = err_system(e, r, "cannot load the rules into the twin%s%s",
			       loading.complaint.length > 0 ? ": " : "",
			       str_text(&loading.complaint));
	}
	str_deinit(&loading.complaint);
	return r;
}
