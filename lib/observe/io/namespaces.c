/* Where network namespaces are found: processes, /run/netns, bind mounts. */
#include "observe/io/namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/mounts.h"
#include "base/parse.h"
#include "base/str.h"
#include "bpf/records.h"
#include "observe/io/containers.h"
#include "observe/io/iterator.h"
#include "observe/process-text.h"

enum { SHORT_ID_CHARACTERS = 12, CGROUP_BYTES = 16 * 1024, LINK_PATH_BYTES = 64 };

static const char netns_directory[] = "/run/netns";

/* A task and the namespace it is in. */
struct seen {
	uint32_t inode;
	int32_t tid;
};

struct seen_list {
	VEC(struct seen) list;
};

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

static uint32_t inode_at(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 ? (uint32_t)status.st_ino : 0;
}

static uint32_t host_inode(void)
{
	uint32_t inode = inode_at("/proc/1/ns/net");
	return inode != 0 ? inode : inode_at("/proc/self/ns/net");
}

void namespaces_own(struct observe_socket *own)
{
	*own = (struct observe_socket){ .inode = inode_at("/proc/thread-self/ns/net"),
					.kind = NETNS_OTHER,
					.fd = -1 };
	if (own->inode == host_inode()) {
		own->kind = NETNS_HOST;
		own->pid = 1;
		(void)str_copy(own->name, sizeof(own->name), "host");
	}
}

static int note_task(struct seen_list *seen, uint32_t inode, int32_t tid)
{
	struct seen *task = inode == 0 || tid <= 0 ? NULL : vec_push(&seen->list);
	if (task == NULL) {
		return inode == 0 || tid <= 0 ? 0 : -ENOMEM;
	}
	*task = (struct seen){ .inode = inode, .tid = tid };
	return 0;
}

static ssize_t take_records(const void *bytes, size_t length, void *data)
{
	size_t taken = 0;
	struct namespace_record record;
	for (; length - taken >= sizeof(record); taken += sizeof(record)) {
		memcpy(&record, (const char *)bytes + taken, sizeof(record));
		if (note_task(data, record.netns, record.tid) < 0) {
			return -ENOMEM;
		}
	}
	return (ssize_t)taken;
}

static int ask_iterator(struct seen_list *seen, const char *bpf_directory, unsigned without)
{
	_cleanup_(close_fdp) int fd =
		iterator_open_pin(ITERATOR_NETWORK_NAMESPACES, bpf_directory, without);
	return fd < 0 ? fd : iterator_read(fd, take_records, seen);
}

static int walk_proc(struct seen_list *seen)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
		uint64_t pid = 0;
		if (parse_u64(&pid, entry->d_name, 1, INT32_MAX) < 0) {
			continue;
		}
		char path[LINK_PATH_BYTES];
		(void)snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
		if (note_task(seen, inode_at(path), (int32_t)pid) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int compare_seen(const void *pa, const void *pb)
{
	const struct seen *a = pa;
	const struct seen *b = pb;
	if (a->inode != b->inode) {
		return a->inode < b->inode ? -1 : 1;
	}
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static struct observe_socket *push(struct namespaces *namespaces, uint32_t inode)
{
	struct observe_socket *found = vec_push(&namespaces->list);
	if (found != NULL) {
		*found = (struct observe_socket){ .inode = inode, .kind = NETNS_OTHER, .fd = -1 };
	}
	return found;
}

static int find_by_tasks(struct namespaces *out, struct seen_list *seen, uint32_t own)
{
	const uint32_t host = host_inode();
	if (seen->list.count > 0) {
		qsort(seen->list.items, seen->list.count, sizeof(*seen->list.items), compare_seen);
	}
	for (size_t i = 0; i < seen->list.count; i++) {
		const struct seen *task = &seen->list.items[i];
		if (task->inode == own || (i > 0 && task->inode == task[-1].inode)) {
			continue;
		}
		struct observe_socket *found = push(out, task->inode);
		if (found == NULL) {
			return -ENOMEM;
		}
		found->pid = task->tid;
		(void)snprintf(found->path, sizeof(found->path), "/proc/%d/ns/net", task->tid);
		if (task->inode == host) {
			found->kind = NETNS_HOST;
			(void)str_copy(found->name, sizeof(found->name), "host");
		}
	}
	return 0;
}

static struct observe_socket *find(struct namespaces *namespaces, uint32_t inode)
{
	for (size_t i = 0; i < namespaces->list.count; i++) {
		if (namespaces->list.items[i].inode == inode) {
			return &namespaces->list.items[i];
		}
	}
	return NULL;
}

/* A namespace that a file keeps. @param name NULL = the file's name says nothing. */
static int note_file(struct namespaces *out, struct observe_socket *own, const char *path,
		     const char *name)
{
	const uint32_t inode = inode_at(path);
	struct observe_socket *socket = own;
	if (inode == 0) {
		return 0;
	}
	if (inode != own->inode) {
		struct observe_socket *found = find(out, inode);
		found = found != NULL ? found : push(out, inode);
		if (found == NULL) {
			return -ENOMEM;
		}
		if (found->path[0] == '\0') {
			(void)str_copy(found->path, sizeof(found->path), path);
		}
		socket = found;
	}
	if (name != NULL && socket->kind == NETNS_OTHER) {
		socket->kind = NETNS_NAMED;
		(void)str_copy(socket->name, sizeof(socket->name), name);
	}
	return 0;
}

static int find_by_names(struct namespaces *out, struct observe_socket *own)
{
	_cleanup_(closedirp) DIR *names = opendir(netns_directory);
	for (const struct dirent *entry; names != NULL && (entry = readdir(names)) != NULL;) {
		char path[EVENT_PATH_BYTES + sizeof(netns_directory)];
		(void)snprintf(path, sizeof(path), "%s/%s", netns_directory, entry->d_name);
		if (entry->d_name[0] != '.' && note_file(out, own, path, entry->d_name) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

struct by_mounts {
	struct namespaces *out;
	struct observe_socket *own;
	int error;
};

/* Docker keeps its namespaces as /run/docker/netns/ID. */
static bool take_mount(const struct mount *mount, void *data)
{
	struct by_mounts *search = data;
	if (strcmp(mount->type, "nsfs") == 0 && str_starts(mount->root, "net:[") &&
	    str_starts(mount->target, netns_directory) == 0) {
		search->error = note_file(search->out, search->own, mount->target, NULL);
	}
	return search->error < 0;
}

/* A namespace whose process lives in a container has its name; without one its short id. */
static void name_container(struct observe_socket *socket)
{
	char path[LINK_PATH_BYTES];
	char text[CGROUP_BYTES];
	struct observe_cgroup names;
	if (socket->kind != NETNS_OTHER || socket->pid <= 0) {
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", socket->pid);
	if (file_read_into(text, sizeof(text), AT_FDCWD, path) <= 0) {
		return;
	}
	observe_cgroup_parse(&names, process_cgroup(text));
	if (names.runtime == NULL) {
		return;
	}
	char name[CONTAINER_NAME_BYTES];
	if (container_name(name, "", names.runtime, names.container_id) < 0) {
		(void)str_copy(name, SHORT_ID_CHARACTERS + 1, names.container_id);
	}
	socket->kind = NETNS_CONTAINER;
	(void)str_copy(socket->name, sizeof(socket->name), name);
}

int namespaces_find(struct namespaces *out, struct observe_socket *own, const char *bpf_directory,
		    unsigned without)
{
	struct seen_list seen = { 0 };
	int r = ask_iterator(&seen, bpf_directory, without);
	if (r < 0) {
		seen.list.count = 0;
		r = walk_proc(&seen);
	}
	if (r == 0) {
		r = find_by_tasks(out, &seen, own->inode);
	}
	vec_free(&seen.list);
	if (r == 0) {
		r = find_by_names(out, own);
	}
	struct by_mounts search = { .out = out, .own = own };
	if (r == 0) {
		(void)mounts_each(take_mount, &search); /* what cannot be read is passed over */
		r = search.error;
	}
	for (size_t i = 0; i < out->list.count; i++) {
		name_container(&out->list.items[i]);
	}
	return r;
}

void namespaces_deinit(struct namespaces *namespaces)
{
	for (size_t i = 0; i < namespaces->list.count; i++) {
		close_fdp(&namespaces->list.items[i].fd);
	}
	vec_free(&namespaces->list);
}
