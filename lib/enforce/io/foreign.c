/* The tables of other tools, as nft lists them. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "enforce/enforce.h"
#include "enforce/io/nft.h"

/* A name that nft would read as anything else than one word is passed over: there is no quoting. */
static bool is_listed(const char *family, const char *name)
{
	const bool own = strcmp(family, "inet") == 0 && strcmp(name, "minato") == 0;
	return !own && strpbrk(name, " \t\n;{}\"#") == NULL;
}

int enforce_foreign_tables(struct str *out, struct err *e)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	int r = nft_run(&text, "list tables", NFT_JSON, e);
	json_t *document = r == 0 ? json_loadb(str_text(&text), text.length, 0, NULL) : NULL;
	size_t index;
	json_t *object;
	json_array_foreach(json_object_get(document, "nftables"), index, object)
	{
		const json_t *table = json_object_get(object, "table");
		const char *family = json_string_value(json_object_get(table, "family"));
		const char *name = json_string_value(json_object_get(table, "name"));
		if (family != NULL && name != NULL && is_listed(family, name)) {
			(void)str_printf(out, "%s %s\n", family, name); /* kept in out->error */
		}
	}
	json_decref(document);
	str_deinit(&text);
	return r < 0 ? r : out->error;
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
