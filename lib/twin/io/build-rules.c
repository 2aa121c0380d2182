/* Loading the host's rules, the candidate, and the twin's own chains around them. */
#include <errno.h>
#include <string.h>

#include "base/io/file.h"
#include "twin/io/build.h"
#include "twin/io/program.h"
#include "twin/way.h"

enum { COMPLAINT_BYTES = 300 };

static int nft(const char *text, struct str *complaint)
{
	static const char *const words[] = { "nft", "-f", "-", NULL };
	str_clear(complaint);
	return program_run(NULL, complaint, words, text);
}

static int doubt_table(int doubts, const struct table *table, const char *why)
{
	struct str detail = STR_INIT(1024);
	str_printf(&detail, "%s %s: %s", table->family, table->name, why);
	int r = build_doubt(doubts, TWIN_DOUBT_TABLE, str_text(&detail));
	str_deinit(&detail);
	return r;
}

/* One by one, so that one table that cannot be loaded takes no other with it. */
static int load_each(const struct twin_host *host, int doubts, struct str *complaint)
{
	for (size_t i = 0; i < host->rules.tables.count; i++) {
		const struct table *table = &host->rules.tables.items[i];
		if (host_by_iptables(host, table)) {
			continue;
		}
		struct str text = STR_INIT(RULES_MAX_BYTES);
		(void)str_add_bytes(&text, table->text, table->length);
		(void)str_add_char(&text, '\n');
		int r = text.error < 0 ? text.error : nft(str_text(&text), complaint);
		str_deinit(&text);
		if (r == -EIO) {
			r = doubt_table(doubts, table, str_text(complaint));
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

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
		   "oif \"lo\" meta nftrace set 1\n}\n",
		   FRAME_MARKER_TYPE);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		str_printf(text,
			   "chain " WAY_END "%s {\ntype filter hook %s priority 2147483647;\n}\n",
			   hooks[i], hooks[i]);
	}
	str_add(text, "}\n");
}

static int load_own_chains(const struct twin_host *host, const struct built_link *links,
			   struct str *complaint)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	add_own_chains(&text, host, links);
	int r = text.error < 0 ? text.error : nft(str_text(&text), complaint);
	str_deinit(&text);
	return r;
}

static bool has_restored(const struct twin_host *host)
{
	bool any = false;
	for (size_t i = 0; i < HOST_FAMILIES; i++) {
		any |= host->saved[i] != NULL || host->legacy[i] != NULL;
	}
	return any;
}

/* Everything in one run of nft where nothing has to come in between. @return 0 or negative errno,
 * with *whole when the twin's own chains are loaded too. */
static int load_nft(bool *whole, const struct twin_host *host, const struct built_link *links,
		    int doubts, struct str *complaint)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	for (size_t i = 0; i < host->rules.tables.count; i++) {
		const struct table *table = &host->rules.tables.items[i];
		if (!host_by_iptables(host, table)) {
			(void)str_add_bytes(&text, table->text, table->length);
			(void)str_add_char(&text, '\n');
		}
	}
	const bool empty = text.length == 0;
	if (*whole) {
		add_own_chains(&text, host, links);
	}
	int r = text.error < 0     ? text.error
		: text.length == 0 ? 0
				   : nft(str_text(&text), complaint);
	str_deinit(&text);
	if (r == -EIO && !empty) {
		*whole = false;
		return load_each(host, doubts, complaint);
	}
	return r;
}

static int restore(const char *saved, const char *const *programs, int doubts,
		   struct str *complaint)
{
	int r = saved == NULL ? 0 : -ENOENT;
	for (size_t i = 0; r == -ENOENT && programs[i] != NULL; i++) {
		const char *const words[] = { programs[i], "--counters", NULL };
		str_clear(complaint);
		r = program_run(NULL, complaint, words, saved);
	}
	if (r < 0) {
		const struct table table = { .family = programs[0], .name = "" };
		r = doubt_table(doubts, &table, str_text(complaint));
	}
	return r;
}

static int restore_iptables(const struct twin_host *host, int doubts, struct str *complaint)
{
	static const char *const programs[HOST_FAMILIES][3] = {
		{ "iptables-nft-restore", "iptables-restore", NULL },
		{ "ip6tables-nft-restore", "ip6tables-restore", NULL },
	};
	static const char *const legacy[HOST_FAMILIES][2] = {
		{ "iptables-legacy-restore", NULL },
		{ "ip6tables-legacy-restore", NULL },
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < HOST_FAMILIES; i++) {
		r = restore(host->saved[i], programs[i], doubts, complaint);
		r = r < 0 ? r : restore(host->legacy[i], legacy[i], doubts, complaint);
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

int build_rules(int listing, const struct twin_host *host, const struct built_link *links,
		const char *candidate, int doubts, struct err *e)
{
	struct str complaint = STR_INIT(COMPLAINT_BYTES);
	bool whole = candidate == NULL && !has_restored(host);
	int r = load_nft(&whole, host, links, doubts, &complaint);
	r = r < 0 ? r : restore_iptables(host, doubts, &complaint);
	if (r == 0 && candidate != NULL) {
		r = nft(candidate, &complaint);
		if (r == -EIO) {
			r = err_set(e, EINVAL, "nft refuses the candidate: %s",
				    str_text(&complaint));
		}
	}
	if (r == 0 && !whole) {
		r = load_own_chains(host, links, &complaint);
	}
	if (r == 0) {
		r = candidate != NULL ? list(listing) : build_handles(listing);
	}
	if (r == -ENOENT) {
		r = err_set(e, ENOENT, "nft is not installed");
	} else if (r < 0) {
		r = err_system(e, r, "cannot load the rules into the twin: %s",
			       str_text(&complaint));
	}
	str_deinit(&complaint);
	return r;
}
