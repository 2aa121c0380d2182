/* A process that owns sockets, and the user-space names around it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/when.h"

enum { PROCESS_PARENTS_MAX = 8 };

struct process_parent {
	int32_t pid;
	const char *name;
};

/* Strings live in the inventory's arena; NULL = not known or not asked for. */
struct process {
	int32_t pid;        /* in the reader's pid namespace; > 0 */
	int32_t parent_pid; /* 0 = not known */
	uint32_t uid;       /* effective user id; UINT32_MAX = not known */
	const char *name;   /* kernel's comm, at most 15 bytes, any bytes: escape before showing */
	const char *executable;        /* absolute path, without " (deleted)" */
	bool executable_deleted;       /* replaced on disk since it was started (upgrade) */
	const char *arguments;         /* command line, arguments joined by a space */
	const char *user;              /* name of uid, NULL when the uid has none */
	usec_t started;                /* wall time, 0 = not known */
	const char *cgroup;            /* path in the v2 (or systemd) hierarchy */
	const char *unit;              /* systemd unit: "ssh.service" */
	const char *slice;             /* systemd slice: "system.slice" */
	const char *container_id;      /* full id as in the cgroup path */
	const char *container_name;    /* as its runtime calls it */
	const char *container_runtime; /* "docker", "podman", "containerd", "cri-o", "lxc" */
	const char *package;           /* Debian or RPM package that ships the executable */
	bool detailed;                 /* the fields beyond pid, uid and name were asked for */
	uint32_t parent_count;         /* nearest first */
	struct process_parent parents[PROCESS_PARENTS_MAX];
};

/* Base name of the executable, else the kernel's name; NULL for NULL. */
const char *process_program(const struct process *process);
