/* Decoding of the files in /proc/PID (proc(5)). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* /proc/PID/stat. */
struct process_stat {
	int32_t parent_pid;
	uint64_t started_ticks; /* since boot, in clock ticks (sysconf(_SC_CLK_TCK)) */
	bool kernel_thread;
	char name[16];
};

/* The name may hold spaces and parentheses: the last ')' ends it. @return 0 or -EINVAL. */
int process_stat_parse(struct process_stat *out, const char *text);

/* Effective uid of /proc/PID/status. @return 0 or -EINVAL. */
int process_status_uid(uint32_t *uid, const char *text);

/*
 * Joins the arguments of /proc/PID/cmdline by spaces, in place.
 * @param bytes  one byte more than `length`, for the NUL.
 * @return the new length; trailing NULs and spaces are cut off.
 */
size_t process_arguments(char *bytes, size_t length);

/*
 * Chooses the line of /proc/PID/cgroup that names unit and container best: systemd's own
 * hierarchy, then v2, then any other that is not the root.
 * @param text is changed. @return the path inside `text`; "/" when there is none.
 */
const char *process_cgroup(char *text);

/* Takes " (deleted)" off the end. @return whether it was there. */
bool process_executable_deleted(char *path);
