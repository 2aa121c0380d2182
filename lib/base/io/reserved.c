/* The ports that a network namespace keeps out of the kernel's own choice. */
#include "base/io/reserved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Every second port, five digits and a comma each. */
enum { LIST_BYTES_MAX = 512 * 1024 };

static const char path[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";

int reserved_ports_read(struct portset *out, struct err *e)
{
	_cleanup_(freep) char *text = malloc(LIST_BYTES_MAX);
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (text == NULL) {
		return err_system(e, ENOMEM, "%s", path);
	}
	if (fd < 0) {
		return err_system(e, errno, "%s", path);
	}
	/* At once: there is no second part, whatever found no room in the first one is not told
	 * (kernel/sysctl.c, proc_do_large_bitmap). */
	ssize_t length = read(fd, text, LIST_BYTES_MAX - 1);
	if (length < 0) {
		return err_system(e, errno, "%s", path);
	}
	text[length] = '\0';
	int r = portset_parse(out, text);
	return r < 0 ? err_system(e, r, "%s does not hold a list of ports", path) : 0;
}
