/* Bans from the command line: the record, what the kernel stopped, and orders. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "common/bans.h"
#include "model/event.h"

/* The record, and what the kernel holds of it. */
struct bans {
	struct defend_table table;
	struct defend_stamp now;
	VEC(struct tap_ban) kernel; /* empty without a tap */
	bool tap;                   /* one is loaded; else nothing is held */
};

/* What helps when the record cannot be read: a command, or "". @param fault  negative errno. */
void bans_record_next(char *out, size_t room, int fault);
/* Reads both. @return an exit code, after having complained. bans_deinit() in every case. */
int bans_read(struct bans *out, const struct context *context);
void bans_deinit(struct bans *bans);

/* What the kernel holds of it; NULL = it does not. */
const struct tap_ban *bans_held(const struct bans *bans, const struct prefix *prefix);

/* "banned", "hidden from", "slowed down": in the reader's language. */
const char *bans_verdict_words(unsigned verdict);
/* The strongest that covers the address and that the kernel holds; NULL = none. */
const struct defend_ban *bans_against(const struct bans *bans, const struct addr *address);
/* Appends what is behind "banned": ", 50 min left, as 192.0.2.0/24: ..." */
void bans_add_rest(struct str *out, const struct bans *bans, const struct defend_ban *ban);
/* Appends why, and by what evidence. */
void bans_add_why(struct str *out, const struct defend_ban *ban);
/* Appends what an event of a ban tells: of whom, what, why. @return false when it cannot be read:
 * then nothing was appended. */
bool bans_add_event(struct str *out, const struct event *event);
/* Appends the list as a table. */
void bans_rows(struct str *out, const struct bans *bans, const struct context *context);
/* One ban for machines. */
json_t *bans_json(const struct bans *bans, const struct defend_ban *ban);

/* Gives an order to the daemon, or does it where there is none. @return an exit code. */
int bans_order(const struct context *context, const struct bans_order *order);
