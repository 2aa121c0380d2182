/* The record of a move, and the way back. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "move.h"
#include "rules.h"
#include "words.h"

/* ---- the record ---- */

/* The policy file is the one that the move began with, whatever --policy says meanwhile. */
static void take_policy_path(struct moving *moving)
{
	for (size_t i = 0; i < moving->move.files.count; i++) {
		const struct move_file *file = &moving->move.files.items[i];
		if (file->room == MOVE_ROOM_POLICY && move_is_open(&moving->move)) {
			moving->own.policy_path = file->path;
			moving->own.policy_given = true;
			moving->context = &moving->own;
		}
	}
}

static int complain_of(const struct context *context, const struct err *e, int r)
{
	const bool rights = r == -EPERM || r == -EACCES;
	complain(context, err_text(e),
		 r == -EBUSY                ? "minato move"
		 : rights && geteuid() != 0 ? "sudo minato move"
					    : NULL);
	return rights ? EXIT_RIGHTS : EXIT_ERROR;
}

/* The folder of the rules is there where a policy was ever applied; without it nothing moved. */
static void begin(struct moving *out, const struct context *context)
{
	*out = (struct moving){
		.context = context,
		.own = *context,
		.folder = -1,
		.notes = STR_INIT(1 << 16),
		.boot_offset = clock_boot_offset(),
	};
}

void moving_peek(struct moving *out, const struct context *context)
{
	begin(out, context);
	out->folder = move_folder_open(rules_directory(), false, NULL);
	if (out->folder >= 0) {
		(void)move_record_read(out->folder, &out->move, NULL); /* then nothing moves */
	}
}

int moving_open(struct moving *out, const struct context *context, bool change)
{
	struct err e = ERR_INIT;
	begin(out, context);
	if (change && geteuid() != 0) {
		complain(context, _("moving a port needs root"), "sudo minato move");
		return EXIT_RIGHTS;
	}
	int r = move_folder_open(rules_directory(), change, &e);
	if (r == -ENOENT) {
		return EXIT_IN_ORDER;
	}
	if (r < 0) {
		return complain_of(context, &e, r);
	}
	out->folder = r;
	r = move_record_read(out->folder, &out->move, &e);
	if (r < 0 && r != -ENOENT) {
		return complain_of(context, &e, r);
	}
	take_policy_path(out);
	return EXIT_IN_ORDER;
}

void moving_close(struct moving *moving)
{
	close_fdp(&moving->folder);
	move_deinit(&moving->move);
	str_deinit(&moving->notes);
}

int moving_stage(struct moving *moving, enum move_stage stage)
{
	struct err e = ERR_INIT;
	moving->move.stage = stage;
	if (!move_is_open(&moving->move)) {
		moving->move.settled = clock_now();
	}
	int r = move_record_update(moving->folder, &moving->move, &e);
	return r < 0 ? complain_of(moving->context, &e, r) : EXIT_IN_ORDER;
}

void moving_boot_id(char out[MOVING_BOOT_BYTES])
{
	if (file_read_into(out, MOVING_BOOT_BYTES, AT_FDCWD, "/proc/sys/kernel/random/boot_id") <=
	    0) {
		out[0] = '\0';
	}
	out[strcspn(out, "\n")] = '\0';
}

bool moving_same_boot(const struct moving *moving)
{
	char boot[MOVING_BOOT_BYTES];
	moving_boot_id(boot);
	return strcmp(boot, moving->move.boot) == 0;
}

bool moving_is_over(const struct moving *moving)
{
	char boot[MOVING_BOOT_BYTES];
	moving_boot_id(boot);
	return moving->move.from != 0 &&
	       move_is_over(&moving->move, boot, clock_now() - clock_boot_offset());
}

/* ---- back ---- */

/* In the reverse order; each part is tried, whatever has become of the others. */
int moving_undo(struct moving *moving, const char *reason)
{
	for (size_t i = 0; i < moving->move.files.count; i++) {
		move_file_clean(&moving->move.files.items[i]);
	}
	bool whole = moving_service_back(moving) == EXIT_IN_ORDER;
	whole = moving_put(moving, MOVE_ROOM_POLICY, MOVE_BEFORE) == EXIT_IN_ORDER && whole;
	whole = moving_rules_back(moving) == EXIT_IN_ORDER && whole;
	whole = moving_put(moving, MOVE_ROOM_SYSCTL, MOVE_BEFORE) == EXIT_IN_ORDER && whole;
	whole = moving_reserve(moving, false) == EXIT_IN_ORDER && whole;
	(void)str_copy(moving->move.reason, sizeof(moving->move.reason), reason);
	if (!whole) {
		complain(moving->context,
			 _("not everything could be put back; mend what stands above and try "
			   "again"),
			 "sudo minato move --undo");
		return EXIT_ERROR;
	}
	int code = moving_stage(moving, MOVE_UNDONE);
	struct str text = STR_INIT(512);
	str_printf(&text, _("the move of %s to %u is undone: everything is as it was before\n"),
		   moving->move.name, moving->move.to);
	int printed = print_text(&text);
	str_deinit(&text);
	return code == EXIT_IN_ORDER ? printed : code;
}

/* ---- later ---- */

enum { LATE_TRIES = 60, LATE_STEP_MS = 30000, LATE_AGAIN_MS = 2000 };

static const char *too_late = N_("nobody came in through the new port in time");
static const char *interrupted = N_("the command ended early, or the host was started anew");

struct waiter {
	struct context context;
	usec_t begun;
	uint32_t seconds; /* to wait, 0 = for ever */
	usec_t end;       /* CLOCK_BOOTTIME */
};

/* What has become of the move meanwhile. */
enum late { LATE_ENDED, LATE_WAITS, LATE_OVER };

static enum late look_at_record(struct waiter *waiter)
{
	struct moving moving;
	enum late late = LATE_ENDED;
	waiter->context.now = clock_now();
	if (moving_open(&moving, &waiter->context, false) == EXIT_IN_ORDER &&
	    moving.move.begun == waiter->begun && move_is_open(&moving.move)) {
		late = moving_is_over(&moving) ? LATE_OVER : LATE_WAITS;
		waiter->end = moving.move.both_since + (usec_t)moving.move.seconds * USEC_PER_SEC;
	}
	moving_close(&moving);
	return late;
}

/* Whoever is still at work holds the lock. @return whether it was tried. */
static bool undo_late(struct waiter *waiter)
{
	struct moving moving;
	bool tried = false;
	if (moving_open(&moving, &waiter->context, true) == EXIT_IN_ORDER &&
	    moving.move.begun == waiter->begun && moving_is_over(&moving)) {
		tried = true;
		(void)moving_undo(&moving,
				  moving.move.stage == MOVE_WAITING ? too_late : interrupted);
	}
	moving_close(&moving);
	return tried;
}

static int watch_record(void)
{
	char path[PATH_MAX];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(path, sizeof(path), "%s/move", rules_directory()); /* cut: unwatched */
	if (fd >= 0) {
		/* Unwatched it is looked at in steps all the same. */
		(void)inotify_add_watch(fd, path, IN_MOVED_TO | IN_DELETE_SELF);
	}
	return fd;
}

/* In steps, because a host that sleeps stops the clock of poll(). */
static int step_ms(const struct waiter *waiter, enum late late)
{
	const usec_t left = waiter->end - (clock_now() - clock_boot_offset());
	if (late == LATE_OVER) {
		return LATE_AGAIN_MS;
	}
	return waiter->seconds != 0 && left / 1000 < LATE_STEP_MS
		       ? (int)(left < 0 ? 0 : left / 1000) + 1
		       : LATE_STEP_MS;
}

/* Ends as soon as the move does. */
static void wait_and_undo(void *data)
{
	struct waiter *waiter = data;
	_cleanup_(close_fdp) int fd = watch_record();
	unsigned tries = LATE_TRIES;
	enum late late;
	while ((late = look_at_record(waiter)) != LATE_ENDED && tries > 0) {
		char events[4096];
		struct pollfd news = { .fd = fd, .events = POLLIN };
		tries -= late == LATE_OVER && undo_late(waiter) ? 1 : 0;
		(void)poll(&news, 1, step_ms(waiter, late)); /* woken early it looks sooner */
		while (fd >= 0 && read(fd, events, sizeof(events)) > 0) {
		}
	}
}

void moving_undo_later(const struct moving *moving)
{
	struct waiter waiter = { .context = *moving->context,
				 .begun = moving->move.begun,
				 .seconds = moving->move.seconds };
	rules_leave_behind(wait_and_undo, &waiter);
}

void moving_undo_interrupted(const struct context *context)
{
	struct moving moving;
	struct err e = ERR_INIT;
	int folder = move_folder_open(rules_directory(), false, &e);
	if (folder < 0) {
		return; /* there was never a move */
	}
	close_fdp(&folder);
	if (moving_open(&moving, context, true) == EXIT_IN_ORDER && moving_is_over(&moving)) {
		/* What fails was told; the rules hold all the same. */
		(void)moving_undo(&moving,
				  moving.move.stage == MOVE_WAITING && moving_same_boot(&moving)
					  ? too_late
					  : interrupted);
	}
	moving_close(&moving);
}
