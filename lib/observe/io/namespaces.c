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
#include "base/parse.h"
#include "base/str.h"

static const char netns_directory[] = "/run/netns";

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

static struct namespace_found *find(struct namespaces *namespaces, uint32_t inode)
{
	for (size_t i = 0; i < namespaces->list.count; i++) {
		if (namespaces->list.items[i].socket.inode == inode) {
			return &namespaces->list.items[i];
		}
	}
	return NULL;
}

/* @return the entry of this inode, new or old; NULL without memory. */
static struct namespace_found *note(struct namespaces *namespaces, uint32_t inode, const char *path)
{
	struct namespace_found *found = find(namespaces, inode);
	if (found != NULL) {
		return found;
	}
	found = vec_push(&namespaces->list);
	if (found != NULL) {
		found->socket =
			(struct observe_socket){ .inode = inode, .kind = NETNS_OTHER, .fd = -1 };
		(void)str_copy(found->path, sizeof(found->path), path);
	}
	return found;
}

static int find_by_processes(struct namespaces *out, uint32_t own)
{
	_cleanup_(closedirp) DIR *proc = opendir("/proc");
	uint32_t host = host_inode();
	for (const struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
		uint64_t pid = 0;
		if (parse_u64(&pid, entry->d_name, 1, INT32_MAX) < 0) {
			continue;
		}
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
		uint32_t inode = inode_at(path);
		if (inode == 0 || inode == own || find(out, inode) != NULL) {
			continue;
		}
		struct namespace_found *found = note(out, inode, path);
		if (found == NULL) {
			return -ENOMEM;
		}
		found->socket.pid = (int32_t)pid;
		if (inode == host) {
			found->socket.kind = NETNS_HOST;
			(void)str_copy(found->socket.name, sizeof(found->socket.name), "host");
		}
	}
	return 0;
}

static int find_by_names(struct namespaces *out, struct observe_socket *own)
{
	_cleanup_(closedirp) DIR *names = opendir(netns_directory);
	for (const struct dirent *entry; names != NULL && (entry = readdir(names)) != NULL;) {
		char path[NAMESPACE_PATH_BYTES];
		(void)snprintf(path, sizeof(path), "%s/%s", netns_directory, entry->d_name);
		struct stat status;
		if (entry->d_name[0] == '.' || stat(path, &status) < 0) {
			continue;
		}
		uint32_t inode = (uint32_t)status.st_ino;
		struct observe_socket *socket = own;
		if (inode != own->inode) {
			struct namespace_found *found = note(out, inode, path);
			if (found == NULL) {
				return -ENOMEM;
			}
			socket = &found->socket;
		}
		if (socket->kind == NETNS_OTHER) {
			socket->kind = NETNS_NAMED;
			(void)str_copy(socket->name, sizeof(socket->name), entry->d_name);
		}
	}
	return 0;
}

int namespaces_find(struct namespaces *out, struct observe_socket *own)
{
	int r = find_by_processes(out, own->inode);
	return r < 0 ? r : find_by_names(out, own);
}

void namespaces_deinit(struct namespaces *namespaces)
{
	for (size_t i = 0; i < namespaces->list.count; i++) {
		close_fdp(&namespaces->list.items[i].socket.fd);
	}
	vec_free(&namespaces->list);
}
