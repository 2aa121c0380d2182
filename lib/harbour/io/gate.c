/*
 * The gate: a socket in every machine where programs at other machines can be asked for, with the
 * asker's own input and output. For who practises: the packets between machines do not pass it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/run.h"
#include "harbour/io/world.h"
#include "harbour/words.h"

enum { BACKLOG = 16, WORDS_MAX = 64, NOBODY_THERE = 127 };

int gate_open(struct harbour_world *world, struct err *e)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
					     .sun_path = GATE_FOLDER "/" GATE_NAME };
	if (mkdir(GATE_FOLDER, 0700) < 0) {
		return err_system(e, errno, _("cannot make %s"), GATE_FOLDER);
	}
	world->gate = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (world->gate < 0 ||
	    bind(world->gate, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(world->gate, BACKLOG) < 0) {
		return err_system(e, errno, _("cannot make %s"), address.sun_path);
	}
	return 0;
}

/* @return bytes of the text; -1 without three descriptors. */
static ssize_t receive(int connection, char text[GATE_BYTES_MAX], int fds[3])
{
	char control[CMSG_SPACE(3 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec bytes = { .iov_base = text, .iov_len = GATE_BYTES_MAX - 1 };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	const ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = length <= 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(3 * sizeof(int))) {
		return -1;
	}
	memcpy(fds, CMSG_DATA(header), 3 * sizeof(int));
	text[length] = '\0';
	return length;
}

/* Texts that end with NUL, one behind the other. */
static unsigned split(const char *words[WORDS_MAX], const char *text, size_t length)
{
	unsigned count = 0;
	for (const char *at = text; at < text + length && count + 1 < WORDS_MAX;
	     at += strlen(at) + 1) {
		words[count++] = at;
	}
	words[count] = NULL;
	return count;
}

/* Its code; when the asker goes first, it goes too. */
static uint8_t wait_for(pid_t child, int connection)
{
	_cleanup_(close_fdp) int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd on[] = { { .fd = pidfd, .events = POLLIN },
			       { .fd = connection, .events = POLLIN } };
	while (poll(on, 2, -1) < 0 && errno == EINTR) {
	}
	if (on[0].revents == 0) {
		(void)kill(child, SIGKILL); /* it may have ended by itself */
	}
	return (uint8_t)run_wait(child);
}

static _Noreturn void serve(struct harbour_world *world, int connection)
{
	static char text[GATE_BYTES_MAX];
	const char *words[WORDS_MAX];
	int fds[3];
	uint8_t code = NOBODY_THERE;
	const ssize_t length = receive(connection, text, fds);
	if (length <= 0 || split(words, text, (size_t)length) < 2) {
		_exit(EXIT_FAILURE);
	}
	const uint32_t machine = harbour_find(world->harbour, words[0]);
	if (machine < world->harbour->machine_count) {
		const pid_t child = harbour_start(world, machine, words + 1, fds);
		code = child < 0 ? NOBODY_THERE : wait_for(child, connection);
	}
	(void)send(connection, &code, 1, MSG_NOSIGNAL); /* who asked may be gone */
	_exit(EXIT_SUCCESS);
}

void gate_serve(struct harbour_world *world)
{
	_cleanup_(close_fdp) int connection = accept4(world->gate, NULL, NULL, SOCK_CLOEXEC);
	if (connection >= 0 && fork() == 0) {
		world_forget_signals();
		serve(world, connection);
	}
}
