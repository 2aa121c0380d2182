/* A way in that greets as SSH does: a terminal, or a command, over one TCP connection. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "actor.h"

enum {
	FRAME_BYTES_MAX = 4096,
	COMMAND_BYTES_MAX = 4000,
	CONNECT_MS = 3000,
	NO_CONNECTION = 255,
};

enum frame_kind {
	FRAME_ORDER = 1, /* struct order and the command */
	FRAME_BYTES,     /* input, or output */
	FRAME_END,       /* of the input */
	FRAME_CODE,      /* how it ended: one byte */
	FRAME_SIZE,      /* of the terminal: struct winsize */
};

struct frame {
	uint8_t kind;
	uint8_t unused;
	uint16_t length; /* both ends are this program */
	char bytes[FRAME_BYTES_MAX];
};
enum { FRAME_HEAD = 4 };

struct order {
	uint16_t rows, columns; /* both 0 = no terminal */
	char command[COMMAND_BYTES_MAX];
};

static const char server_greeting[] = "SSH-2.0-Harbour_1";
static const char client_greeting[] = "SSH-2.0-Harbour_client";

static int send_frame(const struct channel *channel, enum frame_kind kind, const void *bytes,
		      size_t length)
{
	struct frame frame = { .kind = (uint8_t)kind, .length = (uint16_t)length };
	if (length > 0) {
		memcpy(frame.bytes, bytes, length);
	}
	return channel_write(channel, &frame, FRAME_HEAD + length);
}

static int read_all(const struct channel *channel, void *bytes, size_t length)
{
	char *at = bytes;
	while (length > 0) {
		const long read = channel_read(channel, at, length);
		if (read <= 0) {
			return -EPIPE;
		}
		at += read;
		length -= (size_t)read;
	}
	return 0;
}

static int read_frame(const struct channel *channel, struct frame *frame)
{
	int r = read_all(channel, frame, FRAME_HEAD);
	if (r == 0 && frame->length > sizeof(frame->bytes)) {
		return -EBADMSG;
	}
	return r < 0 ? r : read_all(channel, frame->bytes, frame->length);
}

/* ---- the machine that lets in ---- */

static _Noreturn void become(const char *command)
{
	(void)signal(SIGPIPE, SIG_DFL);
	(void)!chdir("/root"); /* where it is not there, it begins where it is */
	if (command[0] != '\0') {
		(void)execlp("bash", "bash", "-c", command, NULL);
		(void)execlp("sh", "sh", "-c", command, NULL);
	} else {
		(void)execlp("bash", "bash", "--noprofile", "--rcfile", "/run/harbour/shellrc",
			     NULL);
		(void)execlp("sh", "sh", NULL);
	}
	_exit(127);
}

/* @param ends  gets what to write to and to read from; the same with a terminal. */
static pid_t start(int ends[2], const struct order *order)
{
	if (order->rows != 0) {
		const struct winsize size = { .ws_row = order->rows, .ws_col = order->columns };
		const pid_t child = forkpty(&ends[0], NULL, NULL, &size);
		if (child == 0) {
			become(order->command);
		}
		ends[1] = ends[0];
		return child;
	}
	int in[2];
	int out[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		return -1;
	}
	const pid_t child = fork();
	if (child == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(out[1], STDERR_FILENO);
		become(order->command);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	ends[0] = in[1];
	ends[1] = out[0];
	return child;
}

/* @return whether the connection goes on. */
static bool take_input(const struct channel *channel, int *input, bool terminal)
{
	struct frame frame;
	if (read_frame(channel, &frame) < 0) {
		return false;
	}
	if (frame.kind == FRAME_END && !terminal && *input >= 0) {
		(void)close(*input);
		*input = -1;
	}
	if (frame.kind == FRAME_SIZE && terminal && frame.length == sizeof(struct winsize)) {
		struct winsize size;
		memcpy(&size, frame.bytes, sizeof(size));
		(void)ioctl(*input, TIOCSWINSZ, &size); /* else it stays as it is */
	}
	if (frame.kind == FRAME_BYTES && *input >= 0) {
		(void)!write(*input, frame.bytes,
			     frame.length); /* who does not read it goes without */
	}
	return true;
}

static void relay(const struct channel *channel, int ends[2], pid_t child, bool terminal)
{
	struct pollfd on[] = { { .fd = channel->fd, .events = POLLIN },
			       { .fd = ends[1], .events = POLLIN } };
	char bytes[FRAME_BYTES_MAX];
	int input = ends[0];
	int status = 0;
	while (poll(on, 2, -1) > 0 || errno == EINTR) {
		if (on[0].revents != 0 && !take_input(channel, &input, terminal)) {
			(void)kill(child, SIGHUP); /* as a terminal does whose line is cut */
			return;
		}
		const ssize_t length = on[1].revents == 0 ? 1 : read(ends[1], bytes, sizeof(bytes));
		if (length <= 0) {
			break; /* EIO of a terminal that nobody has open any more */
		}
		if (on[1].revents != 0 &&
		    send_frame(channel, FRAME_BYTES, bytes, (size_t)length) < 0) {
			return;
		}
	}
	(void)waitpid(child, &status, 0);
	const uint8_t code =
		(uint8_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	(void)send_frame(channel, FRAME_CODE, &code, 1);
	/* The other side closes first: who does keeps the connection for a minute (TIME_WAIT), and
	 * here it would be counted as one that a rule can cut. */
	while (channel_read(channel, bytes, sizeof(bytes)) > 0) {
	}
}

void talk_login(const struct channel *channel)
{
	char line[NAME_BYTES];
	struct frame frame;
	struct order order;
	int ends[2] = { -1, -1 };
	if (channel_say(channel, server_greeting) < 0 || channel_say(channel, "\r\n") < 0 ||
	    channel_line(channel, line, sizeof(line)) < 0 || strcmp(line, client_greeting) != 0 ||
	    read_frame(channel, &frame) < 0 || frame.kind != FRAME_ORDER ||
	    frame.length != sizeof(order)) {
		return; /* whoever else comes gets the greeting alone */
	}
	memcpy(&order, frame.bytes, sizeof(order));
	order.command[sizeof(order.command) - 1] = '\0';
	const pid_t child = start(ends, &order);
	if (child > 0) {
		relay(channel, ends, child, order.rows != 0);
	}
}

/* ---- who goes there ---- */

static int give_order(const struct channel *channel, bool terminal, const char *const *words,
		      unsigned count)
{
	struct order order = { 0 };
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char line[NAME_BYTES];
	size_t length = 0;
	if (terminal) {
		(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
		order.rows = size.ws_row > 0 ? size.ws_row : 24;
		order.columns = size.ws_col > 0 ? size.ws_col : 80;
	}
	for (unsigned i = 0; i < count && length < sizeof(order.command); i++) {
		length += (size_t)snprintf(order.command + length, sizeof(order.command) - length,
					   "%s%s", i > 0 ? " " : "", words[i]);
	}
	if (length >= sizeof(order.command) || channel_line(channel, line, sizeof(line)) < 0 ||
	    channel_say(channel, client_greeting) < 0 || channel_say(channel, "\n") < 0) {
		return -1;
	}
	return send_frame(channel, FRAME_ORDER, &order, sizeof(order));
}

/* The terminal's new size, told by a signal. */
static int tell_size(const struct channel *channel, int signals)
{
	struct signalfd_siginfo info;
	struct winsize size;
	while (read(signals, &info, sizeof(info)) > 0) {
	}
	return ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0
		       ? 0
		       : send_frame(channel, FRAME_SIZE, &size, sizeof(size));
}

static int open_signals(void)
{
	sigset_t sizes;
	(void)sigemptyset(&sizes);
	(void)sigaddset(&sizes, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &sizes, NULL);
	return signalfd(-1, &sizes, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* @return -1 to go on, or the exit code. */
static int take_output(const struct channel *channel)
{
	struct frame frame;
	if (read_frame(channel, &frame) < 0) {
		return NO_CONNECTION;
	}
	if (frame.kind == FRAME_CODE) {
		return (uint8_t)frame.bytes[0];
	}
	(void)!write(STDOUT_FILENO, frame.bytes, frame.length); /* as cat does */
	return -1;
}

static int give_input(const struct channel *channel, int *input)
{
	char bytes[FRAME_BYTES_MAX];
	const ssize_t length = read(*input, bytes, sizeof(bytes));
	if (length <= 0) {
		*input = -1;
		return send_frame(channel, FRAME_END, NULL, 0);
	}
	return send_frame(channel, FRAME_BYTES, bytes, (size_t)length);
}

static int carry(const struct channel *channel, bool terminal)
{
	struct pollfd on[] = { { .fd = channel->fd, .events = POLLIN },
			       { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = terminal ? open_signals() : -1, .events = POLLIN } };
	int code = -1;
	while (code < 0 && (poll(on, 3, -1) > 0 || errno == EINTR)) {
		int r = 0;
		if (on[0].revents != 0) {
			code = take_output(channel);
		}
		if (on[1].revents != 0) {
			r = give_input(channel, &on[1].fd);
		}
		if (on[2].revents != 0 && r == 0) {
			r = tell_size(channel, on[2].fd);
		}
		code = r < 0 && code < 0 ? NO_CONNECTION : code;
	}
	return code < 0 ? NO_CONNECTION : code;
}

int login(const char *host, const char *const *words, unsigned count)
{
	struct termios before;
	struct channel channel = { .fd = reach(host, LOGIN_PORT, CONNECT_MS) };
	const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0 && isatty(STDOUT_FILENO) == 1;
	(void)signal(SIGPIPE, SIG_IGN);
	if (channel.fd < 0 || give_order(&channel, terminal, words, count) < 0) {
		(void)fprintf(stderr, "ssh: %s: no answer\n", host);
		return NO_CONNECTION;
	}
	if (terminal) {
		struct termios raw = before;
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	const int code = carry(&channel, terminal);
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	}
	if (code == NO_CONNECTION) {
		(void)fprintf(stderr, "ssh: %s: the connection has ended\n", host);
	}
	return code;
}
