/*
 * Runs a fuzz target over every file of some folders, in builds that have no fuzzer.
 * Usage: replay-NAME FOLDER...
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "fuzz.h"

enum { INPUT_BYTES_MAX = 4 << 20 };

struct tally {
	unsigned replayed, failed;
};

static int replay(const char *path)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	struct err e = ERR_INIT;
	if (file_read(&bytes, &length, path, INPUT_BYTES_MAX, &e) < 0) {
		(void)fprintf(stderr, "%s\n", err_text(&e));
		return e.code;
	}
	/* A copy of the exact size, so that a sanitizer sees a read beyond the end. */
	_cleanup_(freep) uint8_t *exact = malloc(length == 0 ? 1 : length);
	if (exact == NULL) {
		return -ENOMEM;
	}
	memcpy(exact, bytes, length);
	(void)LLVMFuzzerTestOneInput(exact, length); /* it can only return 0, or not at all */
	return 0;
}

static void replay_folder(struct tally *tally, const char *folder)
{
	struct dirent **files = NULL;
	int count = scandir(folder, &files, NULL, alphasort);
	tally->failed += count < 0;
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
		if (files[i]->d_type == DT_REG) {
			bool failed = replay(path) < 0;
			tally->failed += failed;
			tally->replayed += !failed;
		}
		free(files[i]);
	}
	free(files);
}

int main(int argc, char **argv)
{
	struct tally tally = { 0 };
	for (int i = 1; i < argc; i++) {
		replay_folder(&tally, argv[i]);
	}
	(void)printf("%u inputs replayed, %u unreadable\n", tally.replayed, tally.failed);
	return tally.replayed > 0 && tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
