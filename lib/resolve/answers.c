/* Answers as bytes, and bytes that claim to be answers. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "resolve/resolve.h"

void resolve_encode(uint8_t *out, const struct resolve_answer *answer)
{
	memset(out, 0, RESOLVE_RECORD_BYTES);
	out[0] = (uint8_t)answer->outcome;
	out[1] = answer->count;
	for (size_t i = 0; i < answer->count; i++) {
		uint8_t *at = out + 2 + i * RESOLVE_ADDRESS_BYTES;
		at[0] = (uint8_t)answer->addresses[i].family;
		memcpy(at + 1, answer->addresses[i].bytes, RESOLVE_ADDRESS_BYTES - 1);
	}
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

static bool decode_address(struct addr *out, const uint8_t *at)
{
	if (at[0] == ADDR_IPV4) {
		*out = addr_from_ipv4(at + 1);
		return !addr_is_any(out) && all_zero(at + 5, RESOLVE_ADDRESS_BYTES - 5);
	}
	if (at[0] == ADDR_IPV6) {
		*out = addr_from_ipv6(at + 1);
		return !addr_is_any(out);
	}
	return false;
}

static bool decode_record(struct resolve_answer *out, const uint8_t *record)
{
	const size_t count = record[1];
	const size_t used = 2 + count * RESOLVE_ADDRESS_BYTES;
	if (record[0] >= RESOLVE_OUTCOMES || count > RESOLVE_ADDRESSES_MAX ||
	    (record[0] == RESOLVE_FOUND || record[0] == RESOLVE_TOO_MANY) != (count > 0) ||
	    (record[0] == RESOLVE_TOO_MANY && count != RESOLVE_ADDRESSES_MAX) ||
	    !all_zero(record + used, RESOLVE_RECORD_BYTES - used)) {
		return false;
	}
	*out = (struct resolve_answer){ .outcome = (enum resolve_outcome)record[0],
					.count = (uint8_t)count };
	for (size_t i = 0; i < count; i++) {
		if (!decode_address(&out->addresses[i], record + 2 + i * RESOLVE_ADDRESS_BYTES)) {
			return false;
		}
	}
	return true;
}

int resolve_decode(struct resolve_answer *answers, size_t count, const uint8_t *bytes,
		   size_t length)
{
	if (count > RESOLVE_NAMES_MAX || length != count * RESOLVE_RECORD_BYTES) {
		return -EBADMSG;
	}
	for (size_t i = 0; i < count; i++) {
		if (!decode_record(&answers[i], bytes + i * RESOLVE_RECORD_BYTES)) {
			return -EBADMSG;
		}
	}
	return 0;
}
