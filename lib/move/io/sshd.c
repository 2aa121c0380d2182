/* The files that sshd reads. */
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "move/move.h"

enum { DEPTH_MAX = 16 }; /* SERVCONF_MAX_DEPTH of OpenSSH's servconf.c */

struct reading {
	struct move_sshd_files *files;
	const char *folder; /* of relative patterns */
	const char *name;   /* of a file of ours */
	unsigned depth;
	struct err *e;
};

static int read_file(struct reading *reading, const char *path);

static void move_files_globfree(glob_t *found)
{
	globfree(found);
}

/* Where a file of ours would be read. */
static void note_place(struct reading *reading, const char *pattern)
{
	char copy[1024];
	char path[1024];
	struct stat status;
	if (reading->depth > 1 || reading->files->place[0] != '\0' ||
	    strlen(pattern) >= sizeof(copy)) {
		return;
	}
	(void)str_copy(copy, sizeof(copy), pattern);
	int n = snprintf(path, sizeof(path), "%s/%s", dirname(copy), reading->name);
	(void)str_copy(copy, sizeof(copy), pattern); /* dirname() cut it */
	if (n > 0 && (size_t)n < sizeof(path) && fnmatch(pattern, path, FNM_PATHNAME) == 0 &&
	    stat(dirname(copy), &status) == 0 && S_ISDIR(status.st_mode)) {
		(void)str_copy(reading->files->place, sizeof(reading->files->place), path);
	}
}

static int include(const char *word, void *data)
{
	struct reading *reading = data;
	char pattern[1024];
	int n = snprintf(pattern, sizeof(pattern), "%s%s%s", word[0] == '/' ? "" : reading->folder,
			 word[0] == '/' ? "" : "/", word);
	if (n < 0 || (size_t)n >= sizeof(pattern)) {
		return err_set(reading->e, ENAMETOOLONG, "an Include of sshd is too long");
	}
	note_place(reading, pattern);
	_cleanup_(move_files_globfree) glob_t found = { 0 };
	int r = glob(pattern, 0, NULL, &found);
	if (r != 0) {
		return r == GLOB_NOMATCH ? 0 : err_set(reading->e, EIO, "%s", pattern);
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		r = read_file(reading, found.gl_pathv[i]);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int read_file(struct reading *reading, const char *path)
{
	for (size_t i = 0; i < reading->files->list.count; i++) {
		if (strcmp(reading->files->list.items[i].path, path) == 0) {
			return 0;
		}
	}
	if (reading->depth == DEPTH_MAX || reading->files->list.count == MOVE_FILES_MAX - 4) {
		return err_set(reading->e, E2BIG, "sshd includes too many files");
	}
	struct move_content content;
	int r = move_content_read(&content, path, reading->e);
	if (r < 0 || content.bytes == NULL) {
		return r < 0 ? r : err_system(reading->e, ENOENT, "%s", path);
	}
	struct move_file *file = vec_push(&reading->files->list);
	char *copy = strdup(path);
	if (file == NULL || copy == NULL) {
		free(content.bytes);
		free(copy);
		reading->files->list.count -= file != NULL;
		return -ENOMEM;
	}
	*file = (struct move_file){ .room = MOVE_ROOM_SERVICE, .path = copy };
	file->at[MOVE_BEFORE] = content;
	const char *text = content.bytes; /* the list may move */
	reading->depth++;
	r = move_sshd_includes(text, include, reading);
	reading->depth--;
	return r;
}

int move_sshd_read(struct move_sshd_files *out, const char *config, const char *folder,
		   const char *name, struct err *e)
{
	*out = (struct move_sshd_files){ 0 };
	struct reading reading = { .files = out, .folder = folder, .name = name, .e = e };
	int r = read_file(&reading, config);
	if (r < 0) {
		move_sshd_files_deinit(out);
	}
	return r;
}

void move_sshd_files_deinit(struct move_sshd_files *files)
{
	for (size_t i = 0; i < files->list.count; i++) {
		free(files->list.items[i].path);
		for (size_t p = 0; p < MOVE_POINTS; p++) {
			free(files->list.items[i].at[p].bytes);
		}
	}
	vec_free(&files->list);
}
