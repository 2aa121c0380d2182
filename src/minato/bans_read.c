/* The record of bans, and what the kernel holds of it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "bans.h"
#include "rules.h"
#include "words.h"

static void take_kernel(const struct tap_ban *ban, void *data)
{
	struct bans *bans = data;
	struct tap_ban *place = vec_push(&bans->kernel);
	if (place != NULL) { /* else it is shown without what it stopped */
		*place = *ban;
	}
}

static int compare_left(const void *pa, const void *pb)
{
	const struct defend_ban *a = pa;
	const struct defend_ban *b = pb;
	return a->until < b->until ? 1 : a->until > b->until ? -1 : 0;
}

void bans_record_next(char *out, size_t room, int fault)
{
	out[0] = '\0';
	if (fault == -EACCES || fault == -EPERM) {
		(void)snprintf(out, room, "sudo minato bans");
	} else if (fault == -EINVAL || fault == -EFBIG) {
		/* The daemon does the same when it starts. */
		(void)snprintf(out, room, "sudo mv %s/bans.json %s/bans.json.damaged",
			       rules_directory(), rules_directory());
	}
}

int bans_read(struct bans *out, const struct context *context)
{
	struct err e = ERR_INIT;
	const struct tap_place place = bans_tap_place();
	struct tap *tap = NULL;
	*out = (struct bans){ 0 };
	int r = defend_stamp_now(&out->now, &e);
	if (r == 0) {
		r = defend_file_look(&out->table, rules_directory(), &out->now, &e);
		r = r == -ENOENT ? 0 : r; /* nothing was ever applied here */
	}
	if (r < 0) {
		const bool rights = r == -EACCES || r == -EPERM;
		char next[2 * PATH_MAX + 64];
		bans_record_next(next, sizeof(next), r);
		complain(context, err_text(&e), next[0] != '\0' ? next : NULL);
		return rights ? EXIT_RIGHTS : EXIT_ERROR;
	}
	if (tap_open(&tap, &place, NULL) == 0) {
		out->tap = true;
		(void)tap_bans_list(tap, take_kernel, out, NULL); /* what came is shown */
		tap = tap_free(tap);
	}
	const struct defend_ban *over;
	while ((over = defend_table_ended(&out->table, out->now.since_boot)) != NULL) {
		const struct prefix prefix = over->prefix;
		(void)defend_table_remove(&out->table, &prefix, out->now.wall, NULL);
	}
	if (out->table.bans.count > 0) {
		qsort(out->table.bans.items, out->table.bans.count, sizeof(*out->table.bans.items),
		      compare_left);
	}
	return EXIT_IN_ORDER;
}
