/*
 * What servers answer to questions of TLS and on the way to it, and records of minato-probe. The
 * first byte chooses what the rest is.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "tls/tls.h"

/* In two pieces, as it may come; places of certificates must lie within the flight. */
static void take_flight(const uint8_t *bytes, size_t length, bool ssl2)
{
	static struct tls_flight flight;
	struct tls_plan plan;
	struct tls_question question;
	const size_t half = length / 2;
	memset(&flight, 0, offsetof(struct tls_flight, bytes));
	enum tls_answer (*const feed)(struct tls_flight *, const uint8_t *, size_t) =
		ssl2 ? tls_flight_feed_ssl2 : tls_flight_feed;
	if (feed(&flight, bytes, half) == TLS_ANSWER_MORE) {
		(void)feed(&flight, bytes + half, length - half);
	}
	for (unsigned i = 0; i < flight.chain_count; i++) {
		assert(flight.chain[i].at + flight.chain[i].length <= flight.length);
	}
	tls_plan_begin(&plan);
	if (tls_plan_next(&plan, &question) && flight.state != TLS_ANSWER_MORE) {
		tls_plan_take(&plan, &flight);
	}
	const struct tls_record record = { .port = 1, .offer = plan.offer };
	assert(tls_record_valid(&record));
}

static void take_start(enum tls_talk talk, const uint8_t *bytes, size_t length)
{
	uint8_t out[TLS_QUESTION_BYTES];
	size_t said = 0;
	for (unsigned step = 0; step < 5; step++) {
		struct tls_start start = { .talk = talk, .step = step, .look = true };
		(void)tls_start_feed(&start, bytes, length, out, &said);
		assert(said <= sizeof(out));
	}
	assert(tls_talk_of(bytes, length, talk) < TLS_TALKS);
	(void)tls_first_bytes(bytes, length, true);
	(void)tls_first_bytes(bytes, length, false);
}

/* Two packets, the first of them with the bytes of the second behind it. */
static void take_packets(const uint8_t *bytes, size_t length)
{
	static struct tls_watch watch;
	const size_t half = length / 2;
	tls_watch_take(&watch, bytes, half, true);
	tls_watch_take(&watch, bytes + half, length - half, false);
	assert(watch.seen_count <= TLS_SEEN_MAX);
	for (size_t i = 0; i < watch.seen_count; i++) {
		assert(tls_seen_valid(&watch.seen[i]));
	}
	watch.seen_count = 0;
}

static void take_record(const uint8_t *bytes, size_t length)
{
	struct tls_record record = { 0 };
	struct tls_reasons reasons;
	memcpy(&record, bytes, length < sizeof(record) ? length : sizeof(record));
	if (tls_record_valid(&record)) {
		assert(tls_grade(&reasons, &record, 0) < TLS_GRADES);
		assert(reasons.count <= TLS_REASONS_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length == 0) {
		return 0;
	}
	if (bytes[0] >= 0xfe) {
		take_flight(bytes + 1, length - 1, bytes[0] == 0xff);
	} else if (bytes[0] == 0xfc) {
		take_packets(bytes + 1, length - 1);
	} else if (bytes[0] == 0xfd) {
		take_record(bytes + 1, length - 1);
	} else {
		take_start((enum tls_talk)(bytes[0] % TLS_TALKS), bytes + 1, length - 1);
	}
	return 0;
}
