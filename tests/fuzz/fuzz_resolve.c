/* Answers for host names, as the process without rights hands them back: one record, what is not
 * given of it is zero. What is understood must be exactly what would have been written. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "resolve/resolve.h"

static void look_at(const struct resolve_answer *answer)
{
	assert(answer->outcome < RESOLVE_OUTCOMES && answer->count <= RESOLVE_ADDRESSES_MAX);
	assert((answer->outcome == RESOLVE_FOUND) == (answer->count > 0));
	for (size_t i = 0; i < answer->count; i++) {
		assert(!addr_is_any(&answer->addresses[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t record[RESOLVE_RECORD_BYTES] = { 0 };
	uint8_t again[RESOLVE_RECORD_BYTES];
	struct resolve_answer answer;
	assert(length == sizeof(record) || resolve_decode(&answer, 1, bytes, length) == -EBADMSG);
	if (length > 0) {
		memcpy(record, bytes, length < sizeof(record) ? length : sizeof(record));
	}
	int r = resolve_decode(&answer, 1, record, sizeof(record));
	assert(r == 0 || r == -EBADMSG);
	if (r == 0) {
		look_at(&answer);
		resolve_encode(again, &answer);
		assert(memcmp(again, record, sizeof(record)) == 0);
	}
	return 0;
}
