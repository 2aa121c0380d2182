/* observe: messages of the kernel, joining, comparing, counting. */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "observe/diag.h"
#include "observe/observe.h"
#include "observe/owners.h"
#include "observe/port-filter.h"
#include "observe/proc-net.h"
#include "observe/protocols.h"
#include "observe/records.h"
#include "observe/tally.h"

/* An answer of the kernel, byte for byte as it stands in the receive buffer. */
struct answer {
	struct nlmsghdr header;
	struct inet_diag_msg socket;
	struct nlattr v6_only_head;
	uint8_t v6_only[4];
};

static struct answer listening_answer(void)
{
	struct answer answer = {
		.header = { .nlmsg_len = sizeof(answer), .nlmsg_type = 20, .nlmsg_seq = 1 },
		.socket = { .idiag_family = 10,
			    .idiag_state = 10,
			    .idiag_rqueue = 2,
			    .idiag_wqueue = 128,
			    .idiag_uid = 33,
			    .idiag_inode = 4711 },
		.v6_only_head = { .nla_len = 5, .nla_type = INET_DIAG_SKV6ONLY },
		.v6_only = { 1 },
	};
	answer.socket.id.idiag_sport = htons(443);
	answer.socket.id.idiag_if = 3;
	answer.socket.id.idiag_cookie[0] = 0x1001;
	answer.socket.id.idiag_cookie[1] = 0x2;
	return answer;
}

static void listening_socket_is_decoded_whole(void **state)
{
	(void)state;
	struct answer answer = listening_answer();
	struct socket_facts facts;
	assert_int_equal(diag_decode(&facts, PROTOCOL_TCP, &answer.header), 0);
	struct listener listener = diag_listener(&facts);
	assert_int_equal(listener.protocol, PROTOCOL_TCP);
	assert_int_equal(listener.port, 443);
	assert_int_equal(listener.address.family, ADDR_IPV6);
	assert_true(addr_is_any(&listener.address));
	assert_true(listener.v6_only);
	assert_int_equal(listener.interface, 3);
	assert_int_equal(listener.uid, 33);
	assert_int_equal(listener.inode, 4711);
	assert_true(listener.cookie == 0x200001001ULL);
	assert_int_equal(listener.queue, 2);
	assert_int_equal(listener.backlog, 128);
}

static void truncated_or_foreign_answers_are_refused(void **state)
{
	(void)state;
	struct answer answer = listening_answer();
	struct socket_facts facts;
	answer.header.nlmsg_len = sizeof(answer.header) + sizeof(answer.socket) - 1;
	assert_true(diag_decode(&facts, PROTOCOL_TCP, &answer.header) < 0);
	answer = listening_answer();
	answer.socket.idiag_family = 1;
	assert_true(diag_decode(&facts, PROTOCOL_TCP, &answer.header) < 0);
}

static void attribute_longer_than_the_message_is_not_read(void **state)
{
	(void)state;
	struct answer answer = listening_answer();
	answer.v6_only_head.nla_len = 400;
	struct socket_facts facts;
	assert_int_equal(diag_decode(&facts, PROTOCOL_TCP, &answer.header), 0);
	assert_false(facts.v6_only);
}

static void request_asks_for_listening_sockets_alone(void **state)
{
	(void)state;
	_Alignas(struct nlmsghdr) char buffer[DIAG_REQUEST_BYTES];
	struct nlmsghdr *message =
		diag_request(buffer, PROTOCOL_TCP, 2, diag_listening_states(PROTOCOL_TCP));
	const struct inet_diag_req_v2 *request = (const void *)(message + 1);
	assert_int_equal(request->idiag_states, 1 << 10);
	assert_int_equal(message->nlmsg_len, sizeof(*message) + sizeof(*request));
	assert_int_equal(diag_connected_states(PROTOCOL_TCP) & (1 << 10 | 1 << 7 | 1 << 1), 2);
	message = diag_request(buffer, PROTOCOL_MPTCP, 2, 1 << 10);
	const uint32_t *number = (const void *)(buffer + sizeof(*message) + sizeof(*request) + 4);
	assert_int_equal(*number, 262);
}

static struct listener *add_listener(struct inventory *inventory, uint16_t port, uint64_t inode)
{
	struct listener *listener = vec_push(&inventory->listeners);
	listener->protocol = PROTOCOL_TCP;
	listener->port = port;
	listener->inode = inode;
	listener->cookie = inode + 1000;
	return listener;
}

static void hold(struct holdings *holdings, int32_t pid, int32_t fd, uint64_t inode,
		 const char *name)
{
	struct holding *holding = vec_push(&holdings->list);
	*holding = (struct holding){ .inode = inode, .pid = pid, .fd = fd };
	(void)strncpy(holding->name, name, sizeof(holding->name) - 1);
}

static void owners_are_joined_by_inode(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	add_listener(&inventory, 80, 11);
	add_listener(&inventory, 22, 12);
	add_listener(&inventory, 53, 0);
	struct holdings holdings = { 0 };
	hold(&holdings, 200, 4, 11, "worker");
	hold(&holdings, 100, 5, 11, "master");
	hold(&holdings, 100, 5, 11, "master"); /* a second thread's table */
	hold(&holdings, 50, 3, 12, "sshd");
	hold(&holdings, 60, 3, 99, "nobody");
	assert_int_equal(owners_join(&inventory, &holdings), 0);
	owners_decide(&inventory, true);
	assert_int_equal(inventory_sort(&inventory), 0);
	assert_int_equal(inventory.processes.count, 3);
	const struct listener *web = &inventory.listeners.items[2];
	assert_int_equal(web->port, 80);
	assert_int_equal(web->owner_count, 2);
	assert_string_equal(inventory_listener_process(&inventory, web)->name, "master");
	assert_int_equal(inventory.owners.items[web->first_owner + 1].fd, 4);
	assert_int_equal(inventory.listeners.items[1].ownership, OWNERSHIP_NONE);
	owners_decide(&inventory, false);
	assert_int_equal(inventory.listeners.items[1].ownership, OWNERSHIP_HIDDEN);
	assert_int_equal(inventory.coverage.listeners_hidden, 1);
	vec_free(&holdings.list);
	inventory_deinit(&inventory);
}

static void siblings_share_endpoint_and_user(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	add_listener(&inventory, 80, 1);
	add_listener(&inventory, 80, 2);
	add_listener(&inventory, 80, 3)->uid = 7;
	add_listener(&inventory, 81, 4);
	assert_int_equal(inventory_sort(&inventory), 0);
	owners_count_siblings(&inventory);
	static const uint32_t expected[] = { 2, 2, 1, 1 };
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(inventory.listeners.items[i].siblings, expected[i]);
	}
	inventory_deinit(&inventory);
}

static void without_knows_its_words_and_passes_over_others(void **state)
{
	(void)state;
	assert_int_equal(observe_without_parse(NULL), 0);
	assert_int_equal(observe_without_parse("conntrack"), 0);
	assert_int_equal(observe_without_parse("bpf,conntrack,nft"),
			 OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_NFT);
	assert_int_equal(observe_without_parse("bp"), 0);
}

/* Two inventories and what is said of the difference, as "opened 80;closed 22;". */
struct comparison {
	struct inventory before, after;
	char said[512];
	struct event last;
};

static void begin(struct comparison *comparison)
{
	memset(comparison, 0, sizeof(*comparison));
	inventory_init(&comparison->before, 0);
	inventory_init(&comparison->after, 0);
	((struct netns *)vec_push(&comparison->before.netns))->inode = 40;
	((struct netns *)vec_push(&comparison->after.netns))->inode = 40;
	comparison->after.time = 5;
}

static void note(const struct event *event, void *data)
{
	struct comparison *comparison = data;
	size_t used = strlen(comparison->said);
	(void)snprintf(comparison->said + used, sizeof(comparison->said) - used, "%s %u;",
		       event_kind_name(event->kind), event->port);
	comparison->last = *event;
}

static void end(struct comparison *comparison, const char *expected)
{
	int count = observe_compare(&comparison->before, &comparison->after, note, comparison);
	assert_string_equal(comparison->said, expected);
	int semicolons = 0;
	for (const char *at = expected; *at != '\0'; at++) {
		semicolons += *at == ';';
	}
	assert_int_equal(count, semicolons);
	inventory_deinit(&comparison->before);
	inventory_deinit(&comparison->after);
}

static void owned_by(struct inventory *inventory, struct listener *listener, const char *name)
{
	struct process *process = vec_push(&inventory->processes);
	process->pid = 100;
	process->name = name;
	struct owner *owner = vec_push(&inventory->owners);
	owner->process = (uint32_t)inventory->processes.count - 1;
	listener->first_owner = (uint32_t)inventory->owners.count - 1;
	listener->owner_count = 1;
}

static void equal_inventories_say_nothing(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	for (uint16_t port = 1; port < 100; port++) {
		add_listener(&comparison.before, port, port);
		add_listener(&comparison.after, (uint16_t)(100 - port), (uint64_t)100 - port);
	}
	end(&comparison, "");
}

static void opened_and_closed_listeners_are_told(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	add_listener(&comparison.before, 22, 1);
	add_listener(&comparison.before, 25, 2);
	add_listener(&comparison.after, 22, 1);
	add_listener(&comparison.after, 80, 3);
	end(&comparison, "listener_closed 25;listener_opened 80;");
	assert_int_equal(comparison.last.time, 5);
	assert_int_equal(comparison.last.netns, 40);
	assert_int_equal(comparison.last.cookie, 1003);
}

static void restarted_listener_is_closed_and_opened(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	owned_by(&comparison.before, add_listener(&comparison.before, 22, 1), "sshd");
	owned_by(&comparison.after, add_listener(&comparison.after, 22, 9), "sshd");
	end(&comparison, "listener_closed 22;listener_opened 22;");
}

static void another_program_on_the_endpoint_is_a_changed_owner(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	owned_by(&comparison.before, add_listener(&comparison.before, 22, 1), "sshd");
	owned_by(&comparison.after, add_listener(&comparison.after, 22, 9), "nc");
	end(&comparison, "listener_closed 22;listener_opened 22;owner_changed 22;");
	assert_string_equal(comparison.last.process, "nc");
	assert_string_equal(comparison.last.detail, "sshd");
}

static void same_socket_in_another_program_is_a_changed_owner(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	owned_by(&comparison.before, add_listener(&comparison.before, 22, 1), "systemd");
	owned_by(&comparison.after, add_listener(&comparison.after, 22, 1), "sshd");
	end(&comparison, "owner_changed 22;");
}

static void owner_that_was_not_seen_is_no_change(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	owned_by(&comparison.before, add_listener(&comparison.before, 22, 1), "sshd");
	add_listener(&comparison.after, 22, 1);
	end(&comparison, "");
}

static void shared_endpoint_is_compared_socket_by_socket(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	add_listener(&comparison.before, 80, 1);
	add_listener(&comparison.before, 80, 2);
	add_listener(&comparison.after, 80, 2);
	add_listener(&comparison.after, 80, 3);
	end(&comparison, "listener_closed 80;listener_opened 80;");
}

static void socket_without_cookie_is_known_by_its_inode(void **state)
{
	(void)state;
	struct comparison comparison;
	begin(&comparison);
	add_listener(&comparison.before, 80, 1)->cookie = 0;
	add_listener(&comparison.after, 80, 1);
	end(&comparison, "");
}

static struct event_record opened_record(void)
{
	struct event_record record = { .time_ns = 3000,
				       .cookie = 77,
				       .netns = 40,
				       .pid = 12,
				       .uid = 33,
				       .kind = EVENT_RECORD_OPENED,
				       .protocol = 17,
				       .port = 53,
				       .family = 2,
				       .address = { 192, 0, 2, 1 },
				       .name = "named" };
	return record;
}

static void ring_record_becomes_an_event(void **state)
{
	(void)state;
	struct event_record record = opened_record();
	struct event event;
	assert_int_equal(records_event(&event, &record, sizeof(record), 1000), 0);
	char endpoint[ENDPOINT_TEXT_BYTES];
	assert_string_equal(endpoint_format(&event.address, event.port, endpoint), "192.0.2.1:53");
	assert_int_equal(event.time, 1003);
	assert_int_equal(event.kind, EVENT_LISTENER_OPENED);
	assert_int_equal(event.protocol, PROTOCOL_UDP);
	assert_int_equal(event.cookie, 77);
	assert_int_equal(event.pid, 12);
	assert_string_equal(event.process, "named");
}

static void ring_record_of_unknown_make_is_refused(void **state)
{
	(void)state;
	struct event_record record = opened_record();
	struct event event;
	assert_true(records_event(&event, &record, sizeof(record) - 1, 0) < 0);
	record.kind = 9;
	assert_true(records_event(&event, &record, sizeof(record), 0) < 0);
	record = opened_record();
	record.family = 1;
	assert_true(records_event(&event, &record, sizeof(record), 0) < 0);
}

static void a_record_of_connections_is_told_from_one_of_a_listener(void **state)
{
	(void)state;
	struct observe_peer peer;
	struct event event;
	struct peer_record record = { .kind = EVENT_RECORD_PEER,
				      .netns = 4026531840,
				      .opened = 8,
				      .ended = 7,
				      .port = 22,
				      .family = AF_INET,
				      .address = { 192, 0, 2, 7 } };
	char text[ADDR_TEXT_BYTES];
	assert_int_equal(records_peer(&peer, &record, sizeof(record)), 0);
	assert_int_equal(peer.netns, 4026531840);
	assert_int_equal(peer.port, 22);
	assert_int_equal(peer.opened, 8);
	assert_int_equal(peer.ended, 7);
	assert_string_equal(addr_format(&peer.address, text), "192.0.2.7");
	assert_true(records_event(&event, &record, sizeof(record), 0) < 0);
	assert_true(records_peer(&peer, &record, sizeof(record) - 1) < 0);
	record.family = 0;
	assert_true(records_peer(&peer, &record, sizeof(record)) < 0);
	record.family = AF_INET6;
	record.kind = EVENT_RECORD_OPENED;
	assert_true(records_peer(&peer, &record, sizeof(record)) < 0);
}

static struct listener_record sighting(uint64_t inode, uint32_t netns, int32_t pid)
{
	struct listener_record record = { .inode = inode,
					  .netns = netns,
					  .pid = pid,
					  .fd = 3,
					  .protocol = 6,
					  .port = 8080,
					  .family = 10,
					  .name = "java" };
	return record;
}

static void listeners_of_namespaces_out_of_reach_come_from_the_iterator(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	struct netns *own = vec_push(&inventory.netns);
	own->inode = 40;
	own->visible = true;
	add_listener(&inventory, 22, 1);
	struct sightings sightings = { .inventory = &inventory };
	const struct listener_record records[] = { sighting(1, 40, 10), sighting(5, 41, 20),
						   sighting(5, 41, 21) };
	assert_int_equal(records_take_listeners(records, sizeof(records), &sightings),
			 sizeof(records));
	assert_int_equal(sightings_add_foreign(&sightings, &inventory), 0);
	assert_int_equal(owners_join(&inventory, &sightings.holdings), 0);
	assert_int_equal(inventory.listeners.count, 2);
	const struct listener *foreign = &inventory.listeners.items[1];
	assert_int_equal(foreign->port, 8080);
	assert_int_equal(foreign->owner_count, 2);
	assert_int_equal(inventory.netns.items[foreign->netns].inode, 41);
	assert_false(inventory.netns.items[foreign->netns].visible);
	assert_int_equal(inventory.coverage.netns_hidden, 1);
	sightings_deinit(&sightings);
	inventory_deinit(&inventory);
}

static void records_cut_in_two_wait_for_their_rest(void **state)
{
	(void)state;
	struct sightings sightings = { 0 };
	const struct listener_record records[] = { sighting(1, 40, 10), sighting(2, 40, 11) };
	assert_int_equal(records_take_listeners(records, sizeof(records) - 1, &sightings),
			 sizeof(records[0]));
	assert_int_equal(sightings.holdings.list.count, 1);
	sightings_deinit(&sightings);
}

static void process_records_carry_their_path(void **state)
{
	(void)state;
	struct {
		struct process_record record;
		char path[8];
		struct process_record next;
	} bytes = { .record = { .pid = 20, .path_bytes = 8 }, .next = { .pid = 10 } };
	memcpy(bytes.path, "/bin/cat", 8);
	struct arena arena;
	arena_init(&arena, 0);
	struct process_table table = { .arena = &arena };
	size_t whole = sizeof(bytes);
	assert_int_equal(records_take_processes(&bytes, sizeof(bytes.record) + 7, &table), 0);
	assert_int_equal(records_take_processes(&bytes, whole, &table), whole);
	process_table_sort(&table);
	assert_string_equal(process_table_find(&table, 20)->executable, "/bin/cat");
	assert_null(process_table_find(&table, 10)->executable);
	assert_null(process_table_find(&table, 11));
	bytes.record.path_bytes = 4000;
	assert_true(records_take_processes(&bytes, whole, &table) < 0);
	vec_free(&table.list);
	arena_deinit(&arena);
}

static struct socket_facts connected(const char *local, uint16_t port, const char *remote)
{
	struct socket_facts facts = { .protocol = PROTOCOL_TCP,
				      .state = SOCKET_ESTABLISHED,
				      .local_port = port,
				      .remote_port = 40000 };
	assert_int_equal(addr_parse(&facts.local, local), 0);
	assert_int_equal(addr_parse(&facts.remote, remote), 0);
	return facts;
}

static enum direction take(struct tally *tally, struct socket_facts facts)
{
	enum direction direction = DIRECTION_UNKNOWN;
	assert_int_equal(tally_take(tally, &facts, &direction), 0);
	return direction;
}

static void connections_are_counted_by_the_nearest_listener(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool v6_only;
	} bound[] = { { "0.0.0.0", false }, { "127.0.0.1", false }, { "::", true } };
	struct inventory inventory;
	inventory_init(&inventory, 0);
	for (size_t i = 0; i < 3; i++) {
		struct listener *listener = add_listener(&inventory, 80, i + 1);
		assert_int_equal(addr_parse(&listener->address, bound[i].address), 0);
		listener->v6_only = bound[i].v6_only;
	}
	struct tally *tally = tally_new(&inventory);
	tally_enter(tally, 0);
	assert_int_equal(take(tally, connected("127.0.0.1", 80, "127.0.0.1")), DIRECTION_INBOUND);
	assert_int_equal(take(tally, connected("192.0.2.1", 80, "198.51.100.1")),
			 DIRECTION_INBOUND);
	assert_int_equal(take(tally, connected("2001:db8::1", 80, "2001:db8::2")),
			 DIRECTION_INBOUND);
	assert_int_equal(take(tally, connected("127.0.0.1", 81, "127.0.0.1")), DIRECTION_OUTBOUND);
	struct socket_facts ending = connected("127.0.0.1", 80, "127.0.0.1");
	ending.state = SOCKET_TIME_WAIT;
	assert_int_equal(take(tally, ending), DIRECTION_INBOUND);
	tally_finish(tally, &inventory);
	for (size_t i = 0; i < 3; i++) {
		assert_true(inventory.listeners.items[i].counted);
		assert_int_equal(inventory.listeners.items[i].connections, 1);
	}
	assert_null(tally_free(tally));
	inventory_deinit(&inventory);
}

static void dual_stack_listener_takes_ipv4(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	struct listener *listener = add_listener(&inventory, 80, 1);
	assert_int_equal(addr_parse(&listener->address, "::"), 0);
	struct tally *tally = tally_new(&inventory);
	tally_enter(tally, 0);
	assert_int_equal(take(tally, connected("::ffff:192.0.2.1", 80, "::ffff:192.0.2.9")),
			 DIRECTION_INBOUND);
	tally_finish(tally, &inventory);
	char peer[ADDR_TEXT_BYTES];
	assert_string_equal(addr_format(&listener->peers[0].address, peer), "192.0.2.9");
	(void)tally_free(tally);
	inventory_deinit(&inventory);
}

static void three_most_frequent_peers_are_kept_in_order(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	struct listener *listener = add_listener(&inventory, 80, 1);
	assert_int_equal(addr_parse(&listener->address, "0.0.0.0"), 0);
	struct tally *tally = tally_new(&inventory);
	tally_enter(tally, 0);
	/* 2,000 peers with one connection each make the table grow; .1 has 3, .2 has 5, .3 has 4.
	 */
	for (unsigned i = 0; i < 2000 + 12; i++) {
		static const unsigned char often[] = { 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3 };
		char peer[ADDR_TEXT_BYTES];
		if (i < sizeof(often)) {
			(void)snprintf(peer, sizeof(peer), "198.51.100.%u", often[i]);
		} else {
			(void)snprintf(peer, sizeof(peer), "10.0.%u.%u", i / 256, i % 256);
		}
		(void)take(tally, connected("192.0.2.1", 80, peer));
	}
	tally_finish(tally, &inventory);
	assert_int_equal(listener->connections, 2012);
	assert_int_equal(listener->peer_count, 3);
	static const unsigned expected[][2] = { { 2, 5 }, { 3, 4 }, { 1, 3 } };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(listener->peers[i].address.bytes[3], expected[i][0]);
		assert_int_equal(listener->peers[i].connections, expected[i][1]);
	}
	(void)tally_free(tally);
	inventory_deinit(&inventory);
}

static void protocols_without_sockets_are_idle(void **state)
{
	(void)state;
	static const char text[] =
		"protocol  size sockets  memory press maxhdr  slab module     cl co\n"
		"MPTCPv6   2064      0     244   no       0   yes  kernel      y  n\n"
		"UDPv6     1472     -1       0   NI       0   yes  kernel      y  y\n"
		"TCPv6     2432      0     244   no     192   yes  kernel      y  y\n"
		"UDP-Lite  1344      1       0   NI       0   yes  kernel      y  y\n"
		"TCP       2304     10     244   no     192   yes  kernel      y  y\n";
	static const struct {
		enum protocol protocol;
		bool ipv6, idle;
	} cases[] = {
		{ PROTOCOL_TCP, false, false },   { PROTOCOL_TCP, true, true },
		{ PROTOCOL_UDP, true, false },    { PROTOCOL_UDP, false, true },
		{ PROTOCOL_MPTCP, true, true },   { PROTOCOL_UDPLITE, false, false },
		{ PROTOCOL_UDPLITE, true, true }, { PROTOCOL_SCTP, false, true },
		{ PROTOCOL_NONE, false, false },
	};
	uint32_t mask = protocols_idle(text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(protocols_is_idle(mask, cases[i].protocol, cases[i].ipv6),
				 cases[i].idle);
		assert_false(protocols_is_idle(protocols_idle("something else"), cases[i].protocol,
					       cases[i].ipv6));
	}
}

/* As the kernel runs it (net/ipv4/inet_diag.c, inet_diag_bc_run). */
static bool passes(const struct port_filter *filter, uint16_t port)
{
	long left = (long)filter->length;
	size_t at = 0;
	while (left > 0) {
		struct inet_diag_bc_op op[2] = { 0 };
		memcpy(op, filter->program + at, (size_t)left < sizeof(op) ? 4 : sizeof(op));
		bool yes = op[0].code == INET_DIAG_BC_NOP ||
			   (op[0].code == INET_DIAG_BC_S_GE && port >= op[1].no) ||
			   (op[0].code == INET_DIAG_BC_S_LE && port <= op[1].no);
		size_t step = yes ? op[0].yes : op[0].no;
		assert_true(step >= 4 && step % 4 == 0);
		left -= (long)step;
		at += step;
	}
	return filter->length > 0 && left == 0;
}

static void port_filter_passes_its_ports_and_few_others(void **state)
{
	(void)state;
	struct portset ports = { 0 };
	struct port_filter filter;
	port_filter_make(&filter, &ports);
	assert_int_equal(filter.length, 0);
	static const uint16_t some[] = { 22, 80, 443, 8080, 40000, 65535 };
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		portset_add(&ports, some[i]);
	}
	port_filter_make(&filter, &ports);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		assert_true(passes(&filter, some[i]));
	}
	static const uint16_t others[] = { 21, 444, 8079, 8081, 39999, 40001, 65534 };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(passes(&filter, others[i]));
	}
	/* More ranges than there is room for: none may be lost. */
	for (uint32_t port = 0; port < 65536; port += 1000) {
		portset_add(&ports, (uint16_t)port);
	}
	port_filter_make(&filter, &ports);
	assert_true(filter.length <= sizeof(filter.program));
	for (uint32_t port = 0; port < 65536; port += 1000) {
		assert_true(passes(&filter, (uint16_t)port));
	}
	assert_false(passes(&filter, 999));
}

static void lines_of_proc_net_are_read(void **state)
{
	(void)state;
	static const char tcp[] =
		"   0: 0100007F:0016 00000000:0000 0A 00000000:00000002 00:00000000 00000000  33"
		"        0 4711 1 0000000000000000 100 0 0 10 0\n";
	static const char tcp6[] =
		"  12: 00000000000000000000000001000000:01BB B80D0120000000000000000002000000:C350 "
		"01 "
		"00000001:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 20\n";
	struct socket_facts facts;
	char text[ENDPOINT_TEXT_BYTES];
	assert_int_equal(proc_net_parse(&facts, PROTOCOL_TCP, false, tcp), 0);
	assert_string_equal(endpoint_format(&facts.local, facts.local_port, text), "127.0.0.1:22");
	assert_int_equal(facts.state, SOCKET_LISTEN);
	assert_int_equal(facts.receive_queue, 2);
	assert_int_equal(facts.uid, 33);
	assert_int_equal(facts.inode, 4711);
	assert_int_equal(proc_net_parse(&facts, PROTOCOL_TCP, true, tcp6), 0);
	assert_string_equal(endpoint_format(&facts.local, facts.local_port, text), "[::1]:443");
	assert_string_equal(endpoint_format(&facts.remote, facts.remote_port, text),
			    "[2001:db8::2]:50000");
	assert_int_equal(facts.state, SOCKET_ESTABLISHED);
	static const char *const others[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
		"",
		"   0: 0100007F:0016",
		"   0: 0100007F:0016 00000000:0000 0A 00000000",
		tcp6,
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(proc_net_parse(&facts, PROTOCOL_TCP, false, others[i]) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listening_socket_is_decoded_whole),
		cmocka_unit_test(truncated_or_foreign_answers_are_refused),
		cmocka_unit_test(attribute_longer_than_the_message_is_not_read),
		cmocka_unit_test(request_asks_for_listening_sockets_alone),
		cmocka_unit_test(owners_are_joined_by_inode),
		cmocka_unit_test(siblings_share_endpoint_and_user),
		cmocka_unit_test(equal_inventories_say_nothing),
		cmocka_unit_test(opened_and_closed_listeners_are_told),
		cmocka_unit_test(restarted_listener_is_closed_and_opened),
		cmocka_unit_test(another_program_on_the_endpoint_is_a_changed_owner),
		cmocka_unit_test(same_socket_in_another_program_is_a_changed_owner),
		cmocka_unit_test(owner_that_was_not_seen_is_no_change),
		cmocka_unit_test(shared_endpoint_is_compared_socket_by_socket),
		cmocka_unit_test(socket_without_cookie_is_known_by_its_inode),
		cmocka_unit_test(ring_record_becomes_an_event),
		cmocka_unit_test(a_record_of_connections_is_told_from_one_of_a_listener),
		cmocka_unit_test(ring_record_of_unknown_make_is_refused),
		cmocka_unit_test(listeners_of_namespaces_out_of_reach_come_from_the_iterator),
		cmocka_unit_test(records_cut_in_two_wait_for_their_rest),
		cmocka_unit_test(process_records_carry_their_path),
		cmocka_unit_test(connections_are_counted_by_the_nearest_listener),
		cmocka_unit_test(dual_stack_listener_takes_ipv4),
		cmocka_unit_test(three_most_frequent_peers_are_kept_in_order),
		cmocka_unit_test(protocols_without_sockets_are_idle),
		cmocka_unit_test(port_filter_passes_its_ports_and_few_others),
		cmocka_unit_test(lines_of_proc_net_are_read),
		cmocka_unit_test(without_knows_its_words_and_passes_over_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
