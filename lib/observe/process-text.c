/* Decoding of the files in /proc/PID (proc(5)). Pure. */
#include "observe/process-text.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

/* include/linux/sched.h: PF_KTHREAD */
#define PROCESS_KERNEL_THREAD 0x00200000U

/* Numbers of the fields in proc(5). */
enum { FIELD_STATE = 3, FIELD_PARENT = 4, FIELD_FLAGS = 9, FIELD_STARTED = 22 };

/* `at` stands on the field of number `now`. @return 0 or -EINVAL. */
static int number(uint64_t *out, const char *at, int now, int wanted)
{
	for (; at != NULL && now < wanted; now++) {
		at = strchr(at, ' ');
		at = at == NULL ? NULL : at + 1;
	}
	return at == NULL ? -EINVAL : parse_u64_bytes(out, at, strcspn(at, " \n"), 0, UINT64_MAX);
}

int process_stat_parse(struct process_stat *out, const char *text)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	if (open == NULL || close == NULL || close < open || close[1] != ' ') {
		return -EINVAL;
	}
	uint64_t parent = 0;
	uint64_t flags = 0;
	uint64_t started = 0;
	const char *state = close + 2;
	if (number(&parent, state, FIELD_STATE, FIELD_PARENT) < 0 || parent > INT32_MAX ||
	    number(&flags, state, FIELD_STATE, FIELD_FLAGS) < 0 ||
	    number(&started, state, FIELD_STATE, FIELD_STARTED) < 0) {
		return -EINVAL;
	}
	*out = (struct process_stat){ .parent_pid = (int32_t)parent,
				      .started_ticks = started,
				      .kernel_thread = (flags & PROCESS_KERNEL_THREAD) != 0 };
	size_t length = (size_t)(close - open - 1);
	length = length < sizeof(out->name) ? length : sizeof(out->name) - 1;
	memcpy(out->name, open + 1, length);
	return 0;
}

int process_status_uid(uint32_t *uid, const char *text)
{
	/* Uid: real, effective, saved, file system */
	const char *line = strstr(text, "\nUid:\t");
	const char *effective = line == NULL ? NULL : strchr(line + strlen("\nUid:\t"), '\t');
	uint64_t value = 0;
	if (effective == NULL ||
	    parse_u64_bytes(&value, effective + 1, strcspn(effective + 1, "\t\n"), 0, UINT32_MAX) <
		    0) {
		return -EINVAL;
	}
	*uid = (uint32_t)value;
	return 0;
}

size_t process_arguments(char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\0') {
			bytes[i] = ' ';
		}
	}
	while (length > 0 && bytes[length - 1] == ' ') {
		length--;
	}
	bytes[length] = '\0';
	return length;
}

enum cgroup_rank { RANK_NONE, RANK_ROOT, RANK_CONTROLLER, RANK_V2, RANK_SYSTEMD };

/* "4:memory:/path": hierarchy, controllers, path. */
static enum cgroup_rank rank(char *line, const char **path)
{
	char *controllers = strchr(line, ':');
	char *last = controllers == NULL ? NULL : strchr(controllers + 1, ':');
	if (last == NULL) {
		return RANK_NONE;
	}
	*last = '\0';
	*path = last + 1;
	if (strcmp(*path, "/") == 0) {
		return RANK_ROOT;
	}
	if (strcmp(controllers + 1, "name=systemd") == 0) {
		return RANK_SYSTEMD;
	}
	return controllers[1] == '\0' ? RANK_V2 : RANK_CONTROLLER;
}

const char *process_cgroup(char *text)
{
	const char *best = "/";
	enum cgroup_rank best_rank = RANK_NONE;
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		const char *path = NULL;
		enum cgroup_rank now = rank(line, &path);
		if (now > best_rank) {
			best_rank = now;
			best = path;
		}
	}
	return best;
}

bool process_executable_deleted(char *path)
{
	static const char tail[] = " (deleted)";
	size_t length = strlen(path);
	bool deleted =
		length > sizeof(tail) - 1 && strcmp(path + length - (sizeof(tail) - 1), tail) == 0;
	if (deleted) {
		path[length - (sizeof(tail) - 1)] = '\0';
	}
	return deleted;
}
