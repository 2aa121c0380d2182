/* Who is kept out, and who was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "defend/defend.h"

void defend_table_deinit(struct defend_table *table)
{
	vec_free(&table->bans);
	vec_free(&table->past);
	*table = (struct defend_table){ 0 };
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && addr_compare(&a->address, &b->address) == 0;
}

static struct defend_ban *find(const struct defend_table *table, const struct prefix *prefix)
{
	for (size_t i = 0; i < table->bans.count; i++) {
		if (same_prefix(&table->bans.items[i].prefix, prefix)) {
			return &table->bans.items[i];
		}
	}
	return NULL;
}

const struct defend_ban *defend_table_find(const struct defend_table *table,
					   const struct prefix *prefix)
{
	return find(table, prefix);
}

static bool is_stronger(const struct defend_ban *a, const struct defend_ban *b)
{
	return a->verdict > b->verdict || (a->verdict == b->verdict && a->until > b->until);
}

const struct defend_ban *defend_table_covers(const struct defend_table *table,
					     const struct addr *address)
{
	const struct defend_ban *best = NULL;
	for (size_t i = 0; i < table->bans.count; i++) {
		const struct defend_ban *ban = &table->bans.items[i];
		if (prefix_has(&ban->prefix, address) && (best == NULL || is_stronger(ban, best))) {
			best = ban;
		}
	}
	return best;
}

bool defend_is_inside(const struct prefix *inner, const struct prefix *outer)
{
	return outer->bits < inner->bits && prefix_has(outer, &inner->address);
}

struct defend_ban defend_table_held(const struct defend_table *table, const struct defend_ban *ban)
{
	const struct defend_ban *best = ban;
	for (size_t i = 0; i < table->bans.count; i++) {
		const struct defend_ban *other = &table->bans.items[i];
		if (defend_is_inside(&ban->prefix, &other->prefix) && is_stronger(other, best)) {
			best = other;
		}
	}
	struct defend_ban held = *best;
	held.prefix = ban->prefix;
	return held;
}

int defend_table_put(struct defend_table *table, const struct defend_ban *ban)
{
	struct defend_ban *place = find(table, &ban->prefix);
	if (place == NULL && table->bans.count >= DEFEND_BANS_MAX) {
		return -ENOSPC;
	}
	place = place != NULL ? place : vec_push(&table->bans);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = *ban;
	return 0;
}

/* Remembers who was kept out for good reason; the longest ago gives way. */
static void remember(struct defend_table *table, const struct defend_ban *ban, usec_t wall)
{
	struct defend_past *place = NULL;
	struct defend_past *oldest = NULL;
	if (!ban->proved || ban->by_hand) {
		return;
	}
	for (size_t i = 0; i < table->past.count; i++) {
		struct defend_past *past = &table->past.items[i];
		place = same_prefix(&past->prefix, &ban->prefix) ? past : place;
		oldest = oldest == NULL || past->ended < oldest->ended ? past : oldest;
	}
	if (place == NULL) {
		place = table->past.count < DEFEND_PAST_MAX ? vec_push(&table->past) : oldest;
	}
	if (place != NULL) { /* without memory it is a first time again */
		*place = (struct defend_past){ ban->prefix, ban->times, wall };
	}
}

int defend_table_remove(struct defend_table *table, const struct prefix *prefix, usec_t wall,
			struct defend_ban *out)
{
	struct defend_ban *ban = find(table, prefix);
	if (ban == NULL) {
		return -ENOENT;
	}
	remember(table, ban, wall);
	if (out != NULL) {
		*out = *ban;
	}
	*ban = table->bans.items[--table->bans.count];
	return 0;
}

const struct defend_ban *defend_table_ended(const struct defend_table *table, usec_t now)
{
	for (size_t i = 0; i < table->bans.count; i++) {
		if (table->bans.items[i].until <= now) {
			return &table->bans.items[i];
		}
	}
	return NULL;
}

usec_t defend_table_next(const struct defend_table *table)
{
	usec_t next = INT64_MAX;
	for (size_t i = 0; i < table->bans.count; i++) {
		const usec_t until = table->bans.items[i].until;
		next = until < next ? until : next;
	}
	return next;
}

void defend_table_count(struct defend_table *table, const struct defend_ban *ban, usec_t now)
{
	const unsigned kind = ban->proved ? 1 : 0;
	table->recent[kind][table->next[kind]] = now;
	table->next[kind] = (table->next[kind] + 1) % DEFEND_PER_MINUTE_MAX;
}
