/*
 * What is read of bans: the record (first byte even), and orders of people (odd). Whatever is taken
 * is written and read again as the same.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "common/bans.h"
#include "fuzz.h"

static const struct defend_stamp now = { "a", 5000 * USEC_PER_SEC, 1795311825 * USEC_PER_SEC };

static void take_record(const char *text, size_t length)
{
	struct defend_table first = { 0 };
	struct defend_table second = { 0 };
	struct str written = STR_INIT(DEFEND_FILE_BYTES_MAX);
	const int r = defend_table_read(&first, text, length, &now);
	assert(r == 0 || r == -EINVAL);
	assert(first.bans.count <= DEFEND_BANS_MAX && first.past.count <= DEFEND_PAST_MAX);
	for (size_t i = 0; i < first.bans.count; i++) {
		const struct tap_ban held = bans_for_kernel(&first.bans.items[i]);
		assert(held.until < 0 || tap_ban_check(&held, NULL) == 0);
	}
	if (r == 0) {
		const struct defend_ban *over;
		while ((over = defend_table_ended(&first, now.since_boot)) != NULL) {
			const struct prefix prefix = over->prefix;
			assert(defend_table_remove(&first, &prefix, now.wall, NULL) == 0);
		}
		assert(defend_table_write(&written, &first, &now) == 0);
		assert(defend_table_read(&second, str_text(&written), written.length, &now) == 0);
		assert(second.past.count == first.past.count);
		assert(second.bans.count <= first.bans.count);
	}
	str_deinit(&written);
	defend_table_deinit(&first);
	defend_table_deinit(&second);
}

static void take_order(const char *text)
{
	struct bans_order first;
	struct bans_order second;
	char written[BANS_ORDER_BYTES];
	if (bans_order_read(&first, text) == 0) {
		assert(bans_order_write(written, &first) > 0);
		assert(bans_order_read(&second, written) == 0);
		assert(second.remove == first.remove && second.span == first.span);
		assert(addr_compare(&second.prefix.address, &first.prefix.address) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	_cleanup_(freep) char *text = calloc(1, length + 1);
	assert(text != NULL);
	if (length == 0) {
		return 0;
	}
	memcpy(text, bytes + 1, length - 1);
	if ((bytes[0] & 1) == 0) {
		take_record(text, length - 1);
	} else {
		take_order(text);
	}
	return 0;
}
