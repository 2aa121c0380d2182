/* The files of a running smbd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "measure/io/arguments.h"
#include "measure/measure.h"

enum { FILE_BYTES_MAX = 1024 * 1024, FILES_MAX = 64 };

static int include(struct measure_smb *smb, const char *path, void *data)
{
	unsigned *files = data;
	_cleanup_(freep) char *text = NULL;
	/* What %m and the like stand for is known when a client comes. */
	const int r = ++*files > FILES_MAX || strchr(path, '%') != NULL
			      ? -EACCES
			      : file_read(&text, NULL, path, FILE_BYTES_MAX, NULL);
	if (r == -ENOENT) {
		return 0; /* Samba goes on without it */
	}
	if (r < 0) {
		measure_smb_skip(smb, path);
		return 0;
	}
	return measure_smb_read(smb, path, text, include, data);
}

int measure_smb_files_read(struct measure_smb *out, const struct process *process,
			   const char *folder, struct err *e)
{
	char path[MEASURE_ARGUMENT_BYTES], word[MEASURE_ARGUMENT_BYTES], option;
	static const char named[] = "--configfile=";
	_cleanup_(freep) char *text = NULL;
	unsigned files = 0;
	measure_smb_init(out);
	if (process->container_id != NULL) {
		return err_set(e, EXDEV, "container");
	}
	(void)snprintf(path, sizeof(path), "%.900s/smb.conf", folder);
	for (const char *at = process->arguments; measure_argument(word, &at, "s", &option);) {
		if (option == 's') {
			(void)str_copy(path, sizeof(path), word);
		} else if (str_starts(word, named)) {
			(void)str_copy(path, sizeof(path), word + strlen(named));
		}
	}
	int r = file_read(&text, NULL, path, FILE_BYTES_MAX, NULL);
	r = r < 0 ? r : measure_smb_read(out, path, text, include, &files);
	return r < 0 ? err_system(e, r, "%s", path) : 0;
}
