/* The login that a command is typed in. */
#include "login.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "base/str.h"

enum { ANCESTORS_MAX = 64, FDS_MAX = 4096, STAT_BYTES = 4096 };

struct ancestor {
	int32_t parent;
	usec_t since_boot;
	char name[32];
};

/* /proc/PID/stat: "PID (name) S parent ... starttime": fields count from the last parenthesis. */
static bool read_ancestor(struct ancestor *out, int32_t pid)
{
	char path[64];
	char text[STAT_BYTES];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_into(text, sizeof(text), AT_FDCWD, path) <= 0) {
		return false;
	}
	char *open = strchr(text, '(');
	char *close = strrchr(text, ')');
	if (open == NULL || close == NULL) {
		return false;
	}
	*close = '\0';
	(void)str_copy(out->name, sizeof(out->name), open + 1);
	char *rest = NULL;
	unsigned field = 3;
	uint64_t value = 0;
	out->parent = 0;
	for (char *word = strtok_r(close + 1, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest), field++) {
		if (field == 4 && parse_u64(&value, word, 0, INT32_MAX) == 0) {
			out->parent = (int32_t)value;
		}
		if (field == 22 && parse_u64(&value, word, 0, UINT64_MAX) == 0) {
			const long ticks = sysconf(_SC_CLK_TCK);
			out->since_boot = (usec_t)(value * (uint64_t)USEC_PER_SEC /
						   (uint64_t)(ticks > 0 ? ticks : 100));
			return true;
		}
	}
	return false;
}

static const struct connection *connection_of(const struct inventory *inventory, uint64_t inode)
{
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->inode == inode && protocol_registry(c->protocol) == PROTOCOL_TCP &&
		    addr_exposure(&c->remote) != EXPOSURE_LOOPBACK) {
			return c;
		}
	}
	return NULL;
}

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

/* "socket:[123]" -> 123; 0 for anything else. */
static uint64_t socket_inode(int directory, const char *name)
{
	char link[64];
	uint64_t inode = 0;
	ssize_t length = readlinkat(directory, name, link, sizeof(link) - 1);
	const size_t before = strlen("socket:[");
	if (length <= (ssize_t)before || strncmp(link, "socket:[", before) != 0) {
		return 0;
	}
	link[length] = '\0';
	return parse_u64_bytes(&inode, link + before, (size_t)length - before - 1, 1, UINT64_MAX) ==
			       0
		       ? inode
		       : 0;
}

/* The connection that a process serves: accepted, not made by itself. */
static const struct connection *served_by(const struct inventory *inventory, int32_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	_cleanup_(closedirp) DIR *dir = opendir(path);
	unsigned looked = 0;
	const struct dirent *entry;
	while (dir != NULL && looked++ < FDS_MAX && (entry = readdir(dir)) != NULL) {
		uint64_t inode = socket_inode(dirfd(dir), entry->d_name);
		const struct connection *c = inode == 0 ? NULL : connection_of(inventory, inode);
		if (c != NULL && c->direction == DIRECTION_INBOUND) {
			return c;
		}
	}
	return NULL;
}

/* What keeps a shell alive when its connection is gone. */
static bool outlives_connections(const char *name)
{
	static const char *const names[] = { "tmux",   "screen", "SCREEN",     "dtach",
					     "abduco", "zellij", "mosh-server" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_starts(name, names[i])) {
			return true;
		}
	}
	return false;
}

static void take_connection(struct login *out, const struct connection *c, usec_t since_boot)
{
	out->kind = LOGIN_NETWORK;
	out->remote = addr_unmap(&c->remote);
	out->local = addr_unmap(&c->local);
	out->remote_port = c->remote_port;
	out->local_port = c->local_port;
	/* The outermost process that has it was started for it. */
	out->since_boot = since_boot;
	char text[ADDR_TEXT_BYTES];
	(void)str_copy(out->from, sizeof(out->from), addr_format(&out->remote, text));
}

static void walk(struct login *out, const struct inventory *inventory)
{
	struct ancestor ancestor;
	int32_t pid = getpid();
	for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1 && read_ancestor(&ancestor, pid); i++) {
		if (out->kind == LOGIN_NONE && outlives_connections(ancestor.name)) {
			out->kind = LOGIN_DETACHED;
			(void)str_copy(out->from, sizeof(out->from), ancestor.name);
			return;
		}
		const struct connection *c = inventory == NULL ? NULL : served_by(inventory, pid);
		if (c != NULL) {
			take_connection(out, c, ancestor.since_boot);
		}
		pid = ancestor.parent;
	}
}

/* Who logged in, also behind sudo: the kernel keeps it (CONFIG_AUDIT), else who asked. */
static void name_user(struct login *out)
{
	char text[32];
	uint64_t uid = getuid();
	if (file_read_into(text, sizeof(text), AT_FDCWD, "/proc/self/loginuid") > 0) {
		text[strcspn(text, "\n")] = '\0';
		uint64_t login = 0;
		if (parse_u64(&login, text, 0, UINT32_MAX - 1) == 0) {
			uid = login;
		}
	}
	const struct passwd *entry = getpwuid((uid_t)uid);
	if (entry != NULL) {
		(void)str_copy(out->who, sizeof(out->who), entry->pw_name);
	} else {
		(void)snprintf(out->who, sizeof(out->who), "%llu", (unsigned long long)uid);
	}
}

void login_find(struct login *out, const struct inventory *inventory)
{
	*out = (struct login){ .kind = LOGIN_NONE };
	name_user(out);
	walk(out, inventory);
	if (out->kind == LOGIN_NONE && isatty(STDIN_FILENO) == 1) {
		out->kind = LOGIN_TERMINAL;
		if (ttyname_r(STDIN_FILENO, out->from, sizeof(out->from)) != 0) {
			out->from[0] = '\0';
		}
	}
}
