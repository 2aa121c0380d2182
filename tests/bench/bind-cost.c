/*
 * What one bind(2) costs: binds TCP sockets of 127.0.0.1 to a range of ports, a batch at a time,
 * and prints the nanoseconds of one bind of the fastest batch. Usage: bind-cost FIRST_PORT COUNT
 * BATCHES
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"

enum { COUNT_MAX = 4000 };

static int64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* @return nanoseconds for all binds of a batch, -1 when one failed. */
static int64_t batch(uint16_t first, unsigned count)
{
	static int sockets[COUNT_MAX];
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool failed = false;
	for (unsigned i = 0; i < count; i++) {
		sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	const int64_t begun = now_ns();
	for (unsigned i = 0; i < count; i++) {
		address.sin_port = htons((uint16_t)(first + i));
		failed |= bind(sockets[i], (struct sockaddr *)&address, sizeof(address)) < 0;
	}
	const int64_t ended = now_ns();
	for (unsigned i = 0; i < count; i++) {
		failed |= close(sockets[i]) < 0;
	}
	return failed ? -1 : ended - begun;
}

static int call_bpf(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* Until this process ends. @return whether it is attached. */
static bool attach_nothing(const char *cgroup)
{
	/* return 1: goes on */
	static const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	attributes.expected_attach_type = BPF_CGROUP_INET4_BIND;
	attributes.insns = (uintptr_t)instructions;
	attributes.insn_cnt = sizeof(instructions) / sizeof(instructions[0]);
	attributes.license = (uintptr_t) "Dual MIT/GPL";
	const int program = call_bpf(BPF_PROG_LOAD, &attributes);
	const int directory = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (unsigned)program;
	attributes.link_create.target_fd = (unsigned)directory;
	attributes.link_create.attach_type = BPF_CGROUP_INET4_BIND;
	return program >= 0 && directory >= 0 && call_bpf(BPF_LINK_CREATE, &attributes) >= 0;
}

int main(int argc, char **argv)
{
	uint64_t count = 0;
	uint64_t batches = 0;
	uint16_t first = 0;
	if (argc < 4 || argc > 5 || parse_port(&first, argv[1]) < 0 ||
	    parse_u64(&count, argv[2], 1, COUNT_MAX) < 0 ||
	    parse_u64(&batches, argv[3], 1, 1000000) < 0 || first + count > UINT16_MAX) {
		(void)fputs("usage: bind-cost FIRST_PORT COUNT BATCHES [CGROUP]\n", stderr);
		return 3;
	}
	if (argc == 5 && !attach_nothing(argv[4])) {
		perror("bind-cost: cannot attach a program");
		return 1;
	}
	int64_t best = INT64_MAX;
	for (uint64_t i = 0; i < batches; i++) {
		const int64_t taken = batch(first, (unsigned)count);
		if (taken < 0) {
			perror("bind-cost");
			return 1;
		}
		best = taken < best ? taken : best;
	}
	(void)printf("%.1f\n", (double)best / (double)count);
	return 0;
}
