/* Making the twin: the namespaces and what is opened in them. */
#include "twin/io/build.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/io/account.h"
#include "base/io/file.h"
#include "base/io/netlink.h"

enum { TRACE_BUFFER_BYTES = 8 << 20 };

int build_doubt(int doubts, enum twin_doubt_kind kind, const char *detail)
{
	struct str line = STR_INIT(4096);
	str_printf(&line, "%d %s\n", kind, detail);
	int r = line.error == 0 ? write_all(doubts, line.text, line.length) : line.error;
	str_deinit(&line);
	return r;
}

static int become_root_of_own(struct err *e)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	if (unshare(CLONE_NEWUSER) < 0) {
		return err_set(e, EPERM,
			       "the twin needs root, or a kernel that allows user namespaces");
	}
	const int r = account_map_own(uid, gid);
	return r < 0 ? err_system(e, r, "cannot enter a user namespace") : 0;
}

/* The first new namespace is the outside, the second the twin. */
static int enter_outside(struct err *e)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0) {
		return 0;
	}
	int r = become_root_of_own(e);
	if (r < 0) {
		return r;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		/* Some distributions allow the user namespace and take its rights away. */
		return err_set(e, EPERM,
			       "user namespaces have no rights on this system: the twin "
			       "needs root");
	}
	return 0;
}

static int opened(int *part, int domain, int type, int protocol)
{
	*part = socket(domain, type | SOCK_CLOEXEC, protocol);
	return *part < 0 ? -errno : 0;
}

static int open_memory(int *part)
{
	*part = memfd_create("minato-twin", MFD_CLOEXEC);
	return *part < 0 ? -errno : 0;
}

static int open_trace(int *part)
{
	const int group = NFNLGRP_NFTRACE;
	const int bytes = TRACE_BUFFER_BYTES;
	*part = netlink_open(NETLINK_NETFILTER);
	if (*part < 0) {
		return *part;
	}
	if (setsockopt(*part, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0) {
		(void)setsockopt(*part, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* smaller */
	}
	return setsockopt(*part, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0
		       ? -errno
		       : 0;
}

/* Nothing but probes shall come from outside: no neighbour discovery, no multicast. */
static int open_outside(int parts[PARTS], struct build_outside *outside)
{
	(void)file_write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6",
				 "1"); /* only less noise */
	(void)file_write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6",
				 "1"); /* likewise */
	outside->namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (outside->namespace < 0) {
		return -errno;
	}
	outside->route = netlink_open(NETLINK_ROUTE);
	return outside->route < 0 ? outside->route
				  : opened(&parts[PART_OUTSIDE], AF_PACKET, SOCK_RAW, 0);
}

/* The owner of a socket, as rules ask for it, is the fsuid of whoever opened it (f_cred). */
static int open_raw(int parts[PARTS], const uint32_t *user)
{
	const uid_t before = user == NULL ? 0 : (uid_t)setfsuid(*user);
	int r = opened(&parts[PART_RAW_IPV4], AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (r == 0 && opened(&parts[PART_RAW_IPV6], AF_INET6, SOCK_RAW, IPPROTO_RAW) < 0) {
		parts[PART_RAW_IPV6] = -1; /* a kernel without IPv6 */
	}
	if (user != NULL) {
		(void)setfsuid(before); /* back to what it was: always allowed */
	}
	return r;
}

static int open_inside(int parts[PARTS], const uint32_t *user)
{
	/* Link-local addresses come from the host, not from the twin's own MAC addresses. */
	(void)file_write_setting("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
	int r = open_trace(&parts[PART_TRACE]);
	r = r < 0 ? r : opened(&parts[PART_INSIDE], AF_PACKET, SOCK_RAW, 0);
	r = r < 0 ? r : open_raw(parts, user);
	if (r == 0) {
		parts[PART_ROUTE] = r = netlink_open(NETLINK_ROUTE);
	}
	return r < 0 ? r : 0;
}

static int open_parts(int parts[PARTS], struct build_outside *outside, const uint32_t *user,
		      struct err *e)
{
	int r = enter_outside(e);
	if (r < 0) {
		return r;
	}
	r = open_outside(parts, outside);
	if (r == 0 && unshare(CLONE_NEWNET) < 0) {
		r = -errno;
	}
	r = r < 0 ? r : open_inside(parts, user);
	for (enum part part = PART_LISTING; r == 0 && part < PARTS; part++) {
		r = open_memory(&parts[part]);
	}
	return r < 0 ? err_system(e, r, "cannot make the twin's namespaces") : 0;
}

int build_twin(int parts[PARTS], const struct build_order *order, struct err *e)
{
	const struct twin_host *host = order->host;
	struct build_outside outside = { -1, -1 }; /* closed by the end of this process */
	_cleanup_(freep) struct built_link *links = calloc(host->links.count + 1, sizeof(*links));
	if (links == NULL) {
		return err_system(e, ENOMEM, "cannot make the twin");
	}
	int r = open_parts(parts, &outside, order->user, e);
	r = r < 0 ? r
		  : build_network(links, host, parts[PART_ROUTE], &outside, parts[PART_DOUBTS], e);
	r = r < 0 ? r
		  : build_rules(parts[PART_LISTING], host, links, order->candidate,
				parts[PART_DOUBTS], e);
	return r < 0 ? r : write_all(parts[PART_LINKS], links, host->links.count * sizeof(*links));
}
