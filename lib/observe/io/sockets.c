/* Network namespaces of the host, and a sock_diag socket in each. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "observe/io/namespaces.h"
#include "observe/io/sockets.h"
#include "observe/observe.h"
#include "observe/protocols.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Dumps of many thousand sockets arrive in pieces; more room means fewer turns. */
enum { RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024, PROTOCOLS_BYTES = 16 * 1024 };

static int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0) {
		return -errno;
	}
	const int room = RECEIVE_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0) {
		/* Without CAP_NET_ADMIN the kernel caps it at rmem_max, which also works. */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
	return fd;
}

static void open_here(struct observe_socket *socket)
{
	char protocols[PROTOCOLS_BYTES];
	socket->fd = diag_open();
	if (file_read_into(protocols, sizeof(protocols), AT_FDCWD,
			   "/proc/thread-self/net/protocols") > 0) {
		socket->idle = protocols_idle(protocols);
	}
	socklen_t length = sizeof(socket->cookie);
	if (socket->fd >= 0 &&
	    getsockopt(socket->fd, SOL_SOCKET, SO_NETNS_COOKIE, &socket->cookie, &length) < 0) {
		socket->cookie = 0; /* before Linux 5.14 */
	}
}

int sockets_enter(const struct observe_socket *socket)
{
	_cleanup_(close_fdp) int door = open(socket->path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (door < 0 || fstat(door, &status) < 0) {
		return -errno;
	}
	if (status.st_ino != socket->inode) {
		return -ENOENT; /* the pid was given to another process meanwhile */
	}
	return setns(door, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* In its own thread: setns() changes the calling thread alone. */
static void *visit_all(void *data)
{
	struct namespaces *namespaces = data;
	for (size_t i = 0; i < namespaces->list.count; i++) {
		struct observe_socket *socket = &namespaces->list.items[i];
		if (sockets_enter(socket) == 0) {
			open_here(socket);
		}
	}
	return NULL;
}

static int visit(struct namespaces *namespaces)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, visit_all, namespaces);
	if (r == 0) {
		r = pthread_join(thread, NULL);
	}
	return -r;
}

/* The descriptors move to `out`; on failure those that moved are closed with it. */
static int hand_over(struct observe_sockets *out, struct namespaces *namespaces)
{
	for (size_t i = 0; i < namespaces->list.count; i++) {
		struct observe_socket *socket = vec_push(&out->list);
		if (socket == NULL) {
			return -ENOMEM;
		}
		*socket = namespaces->list.items[i];
		namespaces->list.items[i].fd = -1;
	}
	return 0;
}

static int open_own(struct observe_sockets *out, unsigned without, struct err *e)
{
	struct observe_socket *own = vec_push(&out->list);
	if (own == NULL) {
		return err_system(e, ENOMEM, "namespaces");
	}
	namespaces_own(own);
	open_here(own);
	if ((without & OBSERVE_WITHOUT_DIAG) != 0) {
		close_fdp(&own->fd);
	}
	if (own->fd < 0) {
		own->fd = -1;
		own->by_proc = true;
	}
	return 0;
}

static int open_others(struct observe_sockets *out, unsigned without, const char *bpf_directory,
		       struct err *e)
{
	struct namespaces namespaces = { 0 };
	int r = namespaces_find(&namespaces, &out->list.items[0], bpf_directory, without);
	if (r == 0 && namespaces.list.count > 0 && (without & OBSERVE_WITHOUT_NETNS) == 0) {
		r = visit(&namespaces);
	}
	if (r == 0) {
		r = hand_over(out, &namespaces);
	}
	namespaces_deinit(&namespaces);
	return r < 0 ? err_system(e, r, "cannot look into other network namespaces") : 0;
}

int sockets_open(struct observe_sockets *out, bool all, unsigned without, const char *bpf_directory,
		 struct err *e)
{
	struct observe_sockets made = { 0 };
	int r = open_own(&made, without, e);
	if (r == 0 && all) {
		r = open_others(&made, without, bpf_directory, e);
	}
	if (r < 0) {
		observe_sockets_close(&made);
		return r;
	}
	*out = made;
	return 0;
}

int observe_sockets_open(struct observe_sockets *out, bool all, unsigned without, struct err *e)
{
	return sockets_open(out, all, without, NULL, e);
}

void observe_sockets_close(struct observe_sockets *sockets)
{
	if (sockets == NULL) {
		return;
	}
	for (size_t i = 0; i < sockets->list.count; i++) {
		close_fdp(&sockets->list.items[i].fd);
	}
	vec_free(&sockets->list);
}
