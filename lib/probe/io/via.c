/* ssh(1) started without a shell; what it writes is read by minato-probe, without any right. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/run.h"
#include "base/str.h"
#include "probe/io/via.h"
#include "sandbox/sandbox.h"

static const char program[] = "minato-probe";

enum { LOGIN_SECONDS = 20 };

/* ---- minato's side: ssh ---- */

/* ssh and what is connected to it. */
struct login {
	pid_t pid;
	int script, output, errors; /* our ends */
};

static _Noreturn void be_ssh(const char *path, const struct probe_via *via, int input, int output,
			     int errors, pid_t parent)
{
	const char *words[PROBE_VIA_WORDS + 1] = { "ssh" };
	char port[PROBE_VIA_PORT_BYTES];
	probe_via_words(words + 1, port, via);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* cannot fail with a valid signal */
	if (getppid() == parent && dup2(input, 0) == 0 && dup2(output, 1) == 1 &&
	    dup2(errors, 2) == 2) {
		(void)execv(path, (char *const *)words);
	}
	_exit(127);
}

static int start_ssh(struct login *out, const struct probe_via *via, struct err *e)
{
	char path[RUN_PATH_BYTES];
	int script[2] = { -1, -1 };
	int output[2] = { -1, -1 };
	int errors[2] = { -1, -1 };
	if (run_find(path, "ssh") < 0) {
		return err_set(e, ENOENT, "ssh is not installed (Debian: openssh-client)");
	}
	/* A socket, for writing to it can be told to raise no signal. */
	int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, script) < 0 ||
				pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0
			? -errno
			: 0;
	const pid_t parent = getpid();
	out->pid = r < 0 ? -1 : fork();
	if (out->pid == 0) {
		be_ssh(path, via, script[1], output[1], errors[1], parent);
	}
	r = r == 0 && out->pid < 0 ? -errno : r;
	close_fdp(&script[1]);
	close_fdp(&output[1]);
	close_fdp(&errors[1]);
	out->script = script[0];
	out->output = output[0];
	out->errors = errors[0];
	return r < 0 ? err_system(e, r, "cannot start ssh") : 0;
}

static void end_ssh(struct login *login)
{
	close_fdp(&login->script);
	close_fdp(&login->output);
	close_fdp(&login->errors);
	if (login->pid > 0) {
		(void)kill(login->pid, SIGTERM); /* it may have ended by itself */
		while (waitpid(login->pid, NULL, 0) < 0 && errno == EINTR) {
		}
	}
}

static int send_script(const struct login *login, const struct probe_via_question *questions,
		       size_t count, unsigned seconds, struct err *e)
{
	_cleanup_(freep) char *script = malloc(PROBE_VIA_SCRIPT_BYTES);
	int r = script == NULL ? -ENOMEM
			       : probe_via_script(script, PROBE_VIA_SCRIPT_BYTES, questions, count,
						  seconds);
	/* The buffer of a socket is larger. */
	if (r == 0 && send(login->script, script, strlen(script), MSG_NOSIGNAL) < 0) {
		r = errno == EPIPE ? 0 : -errno; /* it ended; why is told by its errors */
	}
	(void)shutdown(login->script, SHUT_WR); /* the end of the script */
	return r < 0 ? err_system(e, r, "cannot ask over ssh") : 0;
}

/* ---- minato's side: minato-probe ---- */

static bool told_valid(const struct via_told *told, size_t count)
{
	return (told->number == UINT32_MAX || told->number < count) && told->answer.given <= 1 &&
	       told->answer.tool < PROBE_VIA_TOOLS && told->answer.code <= 63 &&
	       (told->answer.host.family == ADDR_NONE || told->answer.host.family == ADDR_IPV4 ||
		told->answer.host.family == ADDR_IPV6) &&
	       str_is_printable(told->reason, sizeof(told->reason));
}

static int receive(struct via_told *told, int channel, size_t count, usec_t until)
{
	const int r = sandbox_receive(channel, told, sizeof(*told), until);
	if (r < 0) {
		return r;
	}
	return r == 1 && told_valid(told, count) ? 0 : -EBADMSG;
}

static int hear(struct probe_via_answer *answers, char *reason, int channel, size_t count,
		unsigned seconds)
{
	const usec_t until = clock_monotonic() + (seconds + 2) * USEC_PER_SEC;
	struct via_told told = { .number = 0 };
	int r = 0;
	while (r == 0 && (r = receive(&told, channel, count, until)) == 0 &&
	       told.number != UINT32_MAX) {
		answers[told.number] = told.answer;
	}
	if (r == 0) {
		memcpy(reason, told.reason, sizeof(told.reason));
	}
	return r;
}

int probe_via_ask(struct probe_via_answer *answers, char *reason, const struct probe_via *via,
		  const struct probe_via_question *questions, size_t count, unsigned seconds,
		  struct err *e)
{
	struct login login = { .pid = -1, .script = -1, .output = -1, .errors = -1 };
	_cleanup_(close_fdp) int channel = -1;
	pid_t child = 0;
	const struct via_order order = { .count = (uint32_t)count,
					 .seconds = LOGIN_SECONDS + seconds * 3 };
	reason[0] = '\0';
	memset(answers, 0, count * sizeof(*answers));
	int r = sandbox_start(&channel, &child, program, "via", e);
	if (r < 0) {
		return r;
	}
	r = start_ssh(&login, via, e);
	const int outputs[] = { login.output, login.errors };
	r = r < 0 ? r : sandbox_send_fds(channel, &order, sizeof(order), outputs, 2);
	r = r < 0 ? r : send_script(&login, questions, count, seconds, e);
	r = r < 0 ? r : hear(answers, reason, channel, count, order.seconds);
	end_ssh(&login);
	return sandbox_finish(child, r, program, "libssl.so.3 of OpenSSL", e);
}
