/* One line on stderr, with the level in front where the journal reads it (sd-daemon(3)). */
#include "common/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "text/text.h"

static struct {
	const char *name;
	bool journal;
	bool debug;
} speaker = { .name = "minatod" };

void say_init(const char *name)
{
	speaker.name = name;
	speaker.journal = getenv("JOURNAL_STREAM") != NULL;
	speaker.debug = getenv("MINATO_DEBUG") != NULL;
	(void)prctl(PR_SET_NAME, name, 0, 0, 0); /* a name for ps; without it nothing is lost */
}

void say(enum say_level level, const char *format, ...)
{
	if (level == SAY_DEBUG && !speaker.debug) {
		return;
	}
	char sentence[1024];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	struct str line = STR_INIT(8192);
	if (speaker.journal) {
		str_printf(&line, "<%d>", (int)level);
	} else {
		str_printf(&line, "%s: ", speaker.name);
	}
	text_escape(&line, sentence); /* names of processes and files are foreign bytes */
	str_add(&line, "\n");
	(void)fputs(str_text(&line), stderr); /* nowhere else to complain */
	str_deinit(&line);
}
