/* Whole small files, with a bound. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Reads all of a file (also of /proc, whose size is not known before) into a new NUL-terminated
 * buffer.
 * @param out        caller frees; untouched on failure.
 * @param length     bytes read without the NUL; may be NULL.
 * @param dir        directory descriptor for a relative path, or AT_FDCWD.
 * @param max_bytes  longer files are refused with -EFBIG.
 * @return 0; -ENOENT, -EACCES and the like from open/read; -EFBIG; -ENOMEM.
 */
int file_read_at(char **out, size_t *length, int dir, const char *path, size_t max_bytes,
		 struct err *e);
int file_read(char **out, size_t *length, const char *path, size_t max_bytes, struct err *e);

/* Reads at most `room - 1` bytes into the caller's buffer, terminated. @return bytes, or negative
 * errno. */
long file_read_into(char *buffer, size_t room, int dir, const char *path);

/* Writes all bytes or fails; handles short writes and EINTR. @return 0 or negative errno. */
int write_all(int fd, const void *bytes, size_t length);

/* Writes to a file that is there, as those of /proc/sys: nothing is made, nothing cut.
 * @return 0 or negative errno. */
int file_write_setting(const char *path, const char *text);
