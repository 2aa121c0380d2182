/* Our BPF iterators: opened through the daemon's pins, or loaded by this process. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/inventory.h"

enum iterator {
	ITERATOR_LISTENER_OWNERS,
	ITERATOR_LISTENER_FILES,
	ITERATOR_CONNECTION_OWNERS,
	ITERATOR_PROCESS_DETAILS,
	ITERATOR_NETWORK_NAMESPACES,
	ITERATOR_COUNT,
};

/* Name of program and pin. */
const char *iterator_name(enum iterator which);

/*
 * Opens an iterator for one reading.
 * @param directory of the pins, NULL = none.
 * @param without   enum observe_without.
 * @param source    set to OWNER_SOURCE_PINNED or OWNER_SOURCE_BPF; may be NULL.
 * @return descriptor; -EPERM, -EACCES without the rights; -EOPNOTSUPP when it is taken away or the
 *         kernel lacks it; other negative errno.
 */
int iterator_open(enum iterator which, const char *directory, unsigned without,
		  enum owner_source *source);

/* The same, but the pin alone. @return descriptor; -ENOENT, -EACCES; -EOPNOTSUPP. */
int iterator_open_pin(enum iterator which, const char *directory, unsigned without);

/*
 * Loads a program. @return descriptor of its link; -EPERM; -EOPNOTSUPP; other negative errno.
 */
int iterator_load(enum iterator which);

/*
 * Takes whole records off the front of `bytes`.
 * @return bytes taken (the rest comes again with more behind it), or negative errno.
 */
typedef ssize_t iterator_function(const void *bytes, size_t length, void *data);

/* Reads an iterator to its end. @return 0; -EBADMSG when a part of a record is left; other
 * negative errno from read() or `function`. */
int iterator_read(int fd, iterator_function *function, void *data);
