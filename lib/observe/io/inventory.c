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

static bool has_ownerless(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		if (inventory->listeners.items[i].owner_count == 0) {
			return true;
		}
	}
	return false;
}

/* A socket that closed between listing and owners would look ownerless: it is looked at again. */
static int owners(struct inventory *inventory, const struct observe_request *request,
		  const struct observe_sockets *sockets, struct err *e)
{
	int r = find_owners(inventory, request, e);
	if (r == 0 && inventory->coverage.owners_complete && has_ownerless(inventory)) {
		r = drop_closed(inventory, sockets, e);
	}
	if (r == 0) {
		owners_decide(inventory, inventory->coverage.owners_complete);
	}
	return r;
}

static int fill(struct inventory *inventory, const struct observe_request *request,
		const struct observe_sockets *sockets, struct err *e)
{
	const unsigned details = OBSERVE_DETAILS | OBSERVE_PACKAGES;
	read_settings(inventory);
	int r = list_listeners(inventory, sockets, e);
	if (r == 0 && (request->flags & (OBSERVE_COUNTS | OBSERVE_CONNECTIONS)) != 0) {
		r = list_connections(inventory, sockets,
				     (request->flags & OBSERVE_CONNECTIONS) != 0, e);
	}
	if (r == 0 && (request->flags & (OBSERVE_OWNERS | details)) != 0) {
		r = owners(inventory, request, sockets, e);
	}
	if (r == 0 && (request->flags & details) != 0) {
		r = find_details(inventory, request, e);
	}
	if (r == 0 && (request->flags & OBSERVE_PACKAGES) != 0) {
		r = find_packages(inventory, "", e);
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
