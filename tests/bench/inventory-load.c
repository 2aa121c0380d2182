/*
 * A heavy host for benchmarks: processes with listeners, bound UDP sockets, connections to
 * themselves and other open files, all on loopback of the namespace it is started in.
 * Prints one line with what it made, and lives until its standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

enum { FIRST_PORT = 2000, PROCESSES_MAX = 100000 };

struct load {
	uint64_t processes, tcp, udp, connections, files;
};

/* What one child has made, sent to the parent. */
struct made {
	uint32_t tcp, udp, connections, files;
};

/* The share of child `i`: item numbers from begin to end. */
static void share(uint64_t total, uint64_t processes, uint64_t i, uint64_t *begin, uint64_t *end)
{
	*begin = total * i / processes;
	*end = total * (i + 1) / processes;
}

static struct sockaddr_in loopback(uint64_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(int type, uint64_t number)
{
	/* Below the ephemeral range, so that no connection takes a listener's port. */
	struct sockaddr_in address = loopback(FIRST_PORT + number);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		return -1;
	}
	return type == SOCK_STREAM && listen(fd, 128) < 0 ? -1 : fd;
}

/* Connects to the listener and accepts: both ends stay open here. */
static bool connected(int listener)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, length) < 0) {
		return false;
	}
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0;
}

static struct made make(const struct load *load, uint64_t i)
{
	struct made made = { 0 };
	uint64_t begin = 0;
	uint64_t end = 0;
	int listener = -1;
	share(load->tcp, load->processes, i, &begin, &end);
	for (; begin < end; begin++) {
		int fd = bound(SOCK_STREAM, begin);
		listener = fd >= 0 ? fd : listener;
		made.tcp += fd >= 0;
	}
	share(load->udp, load->processes, i, &begin, &end);
	for (; begin < end; begin++) {
		made.udp += bound(SOCK_DGRAM, begin) >= 0;
	}
	share(load->connections, load->processes, i, &begin, &end);
	for (; begin < end && listener >= 0; begin++) {
		made.connections += connected(listener);
	}
	share(load->files, load->processes, i, &begin, &end);
	for (; begin < end; begin++) {
		made.files += open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0;
	}
	return made;
}

static _Noreturn void child(const struct load *load, uint64_t i, int report)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive the parent */
	const struct made made = make(load, i);
	if (write(report, &made, sizeof(made)) != sizeof(made)) {
		_exit(1);
	}
	for (;;) {
		(void)pause();
	}
}

static int start_all(const struct load *load, int report)
{
	for (uint64_t i = 0; i < load->processes; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			perror("fork");
			return -1;
		}
		if (pid == 0) {
			child(load, i, report);
		}
	}
	return 0;
}

static int read_arguments(struct load *load, char **words)
{
	uint64_t *const fields[] = { &load->processes, &load->tcp, &load->udp, &load->connections,
				     &load->files };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (words[i] == NULL || parse_u64(fields[i], words[i], 0, UINT32_MAX) < 0) {
			return -EINVAL;
		}
	}
	bool fits = load->processes >= 1 && load->processes <= PROCESSES_MAX &&
		    load->tcp <= 30000 && load->udp <= 30000;
	return fits ? 0 : -ERANGE;
}

int main(int count, char **words)
{
	struct load load = { 0 };
	int ends[2];
	if (count != 6 || read_arguments(&load, words + 1) < 0) {
		(void)fputs("inventory-load PROCESSES TCP UDP CONNECTIONS FILES\n", stderr);
		return 2;
	}
	if (pipe2(ends, O_CLOEXEC) < 0 || start_all(&load, ends[1]) < 0) {
		return 1;
	}
	struct made sum = { 0 };
	for (uint64_t i = 0; i < load.processes; i++) {
		struct made made;
		if (read(ends[0], &made, sizeof(made)) != sizeof(made)) {
			return 1;
		}
		sum.tcp += made.tcp;
		sum.udp += made.udp;
		sum.connections += made.connections;
		sum.files += made.files;
	}
	(void)printf("%u %u %u %u\n", sum.tcp, sum.udp, sum.connections, sum.files);
	(void)fflush(stdout);
	char byte = 0;
	while (read(0, &byte, 1) > 0) {
	}
	return 0; /* the children die with us */
}
