/* model: order of the inventory, names of its words. */
#include <stdlib.h>

#include "check.h"
#include "model/event.h"
#include "model/inventory.h"
#include "model/severity.h"

static void add(struct inventory *inventory, uint32_t netns, uint16_t port, int32_t fd)
{
	struct owner *owner = vec_push(&inventory->owners);
	owner->fd = fd;
	struct listener *listener = vec_push(&inventory->listeners);
	listener->netns = netns;
	listener->port = port;
	listener->protocol = PROTOCOL_TCP;
	listener->first_owner = (uint32_t)inventory->owners.count - 1;
	listener->owner_count = 1;
}

static void sorting_keeps_owners_with_their_listener(void **state)
{
	(void)state;
	struct inventory inventory;
	inventory_init(&inventory, 0);
	((struct netns *)vec_push(&inventory.netns))->kind = NETNS_OTHER;
	((struct netns *)vec_push(&inventory.netns))->kind = NETNS_HOST;
	add(&inventory, 0, 22, 1);
	add(&inventory, 1, 443, 2);
	add(&inventory, 1, 80, 3);
	assert_int_equal(inventory_sort(&inventory), 0);
	static const uint16_t ports[] = { 80, 443, 22 };
	static const int32_t fds[] = { 3, 2, 1 };
	for (uint32_t i = 0; i < 3; i++) {
		const struct listener *listener = &inventory.listeners.items[i];
		assert_int_equal(listener->port, ports[i]);
		assert_int_equal(inventory.owners.items[listener->first_owner].fd, fds[i]);
		assert_int_equal(inventory.owners.items[listener->first_owner].listener, i);
	}
	inventory_deinit(&inventory);
}

static void words_and_numbers_agree(void **state)
{
	(void)state;
	for (unsigned kind = 1; kind <= EVENT_KIND_LAST; kind++) {
		enum event_kind parsed = EVENT_NONE;
		if (!event_kind_is_known(kind)) { /* a gap */
			assert_string_equal(event_kind_name(kind), "none");
			continue;
		}
		assert_int_equal(event_kind_parse(&parsed, event_kind_name(kind)), 0);
		assert_int_equal(parsed, kind);
	}
	enum severity severity = SEVERITY_NONE;
	assert_int_equal(severity_parse(&severity, "critical"), 0);
	assert_int_equal(severity, SEVERITY_CRITICAL);
	assert_true(severity_parse(&severity, "grave") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorting_keeps_owners_with_their_listener),
		cmocka_unit_test(words_and_numbers_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
