/* Words of a command line, for the options that name files. Private to lib/measure. */
#pragma once

#include <stdbool.h>

enum { MEASURE_ARGUMENT_BYTES = 1024 };

/*
 * The next word; of an option with a value the value, which may stand in the same word ("-f/x") or
 * in the next.
 * @param options  letters of options that have values. @param option  gets the letter, else NUL.
 * @return false at the end.
 */
bool measure_argument(char out[MEASURE_ARGUMENT_BYTES], const char **at, const char *options,
		      char *option);
