/* Files that a move changes: whole or not at all, and back to every byte. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "move/move.h"
#include "policy/policy.h"

int move_content_read(struct move_content *out, const char *path, struct err *e)
{
	struct move_content content = { 0 };
	struct err mine = ERR_INIT;
	int r = file_read(&content.bytes, &content.length, path, MOVE_FILE_BYTES_MAX, &mine);
	if (r == -ENOENT) {
		*out = (struct move_content){ 0 };
		return 0;
	}
	if (r < 0) {
		return err_set(e, r, "%s", err_text(&mine));
	}
	if (strlen(content.bytes) != content.length) {
		free(content.bytes);
		return err_set(e, EBADMSG, "%s is no text: it has NUL bytes", path);
	}
	*out = content;
	return 0;
}

static bool same(const struct move_content *a, const struct move_content *b)
{
	if (a->bytes == NULL || b->bytes == NULL) {
		return a->bytes == b->bytes;
	}
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static int folder_of(char out[PATH_MAX], const char *path)
{
	char copy[PATH_MAX];
	if (strlen(path) >= sizeof(copy)) {
		return -ENAMETOOLONG;
	}
	(void)str_copy(copy, sizeof(copy), path);
	(void)str_copy(out, PATH_MAX, dirname(copy));
	return 0;
}

static int sync_folder(const char *folder)
{
	_cleanup_(close_fdp) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_new(const char *folder, const char *path, const struct move_content *content)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s/.minato-XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof(temporary)) {
		return -ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int r = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, content->bytes, content->length);
	r = r == 0 && fsync(fd) < 0 ? -errno : r;
	/* Not over one that somebody else made just now. */
	if (r == 0 && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) < 0) {
		r = -errno;
	}
	if (r < 0) {
		(void)unlink(temporary); /* the first failure is told */
	}
	return r;
}

static int create(const struct move_file *file, const struct move_content *content)
{
	char folder[PATH_MAX];
	int r = folder_of(folder, file->path);
	if (r == 0 && file->folder && mkdir(folder, 0755) < 0 && errno != EEXIST) {
		r = -errno;
	}
	r = r == 0 ? write_new(folder, file->path, content) : r;
	return r == 0 ? sync_folder(folder) : r;
}

static int take_away(const struct move_file *file)
{
	char folder[PATH_MAX];
	int r = folder_of(folder, file->path);
	if (r == 0 && unlink(file->path) < 0) {
		r = -errno;
	}
	if (r == 0 && file->folder && rmdir(folder) == 0) {
		return 0; /* it is not empty when somebody else put something there */
	}
	return r == 0 ? sync_folder(folder) : r;
}

/* A folder that was made for a file that then could not be written. */
static void tidy(const struct move_file *file, enum move_point point)
{
	char folder[PATH_MAX];
	if (file->folder && file->at[point].bytes == NULL && folder_of(folder, file->path) == 0) {
		(void)rmdir(folder); /* only when it is empty */
	}
}

static void content_free(struct move_content *content)
{
	free(content->bytes);
}

int move_file_put(const struct move_file *file, enum move_point point, struct err *e)
{
	_cleanup_(content_free) struct move_content now = { 0 };
	const struct move_content *wanted = &file->at[point];
	int r = move_content_read(&now, file->path, e);
	if (r < 0) {
		return r;
	}
	if (same(&now, wanted)) {
		tidy(file, point);
		return 0;
	}
	bool ours = false;
	for (size_t i = 0; i < MOVE_POINTS; i++) {
		ours = ours || same(&now, &file->at[i]);
	}
	if (!ours) {
		return MOVE_PUT_STRANGE;
	}
	if (now.bytes == NULL) {
		r = create(file, wanted);
	} else if (wanted->bytes == NULL) {
		r = take_away(file);
	} else {
		return policy_file_replace(file->path, now.bytes, now.length, wanted->bytes,
					   wanted->length, e);
	}
	return r < 0 ? err_system(e, r, "%s", file->path) : 0;
}

/* ---- what a killed command left ---- */

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

/* ".minato-" and six more, as mkostemp() makes them of the names above and policy_file_replace().
 */
static bool is_leftover(const struct dirent *entry)
{
	static const char prefix[] = ".minato-";
	return str_starts(entry->d_name, prefix) && strlen(entry->d_name) == strlen(prefix) + 6 &&
	       (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
}

void move_file_clean(const struct move_file *file)
{
	char folder[PATH_MAX];
	int fd = folder_of(folder, file->path) < 0
			 ? -1
			 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	/* Whoever is writing there holds the lock (policy_file_replace). */
	if (dir == NULL || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		return;
	}
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (is_leftover(entry)) {
			(void)unlinkat(fd, entry->d_name, 0); /* it hurts nobody where it stays */
		}
	}
}
