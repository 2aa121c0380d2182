/* A ruleset as `nft -a list ruleset` prints it: which chain hangs where, which rule has which text.
 */
#include "twin/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

static const char handle_word[] = " # handle ";

struct reading {
	struct twin_rules *out;
	size_t table; /* index of the block that is open; SIZE_MAX = none */
	size_t chain; /* likewise */
};

/* Cuts "# handle N" off the end of a line. @return N, or 0 when it has none. */
static uint64_t cut_handle(char *line)
{
	char *found = NULL;
	for (char *next = line; (next = strstr(next, handle_word)) != NULL; next++) {
		found = next;
	}
	uint64_t handle = 0;
	if (found == NULL ||
	    parse_u64(&handle, found + sizeof(handle_word) - 1, 1, UINT64_MAX) < 0) {
		return 0;
	}
	*found = '\0';
	return handle;
}

/* Cuts the next word off. @return it, "" at the end. */
static char *cut_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	char *end = word + strcspn(word, " \t");
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

static int open_table(struct reading *reading, char *line, size_t offset)
{
	struct table *table = vec_push(&reading->out->tables);
	if (table == NULL) {
		return -ENOMEM;
	}
	(void)cut_word(&line);
	table->family = cut_word(&line);
	table->name = cut_word(&line);
	table->text = reading->out->text + offset;
	reading->table = reading->out->tables.count - 1;
	return 0;
}

static int open_chain(struct reading *reading, char *line)
{
	struct chain *chain = vec_push(&reading->out->chains);
	if (chain == NULL) {
		return -ENOMEM;
	}
	const struct table *table = &reading->out->tables.items[reading->table];
	(void)cut_word(&line);
	*chain = (struct chain){ .family = table->family,
				 .table = table->name,
				 .name = cut_word(&line),
				 .first = reading->out->rules.count };
	reading->chain = reading->out->chains.count - 1;
	return 0;
}

/* "type filter hook input priority filter; policy accept;" */
static void base_chain(struct chain *chain, char *line)
{
	(void)cut_word(&line);
	chain->type = cut_word(&line);
	if (strcmp(cut_word(&line), "hook") == 0) {
		chain->hook = cut_word(&line);
	}
}

static int take_rule(struct reading *reading, char *line)
{
	struct chain *chain = &reading->out->chains.items[reading->chain];
	if (str_starts(line, "type ") && strstr(line, " hook ") != NULL && chain->hook == NULL &&
	    chain->count == 0) {
		base_chain(chain, line);
		return 0;
	}
	uint64_t handle = cut_handle(line);
	if (handle == 0) {
		return 0; /* a comment of the chain */
	}
	struct rule *rule = vec_push(&reading->out->rules);
	if (rule == NULL) {
		return -ENOMEM;
	}
	*rule = (struct rule){ .text = line, .handle = handle };
	chain->count++;
	struct table *table = &reading->out->tables.items[reading->table];
	table->foreign |= strstr(line, "xt match ") != NULL || strstr(line, "xt target ") != NULL ||
			  strstr(line, "# xt_") != NULL;
	return 0;
}

/* @param offset of the line in the listing; @param length of it, without the end. */
static int take_line(struct reading *reading, char *line, size_t offset, size_t length)
{
	if (str_starts(line, "table ")) {
		return open_table(reading, line, offset);
	}
	if (reading->table == SIZE_MAX) {
		return 0;
	}
	if (strcmp(line, "}") == 0) {
		struct table *table = &reading->out->tables.items[reading->table];
		table->length = offset + length - (size_t)(table->text - reading->out->text);
		reading->table = reading->chain = SIZE_MAX;
		return 0;
	}
	if (str_starts(line, "\tchain ")) {
		return open_chain(reading, line + 1);
	}
	if (str_starts(line, "\t}")) {
		reading->chain = SIZE_MAX;
		return 0;
	}
	bool rule = reading->chain != SIZE_MAX && str_starts(line, "\t\t") && line[2] != '\t';
	return rule ? take_rule(reading, line + 2) : 0;
}

static int compare_chains(const void *pa, const void *pb)
{
	const struct chain *a = pa;
	const struct chain *b = pb;
	int r = strcmp(a->family, b->family);
	r = r != 0 ? r : strcmp(a->table, b->table);
	return r != 0 ? r : strcmp(a->name, b->name);
}

static bool begins(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

/* Of lib/enforce: `add_counted_sets` there. */
static bool is_counted_set(const char *line)
{
	return begins(line, "\tset refused-") || begins(line, "\tset would-") ||
	       begins(line, "\tset forward-refused-") || begins(line, "\tset forward-would-");
}

void rules_forget_counted(char *listing)
{
	bool ours = false, counted = false, elements = false;
	char *end = listing;
	for (const char *line = listing; *line != '\0';) {
		const size_t length = strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n');
		if (begins(line, "table ")) {
			ours = begins(line, "table inet minato {");
		}
		if (begins(line, "\tset ") || begins(line, "\t}")) {
			counted = ours && is_counted_set(line);
		}
		elements = elements || (counted && begins(line, "\t\telements = {"));
		if (!elements) {
			(void)memmove(end, line, length);
			end += length;
		}
		/* The last of them ends with the brace. */
		elements = elements && !(length > 1 && line[length - 2] == '}');
		line += length;
	}
	*end = '\0';
}

int twin_rules_read(struct twin_rules *out, char *text)
{
	*out = (struct twin_rules){ .text = text };
	if (text == NULL) {
		return -ENOMEM;
	}
	struct reading reading = { .out = out, .table = SIZE_MAX, .chain = SIZE_MAX };
	size_t length = strlen(text);
	out->words = strdup(text);
	if (out->words == NULL) {
		return -ENOMEM;
	}
	for (size_t at = 0; at < length;) {
		char *line = out->words + at;
		size_t bytes = strcspn(line, "\n");
		line[bytes] = '\0';
		int r = take_line(&reading, line, at, bytes);
		if (r < 0) {
			return r;
		}
		at += bytes + 1;
	}
	if (out->chains.count > 0) {
		qsort(out->chains.items, out->chains.count, sizeof(*out->chains.items),
		      compare_chains);
	}
	return 0;
}

void twin_rules_deinit(struct twin_rules *rules)
{
	free(rules->text);
	free(rules->words);
	vec_free(&rules->tables);
	vec_free(&rules->chains);
	vec_free(&rules->rules);
	*rules = (struct twin_rules){ 0 };
}

const struct chain *twin_rules_chain(const struct twin_rules *rules, const char *family,
				     const char *table, const char *chain)
{
	const struct chain wanted = { .family = family, .table = table, .name = chain };
	return rules->chains.count == 0 ? NULL
					: bsearch(&wanted, rules->chains.items, rules->chains.count,
						  sizeof(*rules->chains.items), compare_chains);
}

bool twin_rules_place(size_t *place, const struct twin_rules *rules, const struct chain *chain,
		      uint64_t handle)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (rules->rules.items[chain->first + i].handle == handle) {
			*place = i;
			return true;
		}
	}
	return false;
}

void twin_rules_renumber(struct twin_rules *rules, char *handles)
{
	const struct chain *last = NULL;
	size_t place = 0;
	for (size_t i = 0; i < rules->rules.count; i++) {
		rules->rules.items[i].handle = 0;
	}
	for (char *line; (line = strsep(&handles, "\n")) != NULL;) {
		const char *family = cut_word(&line);
		const char *table = cut_word(&line);
		const struct chain *chain = twin_rules_chain(rules, family, table, cut_word(&line));
		uint64_t handle = 0;
		place = chain == last ? place + 1 : 0;
		last = chain;
		if (chain != NULL && place < chain->count &&
		    parse_u64(&handle, line, 1, UINT64_MAX) == 0) {
			rules->rules.items[chain->first + place].handle = handle;
		}
	}
}

/* ---- iptables-save ---- */

/* Whether the line is "WORD NAME" or "WORD NAME ...". */
static bool is_about(const char *line, const char *word, const char *name)
{
	size_t length = strlen(name);
	if (!str_starts(line, word) || strncmp(line + strlen(word), name, length) != 0) {
		return false;
	}
	char after = line[strlen(word) + length];
	return after == ' ' || after == '\n' || after == '\0';
}

int rules_saved(struct str *out, const char *saved, const char *table, const char *chain,
		size_t place)
{
	bool inside = false;
	for (const char *line = saved; line != NULL && *line != '\0';) {
		size_t length = strcspn(line, "\n");
		if (line[0] == '*') {
			inside = is_about(line, "*", table);
		} else if (inside && is_about(line, "-A ", chain) && place-- == 0) {
			return str_add_bytes(out, line, length);
		}
		line += length + (line[length] == '\n');
	}
	return -ENOENT;
}

int rules_saved_table(struct str *out, const char *saved, const char *table)
{
	bool inside = false;
	bool found = false;
	for (const char *line = saved; line != NULL && *line != '\0';) {
		size_t length = strcspn(line, "\n");
		length += line[length] == '\n';
		if (line[0] == '*') {
			inside = is_about(line, "*", table);
		}
		if (inside) {
			(void)str_add_bytes(out, line, length); /* kept in out->error */
			found = true;
		}
		inside = inside && !str_starts(line, "COMMIT");
		line += length;
	}
	return found ? out->error : -ENOENT;
}

int rules_loadable(struct str *out, const struct table *table)
{
	static const char flags[] = "\tflags ";
	for (const char *line = table->text; line < table->text + table->length;) {
		size_t length = strcspn(line, "\n");
		size_t word = strspn(line, "\t");
		/* Sets have flags too, one level further in. */
		bool owned = word == 1 && str_starts(line, flags) &&
			     memmem(line, length, "owner", strlen("owner")) != NULL;
		if (owned && memmem(line, length, "dormant", strlen("dormant")) != NULL) {
			(void)str_add(out, "\tflags dormant\n"); /* kept in out->error */
		} else if (!owned) {
			(void)str_add_bytes(out, line, length); /* likewise */
			(void)str_add_char(out, '\n');
		}
		line += length + 1;
	}
	return out->error;
}

/* ---- Rejecting ---- */

bool rules_rejects(struct str *out, const char *rule)
{
	static const char with_word[] = "--reject-with ";
	const char *iptables = strstr(rule, "-j REJECT");
	const char *found = iptables != NULL ? iptables : strstr(rule, "reject");
	if (found == NULL) {
		return false;
	}
	if (iptables != NULL) {
		const char *with = strstr(found, with_word);
		with = with == NULL ? "icmp-port-unreachable" : with + sizeof(with_word) - 1;
		(void)str_add_bytes(out, with, strcspn(with, " ")); /* kept in out->error */
	} else if (str_starts(found, "reject with ")) {
		const char *with = found + strlen("reject with ");
		const char *end = strstr(with, " comment ");
		(void)str_add_bytes(out, with, end == NULL ? strlen(with) : (size_t)(end - with));
	} else {
		(void)str_add(out, "icmp port-unreachable"); /* what nft means by itself */
	}
	return true;
}
