/* One look at everything: the order in which the sources are asked and joined. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/reserved.h"
#include "base/parse.h"
#include "observe/io/details.h"
#include "observe/io/find-owners.h"
#include "observe/io/listing.h"
#include "observe/io/packages.h"
#include "observe/io/published.h"
#include "observe/io/sockets.h"
#include "observe/observe.h"
#include "observe/owners.h"

enum { INVENTORY_LIMIT_BYTES = 1 << 30, SETTING_BYTES = 64 * 1024 };

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
	(void)reserved_ports_read(&inventory->reserved, NULL); /* else it stays empty */
	char name[HOST_NAME_MAX + 1] = "";
	if (gethostname(name, sizeof(name)) == 0) {
		inventory->hostname = arena_strdup(&inventory->arena, name);
	}
}

static bool has_ownerless(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		if (inventory->listeners.items[i].owner_count == 0) {
			return true;
		}
	}
	return false;
}

enum {
	DETAILED = OBSERVE_DETAILS | OBSERVE_PACKAGES,
	OWNED = OBSERVE_OWNERS | DETAILED,
};

/* Who is behind the sockets: what looks at processes. */
static int look_at_processes(struct inventory *inventory, const struct observe_request *request,
			     struct err *e)
{
	int r = (request->flags & OWNED) != 0 ? find_owners(inventory, request, e) : 0;
	if (r == 0 && (request->flags & DETAILED) != 0) {
		r = find_details(inventory, request, e);
	}
	if (r == 0 && (request->flags & OBSERVE_PACKAGES) != 0) {
		r = find_packages(inventory, "", e);
	}
	return r;
}

/* A socket that closed between listing and owners would look ownerless: it is looked at again. */
static int decide_ownership(struct inventory *inventory, const struct observe_sockets *sockets,
			    struct err *e)
{
	const bool complete = inventory->coverage.owners_complete;
	int r = complete && has_ownerless(inventory) ? drop_closed(inventory, sockets, e) : 0;
	if (r == 0) {
		owners_decide(inventory, complete);
	}
	return r;
}

static int look(struct inventory *inventory, const struct observe_request *request,
		const struct observe_sockets *sockets, struct err *e)
{
	if ((request->flags & (OBSERVE_COUNTS | OBSERVE_CONNECTIONS)) == 0) {
		return look_at_processes(inventory, request, e);
	}
	struct counting *counting =
		counting_begin(inventory, sockets, (request->flags & OBSERVE_CONNECTIONS) != 0);
	int processes = look_at_processes(inventory, request, e);
	int counts = counting_end(counting, inventory, e);
	return processes < 0 ? processes : counts;
}

static int fill(struct inventory *inventory, const struct observe_request *request,
		const struct observe_sockets *sockets, struct err *e)
{
	read_settings(inventory);
	int r = list_listeners(inventory, sockets, e);
	if (r == 0) {
		r = look(inventory, request, sockets, e);
	}
	if (r == 0 && (request->flags & OWNED) != 0) {
		r = decide_ownership(inventory, sockets, e);
	}
	if (r == 0 && (request->flags & OBSERVE_PUBLISHED) != 0) {
		r = find_published(inventory, request, sockets, e);
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
		int r = sockets_open(&opened, (request->flags & OBSERVE_ALL_NETNS) != 0,
				     request->without, request->bpf_directory, e);
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
