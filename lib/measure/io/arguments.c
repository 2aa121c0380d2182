/* Words of a command line, for the options that name files. */
#include "measure/io/arguments.h"

#include <stdio.h>
#include <string.h>

bool measure_argument(char out[MEASURE_ARGUMENT_BYTES], const char **at, const char *options,
		      char *option)
{
	*at += strspn(*at, " ");
	const size_t length = strcspn(*at, " ");
	*option = '\0';
	if (length == 0) {
		return false;
	}
	const char *word = *at;
	*at += length;
	(void)snprintf(out, MEASURE_ARGUMENT_BYTES, "%.*s", (int)length, word);
	if (length >= 2 && word[0] == '-' && strchr(options, word[1]) != NULL) {
		*option = word[1];
		if (length > 2) {
			memmove(out, out + 2, strlen(out + 2) + 1);
		} else {
			char ignored;
			return measure_argument(out, at, "", &ignored);
		}
	}
	return true;
}
