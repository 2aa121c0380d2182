/* The host's rules: nft's listing, and iptables-save where nft cannot read again what it prints. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io/file.h"
#include "twin/io/host.h"
#include "twin/io/program.h"

enum {
	NAMES_BYTES = 1024,
	TABLES_MAX = 16, /* listed one by one, each by a run of nft of some ms */
};

static const struct {
	const char *family;
	const char *saves[2], *legacy_saves[2];
	const char *names; /* tables of the old kernel interface */
} families[HOST_FAMILIES] = {
	{ "ip",
	  { "iptables-nft-save", "iptables-save" },
	  { "iptables-legacy-save", NULL },
	  "/proc/thread-self/net/ip_tables_names" },
	{ "ip6",
	  { "ip6tables-nft-save", "ip6tables-save" },
	  { "ip6tables-legacy-save", NULL },
	  "/proc/thread-self/net/ip6_tables_names" },
};

enum host_loader host_loader(const struct twin_host *host, const struct table *table)
{
	for (size_t i = 0; i < HOST_FAMILIES; i++) {
		if (strcmp(table->family, families[i].family) != 0) {
			continue;
		}
		struct str part = STR_INIT(RULES_MAX_BYTES);
		int r = rules_saved_table(&part, host->saved[i], table->name);
		str_deinit(&part);
		return r == 0 ? (enum host_loader)i : HOST_BY_NFT;
	}
	return HOST_BY_NFT;
}

bool host_stands_in(const struct twin_host *host, const struct table *table)
{
	char name[NAMES_BYTES];
	(void)snprintf(name, sizeof(name), "%s %s", table->family, table->name);
	return host->instead != NULL && strcmp(name, host->instead->table) == 0;
}

static int list_all(struct str *out, struct str *complaint)
{
	static const char *const words[] = { "nft", "-a", "list", "ruleset", NULL };
	str_clear(out);
	str_clear(complaint);
	return program_run(out, complaint, words, NULL);
}

/* @param table "FAMILY NAME" and what follows. */
static int list_table(struct str *out, struct str *complaint, const char *table, size_t length)
{
	char family[NAMES_BYTES];
	(void)snprintf(family, sizeof(family), "%.*s", (int)length, table);
	char *name = family + strcspn(family, " ");
	name[0] = '\0';
	name++;
	const char *const words[] = { "nft", "-a", "list", "table", family, name, NULL };
	struct str text = STR_INIT(RULES_MAX_BYTES);
	int r = program_run(&text, complaint, words, NULL);
	r = r < 0 ? r : str_add(out, str_text(&text));
	str_deinit(&text);
	return r;
}

/* All but the one that others stand in for: of that an empty block keeps the place. */
static int list_others(struct str *out, struct str *complaint, const struct twin_stand_in *instead)
{
	size_t count = 0;
	int r = 0;
	for (const char *line = instead->tables; r == 0 && *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		if (++count > TABLES_MAX) {
			return -EFBIG;
		}
		if (length == strlen(instead->table) &&
		    strncmp(line, instead->table, length) == 0) {
			r = str_printf(out, "table %s {\n}\n", instead->table);
		} else {
			r = list_table(out, complaint, line, length);
		}
		line += length + (line[length] == '\n');
	}
	return r;
}

static int read_nft(struct twin_host *host, struct err *e)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	struct str complaint = STR_INIT(256);
	int r = host->instead == NULL ? -EFBIG : list_others(&text, &complaint, host->instead);
	if (r == -EFBIG || r == -EIO) { /* too many, or one of them has gone meanwhile */
		host->instead = NULL;
		r = list_all(&text, &complaint);
	}
	if (r == -ENOENT) {
		r = err_set(e, ENOENT, "nft is not installed");
	} else if (r < 0 &&
		   (geteuid() != 0 || strstr(str_text(&complaint), "not permitted") != NULL)) {
		r = err_set(e, EPERM, "the firewall's rules may only be read as root");
	} else if (r < 0) {
		r = err_system(e, r, "cannot read the firewall's rules%s%s",
			       complaint.length > 0 ? ": " : "", str_text(&complaint));
	} else {
		char *listing = strdup(str_text(&text));
		if (listing != NULL) {
			rules_forget_counted(listing);
		}
		r = twin_rules_read(&host->rules, listing);
	}
	str_deinit(&text);
	str_deinit(&complaint);
	return r;
}

/* @return 0 with *out, or NULL there when it cannot be had; -ENOMEM. */
static int save(char **out, const char *const *programs, size_t count)
{
	struct str text = STR_INIT(RULES_MAX_BYTES);
	int r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < count && programs[i] != NULL; i++) {
		const char *const words[] = { programs[i], NULL };
		r = program_run(&text, NULL, words, NULL);
	}
	if (r == 0) {
		*out = strdup(str_text(&text));
	}
	str_deinit(&text);
	return r == 0 && *out == NULL ? -ENOMEM : 0;
}

static bool has_foreign(const struct twin_host *host, const char *family)
{
	for (size_t i = 0; i < host->rules.tables.count; i++) {
		const struct table *table = &host->rules.tables.items[i];
		if (table->foreign && strcmp(table->family, family) == 0) {
			return true;
		}
	}
	return false;
}

static bool has_legacy(const char *path)
{
	char names[NAMES_BYTES];
	return file_read_into(names, sizeof(names), AT_FDCWD, path) > 0;
}

static int legacy(struct twin_host *host, size_t i)
{
	int r = save(&host->legacy[i], families[i].legacy_saves, 1);
	if (r == 0 && host->legacy[i] == NULL) {
		struct str detail = STR_INIT(NAMES_BYTES);
		str_printf(&detail, "%s (legacy): %s", families[i].family,
			   families[i].legacy_saves[0]);
		r = host_doubt(host, TWIN_DOUBT_TABLE, str_text(&detail));
		str_deinit(&detail);
	}
	return r;
}

int host_read_rules(struct twin_host *host, const char *ruleset, struct err *e)
{
	if (ruleset != NULL) {
		return twin_rules_read(&host->rules, strdup(ruleset));
	}
	int r = read_nft(host, e);
	for (size_t i = 0; r == 0 && i < HOST_FAMILIES; i++) {
		if (has_foreign(host, families[i].family)) {
			r = save(&host->saved[i], families[i].saves, 2);
		}
		if (r == 0 && has_legacy(families[i].names)) {
			r = legacy(host, i);
		}
	}
	return r;
}
