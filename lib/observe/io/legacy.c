/* Tables of the kernel's old interface for iptables, asked over the options of a socket. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "observe/foreign.h"
#include "observe/legacy.h"
#include "observe/observe.h"

enum { NAMES_BYTES = 1024, TRIES = 4 };

static const struct {
	bool ipv6;
	int domain, level;
	const char *names; /* those that are in use: asking for others would make them */
} families[] = {
	{ false, AF_INET, IPPROTO_IP, "/proc/thread-self/net/ip_tables_names" },
	{ true, AF_INET6, IPPROTO_IPV6, "/proc/thread-self/net/ip6_tables_names" },
};

/* The options of both families have the same numbers too. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "one form");
_Static_assert(sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries), "one form");

/* @return 0; -EAGAIN the table changed between both questions; other negative errno. */
static int read_once(struct foreign_rules *out, int fd, size_t family, const char *name)
{
	struct ipt_getinfo info = { 0 };
	socklen_t length = sizeof(info);
	(void)str_copy(info.name, sizeof(info.name), name);
	if (getsockopt(fd, families[family].level, IPT_SO_GET_INFO, &info, &length) < 0) {
		return -errno;
	}
	if (info.size > LEGACY_BYTES_MAX) {
		out->cut = true;
		return 0;
	}
	_cleanup_(freep) struct ipt_get_entries *all = calloc(1, sizeof(*all) + info.size);
	if (all == NULL) {
		return -ENOMEM;
	}
	(void)str_copy(all->name, sizeof(all->name), name);
	all->size = info.size;
	length = (socklen_t)(sizeof(*all) + info.size);
	if (getsockopt(fd, families[family].level, IPT_SO_GET_ENTRIES, all, &length) < 0) {
		return -errno;
	}
	struct legacy_table table = { .name = name,
				      .ipv6 = families[family].ipv6,
				      .hooks = info.valid_hooks,
				      .entries = all->entrytable,
				      .length = info.size };
	memcpy(table.begin, info.hook_entry, sizeof(table.begin));
	memcpy(table.policy, info.underflow, sizeof(table.policy));
	json_auto_t *document = legacy_document(&table);
	if (document == NULL) {
		return -EBADMSG;
	}
	return foreign_read_document(out, document);
}

static int read_table(struct foreign_rules *out, size_t family, const char *name)
{
	_cleanup_(close_fdp) int fd = socket(families[family].domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		r = read_once(out, fd, family, name);
	}
	return r;
}

int observe_foreign_legacy(struct foreign_rules *out)
{
	int result = 0;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char names[NAMES_BYTES];
		char *rest = names;
		if (file_read_into(names, sizeof(names), AT_FDCWD, families[i].names) <= 0) {
			continue; /* the kernel has no such interface, or nothing in it */
		}
		for (const char *name; (name = strsep(&rest, "\n")) != NULL;) {
			int r = name[0] == '\0' ? 0 : read_table(out, i, name);
			result = r < 0 && r != -ENOENT && result == 0 ? r : result;
		}
	}
	return result;
}

bool observe_has_legacy(void)
{
	char names[NAMES_BYTES];
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (file_read_into(names, sizeof(names), AT_FDCWD, families[i].names) > 0) {
			return true;
		}
	}
	return false;
}
