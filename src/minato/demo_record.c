/* What a demo shows, kept as a recording (asciicast, version 2), and shown again from one. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "demo.h"
#include "words.h"

enum {
	PIECE_BYTES = 4096,
	RECORDING_COLUMNS = 80,
	RECORDING_LINES = 24,
	CHARACTER_BYTES = 4, /* of UTF-8 at most: so much may wait for its rest */
};

/* Of a recording: nobody waits longer for what then happened. */
static const double PAUSE_MAX = 0.7;

/* ---- keeping ---- */

static int write_json(int fd, json_t *line)
{
	_cleanup_(freep) char *text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	int r = text == NULL ? -ENOMEM : write_all(fd, text, strlen(text));
	return r < 0 ? r : write_all(fd, "\n", 1);
}

static int write_head(int fd, usec_t now)
{
	return write_json(fd, json_pack("{s:i, s:i, s:i, s:I, s:s}", "version", 2, "width",
					RECORDING_COLUMNS, "height", RECORDING_LINES, "timestamp",
					(json_int_t)(now / USEC_PER_SEC), "title", "minato demo"));
}

/* How much of it is whole characters. Bytes that are none become "?".
 * @param last  nothing more comes: no character waits for its rest. */
static size_t make_whole(char *bytes, size_t length, bool last)
{
	long bad = 0;
	while ((bad = text_utf8_invalid(bytes, length)) >= 0) {
		const bool may_begin_one = ((unsigned char)bytes[bad] & 0xc0) == 0xc0;
		if (!last && may_begin_one && (size_t)bad + CHARACTER_BYTES > length) {
			return (size_t)bad;
		}
		bytes[bad] = '?';
	}
	return length;
}

static int write_event(int fd, usec_t since, const char *bytes, size_t length)
{
	return length == 0 ? 0
			   : write_json(fd, json_pack("[f, s, s%]", (double)since / USEC_PER_SEC,
						      "o", bytes, length));
}

/* Until nobody writes into the pipe any more. */
static int relay(int pipe, int shown, int file)
{
	char bytes[PIECE_BYTES + CHARACTER_BYTES];
	const usec_t begun = clock_monotonic();
	size_t kept = 0;
	ssize_t length = 0;
	int r = write_head(file, clock_now());
	while (r == 0 && (length = read(pipe, bytes + kept, PIECE_BYTES)) != 0) {
		if (length < 0 && errno == EINTR) {
			continue;
		}
		if (length < 0) {
			return -errno;
		}
		(void)write_all(shown, bytes + kept, (size_t)length); /* who looks may have gone */
		const size_t have = kept + (size_t)length;
		const size_t whole = make_whole(bytes, have, false);
		r = write_event(file, clock_monotonic() - begun, bytes, whole);
		kept = have - whole;
		(void)memmove(bytes, bytes + whole, kept);
	}
	(void)make_whole(bytes, kept, true);
	return r < 0 ? r : write_event(file, clock_monotonic() - begun, bytes, kept);
}

static _Noreturn void record(int pipe, int shown, int file)
{
	(void)signal(SIGINT, SIG_IGN); /* it is for the demo; the recording ends with it */
	(void)signal(SIGPIPE, SIG_IGN);
	_exit(relay(pipe, shown, file) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int demo_record_begin(struct demo_record *out, const char *path, struct err *e)
{
	int ends[2];
	*out = (struct demo_record){ .shown = -1 };
	_cleanup_(close_fdp) int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		return err_system(e, errno, _("cannot write %s"), path);
	}
	(void)fflush(stdout);
	_cleanup_(close_fdp) int shown = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	const pid_t child = shown < 0 ? -1 : fork();
	if (child == 0) {
		close_fdp(&ends[1]);
		(void)close(STDOUT_FILENO);
		record(ends[0], shown, file);
	}
	close_fdp(&ends[0]);
	int r = child < 0 || dup2(ends[1], STDOUT_FILENO) < 0
			? err_system(e, errno, _("cannot write %s"), path)
			: 0;
	close_fdp(&ends[1]);
	*out = (struct demo_record){ .child = child, .shown = steal_fd(&shown) };
	return r;
}

int demo_record_end(struct demo_record *record)
{
	(void)fflush(stdout);
	(void)dup2(record->shown, STDOUT_FILENO); /* closes the pipe */
	close_fdp(&record->shown);
	return record->child > 0 && run_wait(record->child) != EXIT_SUCCESS ? -EIO : 0;
}

/* ---- shown again ---- */

static void pause_for(double seconds)
{
	const double wait = seconds > PAUSE_MAX ? PAUSE_MAX : seconds;
	const struct timespec time = { .tv_nsec = (long)(wait * 1e9) };
	if (wait > 0) {
		(void)nanosleep(&time, NULL);
	}
}

int demo_replay(const struct context *context, const char *recording)
{
	double before = 0;
	const char *line = recording + strcspn(recording, "\n");
	while (*line != '\0') {
		line++;
		const size_t length = strcspn(line, "\n");
		json_t *event = json_loadb(line, length, 0, NULL);
		const double at = json_number_value(json_array_get(event, 0));
		const char *text = json_string_value(json_array_get(event, 2));
		if (context->out_terminal) {
			pause_for(at - before);
		}
		before = at;
		const bool shown =
			text == NULL || (fputs(text, stdout) >= 0 && fflush(stdout) == 0);
		json_decref(event);
		if (!shown) {
			return EXIT_ERROR;
		}
		line += length;
	}
	return EXIT_IN_ORDER;
}
