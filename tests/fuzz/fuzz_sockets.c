/*
 * Sockets as the kernel tells of them. The first byte chooses the form: 'd' messages of sock_diag,
 * 'l', 'c', 'p', 'e' records of our BPF programs (listeners, connections, processes, an event),
 * anything else a line of /proc/net.
 */
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/netlink.h"
#include "fuzz.h"
#include "observe/proc-net.h"
#include "observe/records.h"

static void look_at_address(const struct addr *address)
{
	static const uint8_t zeros[16];
	char text[ADDR_TEXT_BYTES];
	assert(address->family == ADDR_IPV4 || address->family == ADDR_IPV6);
	const size_t used = address->family == ADDR_IPV4 ? 4 : 16;
	assert(memcmp(address->bytes + used, zeros, 16 - used) == 0);
	assert(strlen(addr_format(address, text)) > 0);
}

static void look_at(const struct socket_facts *facts)
{
	const struct listener listener = diag_listener(facts);
	const struct connection connection = diag_connection(facts);
	look_at_address(&facts->local);
	look_at_address(&facts->remote);
	assert(facts->local.family == facts->remote.family);
	assert(listener.inode == facts->inode && listener.siblings == 1);
	assert(addr_compare(&connection.remote, &facts->remote) == 0);
}

static bool is_untouched(const void *memory, size_t length)
{
	const uint8_t *bytes = memory;
	size_t i = 0;
	while (i < length && bytes[i] == 0xa5) {
		i++;
	}
	return i == length;
}

/* ---- sock_diag ---- */

static void take_messages(const uint8_t *bytes, size_t length)
{
	/* The kernel's messages are aligned to four bytes and padded, and so are our buffers. */
	_cleanup_(freep) char *buffer = calloc(1, MNL_ALIGN(length) + MNL_ALIGNTO);
	assert(buffer != NULL);
	memcpy(buffer, bytes, length);
	const struct nlmsghdr *message = (const struct nlmsghdr *)(void *)buffer;
	int left = (int)length;
	while (netlink_whole(message, left)) {
		struct socket_facts facts;
		memset(&facts, 0xa5, sizeof(facts));
		int r = diag_decode(&facts, PROTOCOL_TCP, message);
		if (r == 0) {
			look_at(&facts);
		} else {
			assert(r == -EBADMSG && is_untouched(&facts, sizeof(facts)));
		}
		message = mnl_nlmsg_next(message, &left);
	}
}

/* ---- /proc/net ---- */

static void take_line(const uint8_t *bytes, size_t length, bool ipv6)
{
	_cleanup_(freep) char *line = malloc(length + 1);
	struct socket_facts facts;
	assert(line != NULL);
	memcpy(line, bytes, length);
	line[length] = '\0';
	memset(&facts, 0xa5, sizeof(facts));
	int r = proc_net_parse(&facts, PROTOCOL_UDP, ipv6, line);
	if (r == 0) {
		look_at(&facts);
	} else {
		assert(r == -EINVAL && is_untouched(&facts, sizeof(facts)));
	}
}

/* ---- records ---- */

static void look_at_holdings(const struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->list.count; i++) {
		const struct holding *holding = &holdings->list.items[i];
		assert(holding->pid > 0);
		assert(memchr(holding->name, '\0', sizeof(holding->name)) != NULL);
	}
}

static void take_listeners(const uint8_t *bytes, size_t length)
{
	struct inventory inventory;
	inventory_init(&inventory, 0);
	struct sightings sightings = { .inventory = &inventory };
	ssize_t taken = records_take_listeners(bytes, length, &sightings);
	assert(taken == -EBADMSG || (taken >= 0 && (size_t)taken <= length));
	look_at_holdings(&sightings.holdings);
	assert(sightings_add_foreign(&sightings, &inventory) == 0);
	assert(inventory.listeners.count <= sightings.foreign.count);
	assert(inventory.coverage.netns_hidden == inventory.netns.count);
	for (size_t i = 0; i < inventory.listeners.count; i++) {
		look_at_address(&inventory.listeners.items[i].address);
		assert(inventory.listeners.items[i].netns < inventory.netns.count);
	}
	sightings_deinit(&sightings);
	inventory_deinit(&inventory);
}

static void take_connections(const uint8_t *bytes, size_t length)
{
	struct holdings holdings = { 0 };
	ssize_t taken = records_take_connections(bytes, length, &holdings);
	assert(taken >= 0 && (size_t)taken <= length);
	look_at_holdings(&holdings);
	vec_free(&holdings.list);
}

static void take_processes(const uint8_t *bytes, size_t length)
{
	struct inventory inventory;
	inventory_init(&inventory, 0);
	struct process_table table = { .arena = &inventory.arena };
	ssize_t taken = records_take_processes(bytes, length, &table);
	assert(taken == -EBADMSG || (taken >= 0 && (size_t)taken <= length));
	process_table_sort(&table);
	for (size_t i = 0; i < table.list.count; i++) {
		const struct process_facts *facts = &table.list.items[i];
		assert(memchr(facts->name, '\0', sizeof(facts->name)) != NULL);
		assert(facts->executable == NULL || strlen(facts->executable) < RECORD_PATH_BYTES);
		assert(process_table_find(&table, facts->pid) != NULL);
	}
	vec_free(&table.list);
	inventory_deinit(&inventory);
}

static void take_event(const uint8_t *bytes, size_t length)
{
	struct event event;
	memset(&event, 0xa5, sizeof(event));
	int r = records_event(&event, bytes, length, 1795311825544375);
	if (r == 0) {
		look_at_address(&event.address);
		assert(event.kind == EVENT_LISTENER_OPENED || event.kind == EVENT_LISTENER_CLOSED);
		assert(memchr(event.process, '\0', sizeof(event.process)) != NULL);
	} else {
		assert(r == -EBADMSG && is_untouched(&event, sizeof(event)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct {
		char letter;
		void (*take)(const uint8_t *bytes, size_t length);
	} forms[] = {
		{ 'd', take_messages },  { 'l', take_listeners }, { 'c', take_connections },
		{ 'p', take_processes }, { 'e', take_event },
	};
	if (length == 0) {
		return 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (bytes[0] == forms[i].letter) {
			forms[i].take(bytes + 1, length - 1);
			return 0;
		}
	}
	take_line(bytes + 1, length - 1, bytes[0] == '6');
	return 0;
}
