/* Our BPF iterators: opened through the daemon's pins, or loaded by this process. */
#include "observe/io/iterator.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <connection_owners.skel.h>
#include <listener_files.skel.h>
#include <listener_owners.skel.h>
#include <network_namespaces.skel.h>
#include <process_details.skel.h>

#include "base/cleanup.h"
#include "observe/observe.h"

/* Records are small; the kernel hands over at most 32 KiB at once (kernel/bpf/bpf_iter.c). */
enum { READ_BYTES = 128 * 1024, PIN_PATH_BYTES = 256 };

static int link_of(int program)
{
	int link = skel_link_create(program, 0, BPF_TRACE_ITER);
	return link < 0 ? -errno : link;
}

/* One function per skeleton, because each is a type of its own. */
#define LOADER(name)                                                                               \
	static int load_##name(void)                                                               \
	{                                                                                          \
		struct name *skeleton = name##__open();                                            \
		if (skeleton == NULL) {                                                            \
			return -ENOMEM;                                                            \
		}                                                                                  \
		int r = name##__load(skeleton);                                                    \
		if (r == 0) {                                                                      \
			r = link_of(skeleton->progs.name.prog_fd);                                 \
		}                                                                                  \
		name##__destroy(skeleton);                                                         \
		return r;                                                                          \
	}

LOADER(listener_owners)
LOADER(listener_files)
LOADER(connection_owners)
LOADER(process_details)
LOADER(network_namespaces)

static const struct {
	const char *name;
	int (*load)(void);
} iterators[ITERATOR_COUNT] = {
	[ITERATOR_LISTENER_OWNERS] = { "listener_owners", load_listener_owners },
	[ITERATOR_LISTENER_FILES] = { "listener_files", load_listener_files },
	[ITERATOR_CONNECTION_OWNERS] = { "connection_owners", load_connection_owners },
	[ITERATOR_PROCESS_DETAILS] = { "process_details", load_process_details },
	[ITERATOR_NETWORK_NAMESPACES] = { "network_namespaces", load_network_namespaces },
};

const char *iterator_name(enum iterator which)
{
	return iterators[which].name;
}

int iterator_load(enum iterator which)
{
	int r = iterators[which].load();
	/* The loader answers EINVAL, ENOENT or E2BIG where the kernel lacks BTF or a type. */
	bool lacks = r == -EINVAL || r == -ENOENT || r == -E2BIG || r == -ENOSYS || r == -ESRCH;
	return lacks ? -EOPNOTSUPP : r;
}

int iterator_open_pin(enum iterator which, const char *directory, unsigned without)
{
	unsigned needs = OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_ITERATOR | OBSERVE_WITHOUT_PIN;
	if (directory == NULL || (without & needs) != 0) {
		return -EOPNOTSUPP;
	}
	char path[PIN_PATH_BYTES];
	int length = snprintf(path, sizeof(path), "%s/%s", directory, iterators[which].name);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct statfs filesystem;
	if (fd < 0 || fstatfs(fd, &filesystem) < 0) {
		return -errno;
	}
	return filesystem.f_type == BPF_FS_MAGIC ? steal_fd(&fd) : -EOPNOTSUPP;
}

static int open_link(int link)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.iter_create.link_fd = (__u32)link;
	int fd = skel_sys_bpf(BPF_ITER_CREATE, &attributes, sizeof(attributes));
	return fd < 0 ? -errno : fd;
}

int iterator_open(enum iterator which, const char *directory, unsigned without,
		  enum owner_source *source)
{
	int pinned = iterator_open_pin(which, directory, without);
	if (pinned >= 0) {
		if (source != NULL) {
			*source = OWNER_SOURCE_PINNED;
		}
		return pinned;
	}
	unsigned needs = OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_ITERATOR | OBSERVE_WITHOUT_BTF;
	if ((without & needs) != 0) {
		return -EOPNOTSUPP;
	}
	_cleanup_(close_fdp) int link = iterator_load(which);
	if (link < 0) {
		return link;
	}
	if (source != NULL) {
		*source = OWNER_SOURCE_BPF;
	}
	return open_link(link);
}

int iterator_read(int fd, iterator_function *function, void *data)
{
	_cleanup_(freep) char *bytes = malloc(READ_BYTES);
	if (bytes == NULL) {
		return -ENOMEM;
	}
	size_t used = 0;
	for (;;) {
		ssize_t n = read(fd, bytes + used, READ_BYTES - used);
		/* EAGAIN: the kernel paused after a million objects without output. */
		if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (n == 0) {
			return used == 0 ? 0 : -EBADMSG;
		}
		used += (size_t)n;
		ssize_t taken = function(bytes, used, data);
		if (taken < 0) {
			return (int)taken;
		}
		used -= (size_t)taken;
		memmove(bytes, bytes + taken, used);
	}
}
