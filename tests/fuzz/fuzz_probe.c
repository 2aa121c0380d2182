/*
 * What services answer, targets as they are typed, and records of minato-probe. The first byte
 * chooses what the rest is, and whom it is from.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "probe/probe.h"

static void take_target(const uint8_t *bytes, size_t length)
{
	char text[1024];
	struct probe_target target;
	length = length < sizeof(text) ? length : sizeof(text) - 1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (probe_target_parse(&target, text) == 0) {
		assert(target.port != 0 && target.service != NULL);
		assert(strpbrk(target.host, " \r\n\x1b/") == NULL);
		assert(target.path[0] == '/' && strpbrk(target.path, " \r\n\x1b") == NULL);
	}
}

static void take_record(const uint8_t *bytes, size_t length)
{
	struct probe_record record = { 0 };
	const struct probe_order order = { .address_count = 1 };
	const struct probe_record *evidence = NULL;
	memcpy(&record, bytes, length < sizeof(record) ? length : sizeof(record));
	if (probe_record_valid(&record)) {
		assert(probe_judge(&order, &record, 1, 0, &evidence) < PROBE_CAUSES);
	}
}

static void take_answer(enum probe_talk talk, const uint8_t *bytes, size_t length)
{
	struct probe_record record = { .step = PROBE_STEP_ANSWER };
	(void)probe_is_whole(talk, bytes, length);
	probe_read_answer(&record, talk, bytes, length);
	assert(probe_record_valid(&record));
}

static void take_via(const uint8_t *bytes, size_t length)
{
	char text[600];
	struct probe_via via;
	struct probe_via_answer answer;
	length = length < sizeof(text) ? length : sizeof(text) - 1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (probe_via_parse(&via, text) == 0) {
		assert(via.host[0] != '-' && via.host[0] != '\0' && via.user[0] != '-');
		assert(strpbrk(via.host, " '\"$`;\\\n") == NULL);
	}
	const int number = probe_via_line(&answer, text, 8);
	assert(number < 8 && (number < 0 || answer.tool < PROBE_VIA_TOOLS));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0) {
		return 0;
	}
	if (bytes[0] == 0xff) {
		take_target(bytes + 1, length - 1);
	} else if (bytes[0] == 0xfd) {
		take_via(bytes + 1, length - 1);
	} else if (bytes[0] == 0xfe) {
		take_record(bytes + 1, length - 1);
	} else {
		take_answer((enum probe_talk)(bytes[0] % PROBE_TALKS), bytes + 1, length - 1);
	}
	return 0;
}
