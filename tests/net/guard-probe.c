/* What the tests of the bind guard need in C: programs that bind, and lib/guard by itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "bpf/guard.h"
#include "guard/guard.h"

enum { LINE_BYTES = 1024, WORDS_MAX = 8 };

static int fail(int code, const struct err *e)
{
	(void)fprintf(stderr, "%d %s\n", code, err_text(e));
	return 1;
}

/* ---- binding ---- */

static int open_socket(const char *protocol, int family)
{
	if (strcmp(protocol, "udp") == 0) {
		return socket(family, SOCK_DGRAM, 0);
	}
	return socket(family, SOCK_STREAM, strcmp(protocol, "mptcp") == 0 ? PROTOCOL_MPTCP : 0);
}

/* @return 0, or the errno of socket(2) or bind(2). */
static int try(const char *protocol, const char *address, const char *port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	uint16_t number = 0;
	if (parse_port(&number, port) < 0) {
		return EINVAL;
	}
	six.sin6_port = four.sin_port = htons(number);
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1) {
		return EINVAL;
	}
	_cleanup_(close_fdp) int fd = open_socket(protocol, is_six ? AF_INET6 : AF_INET);
	int r = fd < 0   ? -1
		: is_six ? bind(fd, (struct sockaddr *)&six, sizeof(six))
			 : bind(fd, (struct sockaddr *)&four, sizeof(four));
	return r < 0 ? errno : 0;
}

/* In a child inside of `cgroup`: there, or by another program that it becomes. */
static int try_in_child(char *const *words)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		int fd = open(words[0], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1) {
			_exit(99);
		}
		if (strcmp(words[1], "-") != 0) {
			execl(words[1], words[1], "bind", words[2], words[3], words[4], NULL);
			_exit(99);
		}
		_exit(try(words[2], words[3], words[4]));
	}
	return child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)
		       ? 99
		       : WEXITSTATUS(status);
}

/* "COUNT tcp 127.0.0.1 80" -> how many were refused with EPERM. Other failures are not the guard's:
 * a socket whose file somebody else looks at right now is not closed yet, and its port in use. */
static int try_often(char *const *words)
{
	uint64_t count = 0;
	int refused = 0;
	if (parse_u64(&count, words[0], 1, 1000000) < 0) {
		return -1;
	}
	for (uint64_t i = 0; i < count; i++) {
		refused += try(words[1], words[2], words[3]) == EPERM;
	}
	return refused;
}

static int answer(char *const *words, unsigned count)
{
	if (count == 4 && strcmp(words[0], "bind") == 0) {
		return try(words[1], words[2], words[3]);
	}
	if (count == 6 && strcmp(words[0], "child") == 0) {
		return try_in_child(words + 1);
	}
	if (count == 5 && strcmp(words[0], "often") == 0) {
		return try_often(words + 1);
	}
	return EINVAL;
}

/* One answer for each line of standard input: errno, 0 = bound; "often": how many were refused. */
static int obey(void)
{
	char line[LINE_BYTES];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *words[WORDS_MAX] = { NULL };
		unsigned count = 0;
		char *rest = line;
		for (char *word; count < WORDS_MAX && (word = strsep(&rest, " \n")) != NULL;) {
			if (word[0] != '\0') {
				words[count++] = word;
			}
		}
		(void)printf("%d\n", answer(words, count));
		(void)fflush(stdout);
	}
	return 0;
}

/* ---- the guard ---- */

static void show(const struct guard_attempt *attempt, void *data)
{
	char address[ADDR_TEXT_BYTES];
	(void)data;
	json_t *row = json_pack("{ss si si ss ss si sI sb sI}", "misfit",
				guard_misfit_name(attempt->misfit), "pid", attempt->pid, "uid",
				(int)attempt->uid, "process", attempt->process, "protocol",
				protocol_name(attempt->protocol), "port", attempt->port, "cookie",
				(json_int_t)attempt->netns_cookie, "refused", attempt->refused,
				"time", (json_int_t)attempt->time);
	json_object_set_new(row, "address", json_string(addr_format(&attempt->address, address)));
	(void)json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(row);
}

/* All that waits. */
static int show_attempts(const char *directory)
{
	const struct guard_place place = { .directory = directory };
	struct guard_attempts *attempts = NULL;
	struct err e = ERR_INIT;
	uint32_t bytes = 0;
	const int ring = guard_ring(&bytes, GUARD_HOOK_BIND, &place, &e);
	int r = ring < 0 ? ring : guard_attempts_open(&attempts, ring, bytes, &e);
	if (r < 0) {
		return fail(r, &e);
	}
	while (guard_attempts_read(attempts, 64, show, NULL) > 0) {
	}
	(void)guard_attempts_free(attempts);
	return 0;
}

static int compile(struct guard_table *out, struct policy *policy, const struct guard_place *place,
		   const char *path, struct err *e)
{
	struct policy_diagnostics diagnostics = { 0 };
	struct guard_environment environment;
	const struct guard_options options = { .mode = GUARD_ENFORCE };
	int r = policy_load(policy, &diagnostics, path, clock_now(), e);
	policy_diagnostics_deinit(&diagnostics);
	if (r != 0) {
		return r < 0 ? r : err_set(e, EINVAL, "%s", path);
	}
	r = guard_environment_read(&environment, place, clock_now(), e);
	return r < 0 ? r : guard_compile(out, policy, &options, &environment, e);
}

/* Two policies by turns, COUNT times. */
static int storm(char **words)
{
	const struct guard_place place = { .directory = words[0], .cgroup = words[1] };
	struct guard_table tables[2] = { 0 };
	struct policy policies[2] = { 0 };
	struct err e = ERR_INIT;
	uint64_t count = 0;
	int r = parse_u64(&count, words[4], 1, 1000000);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		r = compile(&tables[i], &policies[i], &place, words[2 + i], &e);
	}
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		r = guard_load(&place, &tables[i % 2], &e);
	}
	for (unsigned i = 0; i < 2; i++) {
		guard_table_deinit(&tables[i]);
		policy_deinit(&policies[i]);
	}
	return r < 0 ? fail(r, &e) : 0;
}

/* A guard as an older minato would have left it: its ports are reserved, its version is another. */
static int old(char **words)
{
	const struct guard_place place = { .directory = words[0], .cgroup = words[1] };
	struct guard_table table = { 0 };
	struct policy policy = { 0 };
	struct err e = ERR_INIT;
	int r = compile(&table, &policy, &place, words[2], &e);
	if (r == 0) {
		table.set->head.version--;
		guard_table_keep(&table, &table.owned);
		r = guard_load(&place, &table, &e);
	}
	if (r == 0) {
		r = guard_reserved_write(&table.owned, &e);
	}
	guard_table_deinit(&table);
	policy_deinit(&policy);
	return r < 0 ? fail(r, &e) : 0;
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";
	if (strcmp(verb, "obey") == 0) {
		return obey();
	}
	if (strcmp(verb, "bind") == 0 && count == 5) {
		return try(words[2], words[3], words[4]);
	}
	if (strcmp(verb, "attempts") == 0 && count == 3) {
		return show_attempts(words[2]);
	}
	if (strcmp(verb, "storm") == 0 && count == 7) {
		return storm(words + 2);
	}
	if (strcmp(verb, "old") == 0 && count == 5) {
		return old(words + 2);
	}
	(void)fputs("guard-probe obey | bind PROTOCOL ADDRESS PORT | attempts PINS | "
		    "storm PINS CGROUP POLICY POLICY COUNT | old PINS CGROUP POLICY\n",
		    stderr);
	return 2;
}
