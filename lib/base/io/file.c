/* Whole small files, with a bound. */
#include "base/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int read_all(char **out, size_t *length, int fd, size_t max_bytes)
{
	size_t room = 4096;
	size_t used = 0;
	_cleanup_(freep) char *text = malloc(room);
	if (text == NULL) {
		return -ENOMEM;
	}
	for (;;) {
		ssize_t n = read(fd, text + used, room - used - 1);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		used += (size_t)n;
		if (used > max_bytes) {
			return -EFBIG;
		}
		if (n == 0) {
			break;
		}
		if (room - used - 1 == 0) {
			char *grown = reallocarray(text, 2, room);
			if (grown == NULL) {
				return -ENOMEM;
			}
			text = grown;
			room *= 2;
		}
	}
	text[used] = '\0';
	if (length != NULL) {
		*length = used;
	}
	*out = steal(&text);
	return 0;
}

int file_read_at(char **out, size_t *length, int dir, const char *path, size_t max_bytes,
		 struct err *e)
{
	_cleanup_(close_fdp) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return err_system(e, errno, "%s", path);
	}
	int r = read_all(out, length, fd, max_bytes);
	return r < 0 ? err_system(e, r, "%s", path) : 0;
}

int file_read(char **out, size_t *length, const char *path, size_t max_bytes, struct err *e)
{
	return file_read_at(out, length, AT_FDCWD, path, max_bytes, e);
}

long file_read_into(char *buffer, size_t room, int dir, const char *path)
{
	_cleanup_(close_fdp) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return -errno;
	}
	size_t used = 0;
	while (used < room - 1) {
		ssize_t n = read(fd, buffer + used, room - 1 - used);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (n == 0) {
			break;
		}
		used += (size_t)n;
	}
	buffer[used] = '\0';
	return (long)used;
}

int write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length > 0) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

int file_write_setting(const char *path, const char *text)
{
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}
