/* What cannot be asked of `minato explain`. */
#include "explain.h"
#include "words.h"

int explain_wrong(const struct explain *explain, const char *format, const char *word,
		  const char *next)
{
	struct str sentence = STR_INIT(4096);
	struct str safe = STR_INIT(2048);
	text_escape(&safe, word);
	str_printf(&sentence, format, str_text(&safe));
	complain(explain->context, str_text(&sentence), next);
	str_deinit(&safe);
	str_deinit(&sentence);
	return EXIT_USAGE;
}
