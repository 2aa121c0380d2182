/* Rules of another firewall as a policy: which reader, and what became of each rule. */
#include "import/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import/rules.h"

enum { ARENA_BYTES_MAX = 1024 * 1024 * 1024 };

static const struct {
	const char *name;
} kinds[] = {
	[IMPORT_UNKNOWN] = { "unknown" },
	[IMPORT_UFW] = { "ufw" },
	[IMPORT_FIREWALLD] = { "firewalld" },
	[IMPORT_IPTABLES] = { "iptables" },
	[IMPORT_NFT] = { "nft" },
};

static const struct {
	const char *name, *title;
} outcomes[] = {
	[IMPORT_CARRIED] = { "carried", "import-carried" },
	[IMPORT_CHANGED] = { "changed", "import-changed" },
	[IMPORT_LEFT] = { "not-carried", "import-left" },
};

const char *import_kind_name(enum import_kind kind)
{
	return kinds[kind].name;
}

const char *import_outcome_name(enum import_outcome outcome)
{
	return outcomes[outcome].name;
}

const char *import_outcome_title(enum import_outcome outcome, enum language language)
{
	const struct message *message = message_find(outcomes[outcome].title);
	return message == NULL ? outcomes[outcome].name : text_in(message->text, language);
}

void import_note_sentence(struct str *out, const struct import_note *note, enum language language)
{
	const struct message *message = message_find(note->reason);
	if (message != NULL) {
		message_fill(out, text_in(message->text, language), note->arguments,
			     note->argument_count);
	}
}

void import_report_deinit(struct import_report *report)
{
	if (report != NULL) {
		vec_free(&report->notes);
		arena_deinit(&report->arena);
	}
}

/* ---- what it is ---- */

static bool holds(const struct import_file *file, const char *words)
{
	return memmem(file->bytes, file->length, words, strlen(words)) != NULL;
}

/* Whether a line begins with these words. */
static bool has_line(const struct import_file *file, const char *words)
{
	const char *at = file->bytes;
	const char *end = file->bytes + file->length;
	size_t length = strlen(words);
	while (at < end) {
		while (at < end && (*at == ' ' || *at == '\t')) {
			at++;
		}
		if ((size_t)(end - at) >= length && memcmp(at, words, length) == 0) {
			return true;
		}
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline == NULL ? end : newline + 1;
	}
	return false;
}

static char first_character(const struct import_file *file)
{
	for (size_t i = 0; i < file->length; i++) {
		if (strchr(" \t\r\n", file->bytes[i]) == NULL) {
			return file->bytes[i];
		}
	}
	return '\0';
}

enum import_kind import_recognise(const struct import_file *file)
{
	char first = first_character(file);
	if (first == '{') {
		return holds(file, "\"nftables\"") ? IMPORT_NFT : IMPORT_UNKNOWN;
	}
	if (first == '<') {
		bool known =
			holds(file, "<zone") || holds(file, "<service") || holds(file, "<ipset");
		return known ? IMPORT_FIREWALLD : IMPORT_UNKNOWN;
	}
	if (holds(file, "### tuple ###") || holds(file, "### RULES ###") ||
	    has_line(file, "DEFAULT_INPUT_POLICY=") || has_line(file, "ENABLED=")) {
		return IMPORT_UFW;
	}
	if (has_line(file, "DefaultZone=")) {
		return IMPORT_FIREWALLD;
	}
	bool tables = has_line(file, "*filter") || has_line(file, "*nat") ||
		      has_line(file, "*mangle") || has_line(file, "*raw") ||
		      has_line(file, "*security");
	return tables ? IMPORT_IPTABLES : IMPORT_UNKNOWN;
}

/* ---- the report ---- */

static int compare_notes(const void *left, const void *right)
{
	const struct import_note *a = left;
	const struct import_note *b = right;
	int r = a->order < b->order ? -1 : a->order > b->order;
	return r != 0 ? r : strcmp(a->reason, b->reason);
}

/* Every statement has its line in the report. */
static void note_the_rest(struct ruleset *set)
{
	for (size_t i = 0; i < set->statements.count && set->error == 0; i++) {
		const struct statement *s = &set->statements.items[i];
		if (s->noted || s->left) {
			continue;
		}
		ruleset_note(set, (uint32_t)i, IMPORT_CARRIED,
			     s->accepted   ? "import-accepts"
			     : s->narrowed ? "import-narrows"
					   : "import-nothing",
			     NULL, NULL);
	}
}

static int explain(int code, struct err *e)
{
	switch (code) {
	case -EFBIG:
		return err_set(e, EFBIG, "more rules than can be read or than a policy can hold");
	case -E2BIG:
		return err_set(e, E2BIG, "the rules take too long to follow");
	case -ELOOP:
		return err_set(e, EINVAL, "a chain jumps back to itself");
	case -EINVAL:
		return err_set(e, EINVAL, "the rules are not in a form that is known");
	default:
		return err_system(e, code, "the rules cannot be read");
	}
}

/* ---- all ---- */

static enum import_kind kind_of_all(const struct import_file *files, size_t count, struct err *e)
{
	enum import_kind kind = IMPORT_UNKNOWN;
	for (size_t i = 0; i < count; i++) {
		enum import_kind one = import_recognise(&files[i]);
		if (one == IMPORT_UNKNOWN) {
			(void)err_set(e, EINVAL, "%s: rules of no firewall that is known",
				      files[i].name);
			return IMPORT_UNKNOWN;
		}
		if (kind != IMPORT_UNKNOWN && one != kind) {
			(void)err_set(e, EINVAL, "%s: rules of %s among those of %s", files[i].name,
				      import_kind_name(one), import_kind_name(kind));
			return IMPORT_UNKNOWN;
		}
		kind = one;
	}
	if (count == 0) {
		(void)err_set(e, EINVAL, "no rules are there");
	}
	return kind;
}

static void read_all(struct ruleset *set, const struct import_file *files, size_t count)
{
	switch (set->report->kind) {
	case IMPORT_UFW:
		read_ufw(set, files, count);
		return;
	case IMPORT_FIREWALLD:
		read_firewalld(set, files, count);
		return;
	case IMPORT_IPTABLES:
		for (size_t i = 0; i < count && set->error == 0; i++) {
			read_iptables(set, &files[i]);
		}
		return;
	case IMPORT_NFT:
		for (size_t i = 0; i < count && set->error == 0; i++) {
			read_nft(set, &files[i]);
		}
		return;
	case IMPORT_UNKNOWN:
		ruleset_fail(set, -EINVAL);
		return;
	}
}

static void note_families(struct ruleset *set)
{
	static const char *const names[] = { "IPv4", "IPv6" };
	for (unsigned family = 0; family < FAMILIES; family++) {
		if (set->error == 0 && (set->families >> family & 1) == 0) {
			ruleset_note(set, UINT32_MAX, IMPORT_CHANGED, "import-family-missing",
				     "family", names[family]);
		}
	}
}

static int import_set(struct str *out, struct ruleset *set, const struct import_file *files,
		      size_t count, enum language language)
{
	struct accepted accepted = { 0 };
	read_all(set, files, count);
	ruleset_settle(set);
	if (set->error == 0) {
		walk_rules(&accepted, set);
	}
	int r = set->error == 0 ? write_accepted(out, set, &accepted, language) : set->error;
	accepted_deinit(&accepted);
	if (r == 0) {
		if (set->all_protocols) {
			ruleset_note(set, UINT32_MAX, IMPORT_CHANGED, "import-all-protocols", NULL,
				     NULL);
		}
		note_families(set);
		note_the_rest(set);
		r = set->error;
	}
	return r;
}

int import_policy(struct str *out, struct import_report *report, const struct import_file *files,
		  size_t count, const struct import_host *host, enum language language,
		  struct err *e)
{
	*report = (struct import_report){ 0 };
	arena_init(&report->arena, ARENA_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (count > IMPORT_FILES_MAX || files[i].length > IMPORT_FILE_BYTES_MAX) {
			return explain(-EFBIG, e);
		}
	}
	report->kind = kind_of_all(files, count, e);
	if (report->kind == IMPORT_UNKNOWN) {
		return -EINVAL;
	}
	struct ruleset set = { .arena = &report->arena, .report = report, .host = host, .e = e };
	int r = import_set(out, &set, files, count, language);
	ruleset_deinit(&set);
	if (report->notes.count > 1) {
		qsort(report->notes.items, report->notes.count, sizeof(*report->notes.items),
		      compare_notes);
	}
	return r < 0 ? explain(r, e) : 0;
}
