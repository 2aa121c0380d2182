/* observe: messages of the kernel, joining, comparing, names. */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "observe/diag.h"
#include "observe/observe.h"
#include "observe/owners.h"

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
		diag_request(buffer, PROTOCOL_TCP, 2, diag_listening_states(PROTOCOL_TCP), 7);
	const struct inet_diag_req_v2 *request = (const void *)(message + 1);
	assert_int_equal(request->idiag_states, 1 << 10);
	assert_int_equal(message->nlmsg_len, sizeof(*message) + sizeof(*request));
	assert_int_equal(diag_connected_states(PROTOCOL_TCP) & (1 << 10 | 1 << 7 | 1 << 1), 2);
	message = diag_request(buffer, PROTOCOL_MPTCP, 2, 1 << 10, 7);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listening_socket_is_decoded_whole),
		cmocka_unit_test(truncated_or_foreign_answers_are_refused),
		cmocka_unit_test(attribute_longer_than_the_message_is_not_read),
		cmocka_unit_test(request_asks_for_listening_sockets_alone),
		cmocka_unit_test(owners_are_joined_by_inode),
		cmocka_unit_test(siblings_share_endpoint_and_user),
		cmocka_unit_test(without_knows_its_words_and_passes_over_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
