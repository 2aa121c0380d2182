/* The kernel's neighbours, asked over rtnetlink; and names out of files. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/netlink.h"
#include "devices/devices.h"

enum { NEIGHBOURS_MAX = 65536 };

static int take(const struct nlmsghdr *message, void *data)
{
	struct devices_neighbours *out = data;
	struct devices_neighbour neighbour;
	if (message->nlmsg_type != RTM_NEWNEIGH || out->list.count == NEIGHBOURS_MAX) {
		return 0;
	}
	const int r = devices_parse_neighbour(&neighbour, message, sysconf(_SC_CLK_TCK));
	if (r != DEVICES_NEIGHBOUR) {
		return r < 0 ? r : 0;
	}
	struct devices_neighbour *place = vec_push(&out->list);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = neighbour;
	return 0;
}

static void again(void *data)
{
	((struct devices_neighbours *)data)->list.count = 0;
}

int devices_neighbours_read(struct devices_neighbours *out, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	const struct netlink_reader reader = { .function = take, .data = out, .again = again };
	*out = (struct devices_neighbours){ 0 };
	struct nlmsghdr *request =
		netlink_request(buffer, RTM_GETNEIGH, NLM_F_DUMP, sizeof(struct ndmsg));
	const int r = netlink_ask_once(NETLINK_ROUTE, request, &reader);
	if (r < 0) {
		devices_neighbours_deinit(out);
		return err_system(e, r, "cannot read the kernel's table of neighbours");
	}
	return 0;
}

void devices_neighbours_deinit(struct devices_neighbours *neighbours)
{
	vec_free(&neighbours->list);
}

/* ---- names ---- */

typedef int reading(struct devices_names *names, const char *text, size_t length);

/* What is not there, or not to be read, tells nothing. */
static int read_one(struct devices_names *names, const char *path, reading *function)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	return file_read(&text, &length, path, DEVICES_FILE_BYTES_MAX, NULL) == 0
		       ? function(names, text, length)
		       : 0;
}

int devices_names_read(struct devices_names *out)
{
	/* Debian and others; Fedora. Never one in a folder where anybody may write. */
	static const char *const leases[] = { "/var/lib/misc/dnsmasq.leases",
					      "/var/lib/dnsmasq/dnsmasq.leases" };
	int r = read_one(out, "/etc/hosts", devices_names_read_hosts);
	for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]) && r == 0; i++) {
		r = read_one(out, leases[i], devices_names_read_leases);
	}
	return r;
}
