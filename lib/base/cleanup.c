/* Destructors for scope-bound resources that need more than one line. */
#include "base/cleanup.h"

#include <errno.h>

void close_fdp(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(*fd); /* Linux frees the number even when close() reports EINTR */
		*fd = -1;
		errno = saved;
	}
}
