/*
 * What a machine sees of the disk: everything as it is, but nothing can be written, and folders of
 * its own where programs write.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "harbour/io/world.h"
#include "harbour/words.h"

#define KEPT "/run/minato"
#define FORMER ".machine" /* the folder as it was, in one that is made of links */

/* Empty ones of each machine, and those that keep what they had. */
static const char *const empty[] = { "/run", "/tmp", "/var/tmp", "/root" };
static const char *const linked[] = { "/etc", "/var/lib" };
enum {
	EMPTY_COUNT = sizeof(empty) / sizeof(empty[0]),
	LINKED_COUNT = sizeof(linked) / sizeof(linked[0]),
};

/* ---- programs ---- */

static int own_path(char *out, struct err *e)
{
	const ssize_t length = readlink("/proc/self/exe", out, PATH_BYTES - 1);
	if (length < 0) {
		return err_system(e, errno, _("cannot find where minato lies"));
	}
	out[length] = '\0';
	*strrchr(out, '/') = '\0';
	return 0;
}

static bool is_below(const char *path, const char *folder)
{
	const size_t length = strlen(folder);
	return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_hidden(const char *path)
{
	for (size_t i = 0; i < EMPTY_COUNT; i++) {
		if (is_below(path, empty[i])) {
			return true;
		}
	}
	return is_below(path, "/etc") || is_below(path, "/var/lib");
}

/* In a build beside minato, installed in sbin. */
static int find_daemon(struct harbour_world *world, struct err *e)
{
	static const char *const places[] = { "", "/../sbin" };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(world->minatod, sizeof(world->minatod), "%s%s/minatod",
			       world->programs, places[i]);
		if (access(world->minatod, X_OK) == 0) {
			return 0;
		}
	}
	return err_set(e, ENOENT, _("%s is not installed"), "minatod");
}

static int open_actor(struct harbour_world *world, struct err *e)
{
	char path[32];
	_cleanup_(close_fdp) int found = run_open_own("minato-actor");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	world->actor = found < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	return world->actor < 0 ? err_set(e, ENOENT, _("%s is not installed"), "minato-actor") : 0;
}

int files_find(struct harbour_world *world, struct err *e)
{
	int r = own_path(world->programs, e);
	r = r < 0 ? r : find_daemon(world, e);
	return r < 0 ? r : open_actor(world, e);
}

/* ---- the whole ---- */

static int mount_tree(const char *path)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int move_tree(int tree, const char *path)
{
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static int write_protect(struct err *e)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attributes,
		    sizeof(attributes)) < 0) {
		return err_system(e, errno, _("cannot protect the files of this machine"));
	}
	return 0;
}

static int mount_tmpfs(const char *path, struct err *e)
{
	if (mount("harbour", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256m") < 0) {
		return err_system(e, errno, _("cannot mount %s"), path);
	}
	return 0;
}

static int mount_proc(struct err *e)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
		return err_system(e, errno, _("cannot mount %s"), "/proc");
	}
	return 0;
}

static int make_folder(const char *path, struct err *e)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST
		       ? err_system(e, errno, _("cannot make %s"), path)
		       : 0;
}

/* A tree can be placed but once, and only a mount that has its place can be copied (Linux before
 * 6.15): so each machine takes its own copy from where this one puts it. */
static int keep_programs(struct harbour_world *world, struct err *e)
{
	_cleanup_(close_fdp) int tree = mount_tree(world->programs);
	int r = tree < 0 ? err_system(e, errno, _("cannot mount %s"), world->programs)
			 : mount_tmpfs("/run", e);
	r = r < 0 ? r : make_folder(KEPT, e);
	if (r == 0 && move_tree(tree, KEPT) < 0) {
		r = err_system(e, errno, _("cannot mount %s"), KEPT);
	}
	return r;
}

int files_close_world(struct harbour_world *world, struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		return err_system(e, errno, _("cannot part from the mounts of this machine"));
	}
	int r = write_protect(e);
	r = r < 0 ? r : keep_programs(world, e);
	return r < 0 ? r : mount_proc(e);
}

/* ---- a machine ---- */

static int write_file(const char *path, const char *text, mode_t mode, struct err *e)
{
	_cleanup_(close_fdp) int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	return r < 0 ? err_system(e, r, _("cannot write %s"), path) : 0;
}

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

/* A link of a folder keeps its words, which may lead from there. */
static int link_entry(int former, int folder, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(former, name, target, sizeof(target) - 1);
	if (length < 0) {
		length = snprintf(target, sizeof(target), FORMER "/%s", name);
	}
	target[length] = '\0';
	return symlinkat(target, folder, name) < 0 ? -errno : 0;
}

static int link_entries(const char *path)
{
	char former[PATH_BYTES];
	(void)snprintf(former, sizeof(former), "%s/" FORMER, path);
	_cleanup_(closedirp) DIR *directory = opendir(former);
	_cleanup_(close_fdp) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	int r = directory == NULL || folder < 0 ? -errno : 0;
	while (r == 0 && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			r = link_entry(dirfd(directory), folder, entry->d_name);
		}
	}
	return r;
}

/* An overlay would do, but not on every file system, nor in a namespace of every kernel. */
static int make_linked(const char *path, struct err *e)
{
	char former[PATH_BYTES];
	_cleanup_(close_fdp) int tree = mount_tree(path);
	(void)snprintf(former, sizeof(former), "%s/" FORMER, path);
	int r = tree < 0 ? err_system(e, errno, _("cannot mount %s"), path) : mount_tmpfs(path, e);
	r = r < 0 ? r : make_folder(former, e);
	if (r == 0 && move_tree(tree, former) < 0) {
		r = err_system(e, errno, _("cannot mount %s"), former);
	}
	if (r == 0) {
		r = link_entries(path);
		r = r < 0 ? err_system(e, r, _("cannot make %s"), path) : 0;
	}
	return r;
}

/* Where this machine hides minato itself, it gets a place of its own. */
static int make_own(struct harbour_world *world, int tree, int gate, struct err *e)
{
	static const char place[] = WORLD_FOLDER "/minato";
	static const char gate_place[] = WORLD_FOLDER "/gate";
	int r = make_folder(WORLD_FOLDER, e);
	r = r < 0 ? r : make_folder(WORLD_PROGRAMS, e);
	r = r < 0 ? r : make_folder(gate_place, e);
	if (r == 0 && move_tree(gate, gate_place) < 0) {
		r = err_system(e, errno, _("cannot mount %s"), gate_place);
	}
	if (r < 0 || !is_hidden(world->programs)) {
		return r;
	}
	r = make_folder(place, e);
	if (r == 0 && move_tree(tree, place) < 0) {
		r = err_system(e, errno, _("cannot mount %s"), place);
	}
	(void)str_copy(world->programs, sizeof(world->programs), place);
	(void)snprintf(world->minatod, sizeof(world->minatod), "%s/minatod", place);
	return r;
}

static int copy_actor(const struct harbour_world *world, const char *name, struct err *e)
{
	char path[PATH_BYTES];
	struct stat status;
	(void)snprintf(path, sizeof(path), WORLD_PROGRAMS "/%s", name);
	if (fstat(world->actor, &status) < 0) {
		return err_system(e, errno, _("cannot make %s"), path);
	}
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	off_t from = 0;
	int r = fd < 0 ? -errno : 0;
	while (r == 0 && from < status.st_size) {
		const ssize_t sent = sendfile(fd, world->actor, &from, (size_t)status.st_size);
		r = sent > 0 ? 0 : sent < 0 ? -errno : -EIO;
	}
	return r < 0 ? err_system(e, r, _("cannot make %s"), path) : 0;
}

/* What the reader types beside minato; a link is enough for those. */
static int make_tools(const struct harbour_world *world, struct err *e)
{
	static const char *const tools[] = { "at", "scan", "ssh" };
	char target[PATH_BYTES];
	char path[PATH_BYTES];
	(void)snprintf(target, sizeof(target), "%s/minato", world->programs);
	int r = symlink(target, WORLD_PROGRAMS "/minato") < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < sizeof(tools) / sizeof(tools[0]); i++) {
		(void)snprintf(path, sizeof(path), WORLD_PROGRAMS "/%s", tools[i]);
		r = symlink("minato-actor", path) < 0 ? -errno : 0;
	}
	return r < 0 ? err_system(e, r, _("cannot make %s"), WORLD_PROGRAMS) : 0;
}

/* A file of its own for each name, so that a policy can tell them apart by it. */
static int make_programs(const struct harbour_world *world, uint32_t machine, struct err *e)
{
	const struct harbour_machine *m = &world->harbour->machines[machine];
	int r = make_tools(world, e);
	r = r < 0 ? r : copy_actor(world, "minato-actor", e);
	for (uint32_t i = 0; r == 0 && i < m->program_count; i++) {
		r = copy_actor(world, m->programs[i].name, e);
	}
	return r;
}

/* Every machine knows every other by name, by the address that it can reach. */
static int make_names(const struct harbour *harbour, uint32_t machine, struct err *e)
{
	struct str hosts = STR_INIT(16384);
	char text[ADDR_TEXT_BYTES];
	str_printf(&hosts, "127.0.0.1 localhost %s\n::1 localhost\n",
		   harbour->machines[machine].name);
	for (uint32_t i = 0; i < harbour->machine_count; i++) {
		const struct addr address = harbour_address(harbour, machine, i);
		if (i != machine && address.family != ADDR_NONE) {
			str_printf(&hosts, "%s %s\n", addr_format(&address, text),
				   harbour->machines[i].name);
		}
	}
	(void)unlink("/etc/hosts");       /* the links to the machine's own, */
	(void)unlink("/etc/resolv.conf"); /* where they are */
	(void)unlink("/etc/hostname");
	(void)unlink("/etc/nsswitch.conf");
	int r = hosts.error != 0 ? hosts.error
				 : write_file("/etc/hosts", str_text(&hosts), 0644, e);
	str_deinit(&hosts);
	r = r < 0 ? r : write_file("/etc/resolv.conf", "", 0644, e);
	r = r < 0 ? r : write_file("/etc/hostname", harbour->machines[machine].name, 0644, e);
	return r < 0 ? r
		     : write_file("/etc/nsswitch.conf",
				  "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
				  0644, e);
}

/* The machine's own would not be read anyway: they show another network and other terminals. */
static void mount_devices(void)
{
	(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
	(void)mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		    "newinstance,ptmxmode=0666,mode=0620");
}

/* The links of another minato on this machine are not those of the world. */
static void forget_minato(void)
{
	(void)unlink("/etc/minato"); /* all three may not be there */
	(void)unlink("/var/lib/minato");
	(void)unlink("/var/lib/minato-rules");
}

/* For interactive shells. */
static const char shell_settings[] =
	"PS1='\\[\\e[1m\\]\\h\\[\\e[0m\\]:\\w\\$ '\n"
	"command -v minato >/dev/null && eval \"$(minato completion bash 2>/dev/null)\"\n";

int files_make_machine(struct harbour_world *world, uint32_t machine, struct err *e)
{
	_cleanup_(close_fdp) int kept = mount_tree(KEPT);
	_cleanup_(close_fdp) int gate = mount_tree(GATE_FOLDER);
	int r = kept < 0 || gate < 0 ? err_system(e, errno, _("cannot mount %s"), KEPT)
				     : mount_proc(e);
	mount_devices();
	for (size_t i = 0; r == 0 && i < EMPTY_COUNT; i++) {
		r = access(empty[i], F_OK) == 0 ? mount_tmpfs(empty[i], e) : 0;
	}
	r = r < 0 ? r : make_own(world, kept, gate, e);
	for (size_t i = 0; r == 0 && i < LINKED_COUNT; i++) {
		r = make_linked(linked[i], e);
	}
	forget_minato();
	r = r < 0 ? r : make_folder("/etc/minato", e);
	r = r < 0 ? r : make_names(world->harbour, machine, e);
	r = r < 0 ? r : write_file(WORLD_FOLDER "/shellrc", shell_settings, 0644, e);
	return r < 0 ? r : make_programs(world, machine, e);
}
