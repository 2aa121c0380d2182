/* The tables of other tools, as nft lists them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enforce/enforce.h"
#include "enforce/io/nft.h"
#include "enforce/io/objects.h"

/* A name that nft would read as anything else than one word is passed over: there is no quoting. */
static bool is_listed(const char *family, const char *name)
{
	const bool own = strcmp(family, "inet") == 0 && strcmp(name, "minato") == 0;
	return !own && strpbrk(name, " \t\n;{}\"#") == NULL;
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
