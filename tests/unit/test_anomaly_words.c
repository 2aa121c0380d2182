/* Every anomaly has its sentence in both languages, with its numbers in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "common/anomaly_finding.h"
#include "review/review.h"
#include "text/text.h"

struct row {
	struct anomaly anomaly;
	const char *id;
	const char *parts[6]; /* of the English sentence */
};

#define AT                                                                                         \
	{                                                                                          \
		.protocol = PROTOCOL_TCP, .port = 8022                                             \
	}
#define FROM                                                                                       \
	{                                                                                          \
		{ ADDR_IPV4, { 192, 0, 2, 7 } }, 32                                                \
	}
#define BURST(of)                                                                                  \
	{                                                                                          \
		.id = "0badcafe", .kind = ANOMALY_BURST, .metric = of, .at = AT,                   \
		.program = "sshd", .now = 409600, .low = 1024, .high = 7168, .weeks = 3            \
	}

static const struct row rows[] = {
	{ { .id = "0badcafe", .kind = ANOMALY_NEW_LISTENER, .at = AT, .program = "nc", .high = 12 },
	  "anomaly-new-listener",
	  { "nc listens on 8022/tcp", "12 days" } },
	{ { .id = "0badcafe", .kind = ANOMALY_NEW_LISTENER, .at = AT, .high = 12 },
	  "anomaly-new-listener",
	  { "? listens on 8022/tcp" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_PROGRAM_CHANGED,
	    .at = AT,
	    .program = "nc",
	    .before = "sshd" },
	  "anomaly-program-changed",
	  { "held by nc", "it was sshd" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_FIRST_OUTBOUND,
	    .at = { .protocol = PROTOCOL_TCP },
	    .program = "postgres",
	    .source = FROM,
	    .remote_port = 443,
	    .high = 30 },
	  "anomaly-first-outbound",
	  { "postgres", "192.0.2.7 port 443/tcp", "30 days" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_NEW_NETWORK,
	    .at = AT,
	    .program = "sshd",
	    .source = { { ADDR_IPV4, { 192, 0, 2 } }, 24 },
	    .high = 5 },
	  "anomaly-new-network",
	  { "192.0.2.0/24", "8022/tcp (sshd)", "known there: 5" } },
	{ BURST(ANOMALY_CONNECTIONS),
	  "anomaly-burst-connections",
	  { "409600 connections", "1024 to 7168", "weeks known: 3" } },
	{ BURST(ANOMALY_PEERS), "anomaly-burst-peers", { "about 409600 different addresses" } },
	{ BURST(ANOMALY_KIBIBYTES), "anomaly-burst-bytes", { "400 MiB", "1 to 7 MiB" } },
	{ BURST(ANOMALY_REFUSED), "anomaly-burst-refused", { "409600 packets refused" } },
	{ BURST(ANOMALY_FAILED), "anomaly-burst-failed", { "came to nothing" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_QUEUE_OVERFLOW,
	    .at = AT,
	    .program = "java",
	    .now = 20,
	    .high = 50 },
	  "anomaly-queue-overflow",
	  { "20 connections dropped", "room for 50" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_QUEUE_OVERFLOW,
	    .at = { .protocol = PROTOCOL_TCP },
	    .now = 20 },
	  "anomaly-queue-overflow-somewhere",
	  { "20 connections dropped" } },
	{ { .id = "0badcafe",
	    .kind = ANOMALY_BRUTE_FORCE,
	    .at = AT,
	    .program = "sshd",
	    .source = FROM,
	    .now = 412 },
	  "anomaly-brute-force",
	  { "192.0.2.7", "412 short connections", "8022/tcp (sshd)" } },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void every_anomaly_has_its_sentence_with_its_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct findings findings;
		struct str text = STR_INIT(1 << 14);
		findings_init(&findings);
		const struct finding *finding = anomaly_finding(&findings, &rows[i].anomaly);
		assert_non_null(finding);
		assert_string_equal(finding->id, rows[i].id);
		assert_true(anomaly_is_finding(finding));
		assert_true(finding->severity >= SEVERITY_LOW);
		assert_int_equal(review_text(&text, finding, LANGUAGE_EN), 0);
		for (size_t p = 0; rows[i].parts[p] != NULL; p++) {
			if (strstr(str_text(&text), rows[i].parts[p]) == NULL) {
				fail_msg("\"%s\" is not in: %s", rows[i].parts[p], str_text(&text));
			}
		}
		str_deinit(&text);
		findings_deinit(&findings);
	}
}

/* In both languages nothing is left to be filled in, and the advice names the id. */
static void nothing_is_left_to_be_filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * (size_t)ROWS; i++) {
		const enum language language = i % 2 == 0 ? LANGUAGE_EN : LANGUAGE_JA;
		struct findings findings;
		struct str text = STR_INIT(1 << 14);
		findings_init(&findings);
		const struct finding *finding = anomaly_finding(&findings, &rows[i / 2].anomaly);
		assert_non_null(finding);
		assert_int_equal(review_text(&text, finding, language), 0);
		assert_int_equal(review_advice(&text, finding, language), 0);
		assert_null(strchr(str_text(&text), '{'));
		assert_non_null(strstr(str_text(&text), "minato fine 0badcafe"));
		str_deinit(&text);
		findings_deinit(&findings);
	}
}

static void no_message_is_left_over(void **state)
{
	(void)state;
	size_t count = 0;
	const struct message *messages = message_all(&count);
	for (size_t i = 0; i < count; i++) {
		bool found = !str_starts(messages[i].id, ANOMALY_FINDING_PREFIX);
		for (size_t r = 0; r < ROWS && !found; r++) {
			found = strcmp(rows[r].id, messages[i].id) == 0;
		}
		if (!found) {
			fail_msg("no anomaly has the message %s", messages[i].id);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_anomaly_has_its_sentence_with_its_numbers),
		cmocka_unit_test(nothing_is_left_to_be_filled_in),
		cmocka_unit_test(no_message_is_left_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
