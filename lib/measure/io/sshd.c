/* The files of a running sshd. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "measure/io/arguments.h"
#include "measure/measure.h"

enum { FILE_BYTES_MAX = 1024 * 1024, FILES_MAX = 256 };

struct reading {
	const char *folder; /* of relative patterns */
	unsigned files;
};

static void measure_globfree(glob_t *found)
{
	globfree(found);
}

static int include(struct measure_sshd *sshd, const char *pattern, void *data);

static int read_file(struct measure_sshd *sshd, const char *path, struct reading *reading)
{
	_cleanup_(freep) char *text = NULL;
	if (++reading->files > FILES_MAX) {
		return -E2BIG;
	}
	int r = file_read(&text, NULL, path, FILE_BYTES_MAX, NULL);
	return r < 0 ? r : measure_sshd_read(sshd, path, text, include, reading);
}

/* A folder that may not be read hides what would be found: that, too, is not sure then. */
static int not_listed(const char *path, int error)
{
	(void)path;
	return error == EACCES || error == EPERM;
}

static int include(struct measure_sshd *sshd, const char *pattern, void *data)
{
	struct reading *reading = data;
	char path[1024];
	_cleanup_(measure_globfree) glob_t found = { 0 };
	(void)snprintf(path, sizeof(path), "%s%s%s", pattern[0] == '/' ? "" : reading->folder,
		       pattern[0] == '/' ? "" : "/", pattern);
	int r = glob(path, 0, not_listed, &found);
	if (r != 0) {
		if (r != GLOB_NOMATCH) {
			measure_sshd_skip(sshd, path);
		}
		return 0;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		r = read_file(sshd, found.gl_pathv[i], reading);
		if (r == -E2BIG || r == -ELOOP || r == -ENOMEM) {
			return r;
		}
		if (r < 0) {
			measure_sshd_skip(sshd, found.gl_pathv[i]);
		}
	}
	return 0;
}

/* ---- the command line ---- */

/* @param config  gets what -f says. Else what stands there before stays. */
static void take_arguments(struct measure_sshd *sshd, char config[1024], const char *arguments)
{
	char word[MEASURE_ARGUMENT_BYTES], option;
	while (measure_argument(word, &arguments, "foh", &option)) {
		if (option == 'f' && word[0] == '/') {
			(void)str_copy(config, 1024, word);
		} else if (option == 'o') {
			measure_sshd_option(sshd, word);
		} else if (option == 'h') {
			char line[1100];
			(void)snprintf(line, sizeof(line), "HostKey %s", word);
			measure_sshd_option(sshd, line);
		}
	}
}

/* ---- host keys ---- */

static void look_at_key(struct measure_sshd_files *out, const char *path)
{
	char name[MEASURE_PATH_BYTES + 8];
	_cleanup_(freep) char *text = NULL;
	struct measure_key_seen *seen = &out->keys[out->key_count];
	(void)snprintf(name, sizeof(name), "%s.pub", path);
	if (out->key_count < MEASURE_KEYS_MAX &&
	    file_read(&text, NULL, name, FILE_BYTES_MAX, NULL) == 0 &&
	    measure_public_key_parse(&seen->key, text) == 0) {
		(void)str_copy(seen->path, sizeof(seen->path), path);
		out->key_count++;
	}
}

static void look_at_keys(struct measure_sshd_files *out, const char *folder)
{
	/* sshd_config(5), HostKey. */
	static const char *const usual[] = { "rsa", "ecdsa", "ed25519" };
	char path[MEASURE_PATH_BYTES];
	for (size_t i = 0; i < out->sshd.key_count; i++) {
		look_at_key(out, out->sshd.keys[i].path);
	}
	for (size_t i = 0; i < 3 && out->sshd.key_count == 0; i++) {
		(void)snprintf(path, sizeof(path), "%.200s/ssh_host_%s_key", folder, usual[i]);
		look_at_key(out, path);
	}
}

int measure_sshd_files_read(struct measure_sshd_files *out, const struct process *process,
			    const char *folder, struct err *e)
{
	char config[1024];
	struct reading reading = { .folder = folder };
	*out = (struct measure_sshd_files){ 0 };
	measure_sshd_init(&out->sshd);
	if (process->container_id != NULL) {
		return err_set(e, EXDEV, "container");
	}
	(void)snprintf(config, sizeof(config), "%.900s/sshd_config", folder);
	take_arguments(&out->sshd, config, process->arguments);
	int r = read_file(&out->sshd, config, &reading);
	if (r < 0) {
		return err_system(e, r, "%s", config);
	}
	look_at_keys(out, folder);
	return 0;
}
