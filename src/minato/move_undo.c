/* The record of a move, and the way back. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
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
int moving_open(struct moving *out, const struct context *context, bool change)
{
	struct err e = ERR_INIT;
	*out = (struct moving){
		.context = context,
		.own = *context,
		.folder = -1,
		.notes = STR_INIT(1 << 16),
		.boot_offset = clock_boot_offset(),
	};
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

enum { LATE_TRIES = 60, LATE_STEP_MS = 2000 };

static const char *too_late = N_("nobody came in through the new port in time");

struct waiter {
	const struct context *context;
	usec_t begun;
};

/* @return whether nothing is left to do: somebody finished it, began another, or it is undone. */
static bool try_undo_late(const struct waiter *waiter)
{
	struct context context = *waiter->context;
	struct moving moving;
	context.now = clock_now();
	bool done = false;
	if (moving_open(&moving, &context, true) == EXIT_IN_ORDER) {
		done = moving.move.begun != waiter->begun || !moving_is_over(&moving) ||
		       moving_undo(&moving, too_late) == EXIT_IN_ORDER;
	}
	moving_close(&moving);
	return done;
}

/* Another command may hold a lock just then. */
static void undo_late(void *data)
{
	for (unsigned i = 0; i < LATE_TRIES && !try_undo_late(data); i++) {
		(void)poll(NULL, 0, LATE_STEP_MS); /* woken early it merely tries sooner */
	}
}

void moving_undo_later(const struct moving *moving)
{
	struct waiter waiter = { moving->context, moving->move.begun };
	if (moving->move.seconds != 0) {
		rules_do_later(moving->move.seconds, undo_late, &waiter);
	}
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
				  N_("the host was started anew, or the command ended early"));
	}
	moving_close(&moving);
}
