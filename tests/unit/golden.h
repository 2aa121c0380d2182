/* Output held against a file of tests/golden; GOLDEN_UPDATE=1 writes the file instead. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "check.h"

enum { GOLDEN_MAX_BYTES = 1 << 20, GOLDEN_PATH_BYTES = 4096 };

/* `name` is relative to GOLDEN_DIRECTORY, which the build sets. */
static inline void golden_check(const char *name, const struct str *actual)
{
	char path[GOLDEN_PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/%s", getenv("GOLDEN_DIRECTORY"), name);
	if (getenv("GOLDEN_UPDATE") != NULL) {
		_cleanup_(fclosep) FILE *file = fopen(path, "we");
		assert_non_null(file);
		assert_int_equal(fwrite(str_text(actual), 1, actual->length, file), actual->length);
		return;
	}
	_cleanup_(freep) char *expected = NULL;
	struct err e = ERR_INIT;
	if (file_read(&expected, NULL, path, GOLDEN_MAX_BYTES, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	assert_string_equal(str_text(actual), expected);
}
