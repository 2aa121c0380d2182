/* Policies from files, and what they are judged against from this host. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/reserved.h"
#include "base/parse.h"
#include "policy/policy.h"

/* A device or a pipe would never end; a directory has a clear word of its own. */
static int regular_file(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0) {
		return -errno;
	}
	if (S_ISDIR(status.st_mode)) {
		return -EISDIR;
	}
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

/* "dir/of/from/path", or `path` itself when it is absolute. */
static int beside(char *out, size_t room, const char *from, const char *path)
{
	char directory[PATH_MAX];
	if (strlen(from) >= sizeof(directory)) {
		return -ENAMETOOLONG;
	}
	memcpy(directory, from, strlen(from) + 1);
	bool absolute = path[0] == '/';
	int length = snprintf(out, room, "%s%s%s", absolute ? "" : dirname(directory),
			      absolute ? "" : "/", path);
	return length < 0 || (size_t)length >= room ? -ENAMETOOLONG : 0;
}

/* struct policy_environment.include: the unique name is the path without links. */
static int include(void *context, char **name, char **bytes, size_t *length, const char *from,
		   const char *path)
{
	(void)context; /* the file system is the context */
	char joined[PATH_MAX];
	int r = beside(joined, sizeof(joined), from, path);
	r = r == 0 ? regular_file(joined) : r;
	if (r < 0) {
		return r;
	}
	_cleanup_(freep) char *unique = realpath(joined, NULL);
	if (unique == NULL) {
		return -errno;
	}
	r = file_read(bytes, length, unique, POLICY_FILE_BYTES_MAX, NULL);
	if (r == 0) {
		*name = steal(&unique);
	}
	return r;
}

/* "32768\t60999\n" */
static struct port_range ephemeral_range(void)
{
	char text[64];
	uint64_t first = 0;
	uint64_t last = 0;
	struct port_range range = { 0 };
	if (file_read_into(text, sizeof(text), AT_FDCWD,
			   "/proc/sys/net/ipv4/ip_local_port_range") <= 0) {
		return range;
	}
	size_t digits = strcspn(text, " \t");
	size_t gap = strspn(text + digits, " \t");
	const char *second = text + digits + gap;
	if (parse_u64_bytes(&first, text, digits, 1, UINT16_MAX) == 0 &&
	    parse_u64_bytes(&last, second, strcspn(second, "\n"), first, UINT16_MAX) == 0) {
		range = (struct port_range){ (uint16_t)first, (uint16_t)last };
	}
	return range;
}

void policy_environment_read(struct policy_environment *environment, struct portset *reserved,
			     usec_t now)
{
	*environment = (struct policy_environment){
		.today = (int32_t)clock_local_day(now),
		.ephemeral = ephemeral_range(),
		.include = include,
	};
	*reserved = (struct portset){ 0 };
	if (reserved_ports_read(reserved, NULL) == 0) {
		environment->reserved = reserved;
	}
}

int policy_load(struct policy *out, struct policy_diagnostics *diagnostics, const char *path,
		usec_t now, struct err *e)
{
	struct policy_environment environment;
	struct portset reserved;
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	*diagnostics = (struct policy_diagnostics){ 0 };
	int r = regular_file(path);
	if (r < 0) {
		return err_system(e, r, "%s", path);
	}
	policy_environment_read(&environment, &reserved, now);
	r = file_read(&bytes, &length, path, POLICY_FILE_BYTES_MAX, NULL);
	if (r == -EFBIG) {
		return policy_parse(out, diagnostics, path, "", POLICY_FILE_BYTES_MAX + 1,
				    &environment);
	}
	if (r < 0) {
		return err_system(e, r, "%s", path);
	}
	r = policy_parse(out, diagnostics, path, bytes, length, &environment);
	return r < 0 ? err_system(e, r, "%s", path) : r;
}
