/* detect, as a tap in the kernel drives it: directions and open ports come with the packets. */
#include <string.h>

#include "check.h"
#include "detect/detect.h"

static const struct addr host = { ADDR_IPV4, { 192, 0, 2, 1 } };
static const struct addr scanner = { ADDR_IPV4, { 198, 51, 100, 7 } };

static struct detect *live(void)
{
	struct detect_parameters parameters = detect_defaults();
	struct detect *detect = NULL;
	assert_int_equal(detect_new(&detect, &parameters, NULL), 0);
	return detect;
}

static void ask(struct detect *detect, usec_t time, uint16_t port, uint8_t marks)
{
	const struct packet_note note = {
		.time = USEC_PER_DAY + time,
		.source = scanner,
		.destination = host,
		.source_port = 50000,
		.destination_port = port,
		.protocol = PROTOCOL_TCP,
		.flags = TCP_FLAG_SYN,
		.ttl = 60,
		.marks = PACKET_SACK | marks,
		.window = 64240,
	};
	detect_note(detect, &note);
}

/* SYN-ACK to the scanner. */
static void answer(struct detect *detect, usec_t time, uint16_t port)
{
	const struct packet_note note = {
		.time = USEC_PER_DAY + time,
		.source = host,
		.destination = scanner,
		.source_port = port,
		.destination_port = 50000,
		.protocol = PROTOCOL_TCP,
		.flags = TCP_FLAG_SYN | TCP_FLAG_ACK,
		.marks = PACKET_SENT,
	};
	detect_note(detect, &note);
}

static void a_port_that_the_kernel_calls_open_is_no_evidence(void **state)
{
	(void)state;
	struct detect *detect = live();
	struct detect_incident incident;
	for (uint16_t port = 1; port <= 1000; port++) {
		ask(detect, port, port, PACKET_OPEN);
	}
	assert_int_equal(detect_next(detect, &incident), 0);
	detect_free(detect);
}

/* A tap counts them; each source is noted once, as who asks for an open port. */
static void what_nobody_follows_up_at_an_open_port_is_a_flood(void **state)
{
	(void)state;
	struct detect *detect = live();
	struct detect_incident incident;
	struct packet_note like = { .destination = host,
				    .source = scanner,
				    .destination_port = 443,
				    .protocol = PROTOCOL_TCP,
				    .flags = TCP_FLAG_SYN,
				    .marks = PACKET_OPEN };
	for (usec_t second = 1; second <= 60; second++) {
		like.time = USEC_PER_DAY + second * USEC_PER_SEC;
		detect_unanswered(detect, &like, 900);
	}
	assert_int_equal(detect_next(detect, &incident), 0);
	for (usec_t second = 61; second <= 70; second++) {
		like.time = USEC_PER_DAY + second * USEC_PER_SEC;
		like.source.bytes[3] = (uint8_t)second;
		detect_note(detect, &like);
		detect_unanswered(detect, &like, 5000);
	}
	assert_int_not_equal(detect_next(detect, &incident) & DETECT_STARTED, 0);
	detect_finish(detect);
	assert_int_equal(detect_next(detect, &incident), DETECT_ENDED);
	assert_int_equal(incident.shape, DETECT_FLOOD);
	assert_int_equal(incident.port_count, 1);
	assert_in_range(incident.packet_count, 45000, 51000);
	assert_in_range(incident.source_count, 9, 11);
	detect_free(detect);
}

static void what_the_host_sends_is_held_against_nobody(void **state)
{
	(void)state;
	struct detect *detect = live();
	struct detect_incident incident;
	for (uint16_t port = 1; port <= 1000; port++) {
		ask(detect, port, port, PACKET_SENT);
	}
	assert_int_equal(detect_next(detect, &incident), 0);
	detect_free(detect);
}

static void ports_that_answered_are_named_whenever_they_were_asked_for(void **state)
{
	(void)state;
	static const struct detect_answer answered[] = { { 22, PROTOCOL_TCP },
							 { 443, PROTOCOL_TCP } };
	struct detect *detect = live();
	struct detect_incident incident;
	ask(detect, 1, 22, PACKET_OPEN); /* before anybody could know that it is a scan */
	answer(detect, 2, 22);
	ask(detect, 3, 5432, PACKET_OPEN); /* somebody listens, and the packet filter drops it */
	for (uint16_t port = 23; port < 523; port++) {
		ask(detect, port, port, port == 443 ? PACKET_OPEN : 0);
		if (port == 443) {
			answer(detect, port, port);
		}
	}
	assert_int_equal(detect_next(detect, &incident), DETECT_STARTED | DETECT_GREW);
	assert_int_equal(incident.answer_count, 2);
	assert_memory_equal(incident.answered, answered, sizeof(answered));
	detect_free(detect);
}

/* Told when it has doubled; asked for it is as it is. */
static void an_incident_can_be_looked_at_between_two_changes(void **state)
{
	(void)state;
	struct detect *detect = live();
	struct detect_incident told;
	struct detect_incident now;
	assert_false(detect_at(detect, 0, &now));
	for (uint16_t port = 100; port < 200; port++) {
		ask(detect, port, port, 0);
	}
	assert_true(detect_next(detect, &told) != 0);
	for (uint16_t port = 200; port < 220; port++) {
		ask(detect, port, port, 0);
	}
	assert_int_equal(detect_next(detect, &told), 0);
	assert_true(detect_at(detect, 0, &now));
	assert_int_equal(now.port_count, 120);
	assert_false(detect_at(detect, 1, &now));
	assert_false(detect_at(detect, UINT32_MAX, &now));
	detect_tick(detect, USEC_PER_DAY + USEC_PER_HOUR);
	assert_false(detect_at(detect, 0, &now));
	detect_free(detect);
}

/* Each client makes one note, and the kernel keeps what follows to itself. */
static void many_clients_of_an_open_port_are_no_flood(void **state)
{
	(void)state;
	struct detect *detect = live();
	struct detect_incident incident;
	for (usec_t n = 0; n < 20000; n++) {
		struct packet_note note = {
			.time = USEC_PER_DAY + n * 100,
			.source = { ADDR_IPV4, { 203, 0, (uint8_t)(n >> 8), (uint8_t)n } },
			.destination = host,
			.destination_port = 443,
			.protocol = PROTOCOL_TCP,
			.flags = TCP_FLAG_SYN,
			.marks = PACKET_SACK | PACKET_OPEN,
		};
		detect_note(detect, &note);
	}
	assert_int_equal(detect_next(detect, &incident), 0);
	detect_free(detect);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_the_kernel_calls_open_is_no_evidence),
		cmocka_unit_test(what_nobody_follows_up_at_an_open_port_is_a_flood),
		cmocka_unit_test(what_the_host_sends_is_held_against_nobody),
		cmocka_unit_test(ports_that_answered_are_named_whenever_they_were_asked_for),
		cmocka_unit_test(an_incident_can_be_looked_at_between_two_changes),
		cmocka_unit_test(many_clients_of_an_open_port_are_no_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
