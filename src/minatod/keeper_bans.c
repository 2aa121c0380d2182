/* Who is kept out: the table between the record and the kernel, and what is told of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/vec.h"
#include "common/bans.h"
#include "common/say.h"
#include "keeper.h"

static const usec_t WRITE_USEC = USEC_PER_SEC; /* many bans at once are one writing */

/* ---- telling ---- */

static void tell(const struct keeper *keeper, const struct defend_ban *ban, enum event_kind kind,
		 usec_t span, const char *how)
{
	char prefix[PREFIX_TEXT_BYTES];
	struct event event = { .time = clock_now(),
			       .kind = kind,
			       .address = ban->prefix.address,
			       .port = ban->cause.ports[0],
			       .cookie = ban->incident,
			       .uid = UINT32_MAX,
			       .count = (uint64_t)(span / USEC_PER_SEC) };
	prefix_format(&ban->prefix, prefix);
	(void)str_copy(event.finding, sizeof(event.finding), ban->shape);
	if (kind == EVENT_BANNED) {
		(void)snprintf(event.detail, sizeof(event.detail), "%s: %s: %.90s (%.100s)", prefix,
			       defend_verdict_name(ban->verdict), ban->reason, ban->evidence);
	} else {
		(void)snprintf(event.detail, sizeof(event.detail), "%s: %s: %s", prefix,
			       defend_verdict_name(ban->verdict), how);
	}
	say(SAY_NOTICE, "%s: %s", event_kind_name(kind), event.detail);
	(void)keeper_tell_news(keeper, &event); /* the log has it */
}

/* ---- the kernel ---- */

static int hold(struct keeper *keeper, const struct defend_ban *ban, struct err *e)
{
	const struct defend_ban effective = defend_table_held(&keeper->defence.table, ban);
	const struct tap_ban held = bans_for_kernel(&effective);
	return keeper->taps.tap == NULL
		       ? err_set(e, ENODEV, "there is no tap: nothing can be kept out")
		       : tap_bans_set(keeper->taps.tap, &held, 1, e);
}

/* A network was added to the table or taken from it: those inside are held otherwise. */
static void hold_inside(struct keeper *keeper, const struct prefix *network)
{
	const struct defend_table *table = &keeper->defence.table;
	struct err e = ERR_INIT;
	for (size_t i = 0; keeper->taps.tap != NULL && i < table->bans.count; i++) {
		const struct defend_ban *ban = &table->bans.items[i];
		if (defend_is_inside(&ban->prefix, network) && hold(keeper, ban, &e) < 0) {
			keeper_say(keeper, err_text(&e));
		}
	}
}

/* Of one that the table does not have any more. */
static void release(struct keeper *keeper, const struct prefix *prefix)
{
	struct err e = ERR_INIT;
	int r = keeper->taps.tap == NULL ? 0 : tap_bans_remove(keeper->taps.tap, prefix, &e);
	if (r < 0 && r != -ENOENT) {
		keeper_say(keeper, err_text(&e)); /* its time ends in the kernel, too */
	}
	hold_inside(keeper, prefix);
}

/* ---- the record ---- */

static int write_record(struct keeper *keeper, bool wait, struct err *e)
{
	struct keeper_defence *defence = &keeper->defence;
	struct defend_file file = DEFEND_FILE_INIT;
	struct defend_stamp now;
	int r = defend_stamp_now(&now, e);
	r = r < 0 ? r : defend_file_open(&file, keeper->directory, wait, e);
	r = r < 0 ? r : defend_file_write(&file, &defence->table, &now, e);
	defend_file_close(&file);
	defence->wrote = clock_monotonic();
	defence->write_at = r == 0 ? INT64_MAX : defence->wrote + WRITE_USEC;
	return r;
}

static void write_soon(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	if (defence->write_at == INT64_MAX) {
		defence->write_at = defence->wrote + WRITE_USEC;
	}
}

void keeper_bans_write(struct keeper *keeper)
{
	struct err e = ERR_INIT;
	int r = write_record(keeper, false, &e);
	if (r < 0 && r != -EBUSY) {
		keeper_say(keeper, err_text(&e));
	}
}

/* ---- made and ended ---- */

int keeper_bans_make(struct keeper *keeper, const struct defend_ban *ban, struct err *e)
{
	struct keeper_defence *defence = &keeper->defence;
	int r = hold(keeper, ban, e);
	if (r < 0) {
		return r;
	}
	r = defend_table_put(&defence->table, ban);
	if (r < 0) {
		release(keeper, &ban->prefix);
		return err_system(e, r, "there is no room for another ban");
	}
	hold_inside(keeper, &ban->prefix);
	tell(keeper, ban, EVENT_BANNED, ban->until - ban->since, NULL);
	write_soon(keeper);
	return 0;
}

void keeper_bans_expire(struct keeper *keeper, usec_t now)
{
	struct keeper_defence *defence = &keeper->defence;
	const struct defend_ban *over;
	while ((over = defend_table_ended(&defence->table, now)) != NULL) {
		const struct defend_ban ban = *over;
		(void)defend_table_remove(&defence->table, &ban.prefix, clock_now(),
					  NULL); /* it was found there */
		release(keeper, &ban.prefix);
		tell(keeper, &ban, EVENT_BAN_ENDED, ban.until - ban.since, "its time is over");
		write_soon(keeper);
	}
	while ((over = defend_table_ended(&defence->watched, now)) != NULL) {
		const struct prefix prefix = over->prefix;
		(void)defend_table_remove(&defence->watched, &prefix, clock_now(), NULL);
	}
}

/* Why a ban that stands may not stand any more; NULL = it may. */
static const char *why_not(const struct keeper_defence *defence, const struct defend_ban *ban)
{
	switch (defend_ends(ban, &defence->policy, &defence->facts)) {
	case 0:
		return NULL;
	case DEFEND_WHY_OFF:
	case DEFEND_WHY_RECORDED:
		return "the policy does not want it any more";
	case DEFEND_WHY_CLIENT:
		return "a from: of the policy names it by now";
	default:
		return defend_why_text(defend_ends(ban, &defence->policy, &defence->facts));
	}
}

void keeper_bans_review(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	for (size_t i = 0;
	     defence->knows != KEEPER_KNOWS_NOTHING && i < defence->table.bans.count;) {
		const struct defend_ban ban = defence->table.bans.items[i];
		const char *reason = why_not(defence, &ban);
		if (reason == NULL) {
			i++;
			continue;
		}
		/* Another one comes to its place. */
		(void)defend_table_remove(&defence->table, &ban.prefix, clock_now(), NULL);
		release(keeper, &ban.prefix);
		tell(keeper, &ban, EVENT_BAN_ENDED, clock_boot() - ban.since, reason);
		write_soon(keeper);
	}
}

/* ---- at the start ---- */

struct strangers {
	const struct defend_table *table;
	VEC(struct prefix) list;
};

static void take_stranger(const struct tap_ban *ban, void *data)
{
	struct strangers *strangers = data;
	struct prefix *place = defend_table_find(strangers->table, &ban->prefix) != NULL
				       ? NULL
				       : vec_push(&strangers->list);
	if (place != NULL) { /* else its time ends in the kernel */
		*place = ban->prefix;
	}
}

/* What an earlier daemon left in the kernel and the record does not have. */
static void drop_strangers(struct keeper *keeper)
{
	struct strangers strangers = { .table = &keeper->defence.table };
	(void)tap_bans_list(keeper->taps.tap, take_stranger, &strangers, NULL); /* likewise */
	for (size_t i = 0; i < strangers.list.count; i++) {
		release(keeper, &strangers.list.items[i]);
	}
	vec_free(&strangers.list);
}

static int read_record(struct keeper *keeper, struct err *e)
{
	struct defend_stamp now;
	int r = defend_stamp_now(&now, e);
	r = r < 0 ? r : defend_file_look(&keeper->defence.table, keeper->directory, &now, e);
	return r == -ENOENT ? 0 : r; /* nothing was ever applied here */
}

/* It would be written over with the next ban. */
static void set_aside(const struct keeper *keeper)
{
	struct defend_file file = DEFEND_FILE_INIT;
	struct err e = ERR_INIT;
	int r = defend_file_open(&file, keeper->directory, false, &e);
	r = r < 0 ? r : defend_file_set_aside(&file, &e);
	say(SAY_WARNING, "%s", r < 0 ? err_text(&e) : "it is kept as bans.json.damaged");
	defend_file_close(&file);
}

void keeper_bans_open(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	struct err e = ERR_INIT;
	defence->write_at = INT64_MAX;
	defence->unsure_until = INT64_MAX;
	const int r = read_record(keeper, &e);
	if (r < 0 && r != -EPERM) { /* of an unsafe folder the look at the rules tells */
		say(SAY_WARNING, "%s", err_text(&e));
	}
	if (r == -EINVAL || r == -EFBIG) {
		set_aside(keeper);
	}
	keeper_bans_expire(keeper, clock_boot());
	if (keeper->taps.tap == NULL) {
		return;
	}
	keeper_facts_read(keeper); /* who is spared stands there before anybody is kept out */
	drop_strangers(keeper);
	for (size_t i = 0; i < defence->table.bans.count; i++) {
		struct err fault = ERR_INIT;
		if (hold(keeper, &defence->table.bans.items[i], &fault) < 0) {
			keeper_say(keeper, err_text(&fault));
		}
	}
}

/* ---- orders of people ---- */

static int obey(struct keeper *keeper, const char *text, struct err *e)
{
	struct keeper_defence *defence = &keeper->defence;
	struct bans_order order = { 0 };
	struct defend_ban ban = { 0 };
	struct defend_stamp now;
	int r = defend_stamp_now(&now, e);
	if (r == 0 && bans_order_read(&order, text) < 0) {
		r = err_set(e, EINVAL, "that is no order about a ban");
	}
	if (r < 0) {
		return r;
	}
	keeper_facts_read(keeper);
	r = bans_order_do(&ban, &defence->table, &order, &defence->policy, &defence->facts, &now);
	if (r == 0 && order.remove) {
		char how[DEFEND_BY_BYTES + 16];
		(void)snprintf(how, sizeof(how), "removed by %s", order.by);
		release(keeper, &ban.prefix);
		tell(keeper, &ban, EVENT_BAN_ENDED, now.since_boot - ban.since, how);
	} else if (r == 0) {
		r = hold(keeper, &ban, e);
		if (r < 0) {
			(void)defend_table_remove(&defence->table, &ban.prefix, now.wall, NULL);
			return r;
		}
		hold_inside(keeper, &ban.prefix);
		tell(keeper, &ban, EVENT_BANNED, order.span, NULL);
	}
	return r == 0 ? write_record(keeper, true, e) : r;
}

void keeper_bans_order(struct keeper *keeper, uint32_t request, const char *text)
{
	struct wire_message answer = { .type = WIRE_ORDERED, .request = request };
	struct err e = ERR_INIT;
	const int r = obey(keeper, text, &e);
	_Static_assert(sizeof(answer.order.text) >= BANS_ANSWER_BYTES, "an answer has room");
	bans_answer(answer.order.text, r, &e);
	(void)wire_send(keeper->parent, &answer, NULL, 0, NULL); /* who asked waits for a while */
}
