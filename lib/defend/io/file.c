/* The record's file, in the folder of the rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "defend/defend.h"

static const char name[] = "bans.json";
static const char damaged[] = "bans.json.damaged";
static const char temporary[] = ".new-bans.json";
static const char lock_name[] = "bans.lock";

int defend_stamp_now(struct defend_stamp *out, struct err *e)
{
	struct timespec now;
	const long length = file_read_into(out->boot, sizeof(out->boot), AT_FDCWD,
					   "/proc/sys/kernel/random/boot_id");
	if (length < 0) {
		return err_system(e, (int)length, "the kernel does not tell its boot");
	}
	out->boot[strcspn(out->boot, "\n")] = '\0';
	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0) {
		return err_system(e, errno, "the kernel does not tell the time since boot");
	}
	out->since_boot = now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
	out->wall = clock_now();
	return 0;
}

/* What is in it keeps people out. */
static int open_folder(int *out, const char *path, struct err *e)
{
	struct stat status;
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &status) < 0) {
		return err_system(e, errno, "%s", path);
	}
	if ((status.st_uid != 0 && status.st_uid != geteuid()) ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return err_set(e, EPERM, "%s may be written by others than root", path);
	}
	*out = steal_fd(&fd);
	return 0;
}

int defend_file_open(struct defend_file *out, const char *directory, bool wait, struct err *e)
{
	*out = DEFEND_FILE_INIT;
	/* As who applies rules for the first time makes it. */
	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		return err_system(e, errno, "%s cannot be made", directory);
	}
	int r = open_folder(&out->directory, directory, e);
	if (r < 0) {
		return r;
	}
	out->lock =
		openat(out->directory, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out->lock < 0) {
		r = err_system(e, errno, "the record of bans cannot be locked");
	}
	while (r == 0 && flock(out->lock, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
		if (errno != EINTR) {
			r = err_system(e, errno == EWOULDBLOCK ? EBUSY : errno,
				       "the record of bans cannot be locked");
		}
	}
	if (r < 0) {
		defend_file_close(out);
	}
	return r;
}

void defend_file_close(struct defend_file *file)
{
	close_fdp(&file->lock); /* gives the lock back */
	close_fdp(&file->directory);
}

static int read_at(struct defend_table *out, int directory, const struct defend_stamp *stamp,
		   struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	int r = file_read_at(&text, &length, directory, name, DEFEND_FILE_BYTES_MAX, NULL);
	if (r == -ENOENT) {
		return 0;
	}
	r = r < 0 ? r : defend_table_read(out, text, length, stamp);
	return r < 0 ? err_system(e, r, "the record of bans (%s) cannot be read", name) : 0;
}

int defend_file_read(struct defend_table *out, const struct defend_file *file,
		     const struct defend_stamp *stamp, struct err *e)
{
	return read_at(out, file->directory, stamp, e);
}

int defend_file_look(struct defend_table *out, const char *directory,
		     const struct defend_stamp *stamp, struct err *e)
{
	_cleanup_(close_fdp) int fd = -1;
	int r = open_folder(&fd, directory, e);
	return r < 0 ? r : read_at(out, fd, stamp, e);
}

int defend_file_set_aside(const struct defend_file *file, struct err *e)
{
	return renameat(file->directory, name, file->directory, damaged) < 0
		       ? err_system(e, errno, "the record of bans (%s) cannot be kept as %s", name,
				    damaged)
		       : 0;
}

static int write_new(int directory, const struct str *text)
{
	_cleanup_(close_fdp) int fd = openat(
		directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : write_all(fd, str_text(text), text->length);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

int defend_file_write(const struct defend_file *file, const struct defend_table *table,
		      const struct defend_stamp *stamp, struct err *e)
{
	struct str text = STR_INIT(DEFEND_FILE_BYTES_MAX);
	int r = defend_table_write(&text, table, stamp);
	r = r < 0 ? r : write_new(file->directory, &text);
	if (r == 0 && renameat(file->directory, temporary, file->directory, name) < 0) {
		r = -errno;
	}
	str_deinit(&text);
	if (r < 0) {
		(void)unlinkat(file->directory, temporary, 0); /* the reason is told */
		return err_system(e, r, "the record of bans cannot be written");
	}
	return 0;
}
