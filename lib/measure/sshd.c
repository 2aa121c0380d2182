/* What holds by the files of sshd, in the order in which sshd takes them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "measure/measure.h"

enum {
	DEPTH_MAX = 16, /* SERVCONF_MAX_DEPTH of OpenSSH's servconf.c */
	WORD_BYTES = 256,
	LINE_BYTES = 4096, /* of one line; what is longer is a fault here, and of no use there */
};

/* For whom the lines count. */
enum scope {
	SCOPE_GLOBAL,
	SCOPE_ALL,  /* behind "Match all": for everybody, before what is global */
	SCOPE_SOME, /* behind another Match */
};

/* Where words are taken from. */
struct words {
	const char *at, *end;
};

static const struct {
	const char *name;
	enum measure_sshd_keyword keyword;
	const char *usual;
	bool matched; /* may stand behind Match */
} keywords[] = {
	{ "PermitRootLogin", MEASURE_SSHD_ROOT_LOGIN, "prohibit-password", true },
	{ "PasswordAuthentication", MEASURE_SSHD_PASSWORD, "yes", true },
	{ "KbdInteractiveAuthentication", MEASURE_SSHD_KEYBOARD, "yes", true },
	{ "ChallengeResponseAuthentication", MEASURE_SSHD_KEYBOARD, "yes", true },
	{ "SkeyAuthentication", MEASURE_SSHD_KEYBOARD, "yes", true },
	{ "UsePAM", MEASURE_SSHD_PAM, "no", false },
	{ "AuthenticationMethods", MEASURE_SSHD_METHODS, "any", true },
	{ "HostKeyAlgorithms", MEASURE_SSHD_HOST_KEY_ALGORITHMS, "", false },
};

void measure_sshd_init(struct measure_sshd *sshd)
{
	*sshd = (struct measure_sshd){ 0 };
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		(void)str_copy(sshd->values[keywords[i].keyword].text, MEASURE_VALUE_BYTES,
			       keywords[i].usual);
	}
}

/* ---- words ---- */

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static void skip_gaps(struct words *words)
{
	while (words->at < words->end && is_gap(*words->at)) {
		words->at++;
	}
}

/* Foreign bytes are shown to people: what is not printable ASCII becomes a question mark. */
static void add_harmless(char *out, size_t room, size_t *length, char c)
{
	if (*length + 1 < room) {
		out[(*length)++] = c >= ' ' && c <= '~' ? c : '?';
		out[*length] = '\0';
	}
}

/* As argv_split() of OpenSSH: quotes of both kinds, a backslash before quotes and itself, a comment
 * where a word would begin. @return 1, 0 at the end, -1 a quote is not closed. */
static int take_word(char out[WORD_BYTES], struct words *words)
{
	size_t length = 0;
	char quote = '\0';
	out[0] = '\0';
	skip_gaps(words);
	if (words->at == words->end || *words->at == '#') {
		return 0;
	}
	for (; words->at < words->end && (quote != '\0' || !is_gap(*words->at)); words->at++) {
		const char c = *words->at;
		const char next = words->at + 1 < words->end ? words->at[1] : '\0';
		if (c == '\\' && (next == '"' || next == '\'' || next == '\\')) {
			words->at++;
			add_harmless(out, WORD_BYTES, &length, next);
		} else if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
		} else if (quote != '\0' && c == quote) {
			quote = '\0';
		} else {
			add_harmless(out, WORD_BYTES, &length, c);
		}
	}
	return quote == '\0' ? 1 : -1;
}

/* The first word ends at "=" too, and one such is passed over. */
static bool take_keyword(char out[WORD_BYTES], struct words *words)
{
	size_t length = 0;
	out[0] = '\0';
	skip_gaps(words);
	if (words->at == words->end || *words->at == '#') {
		return false;
	}
	const bool quoted = *words->at == '"';
	words->at += quoted ? 1 : 0;
	while (words->at < words->end &&
	       (quoted ? *words->at != '"' : !is_gap(*words->at) && *words->at != '=')) {
		add_harmless(out, WORD_BYTES, &length, *words->at++);
	}
	words->at += quoted && words->at < words->end ? 1 : 0;
	skip_gaps(words);
	words->at += words->at < words->end && *words->at == '=' ? 1 : 0;
	return length > 0;
}

/* The rest of the line, one space between words. @return as take_word, but 0 = there is none. */
static int take_rest(char out[MEASURE_VALUE_BYTES], struct words *words)
{
	char word[WORD_BYTES];
	size_t length = 0;
	int any = 0;
	out[0] = '\0';
	for (int r = take_word(word, words); r != 0; r = take_word(word, words)) {
		if (r < 0) {
			return r;
		}
		if (any > 0) {
			add_harmless(out, MEASURE_VALUE_BYTES, &length, ' ');
		}
		for (const char *c = word; *c != '\0'; c++) {
			add_harmless(out, MEASURE_VALUE_BYTES, &length, *c);
		}
		any = 1;
	}
	return any;
}

/* ---- lines ---- */

/* One line as it is taken. */
struct taking {
	struct measure_sshd *sshd;
	const char *path; /* "" = the command line */
	unsigned line;
	measure_include_function *include;
	void *data;
};

static void set_value(struct measure_setting *value, const struct taking *taking, const char *text)
{
	*value = (struct measure_setting){ .said = true,
					   .unsure = taking->sshd->unreadable[0] != '\0',
					   .line = taking->line };
	(void)str_copy(value->text, sizeof(value->text), text);
	(void)str_copy(value->path, sizeof(value->path), taking->path);
}

/* Whether a block's criteria may be met by root: "User alice,bob" is not. */
static bool may_be_root(const char *criteria)
{
	const char *user = strcasestr(criteria, "User ");
	if (user == NULL || (user != criteria && user[-1] != ' ')) {
		return true;
	}
	const char *names = user + strlen("User ");
	const size_t length = strcspn(names, " ");
	return memchr(names, '*', length) != NULL || memchr(names, '?', length) != NULL ||
	       memchr(names, '!', length) != NULL || memmem(names, length, "root", 4) != NULL;
}

static void note_match(struct measure_sshd_match *match, const struct taking *taking,
		       const char *text)
{
	if (!match->there) {
		match->there = true;
		set_value(&match->value, taking, text);
		(void)str_copy(match->criteria, sizeof(match->criteria), taking->sshd->criteria);
	}
}

/* Behind a Match only what lets more in is of interest. */
static void take_matched(const struct taking *taking, enum measure_sshd_keyword keyword,
			 const char *text)
{
	struct measure_sshd *sshd = taking->sshd;
	if (strcasecmp(text, "yes") != 0) {
		return;
	}
	if (keyword == MEASURE_SSHD_ROOT_LOGIN && may_be_root(sshd->criteria)) {
		note_match(&sshd->root_match, taking, text);
	} else if (keyword == MEASURE_SSHD_PASSWORD) {
		note_match(&sshd->password_match, taking, text);
	}
}

static void take_value(const struct taking *taking, size_t row, const char *text)
{
	struct measure_sshd *sshd = taking->sshd;
	struct measure_setting *value = &sshd->values[keywords[row].keyword];
	if (sshd->scope != SCOPE_GLOBAL && !keywords[row].matched) {
		sshd->faults++;
	} else if (sshd->scope == SCOPE_SOME) {
		take_matched(taking, keywords[row].keyword, text);
	} else if (sshd->scope == SCOPE_ALL) {
		/* It overrides what is global; of several such the first counts. */
		if ((sshd->overridden >> keywords[row].keyword & 1) == 0) {
			sshd->overridden |= 1u << keywords[row].keyword;
			set_value(value, taking, text);
		}
	} else if (!value->said) {
		set_value(value, taking, text);
	}
}

static void take_host_key(struct measure_sshd *sshd, const char *path)
{
	if (sshd->scope != SCOPE_GLOBAL || sshd->key_count == MEASURE_KEYS_MAX) {
		sshd->faults += sshd->scope != SCOPE_GLOBAL;
		return;
	}
	(void)str_copy(sshd->keys[sshd->key_count++].path, MEASURE_PATH_BYTES, path);
}

static void take_match(struct measure_sshd *sshd, const char *criteria)
{
	sshd->scope = strcasecmp(criteria, "all") == 0 ? SCOPE_ALL : SCOPE_SOME;
	(void)str_copy(sshd->criteria, sizeof(sshd->criteria), criteria);
}

static int take_includes(const struct taking *taking, struct words *words)
{
	char pattern[WORD_BYTES];
	int r = 0;
	int word = taking->include == NULL ? 0 : take_word(pattern, words);
	while (word > 0 && r >= 0) {
		r = taking->include(taking->sshd, pattern, taking->data);
		word = take_word(pattern, words);
	}
	taking->sshd->faults += word < 0;
	return r < 0 ? r : 0;
}

static int take_line(const struct taking *taking, struct words *words)
{
	char keyword[WORD_BYTES];
	char text[MEASURE_VALUE_BYTES];
	struct measure_sshd *sshd = taking->sshd;
	if (!take_keyword(keyword, words)) {
		return 0;
	}
	if (strcasecmp(keyword, "Include") == 0) {
		return take_includes(taking, words);
	}
	if (take_rest(text, words) <= 0) {
		sshd->faults++;
		return 0;
	}
	if (strcasecmp(keyword, "Match") == 0) {
		take_match(sshd, text);
		return 0;
	}
	if (strcasecmp(keyword, "HostKey") == 0) {
		take_host_key(sshd, text);
		return 0;
	}
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (strcasecmp(keyword, keywords[i].name) == 0) {
			take_value(taking, i, text);
		}
	}
	return 0;
}

/* ---- files ---- */

int measure_sshd_read(struct measure_sshd *sshd, const char *path, const char *text,
		      measure_include_function *include, void *data)
{
	if (sshd->depth == DEPTH_MAX) {
		return -ELOOP;
	}
	struct taking taking = { .sshd = sshd, .path = path, .include = include, .data = data };
	char criteria[MEASURE_VALUE_BYTES];
	const uint8_t scope = sshd->scope;
	int r = 0;
	(void)str_copy(criteria, sizeof(criteria), sshd->criteria);
	sshd->depth++;
	for (const char *at = text; *at != '\0' && r >= 0;) {
		const size_t length = strcspn(at, "\n");
		struct words words = { at, at + (length < LINE_BYTES ? length : LINE_BYTES) };
		taking.line++;
		sshd->faults += length > LINE_BYTES;
		r = take_line(&taking, &words);
		at += length + (at[length] == '\n' ? 1 : 0);
	}
	sshd->depth--;
	/* Its Match blocks end with it. */
	sshd->scope = scope;
	(void)str_copy(sshd->criteria, sizeof(sshd->criteria), criteria);
	return r;
}

void measure_sshd_option(struct measure_sshd *sshd, const char *text)
{
	const struct taking taking = { .sshd = sshd, .path = "" };
	struct words words = { text, text + strcspn(text, "\n") };
	(void)take_line(&taking, &words); /* without Includes it cannot fail */
}

void measure_sshd_skip(struct measure_sshd *sshd, const char *path)
{
	if (sshd->unreadable[0] == '\0') {
		(void)str_copy(sshd->unreadable, sizeof(sshd->unreadable), path);
	}
}
