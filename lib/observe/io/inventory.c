/* One look at everything: the order in which the sources are asked and joined. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "observe/io/dump.h"
#include "observe/io/find-owners.h"
#include "observe/observe.h"
#include "observe/owners.h"

enum { INVENTORY_LIMIT_BYTES = 1 << 30, SETTING_BYTES = 64 * 1024 };

static const enum protocol protocols[] = {
	PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_MPTCP, PROTOCOL_SCTP, PROTOCOL_DCCP, PROTOCOL_UDPLITE,
};

struct taking {
	struct inventory *inventory;
	uint32_t netns;
};

static int take_listener(const struct socket_facts *facts, void *data)
{
	const struct taking *taking = data;
	if (facts->local_port == 0) {
		return 0; /* a UDP socket that was never bound waits for nobody */
	}
	struct listener *listener = vec_push(&taking->inventory->listeners);
	if (listener == NULL) {
		return -ENOMEM;
	}
	*listener = diag_listener(facts);
	listener->netns = taking->netns;
	return 0;
}

static int list_namespace(struct inventory *inventory, uint32_t netns, int fd, struct err *e)
{
	struct taking taking = { .inventory = inventory, .netns = netns };
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		int r = dump_sockets(fd, protocols[i], diag_listening_states(protocols[i]),
				     take_listener, &taking, e);
		if (r < 0 && r != -EOPNOTSUPP) {
			return r;
		}
	}
	return 0;
}

static int list_sockets(struct inventory *inventory, const struct observe_sockets *sockets,
			struct err *e)
{
	for (size_t i = 0; i < sockets->list.count; i++) {
		const struct observe_socket *socket = &sockets->list.items[i];
		struct netns *netns = vec_push(&inventory->netns);
		if (netns == NULL) {
			return err_system(e, ENOMEM, "namespaces");
		}
		*netns = (struct netns){ .inode = socket->inode,
					 .cookie = socket->cookie,
					 .kind = socket->kind,
					 .pid = socket->pid,
					 .visible = socket->fd >= 0 };
		if (socket->name[0] != '\0') {
			netns->name = arena_strdup(&inventory->arena, socket->name);
		}
		inventory->coverage.netns_hidden += socket->fd < 0;
		int r = socket->fd < 0 ? 0 : list_namespace(inventory, (uint32_t)i, socket->fd, e);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* The host's settings; on a kernel without IPv4 the range stays 0-0. */
static void read_settings(struct inventory *inventory)
{
	char *text = arena_alloc(&inventory->arena, SETTING_BYTES);
	if (text == NULL) {
		return;
	}
	long length = file_read_into(text, SETTING_BYTES, AT_FDCWD,
				     "/proc/sys/net/ipv4/ip_local_port_range");
	char *second = length > 0 ? strchr(text, '\t') : NULL;
	if (second != NULL) {
		*second++ = '\0';
		second[strcspn(second, "\n")] = '\0';
		struct port_range range = { 0 };
		if (parse_port(&range.first, text) == 0 && parse_port(&range.last, second) == 0) {
			inventory->ephemeral = range;
		}
	}
	length = file_read_into(text, SETTING_BYTES, AT_FDCWD,
				"/proc/sys/net/ipv4/ip_local_reserved_ports");
	if (length > 0) {
		text[strcspn(text, "\n")] = '\0';
		(void)portset_parse(&inventory->reserved, text); /* else it stays empty */
	}
	char name[HOST_NAME_MAX + 1] = "";
	if (gethostname(name, sizeof(name)) == 0) {
		inventory->hostname = arena_strdup(&inventory->arena, name);
	}
}

static int fill(struct inventory *inventory, const struct observe_request *request,
		const struct observe_sockets *sockets, struct err *e)
{
	read_settings(inventory);
	int r = list_sockets(inventory, sockets, e);
	unsigned wants_owners = OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_PACKAGES;
	if (r == 0 && (request->flags & wants_owners) != 0) {
		r = find_owners(inventory, request, e);
	}
	if (r == 0) {
		r = inventory_sort(inventory);
	}
	if (r == 0) {
		owners_count_siblings(inventory);
	}
	return r;
}

int observe_inventory(struct inventory *out, const struct observe_request *request, struct err *e)
{
	struct observe_sockets opened = { 0 };
	const struct observe_sockets *sockets = request->sockets;
	if (sockets == NULL) {
		int r = observe_sockets_open(&opened, (request->flags & OBSERVE_ALL_NETNS) != 0,
					     request->without, e);
		if (r < 0) {
			return r;
		}
		sockets = &opened;
	}
	struct inventory made;
	inventory_init(&made, INVENTORY_LIMIT_BYTES);
	made.time = request->now;
	int r = fill(&made, request, sockets, e);
	observe_sockets_close(&opened);
	if (r < 0) {
		inventory_deinit(&made);
		return err_system(e, r, "cannot list the sockets of this host");
	}
	*out = made;
	return 0;
}
