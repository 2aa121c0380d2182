/* A program's output, shown and kept. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "demo.h"

enum { PIECE_BYTES = 4096 };

struct relay {
	struct str *shown;
	bool quiet;
	int from; /* what the program writes */
	int to;   /* what it reads, or -1 */
};

/* ---- what was shown ---- */

/* Behind one escape sequence (ECMA-48 5.4): ESC [ ... a final byte, or ESC and one byte. */
static const char *skip_escape(const char *at)
{
	at++;
	if (*at == '[') {
		at++;
		while (*at >= 0x20 && *at <= 0x3f) {
			at++;
		}
	}
	return *at == '\0' ? at : at + 1;
}

static const char *skip(const char *at)
{
	for (;;) {
		if (*at == '\x1b') {
			at = skip_escape(at);
		} else if (isspace((unsigned char)*at)) {
			at++;
		} else {
			return at;
		}
	}
}

static bool begins_with(const char *at, const char *text)
{
	for (;;) {
		at = skip(at);
		text = skip(text);
		if (*text == '\0' || *at != *text) {
			return *text == '\0';
		}
		at++;
		text++;
	}
}

bool demo_has(const char *shown, const char *text)
{
	for (const char *at = skip(shown); *at != '\0'; at = skip(at + 1)) {
		if (begins_with(at, text)) {
			return true;
		}
	}
	return *skip(text) == '\0';
}

/* ---- the program ---- */

/* @return whether more may come. */
static bool take_output(struct relay *relay)
{
	char piece[PIECE_BYTES];
	const ssize_t length = read(relay->from, piece, sizeof(piece));
	if (length <= 0) { /* EIO: nobody has the other end of the terminal any more */
		return length < 0 && errno == EINTR;
	}
	(void)str_add_bytes(relay->shown, piece,
			    (size_t)length); /* what does not fit is not kept */
	if (!relay->quiet) {
		(void)write_all(STDOUT_FILENO, piece, (size_t)length); /* a reader may have left */
	}
	return true;
}

static void give_input(struct relay *relay)
{
	char piece[PIECE_BYTES];
	const ssize_t length = read(STDIN_FILENO, piece, sizeof(piece));
	if (length <= 0 || write_all(relay->to, piece, (size_t)length) < 0) {
		relay->to = -1;
	}
}

/* What it left running may keep the other end open: with its own end it is over. */
static void carry(struct relay *relay, pid_t child)
{
	_cleanup_(close_fdp) int ended = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd on[] = { { .fd = relay->from, .events = POLLIN },
			       { .fd = ended, .events = POLLIN },
			       { .fd = -1, .events = POLLIN } };
	for (bool more = true; more;) {
		on[2].fd = relay->to >= 0 ? STDIN_FILENO : -1;
		if (poll(on, 3, on[1].revents != 0 ? 0 : -1) < 0 && errno != EINTR) {
			return;
		}
		if (on[2].revents != 0) {
			give_input(relay);
		}
		more = on[0].revents != 0 ? take_output(relay) : on[1].revents == 0;
	}
}

/* @param ends  the program's, and ours. */
static int open_ends(int ends[2], bool terminal)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	if (!terminal) {
		int pair[2];
		if (pipe2(pair, O_CLOEXEC) < 0) {
			return -errno;
		}
		ends[0] = pair[1];
		ends[1] = pair[0];
		return 0;
	}
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* else the usual one */
	if (openpty(&ends[1], &ends[0], NULL, NULL, &size) < 0) {
		return -errno;
	}
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return 0;
}

int demo_captured(struct str *shown, bool quiet, struct harbour_world *world, uint32_t machine,
		  const char *const *words)
{
	const bool terminal = isatty(STDOUT_FILENO) == 1;
	const bool keys = terminal && !quiet && isatty(STDIN_FILENO) == 1;
	_cleanup_(close_fdp) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct termios before;
	int ends[2] = { -1, -1 };
	if (nothing < 0 || open_ends(ends, terminal) < 0) {
		return EXIT_ERROR;
	}
	const int fds[] = { terminal ? ends[0] : nothing, ends[0], ends[0] };
	const pid_t child = harbour_start(world, machine, words, fds);
	struct relay relay = { shown, quiet, ends[1], keys ? ends[1] : -1 };
	close_fdp(&ends[0]);
	if (keys && tcgetattr(STDIN_FILENO, &before) == 0) {
		struct termios raw = before;
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	if (child >= 0) {
		carry(&relay, child);
	}
	if (keys) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	}
	close_fdp(&ends[1]);
	return child < 0 ? EXIT_ERROR : run_wait(child);
}

int demo_collect(struct str *out, int from, pid_t child)
{
	char room[PIECE_BYTES];
	ssize_t length = 0;
	while (child > 0 && (length = read(from, room, sizeof(room))) > 0) {
		(void)str_add_bytes(out, room, (size_t)length); /* kept in its error */
	}
	close_fdp(&from);
	return child < 0 ? (int)child : run_wait(child);
}
