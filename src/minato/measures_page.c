/* Pages of own web servers as they were when somebody said that they are right. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "base/cleanup.h"
#include "base/io/file.h"
#include "measures.h"
#include "words.h"

enum { RECORD_BYTES = 128, NAME_BYTES = 16 };

static const char folder_name[] = "pages";
static const char mark[] = "sha256:";

/* @return whether it is a digest. */
static bool read_digest(char out[MEASURE_DIGEST_BYTES], const char *record)
{
	const char *digits = record + strlen(mark);
	if (!str_starts(record, mark) ||
	    strspn(digits, "0123456789abcdef") != MEASURE_DIGEST_BYTES - 1) {
		return false;
	}
	(void)snprintf(out, MEASURE_DIGEST_BYTES, "%s", digits);
	return true;
}

int measures_page_recall(char out[MEASURE_DIGEST_BYTES], uint16_t port)
{
	char folder[PATH_MAX], path[PATH_MAX], record[RECORD_BYTES];
	int r = audit_folder_path(folder, folder_name, NULL);
	if (r < 0) {
		return r;
	}
	const int length = snprintf(path, sizeof(path), "%s/%u", folder, port);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	const long read = file_read_into(record, sizeof(record), AT_FDCWD, path);
	return read < 0 ? (int)read : read_digest(out, record) ? 0 : -EBADMSG;
}

/* Whole or not at all. */
static int write_record(int folder, uint16_t port, const char *digest)
{
	char name[NAME_BYTES], made[NAME_BYTES + 4], record[RECORD_BYTES];
	(void)snprintf(name, sizeof(name), "%u", port);
	(void)snprintf(made, sizeof(made), "%s.new", name);
	const int length = snprintf(record, sizeof(record), "%s%s\n", mark, digest);
	_cleanup_(close_fdp) int fd =
		openat(folder, made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, record, (size_t)length);
	if (r == 0 && (fsync(fd) < 0 || renameat(folder, made, folder, name) < 0)) {
		r = -errno;
	}
	return r;
}

int measures_page_remember(uint16_t port, const char *digest, struct err *e)
{
	char path[PATH_MAX];
	int r = audit_folder_path(path, folder_name, e);
	if (r < 0) {
		return r;
	}
	_cleanup_(close_fdp) int folder = audit_records_open(path, e);
	if (folder < 0) {
		return folder;
	}
	r = write_record(folder, port, digest);
	return r < 0 ? err_system(e, r, _("cannot write %s"), path) : 0;
}
