/* The record of a move on disk: record.json, and N.before, N.both, N.after for each file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "move/move.h"

enum { NAME_BYTES = 64 };

static const char *const suffixes[] = { "before", "both", "after" };
static const char record_name[] = "record.json";

static int check(int folder, struct err *e)
{
	struct stat status;
	if (fstat(folder, &status) < 0) {
		return err_system(e, errno, "the record of the move");
	}
	const bool ours = status.st_uid == 0 || status.st_uid == geteuid();
	return ours && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0
		       ? 0
		       : err_set(e, EPERM, "the record of the move may be written by others");
}

/* The folder itself is locked: it stays, whatever becomes of the files. */
int move_folder_open(const char *rules_directory, bool change, struct err *e)
{
	_cleanup_(close_fdp) int above =
		open(rules_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (above < 0) {
		return err_system(e, errno, "%s", rules_directory);
	}
	if (change && mkdirat(above, "move", 0700) < 0 && errno != EEXIST) {
		return err_system(e, errno, "the record of the move");
	}
	_cleanup_(close_fdp) int folder =
		openat(above, "move", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0) {
		return err_system(e, errno, "the record of the move");
	}
	int r = check(folder, e);
	if (r == 0 && change && flock(folder, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK
			    ? err_set(e, EBUSY, "another minato is moving a port just now")
			    : err_system(e, errno, "the record of the move");
	}
	return r < 0 ? r : steal_fd(&folder);
}

static int write_file(int folder, const char *name, const char *bytes, size_t length, struct err *e)
{
	static const char temporary[] = ".new";
	_cleanup_(close_fdp) int fd = openat(
		folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : write_all(fd, bytes, length);
	r = r == 0 && fsync(fd) < 0 ? -errno : r;
	if (r == 0 && renameat(folder, temporary, folder, name) < 0) {
		r = -errno;
	}
	if (r == 0 && fsync(folder) < 0) {
		r = -errno;
	}
	return r < 0 ? err_system(e, r, "the record of the move cannot be written") : 0;
}

static const char *content_name(char out[NAME_BYTES], size_t file, size_t point)
{
	(void)snprintf(out, NAME_BYTES, "%zu.%s", file, suffixes[point]);
	return out;
}

int move_record_begin(int folder, const struct move *move, struct err *e)
{
	int r = 0;
	/* What an earlier move left leads to other contents. */
	(void)unlinkat(folder, record_name, 0);
	for (size_t i = 0; r == 0 && i < move->files.count; i++) {
		for (size_t p = 0; r == 0 && p < MOVE_POINTS; p++) {
			char name[NAME_BYTES];
			const struct move_content *content = &move->files.items[i].at[p];
			(void)content_name(name, i, p);
			r = content->bytes == NULL
				    ? 0
				    : write_file(folder, name, content->bytes, content->length, e);
		}
	}
	return r == 0 ? move_record_update(folder, move, e) : r;
}

int move_record_update(int folder, const struct move *move, struct err *e)
{
	struct str text = STR_INIT(MOVE_FILE_BYTES_MAX);
	int r = move_print(&text, move);
	r = r < 0 ? err_system(e, r, "the record of the move")
		  : write_file(folder, record_name, text.text, text.length, e);
	str_deinit(&text);
	return r;
}

static int read_contents(int folder, struct move *move)
{
	for (size_t i = 0; i < move->files.count; i++) {
		for (size_t p = 0; p < MOVE_POINTS; p++) {
			struct move_content *content = &move->files.items[i].at[p];
			char name[NAME_BYTES];
			if (content->bytes == NULL) {
				continue;
			}
			char *bytes = NULL;
			int r = file_read_at(&bytes, &content->length, folder,
					     content_name(name, i, p), MOVE_FILE_BYTES_MAX, NULL);
			if (r < 0) {
				return r == -ENOENT ? -EBADMSG : r;
			}
			free(content->bytes);
			content->bytes = bytes;
		}
	}
	return 0;
}

int move_record_read(int folder, struct move *out, struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	struct move move = { 0 };
	int r = file_read_at(&text, NULL, folder, record_name, MOVE_FILE_BYTES_MAX, NULL);
	if (r == 0) {
		r = move_parse(&move, text);
		/* Of a move that is over nothing has to be put back. */
		r = r == 0 && move_is_open(&move) ? read_contents(folder, &move) : r;
	}
	if (r < 0) {
		move_deinit(&move);
		return err_system(e, r, "the record of the move");
	}
	*out = move;
	return 0;
}
