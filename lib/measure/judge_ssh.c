/* What sshd's settings let in. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "measure/judge.h"

/* NIST SP 800-131A: RSA below 2048 bits is not to be used for signatures. */
enum { RSA_BITS_MIN = 2048 };

static const char *const names[MEASURE_SSHD_KEYWORDS] = {
	[MEASURE_SSHD_ROOT_LOGIN] = "PermitRootLogin",
	[MEASURE_SSHD_PASSWORD] = "PasswordAuthentication",
	[MEASURE_SSHD_KEYBOARD] = "KbdInteractiveAuthentication",
	[MEASURE_SSHD_PAM] = "UsePAM",
	[MEASURE_SSHD_METHODS] = "AuthenticationMethods",
	[MEASURE_SSHD_HOST_KEY_ALGORITHMS] = "HostKeyAlgorithms",
};

static const struct measure_setting *value_of(const struct measure_sshd *sshd,
					      enum measure_sshd_keyword keyword)
{
	return &sshd->values[keyword];
}

static bool is(const struct measure_sshd *sshd, enum measure_sshd_keyword keyword, const char *text)
{
	return strcasecmp(value_of(sshd, keyword)->text, text) == 0;
}

/* ---- what a verdict rests on ---- */

/* "PermitRootLogin yes, /etc/ssh/sshd_config:12" */
static void add_place(char out[MEASURE_DETAIL_BYTES], const char *before,
		      const struct measure_setting *value)
{
	if (!value->said) {
		(void)str_copy(out, MEASURE_DETAIL_BYTES, before);
	} else if (value->path[0] == '\0') {
		(void)snprintf(out, MEASURE_DETAIL_BYTES, "%s, sshd -o", before);
	} else {
		(void)snprintf(out, MEASURE_DETAIL_BYTES, "%s, %s:%u", before, value->path,
			       value->line);
	}
}

/* A verdict by one setting; what could not be read may say otherwise. */
static void say_setting(struct measure_result *out, enum measure_state state,
			const struct measure_sshd *sshd, enum measure_sshd_keyword keyword)
{
	char detail[MEASURE_DETAIL_BYTES];
	char setting[MEASURE_VALUE_BYTES + 64];
	const struct measure_setting *value = value_of(sshd, keyword);
	const bool blind = sshd->unreadable[0] != '\0';
	if (blind && (state == MEASURE_DONE || value->unsure || !value->said)) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, sshd->unreadable);
		return;
	}
	(void)snprintf(setting, sizeof(setting), "%s %s", names[keyword], value->text);
	add_place(detail, setting, value);
	measure_say(out, state, value->said ? MEASURE_SETTING : MEASURE_DEFAULT, detail);
}

static void say_exception(struct measure_result *out, const struct measure_sshd_match *match,
			  enum measure_sshd_keyword keyword)
{
	char detail[MEASURE_DETAIL_BYTES];
	char setting[2 * MEASURE_VALUE_BYTES + 64];
	(void)snprintf(setting, sizeof(setting), "Match %s: %s %s", match->criteria, names[keyword],
		       match->value.text);
	add_place(detail, setting, &match->value);
	measure_say(out, MEASURE_NOT_DONE, MEASURE_EXCEPTION, detail);
}

/* ---- passwords ---- */

static bool is_password_method(const char *method, size_t length)
{
	static const char keyboard[] = "keyboard-interactive";
	const size_t n = sizeof(keyboard) - 1;
	return (length == 8 && strncasecmp(method, "password", 8) == 0) ||
	       (length >= n && strncasecmp(method, keyboard, n) == 0 &&
		(length == n || method[n] == ':'));
}

/* Whether one of the lists of AuthenticationMethods asks for nothing but a password. */
static bool password_is_enough(const char *methods)
{
	if (strcasecmp(methods, "any") == 0) {
		return true;
	}
	while (*methods != '\0') {
		bool enough = true;
		const char *end = methods + strcspn(methods, " ");
		for (const char *at = methods; at < end;) {
			const size_t length = strcspn(at, ", ");
			enough = enough && is_password_method(at, length);
			at += length + (at[length] == ',' ? 1 : 0);
		}
		if (enough) {
			return true;
		}
		methods = end + strspn(end, " ");
	}
	return false;
}

/* The setting by which a password gets in, or that keeps it out. @return whether it gets in. */
static bool passwords_get_in(const struct measure_sshd *sshd, enum measure_sshd_keyword *by)
{
	*by = MEASURE_SSHD_METHODS;
	if (!password_is_enough(value_of(sshd, MEASURE_SSHD_METHODS)->text)) {
		return false;
	}
	*by = MEASURE_SSHD_PASSWORD;
	if (is(sshd, MEASURE_SSHD_PASSWORD, "yes")) {
		return true;
	}
	/* PAM asks for a password in that way, too. */
	if (is(sshd, MEASURE_SSHD_KEYBOARD, "yes") && is(sshd, MEASURE_SSHD_PAM, "yes")) {
		*by = MEASURE_SSHD_KEYBOARD;
		return true;
	}
	return false;
}

void measure_judge_ssh_password(struct measure_result *out, const struct measure_evidence *evidence)
{
	enum measure_sshd_keyword by;
	const struct measure_sshd *sshd = evidence->sshd;
	if (!measure_has_settings(out, sshd, evidence)) {
		return;
	}
	if (passwords_get_in(sshd, &by)) {
		say_setting(out, MEASURE_NOT_DONE, sshd, by);
	} else if (sshd->password_match.there && by == MEASURE_SSHD_PASSWORD) {
		say_exception(out, &sshd->password_match, MEASURE_SSHD_PASSWORD);
	} else {
		say_setting(out, MEASURE_DONE, sshd, by);
	}
}

/* ---- root ---- */

void measure_judge_ssh_root(struct measure_result *out, const struct measure_evidence *evidence)
{
	enum measure_sshd_keyword by;
	const struct measure_sshd *sshd = evidence->sshd;
	if (!measure_has_settings(out, sshd, evidence)) {
		return;
	}
	const bool root = is(sshd, MEASURE_SSHD_ROOT_LOGIN, "yes");
	const bool password = passwords_get_in(sshd, &by);
	const bool password_for_some =
		password || (sshd->password_match.there && by == MEASURE_SSHD_PASSWORD);
	if (root && password) {
		say_setting(out, MEASURE_NOT_DONE, sshd, MEASURE_SSHD_ROOT_LOGIN);
	} else if (root && password_for_some) {
		say_exception(out, &sshd->password_match, MEASURE_SSHD_PASSWORD);
	} else if (sshd->root_match.there && password_for_some) {
		say_exception(out, &sshd->root_match, MEASURE_SSHD_ROOT_LOGIN);
	} else {
		say_setting(out, MEASURE_DONE, sshd, root ? by : MEASURE_SSHD_ROOT_LOGIN);
	}
}

/* ---- host keys ---- */

/* Whether a list of algorithms has one of SHA-1: DSA, or RSA as it was before RFC 8332. */
static bool has_weak_algorithm(const char *list)
{
	if (list[0] == '-') {
		return false; /* taken away from what is usual */
	}
	list += strspn(list, "+^");
	while (*list != '\0') {
		const size_t length = strcspn(list, ", ");
		if (length == 7 &&
		    (strncmp(list, "ssh-rsa", 7) == 0 || strncmp(list, "ssh-dss", 7) == 0)) {
			return true;
		}
		list += length + (list[length] != '\0' ? 1 : 0);
	}
	return false;
}

static void add_key(struct str *text, const struct measure_public_key *key)
{
	str_printf(text, "%s%s", text->length > 0 ? ", " : "", key->type);
	if (key->bits > 0) {
		str_printf(text, " %u", key->bits);
	}
}

void measure_judge_ssh_keys(struct measure_result *out, const struct measure_evidence *evidence)
{
	const struct measure_sshd *sshd = evidence->sshd;
	if (!measure_has_settings(out, sshd, evidence) || evidence->key_count == 0) {
		return;
	}
	if (has_weak_algorithm(value_of(sshd, MEASURE_SSHD_HOST_KEY_ALGORITHMS)->text)) {
		say_setting(out, MEASURE_NOT_DONE, sshd, MEASURE_SSHD_HOST_KEY_ALGORITHMS);
		return;
	}
	struct str types = STR_INIT(MEASURE_DETAIL_BYTES);
	const struct measure_key_seen *weak = NULL;
	for (size_t i = 0; i < evidence->key_count && weak == NULL; i++) {
		const struct measure_public_key *key = &evidence->keys[i].key;
		/* A key of DSA is offered to nobody unless HostKeyAlgorithms says so. */
		weak = key->bits > 0 && key->bits < RSA_BITS_MIN ? &evidence->keys[i] : NULL;
		add_key(&types, key);
	}
	if (weak != NULL) {
		str_clear(&types);
		add_key(&types, &weak->key);
		str_printf(&types, ", %s", weak->path);
		measure_say(out, MEASURE_NOT_DONE, MEASURE_WEAK_KEY, str_text(&types));
	} else if (sshd->unreadable[0] != '\0') {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, sshd->unreadable);
	} else {
		measure_say(out, MEASURE_DONE, MEASURE_KEYS, str_text(&types));
	}
	str_deinit(&types);
}
