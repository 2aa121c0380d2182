/* The folder in which is kept what audits found: a file for each address. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/io/file.h"

static const char *const suffixes[AUDIT_RECORD_KINDS] = { ".json", ".under-way" };

/* ---- the folder ---- */

/* What is above belongs to others too; the last one is for its user alone. */
static int make_folders(const char *path)
{
	char part[PATH_MAX];
	const size_t length = strlen(path);
	if (length >= sizeof(part) || path[0] != '/') {
		return length >= sizeof(part) ? -ENAMETOOLONG : -EINVAL;
	}
	memcpy(part, path, length + 1);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST) {
			return -errno;
		}
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int audit_records_open(const char *path, struct err *e)
{
	struct stat status;
	const int r = make_folders(path);
	if (r < 0) {
		return err_system(e, r, "%s cannot be made", path);
	}
	_cleanup_(close_fdp) int folder =
		open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0 || fstat(folder, &status) < 0) {
		return err_system(e, errno, "%s", path);
	}
	if ((status.st_uid != 0 && status.st_uid != geteuid()) ||
	    (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return err_set(e, -EPERM, "%s may be written by others", path);
	}
	while (flock(folder, LOCK_EX) < 0) { /* others hold it for a moment only */
		if (errno != EINTR) {
			return err_system(e, errno, "%s", path);
		}
	}
	return steal_fd(&folder);
}

static const char *name_of(char out[AUDIT_RECORD_NAME_BYTES], const struct addr *address,
			   const char *end)
{
	char text[ADDR_TEXT_BYTES];
	(void)snprintf(out, AUDIT_RECORD_NAME_BYTES, "%s%s", addr_format(address, text), end);
	return out;
}

/* ---- one record ---- */

static int set_aside(char aside[AUDIT_RECORD_NAME_BYTES], int folder, const struct addr *address,
		     enum audit_record_kind kind, struct err *e)
{
	char name[AUDIT_RECORD_NAME_BYTES];
	(void)name_of(name, address, suffixes[kind]);
	(void)name_of(aside, address, ".damaged");
	return renameat(folder, name, folder, aside) < 0
		       ? err_system(e, errno, "%s is damaged, and cannot be set aside", name)
		       : AUDIT_RECORD_DAMAGED;
}

int audit_record_read(struct audit_record *out, char aside[AUDIT_RECORD_NAME_BYTES], int folder,
		      const struct addr *address, enum audit_record_kind kind, struct err *e)
{
	char name[AUDIT_RECORD_NAME_BYTES];
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	(void)name_of(name, address, suffixes[kind]);
	aside[0] = '\0';
	int r = file_read_at(&text, &length, folder, name, AUDIT_RECORD_BYTES_MAX, NULL);
	r = r < 0 ? r : audit_record_parse(out, text, length);
	if (r == 0 && addr_compare(&out->address, address) != 0) {
		r = -EBADMSG;
	}
	if (r == 0) {
		return AUDIT_RECORD_READ;
	}
	if (r != -ENOENT && r != -EBADMSG && r != -EFBIG) {
		return err_system(e, r, "%s cannot be read", name);
	}
	*out = (struct audit_record){ .address = *address };
	return r == -ENOENT ? AUDIT_RECORD_NONE : set_aside(aside, folder, address, kind, e);
}

/* ---- not too many ---- */

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

/* Files of ours, and the one that was written longest ago. */
static size_t count_files(int folder, char oldest[AUDIT_RECORD_NAME_BYTES])
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct timespec least = { 0 };
	size_t count = 0;
	for (const struct dirent *file; dir != NULL && (file = readdir(dir)) != NULL;) {
		struct stat status;
		if (file->d_name[0] == '.' || strlen(file->d_name) >= AUDIT_RECORD_NAME_BYTES ||
		    fstatat(folder, file->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
			continue;
		}
		if (count++ == 0 || status.st_mtim.tv_sec < least.tv_sec ||
		    (status.st_mtim.tv_sec == least.tv_sec &&
		     status.st_mtim.tv_nsec < least.tv_nsec)) {
			least = status.st_mtim;
			(void)str_copy(oldest, AUDIT_RECORD_NAME_BYTES, file->d_name);
		}
	}
	return count;
}

static void forget_old(int folder)
{
	char oldest[AUDIT_RECORD_NAME_BYTES] = "";
	while (count_files(folder, oldest) > AUDIT_RECORDS_MAX) {
		if (unlinkat(folder, oldest, 0) < 0) {
			return; /* it is tried again the next time */
		}
	}
}

int audit_record_write(int folder, const struct audit_record *record, enum audit_record_kind kind,
		       struct err *e)
{
	static const char temporary[] = ".new";
	char name[AUDIT_RECORD_NAME_BYTES];
	struct str text = STR_INIT(AUDIT_RECORD_BYTES_MAX);
	(void)name_of(name, &record->address, suffixes[kind]);
	int r = audit_record_print(&text, record);
	_cleanup_(close_fdp) int fd = openat(
		folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = r < 0 ? r : fd < 0 ? -errno : write_all(fd, text.text, text.length);
	r = r == 0 && fsync(fd) < 0 ? -errno : r;
	if (r == 0 && renameat(folder, temporary, folder, name) < 0) {
		r = -errno;
	}
	if (r == 0 && fsync(folder) < 0) {
		r = -errno;
	}
	str_deinit(&text);
	forget_old(folder);
	return r < 0 ? err_system(e, r, "%s cannot be written", name) : 0;
}

void audit_record_forget(int folder, const struct addr *address, enum audit_record_kind kind)
{
	char name[AUDIT_RECORD_NAME_BYTES];
	(void)unlinkat(folder, name_of(name, address, suffixes[kind]), 0); /* or it was not there */
}
