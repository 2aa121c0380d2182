/*
 * What lib/tap is told by the kernel. The first byte chooses: a record of the ring, or a ban of a
 * table (prefix, then value).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "tap/table.h"

static void take_record(const uint8_t *bytes, size_t length)
{
	struct packet_note note;
	const int r = tap_note_read(&note, bytes, length, 1000);
	assert(r == 0 || r == -EBADMSG);
	assert(r != 0 || (note.option_bytes <= 40 &&
			  (note.source.family == ADDR_IPV4 || note.source.family == ADDR_IPV6) &&
			  note.source.family == note.destination.family));
}

static void take_ban(const uint8_t *bytes, size_t length)
{
	struct tap_prefix key = { 0 };
	struct tap_ban_value value = { 0 };
	struct tap_ban ban;
	uint8_t all[sizeof(key) + sizeof(value)] = { 0 };
	memcpy(all, bytes, length < sizeof(all) ? length : sizeof(all));
	memcpy(&key, all, sizeof(key));
	memcpy(&value, all + sizeof(key), sizeof(value));
	if (table_ban(&ban, &key, &value) == 0) {
		struct tap_ban again;
		const struct tap_prefix key_again = table_key(&ban.prefix);
		const struct tap_ban_value value_again = table_value(&ban);
		assert(tap_ban_check(&ban, NULL) == 0);
		assert(table_ban(&again, &key_again, &value_again) == 0);
		assert(again.verdict == ban.verdict && again.until == ban.until);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0) {
		return 0;
	}
	if (bytes[0] % 2 == 0) {
		take_record(bytes + 1, length - 1);
	} else {
		take_ban(bytes + 1, length - 1);
	}
	return 0;
}
