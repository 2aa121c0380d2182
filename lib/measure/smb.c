/* What holds by smb.conf(5): of a parameter the last value of its section counts. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "measure/measure.h"

enum {
	DEPTH_MAX = 8,
	LINE_BYTES = 1024, /* with its continuations; what is longer is cut */
	KEY_BYTES = 64,
};

void measure_smb_init(struct measure_smb *smb)
{
	*smb = (struct measure_smb){ 0 };
	(void)str_copy(smb->encryption.text, MEASURE_VALUE_BYTES, "default");
	(void)str_copy(smb->guest.text, MEASURE_VALUE_BYTES, "no");
}

/* ---- lines ---- */

/* One line with what a backslash at its end adds. @return where the next one begins. */
static const char *take_line(char out[LINE_BYTES], const char *at, unsigned *number)
{
	size_t length = 0;
	for (;;) {
		const size_t bytes = strcspn(at, "\n");
		const bool goes_on = bytes > 0 && at[bytes - 1] == '\\' && at[bytes] == '\n';
		for (size_t i = 0; i < bytes - goes_on && length + 1 < LINE_BYTES; i++) {
			out[length++] = at[i] >= ' ' && at[i] <= '~' ? at[i]
					: at[i] == '\t'              ? ' '
								     : '?';
		}
		(*number)++;
		at += bytes + (at[bytes] == '\n' ? 1 : 0);
		if (!goes_on) {
			out[length] = '\0';
			return at;
		}
	}
}

static char *trim(char *text)
{
	text += strspn(text, " ");
	size_t length = strlen(text);
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '?')) {
		text[--length] = '\0';
	}
	return text;
}

/* Samba ignores case and spaces in names of parameters. */
static void take_key(char out[KEY_BYTES], const char *name)
{
	size_t length = 0;
	for (; *name != '\0' && length + 1 < KEY_BYTES; name++) {
		if (*name != ' ') {
			out[length++] =
				*name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
		}
	}
	out[length] = '\0';
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcasecmp(word, *list) == 0) {
			return true;
		}
	}
	return false;
}

/* ---- meanings ---- */

struct taking {
	struct measure_smb *smb;
	const char *path;
	unsigned line;
	measure_smb_include_function *include;
	void *data;
};

static void set(struct measure_setting *value, const struct taking *taking, const char *text)
{
	*value = (struct measure_setting){ .said = true, .line = taking->line };
	(void)str_copy(value->text, sizeof(value->text), text);
	(void)str_copy(value->path, sizeof(value->path), taking->path);
}

static int take_parameter(const struct taking *taking, const char *key, const char *value)
{
	static const char *const encrypts[] = { "smbencrypt", "serversmbencrypt", NULL };
	static const char *const guests[] = { "guestok", "public", "guestonly", "onlyguest", NULL };
	static const char *const yes[] = { "yes", "true", "1", "on", NULL };
	struct measure_smb *smb = taking->smb;
	const bool global = strcasecmp(smb->section, "global") == 0 || smb->section[0] == '\0';
	if (strcmp(key, "include") == 0) {
		return taking->include == NULL ? 0 : taking->include(smb, value, taking->data);
	}
	if (global && is_one_of(key, encrypts)) {
		set(&smb->encryption, taking, value);
	} else if (is_one_of(key, guests) && is_one_of(value, yes) && !smb->guest.said) {
		/* In [global] it is the default of all shares. */
		set(&smb->guest, taking, value);
		(void)str_copy(smb->share, sizeof(smb->share), global ? "global" : smb->section);
	}
	return 0;
}

int measure_smb_read(struct measure_smb *smb, const char *path, const char *text,
		     measure_smb_include_function *include, void *data)
{
	char line[LINE_BYTES], key[KEY_BYTES];
	struct taking taking = { .smb = smb, .path = path, .include = include, .data = data };
	unsigned number = 0;
	int r = 0;
	if (smb->depth == DEPTH_MAX) {
		return -ELOOP;
	}
	smb->depth++;
	while (*text != '\0' && r >= 0) {
		taking.line = number + 1;
		text = take_line(line, text, &number);
		char *words = trim(line);
		char *equals = strchr(words, '=');
		const size_t length = strlen(words);
		if (words[0] == '#' || words[0] == ';') {
			continue;
		}
		if (words[0] == '[' && words[length - 1] == ']') {
			words[length - 1] = '\0';
			(void)str_copy(smb->section, sizeof(smb->section), trim(words + 1));
		} else if (equals != NULL) {
			*equals = '\0';
			take_key(key, words);
			r = take_parameter(&taking, key, trim(equals + 1));
		}
	}
	smb->depth--;
	return r;
}

void measure_smb_skip(struct measure_smb *smb, const char *path)
{
	if (smb->unreadable[0] == '\0') {
		(void)str_copy(smb->unreadable, sizeof(smb->unreadable), path);
	}
}
