/* The tables of other tools, as nft lists them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enforce/enforce.h"
#include "enforce/io/nft.h"
#include "enforce/io/objects.h"

/* What nft would read as anything else than one word: there is no quoting. */
static bool is_word(const char *name)
{
	return strpbrk(name, " \t\n;{}\"#") == NULL;
}

static bool is_listed(const char *family, const char *name)
{
	const bool own = strcmp(family, "inet") == 0 && strcmp(name, "minato") == 0;
	return !own && is_word(name);
}

struct tables {
	struct str *out;
	bool all;
};

static int take_table(const char *family, const char *name, void *data)
{
	struct tables *tables = data;
	tables->all = tables->all && is_word(name);
	return str_printf(tables->out, "%s %s\n", family, name);
}

int enforce_tables(struct str *out, bool *all, struct err *e)
{
	struct tables tables = { .out = out, .all = true };
	int r = objects_tables(take_table, &tables, e);
	*all = r == 0 && tables.all;
	return r;
}

static int add_table(const char *family, const char *name, void *data)
{
	return is_listed(family, name) ? str_printf(data, "%s %s\n", family, name) : 0;
}

/* Not by nft, which reads every element of every set before it lists the tables. */
int enforce_foreign_tables(struct str *out, struct err *e)
{
	return objects_tables(add_table, out, e);
}

int enforce_foreign_listing(struct str *out, const char *table, bool json, struct err *e)
{
	char command[320];
	struct err mine = ERR_INIT;
	const int length = snprintf(command, sizeof(command), "list table %s", table);
	int r = length < 0 || (size_t)length >= sizeof(command)
			? -ENAMETOOLONG
			: nft_run(out, command, json ? NFT_JSON : NFT_TEXT, &mine);
	/* A table that has gone meanwhile does nothing any more. */
	return r == -ENOENT ? 0 : r < 0 ? err_set(e, r, "%s", err_text(&mine)) : 0;
}
