/* sandbox: in a child that gave its rights away, what is forbidden is tried and fails. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "check.h"
#include "sandbox/sandbox.h"

/* Tries in a child; each returns 0 when the attempt failed with the right error. */
typedef int attempt_function(void);

static int refused(long result)
{
	return result < 0 && errno == EPERM ? 0 : 1;
}

static int opening(void)
{
	return refused(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
}

static int internet_socket(void)
{
	return refused(socket(AF_INET, SOCK_STREAM, 0));
}

static int unix_socket(void)
{
	return refused(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int executing(void)
{
	char *const arguments[] = { (char *)(uintptr_t) "true", NULL };
	return refused(execve("/bin/true", arguments, NULL));
}

static int forking(void)
{
	return refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int tracing(void)
{
	return refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int killing(void)
{
	return refused(kill(getppid(), 0));
}

static int mounting(void)
{
	return refused(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int loading_bpf(void)
{
	return refused(syscall(SYS_bpf, 0, NULL, 0));
}

static int becoming_root(void)
{
	return refused(setresuid(0, 0, 0));
}

static int packet_socket(void)
{
	return refused(socket(AF_PACKET, SOCK_RAW, 0));
}

static int packet_filter(void)
{
	return refused(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
}

static int typing_into_the_terminal(void)
{
	char letter = 'x';
	return refused(ioctl(STDIN_FILENO, TIOCSTI, &letter));
}

static int in_child(enum sandbox_role role, attempt_function *attempt)
{
	pid_t pid = fork();
	if (pid == 0) {
		const bool sealed =
			sandbox_no_new_privileges(NULL) == 0 && sandbox_syscalls(role, NULL) == 0;
		_exit(sealed ? attempt() : 2);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_face_can_do_nothing_new(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { opening,     internet_socket, unix_socket, executing,
					       forking,     tracing,         killing,     mounting,
					       loading_bpf, becoming_root };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_FACE, attempts[i]), 0);
	}
}

static void the_sentry_can_do_nothing_new(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { opening,       internet_socket, unix_socket,
					       packet_socket, executing,       forking,
					       tracing,       killing,         mounting,
					       loading_bpf,   becoming_root };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_SENTRY, attempts[i]), 0);
	}
}

static void the_engine_cannot_talk_to_the_network_or_start_anything(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { internet_socket, unix_socket, executing,
					       forking,         tracing,     killing,
					       mounting,        loading_bpf, becoming_root };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_ENGINE, attempts[i]), 0);
	}
}

static void the_parent_cannot_trace_mount_or_load(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { tracing, mounting, loading_bpf };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_PARENT, attempts[i]), 0);
	}
}

static void the_helper_cannot_execute_mount_or_trace(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { executing,       mounting,    tracing,
					       internet_socket, loading_bpf, becoming_root };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_HELPER, attempts[i]), 0);
	}
}

static void the_keeper_cannot_execute_fork_or_reach_the_network(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { executing,   forking,     tracing,
					       killing,     mounting,    internet_socket,
					       unix_socket, loading_bpf, becoming_root };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_KEEPER, attempts[i]), 0);
	}
}

static void the_resolver_can_start_nothing_and_reach_no_packet_filter(void **state)
{
	(void)state;
	attempt_function *const attempts[] = {
		executing,   forking,       tracing,       killing,       mounting,
		loading_bpf, becoming_root, packet_socket, packet_filter, typing_into_the_terminal
	};
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_RESOLVER, attempts[i]), 0);
	}
}

static void a_reader_can_open_and_start_nothing(void **state)
{
	(void)state;
	attempt_function *const attempts[] = { opening,       internet_socket, unix_socket,
					       executing,     forking,         tracing,
					       killing,       mounting,        loading_bpf,
					       becoming_root, packet_filter };
	for (unsigned i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		assert_int_equal(in_child(SANDBOX_READER, attempts[i]), 0);
	}
}

/* @return 0 when it is as sandbox.h says. */
static int be_nobody(int kept)
{
	char word[3] = "";
	const int other = dup(kept);
	if (sandbox_keep_descriptors(&kept, 1) < 0 || fcntl(other, F_GETFD) >= 0 || other <= 3 ||
	    read(STDIN_FILENO, word, 1) != 0 || read(3, word, 2) != 2 || word[1] != 'o') {
		return 1;
	}
	const bool was_root = geteuid() == 0;
	if (sandbox_nobody(NULL) < 0 || (was_root && getuid() != 65534)) {
		return 2;
	}
	return setresuid(0, 0, 0) < 0 ? 0 : 3;
}

static void a_child_keeps_what_it_was_given_and_is_nobody(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "so", 2), 2);
	const pid_t pid = fork();
	if (pid == 0) {
		_exit(be_nobody(ends[0]));
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* What the roles are for still works: a planted mistake that forbids everything is found. */
static int engine_work(void)
{
	const int file = memfd_create("test", MFD_CLOEXEC);
	const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 4);
	const int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	return file >= 0 && netlink >= 0 && proc >= 0 ? 0 : 1;
}

static int face_work(void)
{
	char byte = 0;
	int pair[2] = { -1, -1 };
	return getpid() > 0 && read(STDIN_FILENO, &byte, 0) <= 0 &&
			       refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0
		       ? 0
		       : 1;
}

static int keeper_work(void)
{
	const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	return netlink >= 0 && proc >= 0 && mkdir("/proc", 0755) < 0 && errno == EEXIST ? 0 : 1;
}

static void *thread_work(void *done)
{
	*(bool *)done = true;
	return NULL;
}

static int resolver_work(void)
{
	bool done = false;
	pthread_t thread;
	const int udp = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const int hosts = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	return udp >= 0 && route >= 0 && hosts >= 0 &&
			       pthread_create(&thread, NULL, thread_work, &done) == 0 &&
			       pthread_join(thread, NULL) == 0 && done
		       ? 0
		       : 1;
}

static void the_work_of_a_role_still_works(void **state)
{
	(void)state;
	assert_int_equal(in_child(SANDBOX_RESOLVER, resolver_work), 0);
	assert_int_equal(in_child(SANDBOX_KEEPER, keeper_work), 0);
	assert_int_equal(in_child(SANDBOX_ENGINE, engine_work), 0);
	assert_int_equal(in_child(SANDBOX_FACE, face_work), 0);
}

static void without_files_nothing_opens(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		const int r = sandbox_no_new_privileges(NULL) < 0 ? -1 : sandbox_no_files(NULL);
		if (r == -EOPNOTSUPP) {
			_exit(77);
		}
		const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
		_exit(r == 0 && fd < 0 && errno == EACCES ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		skip(); /* a kernel without Landlock */
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_forbidden(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) < 0 && errno == EACCES;
}

static int read_alone(void)
{
	static const char *const paths[] = { "/etc", "/proc/version", "/nonexistent", NULL };
	const int r = sandbox_no_new_privileges(NULL) < 0 ? -1 : sandbox_only_read(paths, NULL);
	if (r == -EOPNOTSUPP) {
		return 77;
	}
	return r == 0 && open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 &&
			       open("/proc/version", O_RDONLY | O_CLOEXEC) >= 0 &&
			       is_forbidden("/proc/cmdline", O_RDONLY) &&
			       is_forbidden("/usr/bin/true", O_RDONLY) &&
			       is_forbidden("/etc/passwd", O_WRONLY) &&
			       is_forbidden("/etc/minato-sandbox-test", O_WRONLY | O_CREAT)
		       ? 0
		       : 1;
}

static void what_may_only_be_read_is_only_read(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		_exit(read_alone());
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		skip(); /* a kernel without Landlock */
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int drop_all(void)
{
	const gid_t group = 61999;
	if (sandbox_become(61999, &group, 1, NULL) < 0 || sandbox_capabilities(NULL, 0, NULL) < 0) {
		return 2;
	}
	return geteuid() == 61999 && getgroups(0, NULL) == 1 && setresuid(0, 0, 0) < 0 &&
			       open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0
		       ? 0
		       : 1;
}

static void another_user_is_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		skip(); /* only root can become another user */
	}
	pid_t pid = fork();
	if (pid == 0) {
		_exit(drop_all());
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(sandbox_become(61999, NULL, 0, NULL), -EINVAL);
}

/* ---- programs of our own: this one, started by itself ---- */

static const char own_name[] = "test-sandbox";

enum { BE_KILLED = 1000, STAY = 1001 };

/* Says whether it has nothing but what sandbox.h names, and ends as it is told. */
static int be_started(void)
{
	int told = 0;
	char byte;
	struct sigaction interrupt;
	bool alone = environ[0] == NULL && fcntl(SANDBOX_CHANNEL + 1, F_GETFD) < 0 &&
		     read(STDIN_FILENO, &byte, 1) == 0 &&
		     sigaction(SIGINT, NULL, &interrupt) == 0 && interrupt.sa_handler == SIG_IGN;
	(void)send(SANDBOX_CHANNEL, &alone, sizeof(alone), MSG_NOSIGNAL);
	(void)recv(SANDBOX_CHANNEL, &told, sizeof(told), 0);
	if (told == BE_KILLED) {
		(void)raise(SIGTERM);
	} else if (told == STAY) {
		(void)pause();
	}
	return told;
}

/* @param error  of talking to it. @return what its end was taken for. */
static int started_and_told(int told, int error, struct err *e)
{
	int channel = -1;
	pid_t child = 0;
	bool alone = false;
	char byte;
	assert_int_equal(sandbox_start(&channel, &child, own_name, NULL, e), 0);
	assert_int_equal(recv(channel, &alone, sizeof(alone), 0), sizeof(alone));
	assert_true(alone);
	assert_int_equal(send(channel, &told, sizeof(told), MSG_NOSIGNAL), sizeof(told));
	if (told != STAY) {
		assert_int_equal(recv(channel, &byte, sizeof(byte), 0), 0);
	}
	const int r = sandbox_finish(child, error, own_name, "libm.so.6", e);
	(void)close(channel);
	return r;
}

static void the_end_of_a_program_of_ours_tells_why(void **state)
{
	(void)state;
	static const struct {
		int told, error, r;
		const char *sentence;
	} rows[] = {
		{ 0, 0, 0, "" },
		{ 1, 0, -EIO, "test-sandbox failed: it ended with exit code 1" },
		{ SANDBOX_EXIT_RIGHTS, 0, -EIO,
		  "test-sandbox failed: it could not give its rights away" },
		{ 126, 0, -EIO,
		  "test-sandbox cannot be run: is the limit of open files (ulimit -n) too low?" },
		{ 127, 0, -ELIBACC,
		  "test-sandbox cannot be run: a library that it needs is missing or too old, as "
		  "libm.so.6" },
		{ BE_KILLED, 0, -EIO, "test-sandbox failed: signal 15 ended it" },
		/* It ended by itself, which is why nobody could talk to it. */
		{ 126, -EPIPE, -EIO,
		  "test-sandbox cannot be run: is the limit of open files (ulimit -n) too low?" },
		{ 0, -EBADMSG, -EBADMSG, "test-sandbox failed: Bad message" },
		{ STAY, -ETIMEDOUT, -ETIMEDOUT, "test-sandbox failed: Connection timed out" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(started_and_told(rows[i].told, rows[i].error, &e), rows[i].r);
		assert_string_equal(e.text, rows[i].sentence);
	}
}

static void a_program_of_ours_that_is_not_there_is_said_to_be(void **state)
{
	(void)state;
	int channel = -5;
	pid_t child = -5;
	struct err e = ERR_INIT;
	assert_int_equal(sandbox_start(&channel, &child, "minato-nothing", NULL, &e), -ENOENT);
	assert_string_equal(err_text(&e),
			    "minato-nothing is not installed: No such file or directory");
	assert_true(channel == -5 && child == -5);
}

static void what_crosses_is_of_one_size_and_comes_in_time(void **state)
{
	(void)state;
	const uint64_t word = 0x706f7274;
	uint64_t heard = 0;
	uint32_t less = 0;
	const usec_t soon = clock_monotonic() + 5 * USEC_PER_SEC;
	int ends[2];
	int given[2];
	int fds[2] = { -1, -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sandbox_send(ends[0], &word, sizeof(word)), 0);
	assert_int_equal(sandbox_receive(ends[1], &heard, sizeof(heard), soon), 1);
	assert_true(heard == word);
	assert_int_equal(sandbox_receive(ends[1], &heard, sizeof(heard), 0), -ETIMEDOUT);
	assert_int_equal(sandbox_send(ends[0], &word, sizeof(word)), 0);
	assert_int_equal(sandbox_receive(ends[1], &less, sizeof(less), soon), -EBADMSG);
	assert_int_equal(sandbox_send(ends[0], &less, sizeof(less)), 0);
	assert_int_equal(sandbox_take_order(ends[1], &heard, sizeof(heard)), -EBADMSG);

	assert_int_equal(pipe2(given, O_CLOEXEC), 0);
	assert_int_equal(sandbox_send_fds(ends[0], &word, sizeof(word), given, 2), 0);
	assert_int_equal(sandbox_take_order_fds(ends[1], &heard, sizeof(heard), fds, 2), 0);
	assert_int_equal(write(fds[1], "p", 1), 1);
	assert_int_equal(read(given[0], &less, sizeof(less)), 1);
	assert_int_equal(sandbox_send(ends[0], &word, sizeof(word)), 0);
	assert_int_equal(sandbox_take_order_fds(ends[1], &heard, sizeof(heard), fds, 1), -EBADMSG);

	for (unsigned i = 0; i < 2; i++) {
		(void)close(given[i]);
		(void)close(fds[i]);
	}
	(void)close(ends[0]);
	assert_int_equal(sandbox_receive(ends[1], &heard, sizeof(heard), soon), 0);
	assert_int_equal(sandbox_send(ends[1], &word, sizeof(word)), -EIO);
	(void)close(ends[1]);
}

int main(int count, char **words)
{
	if (count == 1 && strcmp(words[0], own_name) == 0) {
		return be_started();
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_face_can_do_nothing_new),
		cmocka_unit_test(the_sentry_can_do_nothing_new),
		cmocka_unit_test(the_engine_cannot_talk_to_the_network_or_start_anything),
		cmocka_unit_test(the_parent_cannot_trace_mount_or_load),
		cmocka_unit_test(the_helper_cannot_execute_mount_or_trace),
		cmocka_unit_test(the_keeper_cannot_execute_fork_or_reach_the_network),
		cmocka_unit_test(the_resolver_can_start_nothing_and_reach_no_packet_filter),
		cmocka_unit_test(a_reader_can_open_and_start_nothing),
		cmocka_unit_test(a_child_keeps_what_it_was_given_and_is_nobody),
		cmocka_unit_test(the_work_of_a_role_still_works),
		cmocka_unit_test(without_files_nothing_opens),
		cmocka_unit_test(what_may_only_be_read_is_only_read),
		cmocka_unit_test(another_user_is_for_good),
		cmocka_unit_test(the_end_of_a_program_of_ours_tells_why),
		cmocka_unit_test(a_program_of_ours_that_is_not_there_is_said_to_be),
		cmocka_unit_test(what_crosses_is_of_one_size_and_comes_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
