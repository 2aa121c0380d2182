/* The ports that this network namespace keeps out of the kernel's own choice. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/reserved.h"
#include "base/parse.h"
#include "guard/guard.h"

enum {
	LIST_BYTES_MAX = 512 * 1024, /* every second port, five digits and a comma each */
	/* The kernel reads less than a page at once (kernel/sysctl.c, proc_do_large_bitmap); what
	 * is written further on in the file comes to what stood before. */
	PIECE_BYTES = 4000,
};

static const char reserved_path[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";
static const char range_path[] = "/proc/sys/net/ipv4/ip_local_port_range";

static int read_range(struct port_range *out, struct err *e)
{
	char text[64];
	uint64_t first = 0;
	uint64_t last = 0;
	long length = file_read_into(text, sizeof(text), AT_FDCWD, range_path);
	if (length < 0) {
		return err_system(e, (int)length, "%s", range_path);
	}
	size_t digits = strcspn(text, " \t");
	const char *rest = text + digits + strspn(text + digits, " \t");
	if (parse_u64_bytes(&first, text, digits, 1, UINT16_MAX) < 0 ||
	    parse_u64_bytes(&last, rest, strcspn(rest, "\n"), first, UINT16_MAX) < 0) {
		return err_set(e, EBADMSG, "%s does not hold two ports", range_path);
	}
	*out = (struct port_range){ .first = (uint16_t)first, .last = (uint16_t)last };
	return 0;
}

int guard_reserved_read(struct portset *out, struct port_range *ephemeral, struct err *e)
{
	int r = reserved_ports_read(out, e);
	if (r < 0) {
		return r;
	}
	return read_range(ephemeral, e);
}

/* The longest beginning that ends behind a whole port, or everything. */
static size_t piece_of(const char *text, size_t length)
{
	if (length <= PIECE_BYTES) {
		return length;
	}
	const char *comma = memrchr(text, ',', PIECE_BYTES);
	return (size_t)(comma - text) + 1; /* eleven bytes at most between two commas */
}

int guard_reserved_write(const struct portset *ports, struct err *e)
{
	struct str text = STR_INIT(LIST_BYTES_MAX);
	guard_ports_format(&text, ports);
	str_add_char(&text, '\n');
	_cleanup_(freep) char *bytes = text.text;
	if (text.error != 0) {
		return err_system(e, text.error, "%s", reserved_path);
	}
	_cleanup_(close_fdp) int fd = open(reserved_path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return err_system(e, errno, "%s", reserved_path);
	}
	for (size_t at = 0; at < text.length;) {
		size_t length = piece_of(bytes + at, text.length - at);
		ssize_t n = write(fd, bytes + at, length);
		if (n != (ssize_t)length) {
			return err_system(e, n < 0 ? errno : EIO, "%s", reserved_path);
		}
		at += length;
	}
	return 0;
}
