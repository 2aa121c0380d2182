/* Which of the two languages a person reads. */
#include <string.h>

#include "text/text.h"

static bool is_c_locale(const char *name)
{
	return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
}

static bool is_language(const char *name, size_t length, const char *code)
{
	size_t code_length = strlen(code);
	return length >= code_length && strncmp(name, code, code_length) == 0 &&
	       (length == code_length || strchr("_.@", name[code_length]) != NULL);
}

static const char *first_set(const char *a, const char *b, const char *c)
{
	if (a != NULL && a[0] != '\0') {
		return a;
	}
	if (b != NULL && b[0] != '\0') {
		return b;
	}
	return c != NULL && c[0] != '\0' ? c : "";
}

enum language language_choose(const char *language, const char *lc_all, const char *lc_messages,
			      const char *lang)
{
	const char *locale = first_set(lc_all, lc_messages, lang);
	if (is_c_locale(locale)) {
		return LANGUAGE_EN;
	}
	for (const char *at = language == NULL ? "" : language; *at != '\0';) {
		size_t length = strcspn(at, ":");
		if (is_language(at, length, "ja")) {
			return LANGUAGE_JA;
		}
		if (is_language(at, length, "en") || is_language(at, length, "C")) {
			return LANGUAGE_EN;
		}
		at += length + (at[length] == ':');
	}
	return is_language(locale, strlen(locale), "ja") ? LANGUAGE_JA : LANGUAGE_EN;
}
