/* The mounts that this process sees. */
#include "base/io/mounts.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "base/str.h"

enum { MOUNTINFO_MAX_BYTES = 64 * 1024 * 1024 };

/* "\040" stands for a space. In place; the result is never longer. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from != '\0'; to++) {
		bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
			     from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
		if (octal) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "98:0" -> major << 20 | minor */
static int parse_device(uint32_t *out, char *text)
{
	enum { MINOR_BITS = 20, MAJOR_MAX = 4095 };
	uint64_t major_number = 0;
	uint64_t minor_number = 0;
	char *colon = strchr(text, ':');
	if (colon == NULL ||
	    parse_u64_bytes(&major_number, text, (size_t)(colon - text), 0, MAJOR_MAX) < 0 ||
	    parse_u64(&minor_number, colon + 1, 0, (1U << MINOR_BITS) - 1) < 0) {
		return -EINVAL;
	}
	*out = (uint32_t)(major_number << MINOR_BITS | minor_number);
	return 0;
}

/* 36 35 98:0 /root /target rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
static bool parse(struct mount *out, char *line)
{
	char *tail = strstr(line, " - ");
	if (tail == NULL) {
		return false;
	}
	*tail = '\0';
	tail += 3;
	uint64_t number = 0;
	uint32_t device_number = 0;
	char *id = strsep(&line, " ");
	char *parent = strsep(&line, " ");
	char *device = strsep(&line, " ");
	if (parent == NULL || device == NULL || parse_u64(&number, id, 0, UINT64_MAX) < 0 ||
	    parse_device(&device_number, device) < 0) {
		return false;
	}
	char *root = strsep(&line, " ");
	char *target = strsep(&line, " ");
	char *type = strsep(&tail, " ");
	(void)strsep(&tail, " "); /* the device */
	if (root == NULL || target == NULL || type == NULL || tail == NULL) {
		return false;
	}
	unescape(root);
	unescape(target);
	*out = (struct mount){ .id = number,
			       .device = device_number,
			       .root = root,
			       .target = target,
			       .type = type,
			       .options = tail };
	return true;
}

int mounts_each(mount_function *function, void *data)
{
	_cleanup_(freep) char *text = NULL;
	int r = file_read(&text, NULL, "/proc/self/mountinfo", MOUNTINFO_MAX_BYTES, NULL);
	if (r < 0) {
		return r;
	}
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		struct mount mount;
		if (parse(&mount, line) && function(&mount, data)) {
			break;
		}
	}
	return 0;
}

struct wanted {
	char *path;
	size_t path_bytes;
	bool found;
};

static bool take_cgroup2(const struct mount *mount, void *data)
{
	struct wanted *wanted = data;
	if (strcmp(mount->type, "cgroup2") == 0) {
		(void)str_copy(wanted->path, wanted->path_bytes, mount->target);
		wanted->found = true;
	}
	return wanted->found;
}

int mounts_cgroup2(char *path, size_t path_bytes)
{
	struct wanted wanted = { .path = path, .path_bytes = path_bytes };
	int r = mounts_each(take_cgroup2, &wanted);
	return r < 0 ? r : wanted.found ? 0 : -ENOENT;
}
