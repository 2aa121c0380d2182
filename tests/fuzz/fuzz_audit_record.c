/* The kept record of audits: what is read comes back the same when it is written. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct audit_record record, again;
	struct str text = STR_INIT(AUDIT_RECORD_BYTES_MAX);
	memset(&record, 0, sizeof(record));
	memset(&again, 0, sizeof(again));
	if (audit_record_parse(&record, (const char *)bytes, length) == 0) {
		assert(record.count <= 2 * AUDIT_LAYERS_MAX);
		assert(audit_record_print(&text, &record) == 0);
		assert(audit_record_parse(&again, text.text, text.length) == 0);
		assert(memcmp(&record, &again, sizeof(record)) == 0);
	}
	str_deinit(&text);
	return 0;
}
