/* Settings of sshd and public keys, as files may hold them. The first byte chooses which. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "measure/measure.h"

static bool harmless(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~') {
			return false;
		}
	}
	return true;
}

/* Includes the same text once more, so that blocks and files end within each other. */
static int include(struct measure_sshd *sshd, const char *pattern, void *data)
{
	if (pattern[0] == '!') {
		measure_sshd_skip(sshd, pattern);
		return 0;
	}
	return sshd->depth > 3 ? 0 : measure_sshd_read(sshd, "again", data, include, data);
}

static void take_settings(char *text)
{
	struct measure_sshd sshd;
	struct measure_result result;
	measure_sshd_init(&sshd);
	measure_sshd_option(&sshd, text);
	/* Each file may include itself often: a bound for the time that a run takes. */
	const size_t includes = strlen(text) < 200 ? 1 : 0;
	assert(measure_sshd_read(&sshd, "file", text, includes > 0 ? include : NULL, text) == 0);
	assert(sshd.depth == 0 && sshd.key_count <= MEASURE_KEYS_MAX);
	for (int id = 0; id < MEASURES; id++) {
		measure_judge(&result, (enum measure_id)id,
			      &(struct measure_evidence){ .sshd = &sshd });
		assert(result.state <= MEASURE_DONE && harmless(result.detail));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct measure_public_key key = { .bits = 0 };
	if (length == 0) {
		return 0;
	}
	char *text = malloc(length);
	assert(text != NULL);
	memcpy(text, bytes + 1, length - 1);
	text[length - 1] = '\0';
	if (bytes[0] == 'k') {
		assert(measure_public_key_parse(&key, text) != 0 || harmless(key.type));
	} else {
		take_settings(text);
	}
	free(text);
	return 0;
}
