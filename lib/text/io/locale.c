/* The C locale and gettext, set up from the environment. */
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "text/text.h"

/* "build/minato" finds "build/locale"; an installed program finds nothing there. */
static const char *catalogue_directory(char *path, size_t room)
{
	ssize_t length = readlink("/proc/self/exe", path, room - 1);
	if (length > 0) {
		path[length] = '\0';
		char *slash = strrchr(path, '/');
		static const char beside[] = "/locale";
		if (slash != NULL && (size_t)(slash - path) + sizeof(beside) <= room) {
			memcpy(slash, beside, sizeof(beside));
			if (access(path, R_OK | X_OK) == 0) {
				return path;
			}
		}
	}
	return TEXT_LOCALE_DIRECTORY;
}

enum language language_init(void)
{
	enum language language = language_choose(getenv("LANGUAGE"), getenv("LC_ALL"),
						 getenv("LC_MESSAGES"), getenv("LANG"));
	/* A locale that is not installed makes setlocale fail and gettext silent: C.UTF-8 always
	 * works. */
	if (setlocale(LC_ALL, "") == NULL || language == LANGUAGE_JA) {
		(void)setlocale(LC_ALL, "C.UTF-8");
	}
	(void)setlocale(LC_NUMERIC, "C"); /* data for machines keeps its decimal point */
	(void)setenv("LANGUAGE", language == LANGUAGE_JA ? "ja" : "en", 1);
	static char path[PATH_MAX];
	(void)bindtextdomain("minato", catalogue_directory(path, sizeof(path)));
	(void)bind_textdomain_codeset("minato", "UTF-8");
	(void)textdomain("minato");
	return language;
}
