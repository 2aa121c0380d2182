/* A program at another machine, asked for at the gate. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actor.h"

enum { BYTES_MAX = 16000, NOT_FOUND = 127 };

static int knock(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
					     .sun_path = "/run/harbour/gate/at" };
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int ask(int gate, char *text, size_t length)
{
	static const int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	char control[CMSG_SPACE(sizeof(fds))] __attribute__((aligned(8))) = { 0 };
	struct iovec bytes = { .iov_base = text, .iov_len = length };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fds)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), fds, sizeof(fds));
	return sendmsg(gate, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int at(const char *machine, const char *const *words, unsigned count)
{
	char text[BYTES_MAX];
	size_t length = 0;
	uint8_t code = NOT_FOUND;
	for (unsigned i = 0; i <= count; i++) {
		const char *word = i == 0 ? machine : words[i - 1];
		const size_t bytes = strlen(word) + 1;
		if (length + bytes > sizeof(text)) {
			return NOT_FOUND;
		}
		memcpy(text + length, word, bytes);
		length += bytes;
	}
	const int gate = knock();
	if (gate < 0 || ask(gate, text, length) < 0 || recv(gate, &code, 1, 0) != 1 ||
	    code == NOT_FOUND) {
		(void)fprintf(stderr, "at: %s: %s: ?\n", machine, words[0]);
	}
	return code;
}
