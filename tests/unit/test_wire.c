/* wire: what is written is read back, and nothing else is taken. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "wire/wire.h"

static struct wire_message sample_event(void)
{
	struct wire_message message = { .type = WIRE_EVENT, .request = 7 };
	message.event = (struct event){
		.time = 1795311825544375,
		.id = 1795311825544376,
		.kind = EVENT_LISTENER_OPENED,
		.protocol = PROTOCOL_MPTCP,
		.port = 8080,
		.netns = 4026531840,
		.cookie = UINT64_MAX,
		.pid = 4242,
		.uid = UINT32_MAX,
		.count = 3,
		.process = "nginx",
		.executable = "/usr/sbin/nginx",
		.unit = "nginx.service",
	};
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 15 };
	message.event.address = addr_from_ipv6(v6);
	return message;
}

static struct wire_message sample_query(void)
{
	struct wire_message message = { .type = WIRE_QUERY, .request = 9 };
	message.query.question = WIRE_QUESTION_EVENTS;
	message.query.port_given = true;
	message.query.first_port = 8000;
	message.query.last_port = 8100;
	message.query.kinds = EVENT_BIT(EVENT_LISTENER_CLOSED);
	message.query.address.address = (struct addr){ ADDR_IPV4, { 192, 0, 2, 0 } };
	message.query.address.bits = 24;
	memcpy(message.query.process, "sshd", 5);
	return message;
}

static struct wire_message sample_incident(void)
{
	struct wire_message message = { .type = WIRE_INCIDENT };
	message.incident.changes = WIRE_INCIDENT_STARTED;
	message.incident.item = (struct incident){
		.id = 7,
		.kind = "scan",
		.probe = "syn",
		.probes = "syn,udp",
		.tool = "nmap",
		.through = true,
		.policy = true,
		.source = { { ADDR_IPV4, { 192, 0, 2, 7 } }, 32 },
		.victim = { ADDR_IPV4, { 192, 0, 2, 1 } },
		.source_count = 1,
		.host_count = 1,
		.port_count = 65536,
		.answer_count = 2,
		.undeclared_count = 1,
		.packet_count = 65540,
		.first = 1795311825544375,
		.last = 1795311834544375,
		.lasted = 9000000,
		.ports = { 80, 23, 443 },
		.answered_count = 2,
		.answered = { { 22, PROTOCOL_TCP, true }, { 161, PROTOCOL_UDP, false } },
	};
	return message;
}

static struct wire_message sample_ports(void)
{
	struct wire_message message = { .type = WIRE_OPEN_PORTS };
	message.open_ports.next_incident = 3;
	message.open_ports.protocol = PROTOCOL_UDP;
	message.open_ports.slice = WIRE_SLICES - 1;
	message.open_ports.bits[511] = 0x80;
	return message;
}

static struct wire_message sample_devices(void)
{
	struct wire_message message = { .type = WIRE_DEVICES };
	message.devices.first = WIRE_DEVICES_MAX - 2;
	message.devices.count = 2;
	message.devices.last = true;
	memset(message.devices.addresses, 0xab, 2 * WIRE_DEVICE_BYTES);
	return message;
}

static struct wire_message sample_answered(void)
{
	struct wire_message message = { .type = WIRE_ANSWERED };
	message.answered.address = addr_from_ipv4("\xc0\0\2\7");
	message.answered.asked_by = addr_from_ipv4("\xc0\0\2\1");
	message.answered.port = 23;
	message.answered.through = true;
	return message;
}

static long encoded(uint8_t bytes[WIRE_BYTES_MAX], const struct wire_message *message)
{
	long length = wire_encode(bytes, WIRE_BYTES_MAX, message);
	assert_true(length > 0);
	return length;
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	const struct wire_message messages[] = { sample_event(),    sample_query(),
						 sample_incident(), sample_ports(),
						 sample_devices(),  sample_answered() };
	static const enum wire_sender senders[] = { WIRE_ENGINE, WIRE_FACE,   WIRE_SENTRY,
						    WIRE_ENGINE, WIRE_ENGINE, WIRE_SENTRY };
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		uint8_t bytes[WIRE_BYTES_MAX];
		struct wire_message back;
		long length = encoded(bytes, &messages[i]);
		assert_int_equal(wire_decode(&back, bytes, (size_t)length, senders[i], 0), 0);
		uint8_t again[WIRE_BYTES_MAX];
		assert_int_equal(wire_encode(again, sizeof(again), &back), length);
		assert_memory_equal(bytes, again, (size_t)length);
		assert_int_equal(back.request, messages[i].request);
	}
}

static void every_type_has_a_row(void **state)
{
	(void)state;
	for (unsigned type = WIRE_NONE + 1; type <= WIRE_TYPE_LAST; type++) {
		struct wire_message message = { .type = (enum wire_type)type };
		uint8_t bytes[WIRE_BYTES_MAX];
		assert_string_not_equal(wire_type_name(message.type), "?");
		(void)encoded(bytes, &message);
	}
	struct wire_message none = { .type = (enum wire_type)(WIRE_TYPE_LAST + 1) };
	uint8_t bytes[WIRE_BYTES_MAX];
	assert_int_equal(wire_encode(bytes, sizeof(bytes), &none), -EINVAL);
	assert_string_equal(wire_type_name(none.type), "?");
}

static void a_cut_or_longer_message_is_refused(void **state)
{
	(void)state;
	const struct wire_message message = sample_event();
	uint8_t bytes[WIRE_BYTES_MAX] = { 0 };
	struct wire_message back;
	const long length = encoded(bytes, &message);
	for (long cut = 0; cut < length; cut++) {
		assert_int_equal(wire_decode(&back, bytes, (size_t)cut, WIRE_ENGINE, 0), -EBADMSG);
	}
	assert_int_equal(wire_decode(&back, bytes, (size_t)length + 1, WIRE_ENGINE, 0), -EBADMSG);
	assert_int_equal(wire_decode(&back, bytes, (size_t)length, WIRE_ENGINE, 0), 0);
}

static void a_message_from_the_wrong_process_is_refused(void **state)
{
	(void)state;
	const struct wire_message order = { .type = WIRE_STOP };
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	const size_t length = (size_t)encoded(bytes, &order);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 0), 0);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_ENGINE, 0), -EPERM);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_FACE, 0), -EPERM);
}

/* What a person said is said by the parent alone: it asked who spoke. */
static void only_the_parent_says_what_is_fine(void **state)
{
	(void)state;
	const struct wire_message said = { .type = WIRE_FINE,
					   .fine = { .fine = true, .id = "1f3a9c20" } };
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	const size_t length = (size_t)encoded(bytes, &said);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 0), 0);
	assert_true(back.fine.fine);
	assert_string_equal(back.fine.id, "1f3a9c20");
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_FACE, 0), -EPERM);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_KEEPER, 0), -EPERM);
}

static void descriptors_must_be_as_many_as_the_row_says(void **state)
{
	(void)state;
	const struct wire_message peer = { .type = WIRE_PEER };
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	const size_t length = (size_t)encoded(bytes, &peer);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 0), -EBADMSG);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 1), 0);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 2), -EBADMSG);
}

static void values_outside_their_bounds_do_not_pass(void **state)
{
	(void)state;
	struct wire_message unterminated = sample_event();
	memset(unterminated.event.process, 'x', sizeof(unterminated.event.process));
	struct wire_message kind = sample_event();
	kind.event.kind = EVENT_KIND_LAST + 1;
	struct wire_message pid = sample_event();
	pid.event.pid = -1;
	const struct wire_message *const bad[] = { &unterminated, &kind, &pid };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[WIRE_BYTES_MAX];
		assert_int_equal(wire_encode(bytes, sizeof(bytes), bad[i]), -EINVAL);
	}
	struct wire_message backwards = sample_query();
	backwards.query.first_port = 9000;
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	const size_t length = (size_t)encoded(bytes, &backwards);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_FACE, 0), -EBADMSG);
}

static void news_of_rules_are_about_rules(void **state)
{
	(void)state;
	struct wire_message message = { .type = WIRE_RULES_NEWS };
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	for (unsigned kind = EVENT_NONE; kind <= EVENT_KIND_LAST; kind++) {
		message.event.kind = (enum event_kind)kind;
		const size_t length = (size_t)encoded(bytes, &message);
		const int expected = kind < EVENT_RULES_LOST ? -EBADMSG : 0;
		assert_int_equal(wire_decode(&back, bytes, length, WIRE_KEEPER, 0), expected);
		assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 0), expected);
		assert_int_equal(wire_decode(&back, bytes, length, WIRE_ENGINE, 0), -EPERM);
		assert_int_equal(wire_decode(&back, bytes, length, WIRE_FACE, 0), -EPERM);
	}
	message.event.kind = EVENT_KIND_LAST + 1;
	assert_int_equal(wire_encode(bytes, sizeof(bytes), &message), -EINVAL);
}

/* The sentry reads what anybody on the network may send: what it says is looked at closely. */
static void an_incident_that_cannot_be_is_refused(void **state)
{
	(void)state;
	struct wire_message bad[] = { sample_incident(), sample_incident(), sample_incident(),
				      sample_incident(), sample_incident(), sample_ports(),
				      sample_ports(),    sample_devices(),  sample_answered(),
				      sample_answered() };
	bad[7].devices.count = 3;
	bad[8].answered.port = 0;
	bad[9].answered.asked_by = (struct addr){ 0 };
	bad[0].incident.changes = 0;
	bad[1].incident.item.id = 0;
	memcpy(bad[2].incident.item.kind, "sc\033n", 5);
	bad[3].incident.item.undeclared_count = 3;
	bad[4].incident.item.answered[1].protocol = PROTOCOL_SCTP;
	bad[5].open_ports.next_incident = 0;
	bad[6].open_ports.protocol = PROTOCOL_NONE;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[WIRE_BYTES_MAX];
		struct wire_message back;
		const size_t length = (size_t)encoded(bytes, &bad[i]);
		assert_int_equal(wire_decode(&back, bytes, length, WIRE_PARENT, 0), -EBADMSG);
	}
	struct wire_message slice = sample_ports();
	uint8_t bytes[WIRE_BYTES_MAX];
	slice.open_ports.slice = WIRE_SLICES;
	assert_int_equal(wire_encode(bytes, sizeof(bytes), &slice), -EINVAL);
}

static void orders_come_from_the_parent_and_answers_from_the_keeper(void **state)
{
	(void)state;
	static const struct {
		enum wire_type type;
		unsigned senders;
	} cases[] = {
		{ WIRE_ORDER, WIRE_PARENT },
		{ WIRE_ORDERED, WIRE_KEEPER },
		{ WIRE_DECOYS, WIRE_KEEPER | WIRE_PARENT },
		{ WIRE_TRAPPED, WIRE_DECOY | WIRE_PARENT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_message message = { .type = cases[i].type, .request = 3 };
		uint8_t bytes[WIRE_BYTES_MAX];
		struct wire_message back;
		if (message.type == WIRE_TRAPPED) {
			message.trapped.address = (struct addr){ ADDR_IPV4, { 192, 0, 2, 1 } };
			message.trapped.port = 23;
		} else {
			(void)snprintf(message.order.text, sizeof(message.order.text), "23,3389");
		}
		const size_t length = (size_t)encoded(bytes, &message);
		for (unsigned sender = WIRE_PARENT; sender <= WIRE_DECOY; sender <<= 1) {
			const int expected = (cases[i].senders & sender) != 0 ? 0 : -EPERM;
			assert_int_equal(
				wire_decode(&back, bytes, length, (enum wire_sender)sender, 0),
				expected);
		}
	}
}

static void nobody_is_trapped_without_an_address_and_a_port(void **state)
{
	(void)state;
	struct wire_message message = { .type = WIRE_TRAPPED };
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	message.trapped.port = 23;
	size_t length = (size_t)encoded(bytes, &message);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_DECOY, 0), -EBADMSG);
	message.trapped.port = 0;
	message.trapped.address = (struct addr){ ADDR_IPV4, { 192, 0, 2, 1 } };
	length = (size_t)encoded(bytes, &message);
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_DECOY, 0), -EBADMSG);
}

static void a_text_with_a_nul_is_refused(void **state)
{
	(void)state;
	const struct wire_message message = sample_event();
	uint8_t bytes[WIRE_BYTES_MAX];
	struct wire_message back;
	const size_t length = (size_t)encoded(bytes, &message);
	uint8_t *name = memmem(bytes, length, "nginx", 5);
	assert_non_null(name);
	name[2] = '\0';
	assert_int_equal(wire_decode(&back, bytes, length, WIRE_ENGINE, 0), -EBADMSG);
}

static void too_little_room_is_an_error(void **state)
{
	(void)state;
	const struct wire_message message = sample_event();
	uint8_t bytes[WIRE_BYTES_MAX];
	const size_t length = (size_t)encoded(bytes, &message);
	for (size_t room = 0; room < length; room++) {
		assert_int_equal(wire_encode(bytes, room, &message), -ENOBUFS);
	}
}

static void sockets_carry_messages_and_descriptors(void **state)
{
	(void)state;
	int pair[2];
	int fds[WIRE_FDS_MAX];
	struct wire_message got;
	const struct wire_message peer = { .type = WIRE_PEER };
	assert_int_equal(wire_pair(pair, NULL), 0);
	assert_int_equal(wire_receive(&got, fds, pair[1], WIRE_PARENT, NULL), -EAGAIN);
	const int sent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(wire_send(pair[0], &peer, &sent, 1, NULL), 0);
	assert_int_equal(wire_receive(&got, fds, pair[1], WIRE_PARENT, NULL), 0);
	assert_int_equal(got.type, WIRE_PEER);
	assert_true(fds[0] >= 0 && fds[0] != sent && fds[1] == -1);
	assert_true((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0);
	wire_close(fds);
	close(sent);
	close(pair[0]);
	assert_int_equal(wire_receive(&got, fds, pair[1], WIRE_PARENT, NULL), -ECONNRESET);
	close(pair[1]);
}

static void descriptors_of_a_refused_message_are_closed(void **state)
{
	(void)state;
	int pair[2];
	int pipe_fds[2];
	int fds[WIRE_FDS_MAX];
	char byte;
	struct wire_message got;
	const struct wire_message peer = { .type = WIRE_PEER };
	assert_int_equal(wire_pair(pair, NULL), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(wire_send(pair[0], &peer, &pipe_fds[1], 1, NULL), 0);
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), -1); /* the copy in flight holds it open */
	assert_int_equal(wire_receive(&got, fds, pair[1], WIRE_FACE, NULL), -EPERM);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
	close(pair[0]);
	close(pair[1]);
}

static void a_reader_that_sleeps_is_seen(void **state)
{
	(void)state;
	int pair[2];
	const struct wire_message message = sample_event();
	assert_int_equal(wire_pair(pair, NULL), 0);
	int r = 0;
	unsigned sent = 0;
	while (r == 0 && sent < 1000000) {
		r = wire_send(pair[0], &message, NULL, 0, NULL);
		sent += r == 0;
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(sent > 100);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(every_type_has_a_row),
		cmocka_unit_test(a_cut_or_longer_message_is_refused),
		cmocka_unit_test(a_message_from_the_wrong_process_is_refused),
		cmocka_unit_test(only_the_parent_says_what_is_fine),
		cmocka_unit_test(descriptors_must_be_as_many_as_the_row_says),
		cmocka_unit_test(values_outside_their_bounds_do_not_pass),
		cmocka_unit_test(news_of_rules_are_about_rules),
		cmocka_unit_test(an_incident_that_cannot_be_is_refused),
		cmocka_unit_test(orders_come_from_the_parent_and_answers_from_the_keeper),
		cmocka_unit_test(nobody_is_trapped_without_an_address_and_a_port),
		cmocka_unit_test(a_text_with_a_nul_is_refused),
		cmocka_unit_test(too_little_room_is_an_error),
		cmocka_unit_test(sockets_carry_messages_and_descriptors),
		cmocka_unit_test(descriptors_of_a_refused_message_are_closed),
		cmocka_unit_test(a_reader_that_sleeps_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
