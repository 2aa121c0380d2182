/* Who is behind an event, as long as the process lives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io/file.h"
#include "base/str.h"
#include "observe/io/containers.h"
#include "observe/observe.h"
#include "observe/process-text.h"

enum { PATH_BYTES = 64, CGROUP_BYTES = 16 * 1024 };

static int take_executable(struct event *event)
{
	char link[PATH_BYTES];
	char path[EVENT_PATH_BYTES];
	(void)snprintf(link, sizeof(link), "/proc/%d/exe", event->pid);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length < 0) {
		return -errno;
	}
	path[length] = '\0';
	(void)process_executable_deleted(path); /* the name without the mark */
	(void)str_copy(event->executable, sizeof(event->executable), path);
	return 0;
}

static int take_cgroup(struct event *event)
{
	char path[PATH_BYTES];
	char text[CGROUP_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", event->pid);
	long length = file_read_into(text, sizeof(text), AT_FDCWD, path);
	if (length < 0) {
		return (int)length;
	}
	struct observe_cgroup names;
	observe_cgroup_parse(&names, process_cgroup(text));
	(void)str_copy(event->unit, sizeof(event->unit), names.unit);
	if (names.runtime == NULL) {
		return 0;
	}
	char name[CONTAINER_NAME_BYTES];
	bool named = container_name(name, "", names.runtime, names.container_id) == 0;
	(void)str_copy(event->container, sizeof(event->container),
		       named ? name : names.container_id);
	return 0;
}

int observe_event_describe(struct event *event)
{
	if (event->pid <= 0) {
		return -ESRCH;
	}
	int executable = take_executable(event);
	int cgroup = take_cgroup(event);
	if (cgroup == -ENOENT || cgroup == -ESRCH) {
		return -ESRCH;
	}
	/* A process without a file (of the kernel) has no executable: that is all there is. */
	return executable == -EACCES || executable == -EPERM || cgroup < 0 ? -EACCES : 0;
}
