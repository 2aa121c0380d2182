/*
 * Settings of sshd and public keys as files may hold them, and what servers may answer. The first
 * byte chooses which.
 */
#include <assert.h>
#include <stdio.h>
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

static void digest(char out[MEASURE_DIGEST_BYTES], const void *bytes, size_t length)
{
	(void)bytes;
	(void)snprintf(out, MEASURE_DIGEST_BYTES, "%064zx", length);
}

/* Each reply ends with a NUL. */
static void take_replies(enum measure_talk talk, const uint8_t *bytes, size_t length)
{
	struct measure_talking talking;
	const struct measure_order order = { .talk = talk, .to = { .host = "h", .path = "/" } };
	measure_talk_begin(&talking, &order, digest);
	while (talking.action != MEASURE_END) {
		if (talking.action == MEASURE_CONNECT) {
			measure_talk_connected(&talking, true);
			continue;
		}
		const uint8_t *end = length == 0 ? NULL : memchr(bytes, '\0', length);
		const size_t reply = end == NULL ? length : (size_t)(end - bytes);
		(void)measure_talk_whole(&talking, bytes, reply);
		measure_talk_heard(&talking, bytes, reply);
		assert(measure_answer_valid(&talking.answer));
		const size_t taken = end == NULL ? length : reply + 1;
		bytes += taken;
		length -= taken;
	}
}

static void take_samba(const char *text)
{
	struct measure_smb smb;
	struct measure_result result;
	measure_smb_init(&smb);
	assert(measure_smb_read(&smb, "file", text, NULL, NULL) == 0);
	for (int id = 0; id < MEASURES; id++) {
		measure_judge(&result, (enum measure_id)id,
			      &(struct measure_evidence){ .smb = &smb });
		assert(result.state <= MEASURE_DONE && harmless(result.detail));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct measure_public_key key = { .bits = 0 };
	if (length == 0) {
		return 0;
	}
	if (bytes[0] < MEASURE_TALKS) {
		take_replies((enum measure_talk)bytes[0], bytes + 1, length - 1);
		return 0;
	}
	char *text = malloc(length);
	assert(text != NULL);
	memcpy(text, bytes + 1, length - 1);
	text[length - 1] = '\0';
	if (bytes[0] == 'k') {
		assert(measure_public_key_parse(&key, text) != 0 || harmless(key.type));
	} else if (bytes[0] == 'm') {
		take_samba(text);
	} else {
		take_settings(text);
	}
	free(text);
	return 0;
}
