/* links: what rtnetlink tells, made here as the kernel makes it. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "links/links.h"

struct told {
	unsigned interfaces, addresses, done;
	struct links_interface interface;
	struct links_address address;
};

static void on_interface(const struct links_interface *interface, void *data)
{
	struct told *told = data;
	told->interfaces++;
	told->interface = *interface;
}

static void on_address(const struct links_address *address, void *data)
{
	struct told *told = data;
	told->addresses++;
	told->address = *address;
}

static void on_done(void *data)
{
	struct told *told = data;
	told->done++;
}

/* Room for some messages, one after the other. */
struct buffer {
	_Alignas(struct nlmsghdr) char bytes[1024];
	size_t length;
};

static struct nlmsghdr *begin(struct buffer *buffer, uint16_t type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer->bytes + buffer->length);
	message->nlmsg_type = type;
	return message;
}

static void end(struct buffer *buffer, const struct nlmsghdr *message)
{
	buffer->length += NLMSG_ALIGN(message->nlmsg_len);
}

static void add_interface(struct buffer *buffer, uint16_t type, uint8_t family, const char *name)
{
	struct nlmsghdr *message = begin(buffer, type);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ifi_family = family;
	header->ifi_index = 7;
	header->ifi_flags = IFF_UP;
	mnl_attr_put_u32(message, IFLA_MTU, 1500);
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	end(buffer, message);
}

static void add_address(struct buffer *buffer, uint16_t type, const char *local, const char *peer)
{
	struct addr address;
	struct nlmsghdr *message = begin(buffer, type);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	assert_int_equal(addr_parse(&address, peer), 0);
	const uint16_t bytes = address.family == ADDR_IPV4 ? 4 : 16;
	header->ifa_family = address.family == ADDR_IPV4 ? AF_INET : AF_INET6;
	header->ifa_index = 7;
	mnl_attr_put(message, IFA_ADDRESS, bytes, address.bytes);
	if (local != NULL) {
		assert_int_equal(addr_parse(&address, local), 0);
		mnl_attr_put(message, IFA_LOCAL, bytes, address.bytes);
	}
	end(buffer, message);
}

static void add_end(struct buffer *buffer, uint16_t type, uint16_t flags, int error)
{
	struct nlmsghdr *message = begin(buffer, type);
	message->nlmsg_flags = flags;
	struct nlmsgerr *body = mnl_nlmsg_put_extra_header(message, sizeof(*body));
	body->error = error;
	end(buffer, message);
}

static int parse(struct told *told, const struct buffer *buffer, size_t length)
{
	const struct links_handler handler = { on_interface, on_address, on_done, told };
	*told = (struct told){ 0 };
	return links_parse(buffer->bytes, length, &handler);
}

static void interfaces_come_are_renamed_and_go(void **state)
{
	(void)state;
	struct told told;
	struct buffer buffer = { .length = 0 };
	add_interface(&buffer, RTM_NEWLINK, AF_UNSPEC, "eth0");
	add_interface(&buffer, RTM_NEWLINK, AF_UNSPEC, "wan0");
	assert_int_equal(parse(&told, &buffer, buffer.length), 0);
	assert_int_equal(told.interfaces, 2);
	assert_int_equal(told.interface.index, 7);
	assert_string_equal(told.interface.name, "wan0");
	assert_true(told.interface.up && !told.interface.loopback && !told.interface.gone);
	add_interface(&buffer, RTM_DELLINK, AF_UNSPEC, "wan0");
	assert_int_equal(parse(&told, &buffer, buffer.length), 0);
	assert_true(told.interface.gone);
}

/* A port that leaves its bridge is told of as a removed one of the bridge's family. */
static void what_a_bridge_says_of_its_ports_is_no_news(void **state)
{
	(void)state;
	struct told told;
	struct buffer buffer = { .length = 0 };
	add_interface(&buffer, RTM_DELLINK, AF_BRIDGE, "eth0");
	assert_int_equal(parse(&told, &buffer, buffer.length), 0);
	assert_int_equal(told.interfaces, 0);
}

static void of_a_pair_of_addresses_ours_is_told(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		const char *local, *peer, *expected;
	} cases[] = {
		{ RTM_NEWADDR, "192.0.2.1", "192.0.2.1", "192.0.2.1" },
		{ RTM_NEWADDR, "10.0.0.1", "10.0.0.2", "10.0.0.1" }, /* point to point */
		{ RTM_NEWADDR, NULL, "2001:db8::1", "2001:db8::1" },
		{ RTM_DELADDR, NULL, "2001:db8::1", "2001:db8::1" },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told;
		char text[ADDR_TEXT_BYTES];
		struct buffer buffer = { .length = 0 };
		add_address(&buffer, cases[i].type, cases[i].local, cases[i].peer);
		assert_int_equal(parse(&told, &buffer, buffer.length), 0);
		assert_string_equal(addr_format(&told.address.address, text), cases[i].expected);
		assert_int_equal(told.address.gone, cases[i].type == RTM_DELADDR);
	}
}

static void the_end_is_told_unless_something_changed_meanwhile(void **state)
{
	(void)state;
	struct told told;
	struct buffer whole = { .length = 0 };
	struct buffer torn = { .length = 0 };
	struct buffer refused = { .length = 0 };
	add_end(&whole, NLMSG_DONE, NLM_F_MULTI, 0);
	add_end(&torn, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 0);
	add_end(&refused, NLMSG_ERROR, 0, -EBUSY);
	assert_int_equal(parse(&told, &whole, whole.length), 0);
	assert_int_equal(told.done, 1);
	assert_int_equal(parse(&told, &torn, torn.length), -ENOBUFS);
	assert_int_equal(told.done, 0);
	assert_int_equal(parse(&told, &refused, refused.length), -EBUSY);
}

/* At every length: nothing is read that is not there (the sanitizers look), and nothing is made up.
 */
static void cut_messages_are_refused(void **state)
{
	(void)state;
	struct buffer buffer = { .length = 0 };
	add_interface(&buffer, RTM_NEWLINK, AF_UNSPEC, "eth0");
	for (size_t length = 1; length < buffer.length; length++) {
		struct told told;
		struct buffer *copy = malloc(sizeof(*copy));
		assert_non_null(copy);
		*copy = buffer;
		assert_int_equal(parse(&told, copy, length), -EBADMSG);
		assert_int_equal(told.interfaces, 0);
		free(copy);
	}
	struct told told;
	struct nlmsghdr *message = (void *)buffer.bytes;
	message->nlmsg_len = NLMSG_HDRLEN; /* no header of its own */
	assert_int_equal(parse(&told, &buffer, NLMSG_HDRLEN), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_come_are_renamed_and_go),
		cmocka_unit_test(what_a_bridge_says_of_its_ports_is_no_news),
		cmocka_unit_test(of_a_pair_of_addresses_ours_is_told),
		cmocka_unit_test(the_end_is_told_unless_something_changed_meanwhile),
		cmocka_unit_test(cut_messages_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
