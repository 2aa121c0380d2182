/* Bans and lists in the kernel's tables, and its counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/io/bpf.h"
#include "tap/io/pins.h"
#include "tap/table.h"

/* ---- settings ---- */

/* What changes of the settings; zeroed = only what time changes. */
struct change {
	uint32_t set, unset; /* tables that are looked into */
	bool never;          /* there is another list */
	const uint64_t *published;
};

/* Under the lock that every writer of the settings takes. */
static int change_settings(const struct tap *tap, const struct change *change, struct err *e)
{
	const uint32_t first = 0;
	struct tap_settings settings;
	if (flock(tap->directory, LOCK_EX) < 0) {
		return err_system(e, errno, "cannot lock the tap's folder");
	}
	int r = bpf_read_value(tap->fds[PIN_SETTINGS], first, &settings);
	if (r == 0) {
		settings.tables = (settings.tables | change->set) & ~change->unset;
		settings.never += change->never;
		settings.bans += (change->set & (TAP_HAS_BANS | TAP_HAS_NETWORKS)) != 0;
		settings.suspended_ns = tap_suspended();
		if (change->published != NULL) {
			memcpy(settings.published, change->published, sizeof(settings.published));
		}
		r = bpf_update(tap->fds[PIN_SETTINGS], &first, &settings);
	}
	tap_pins_unlock(tap);
	return r < 0 ? err_system(e, r, "cannot write the tap's settings") : 0;
}

int tap_published_set(struct tap *tap, const struct portset *tcp, const struct portset *udp,
		      struct err *e)
{
	uint64_t words[TAP_PORT_WORDS] = { 0 };
	if (tcp != NULL) {
		memcpy(words, tcp->words, sizeof(tcp->words));
	}
	if (udp != NULL) {
		memcpy(words + TAP_PORT_WORDS / 2, udp->words, sizeof(udp->words));
	}
	return change_settings(tap, &(struct change){ .published = words }, e);
}

/* ---- bans ---- */

static int table_of(const struct tap *tap, const struct tap_prefix *key, const void **where)
{
	const bool single = table_is_single(key);
	*where = single ? (const void *)key->address : key;
	return tap->fds[single ? PIN_BANS : PIN_NETWORKS];
}

static int set_ban(const struct tap *tap, const struct tap_ban *ban, uint32_t *tables,
		   struct err *e)
{
	char text[PREFIX_TEXT_BYTES];
	const void *where = NULL;
	struct tap_ban_value before;
	int r = tap_ban_check(ban, e);
	if (r < 0) {
		return r;
	}
	const struct tap_prefix key = table_key(&ban->prefix);
	struct tap_ban_value value = table_value(ban);
	const int table = table_of(tap, &key, &where);
	*tables |= table_is_single(&key) ? TAP_HAS_BANS : TAP_HAS_NETWORKS;
	value.stopped = bpf_lookup(table, where, &before) == 0 ? before.stopped : 0;
	r = bpf_update(table, where, &value);
	if (r == -E2BIG || r == -ENOSPC || r == -ENOMEM) {
		return err_set(e, ENOSPC, "no room for the ban of %s: %u %s are banned",
			       prefix_format(&ban->prefix, text),
			       table_is_single(&key) ? TAP_BANS_MAX : TAP_NETWORKS_MAX,
			       table_is_single(&key) ? "addresses" : "networks");
	}
	return r < 0 ? err_system(e, r, "cannot ban %s", prefix_format(&ban->prefix, text)) : 0;
}

int tap_bans_set(struct tap *tap, const struct tap_ban *bans, size_t count, struct err *e)
{
	uint32_t tables = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = set_ban(tap, &bans[i], &tables, e);
	}
	const int told =
		tables != 0 ? change_settings(tap, &(struct change){ .set = tables }, e) : 0;
	return r < 0 ? r : told;
}

/* Nobody pays any more for a table that has become empty. Whoever calls this often also keeps the
 * kernel's side from taking the time of a suspended host for none. */
static int tell_empty(const struct tap *tap, struct err *e)
{
	struct tap_prefix key;
	uint32_t empty = 0;
	empty |= bpf_next_key(tap->fds[PIN_BANS], NULL, key.address) == -ENOENT ? TAP_HAS_BANS : 0;
	empty |= bpf_next_key(tap->fds[PIN_NETWORKS], NULL, &key) == -ENOENT ? TAP_HAS_NETWORKS : 0;
	return change_settings(tap, &(struct change){ .unset = empty }, e);
}

int tap_bans_remove(struct tap *tap, const struct prefix *prefix, struct err *e)
{
	char text[PREFIX_TEXT_BYTES];
	const void *where = NULL;
	int r = table_check_prefix(prefix, e);
	if (r < 0) {
		return r;
	}
	const struct tap_prefix key = table_key(prefix);
	const int table = table_of(tap, &key, &where);
	r = bpf_delete(table, where);
	if (r == -ENOENT) {
		return err_set(e, ENOENT, "%s is not banned", prefix_format(prefix, text));
	}
	if (r < 0) {
		return err_system(e, r, "cannot end the ban of %s", prefix_format(prefix, text));
	}
	return tell_empty(tap, e);
}

/* ---- keys of a table ---- */

struct keys {
	struct tap_prefix *items;
	size_t count;
};

static void keys_deinit(struct keys *keys)
{
	free(keys->items);
}

/* All of a table, before anything is done with them: whoever deletes the key behind which the next
 * one stands begins from the start again. */
static int read_keys(struct keys *out, int table, bool single, size_t max, struct err *e)
{
	struct tap_prefix key = { 0 };
	void *at = single ? (void *)key.address : &key;
	struct tap_prefix *items = calloc(max, sizeof(*items));
	size_t count = 0;
	if (items == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	int r = bpf_next_key(table, NULL, at);
	while (r == 0 && count < max) {
		items[count++] = single ? table_single(key.address) : key;
		r = bpf_next_key(table, at, at);
	}
	if (r < 0 && r != -ENOENT) {
		free(items);
		return err_system(e, r, "cannot read a table of the tap");
	}
	*out = (struct keys){ items, count };
	return 0;
}

typedef int key_function(const struct tap *tap, int table, const struct tap_prefix *key,
			 const void *where, void *data);

static int for_each(const struct tap *tap, bool single, key_function *function, void *data,
		    struct err *e)
{
	_cleanup_(keys_deinit) struct keys keys = { 0 };
	const int table = tap->fds[single ? PIN_BANS : PIN_NETWORKS];
	int r = read_keys(&keys, table, single, single ? TAP_BANS_MAX : TAP_NETWORKS_MAX, e);
	for (size_t i = 0; r == 0 && i < keys.count; i++) {
		const struct tap_prefix *key = &keys.items[i];
		r = function(tap, table, key, single ? (const void *)key->address : key, data);
	}
	return r;
}

struct listing {
	tap_ban_function *function;
	void *data;
	usec_t now;
};

/* @return whether there is one; it may be gone since its key was read. */
static bool read_ban(struct tap_ban *out, int table, const struct tap_prefix *key,
		     const void *where)
{
	struct tap_ban_value value;
	return bpf_lookup(table, where, &value) == 0 && table_ban(out, key, &value) == 0;
}

static int list_one(const struct tap *tap, int table, const struct tap_prefix *key,
		    const void *where, void *data)
{
	const struct listing *listing = data;
	struct tap_ban ban;
	(void)tap;
	if (read_ban(&ban, table, key, where)) {
		listing->function(&ban, listing->data);
	}
	return 0;
}

int tap_bans_list(struct tap *tap, tap_ban_function *function, void *data, struct err *e)
{
	struct listing listing = { .function = function, .data = data };
	int r = for_each(tap, true, list_one, &listing, e);
	return r < 0 ? r : for_each(tap, false, list_one, &listing, e);
}

static int expire_one(const struct tap *tap, int table, const struct tap_prefix *key,
		      const void *where, void *data)
{
	const struct listing *listing = data;
	struct tap_ban ban;
	(void)tap;
	if (read_ban(&ban, table, key, where) && ban.until <= listing->now &&
	    bpf_delete(table, where) == 0 && listing->function != NULL) {
		listing->function(&ban, listing->data);
	}
	return 0;
}

int tap_bans_expire(struct tap *tap, usec_t now, tap_ban_function *function, void *data,
		    struct err *e)
{
	struct listing listing = { .function = function, .data = data, .now = now };
	int r = for_each(tap, true, expire_one, &listing, e);
	if (r == 0) {
		r = for_each(tap, false, expire_one, &listing, e);
	}
	return r < 0 ? r : tell_empty(tap, e);
}

/* ---- lists of prefixes ---- */

static bool has_key(const struct tap_prefix *keys, size_t count, const struct tap_prefix *key)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(&keys[i], key, sizeof(*key)) == 0) {
			return true;
		}
	}
	return false;
}

/* What is new comes before what is old goes: nobody who is in both is ever missing. */
static int replace_list(int table, const struct tap_prefix *wanted, size_t count, size_t max,
			struct err *e)
{
	const uint32_t yes = 1;
	_cleanup_(keys_deinit) struct keys before = { 0 };
	int r = read_keys(&before, table, false, max, e);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = has_key(before.items, before.count, &wanted[i])
			    ? 0
			    : bpf_update(table, &wanted[i], &yes);
		if (r == -ENOSPC && before.count > 0) { /* the old ones take the room */
			before.count--;
			r = has_key(wanted, count, &before.items[before.count])
				    ? 0
				    : bpf_delete(table, &before.items[before.count]);
			i--;
		}
	}
	for (size_t i = 0; r == 0 && i < before.count; i++) {
		if (!has_key(wanted, count, &before.items[i])) {
			r = bpf_delete(table, &before.items[i]);
		}
	}
	return r < 0 ? err_system(e, r, "cannot write a list of the tap") : 0;
}

static int set_list(const struct tap *tap, enum pin pin, const struct prefix *list, size_t count,
		    size_t max, struct err *e)
{
	if (count > max) {
		return err_set(e, E2BIG, "%zu networks are more than the tap holds: %zu", count,
			       max);
	}
	_cleanup_(freep) struct tap_prefix *wanted = calloc(count + 1, sizeof(*wanted));
	int r = 0;
	if (wanted == NULL) {
		return err_system(e, ENOMEM, "tap");
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = table_check_prefix(&list[i], e);
		wanted[i] = r == 0 ? table_key(&list[i]) : wanted[i];
	}
	return r < 0 ? r : replace_list(tap->fds[pin], wanted, count, max, e);
}

int tap_never_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e)
{
	int r = set_list(tap, PIN_NEVER, list, count, TAP_NEVER_MAX, e);
	/* Also after half of it: what is in the table holds. */
	const int told = change_settings(tap, &(struct change){ .never = true }, e);
	return r < 0 ? r : told;
}

int tap_watched_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e)
{
	int r = 0;
	if (count == 0) { /* before the table is empty: then nothing would be watched */
		r = change_settings(tap, &(struct change){ .unset = TAP_HAS_WATCHED }, e);
	}
	if (r == 0) {
		r = set_list(tap, PIN_WATCHED, list, count, TAP_WATCHED_MAX, e);
	}
	if (r == 0 && count > 0) {
		r = change_settings(tap, &(struct change){ .set = TAP_HAS_WATCHED }, e);
	}
	return r;
}

int tap_devices_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e)
{
	const struct change change = { .set = count > 0 ? TAP_HAS_DEVICES : 0,
				       .unset = count > 0 ? 0 : TAP_HAS_DEVICES };
	const int r = set_list(tap, PIN_DEVICES, list, count, TAP_DEVICES_MAX, e);
	return r < 0 ? r : change_settings(tap, &change, e);
}

/* ---- counters ---- */

int tap_counters_read(struct tap_counters *out, struct tap *tap, struct err *e)
{
	struct tap_counters sum = { 0 };
	for (uint32_t cpu = 0; cpu < tap->cpus; cpu++) {
		struct tap_counts counts;
		int r = bpf_read_value(tap->fds[PIN_COUNTERS], cpu, &counts);
		if (r < 0) {
			return err_system(e, r, "cannot read the tap's counters");
		}
		table_add_counts(&sum, &counts);
	}
	*out = sum;
	return 0;
}
