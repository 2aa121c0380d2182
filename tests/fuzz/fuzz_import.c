/*
 * Any bytes as rules of other firewalls; NUL parts them into files. What comes out must be a policy
 * that is taken, and harmless text.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "import/import.h"
#include "policy/policy.h"

enum { FILES_MAX = 8, INPUT_BYTES_MAX = 64 * 1024 };

static size_t split(struct import_file *files, const char *bytes, size_t length)
{
	static const char *const names[FILES_MAX] = { "public.xml", "home.xml", "ssh.xml", "a.xml",
						      "b.xml",      "c",        "d",       "e" };
	size_t count = 0;
	while (count < FILES_MAX) {
		const char *end = length == 0 ? NULL : memchr(bytes, '\0', length);
		size_t part = end == NULL ? length : (size_t)(end - bytes);
		files[count] = (struct import_file){ names[count], bytes, part };
		count++;
		if (end == NULL) {
			break;
		}
		bytes += part + 1;
		length -= part + 1;
	}
	return count;
}

static void check_policy(const struct str *text)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	const struct policy_environment environment = { .today = 20454 };
	if (policy_parse(&policy, &diagnostics, "a", str_text(text), text->length, &environment) !=
	    0) {
		abort();
	}
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
}

static void check_report(const struct import_report *report)
{
	uint32_t counts[IMPORT_LEFT + 1] = { 0 };
	for (size_t i = 0; i < report->notes.count; i++) {
		struct str sentence = STR_INIT(1 << 20);
		import_note_sentence(&sentence, &report->notes.items[i], LANGUAGE_JA);
		if (sentence.length == 0 ||
		    text_utf8_invalid(str_text(&sentence), sentence.length) >= 0) {
			abort();
		}
		counts[report->notes.items[i].outcome]++;
		str_deinit(&sentence);
	}
	if (memcmp(counts, report->counts, sizeof(counts)) != 0) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct import_file files[FILES_MAX];
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct import_report report;
	struct err e = ERR_INIT;
	static const char *const interfaces[] = { "eth0", "eth1" };
	const struct import_host host = { interfaces, length % 3 };
	if (length > INPUT_BYTES_MAX) {
		return 0;
	}
	size_t count = split(files, (const char *)bytes, length);
	int r = import_policy(&text, &report, files, count, &host, LANGUAGE_EN, &e);
	if (r == 0) {
		check_policy(&text);
		check_report(&report);
	} else if (err_text(&e)[0] == '\0') {
		abort();
	}
	import_report_deinit(&report);
	str_deinit(&text);
	return 0;
}
