/* The daemon's files: directories, lock, sockets; and their removal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "common/say.h"
#include "daemon.h"

static const char http_name[] = "minatod.sock";
static const char control_name[] = "control.sock";
static const char lock_name[] = "minatod.lock";
static const char bpf_name[] = "bpf";

enum {
	LOCK_TRIES = 60, /* of 50 ms: the helper of a daemon that was killed is cleaning up */
	LOCK_WAIT_MS = 50,
};

static void closedirp(DIR **directory)
{
	if (*directory != NULL) {
		(void)closedir(*directory);
	}
}

/* Makes a directory and those above it. */
static int make_directories(const char *path, struct err *e)
{
	char part[WIRE_TEXT_BYTES];
	(void)str_copy(part, sizeof(part), path);
	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL) {
			*slash = '\0';
		}
		if (mkdir(part, 0755) < 0 && errno != EEXIST) {
			return err_system(e, errno, "cannot make %s", part);
		}
		if (slash == NULL) {
			return 0;
		}
		*slash = '/';
	}
}

static int open_directory(int *out, const char *path, struct err *e)
{
	int r = make_directories(path, e);
	if (r < 0) {
		return r;
	}
	*out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? err_system(e, errno, "cannot open %s", path) : 0;
}

/* Nobody else may put files there: root removes and mounts by name in it. */
static int check_runtime(struct runtime *runtime, const char *path, struct err *e)
{
	struct stat status;
	if (fstat(runtime->directory, &status) < 0) {
		return err_system(e, errno, "%s", path);
	}
	if (status.st_uid != 0 || (status.st_mode & 022) != 0) {
		return err_set(
			e, EPERM,
			"%s must belong to root and be writable by root alone: choose another "
			"--runtime-directory",
			path);
	}
	_cleanup_(freep) char *whole = realpath(path, NULL);
	if (whole == NULL) {
		return err_system(e, errno, "%s", path);
	}
	if (strlen(whole) >= sizeof(runtime->path) - 32) {
		return err_set(e, ENAMETOOLONG, "%s: its whole path is too long", path);
	}
	(void)str_copy(runtime->path, sizeof(runtime->path), whole);
	return 0;
}

/* ---- lock ---- */

static bool holder_lives(int lock)
{
	char text[32] = "";
	uint64_t pid = 0;
	ssize_t n = pread(lock, text, sizeof(text) - 1, 0);
	return n > 0 && parse_u64_bytes(&pid, text, (size_t)n, 1, INT32_MAX) == 0 &&
	       (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* Whether the locked file is still the one that has the name: an ending daemon removes it. */
static bool still_there(int lock, int directory)
{
	struct stat ours;
	struct stat named;
	return fstat(lock, &ours) == 0 && fstatat(directory, lock_name, &named, 0) == 0 &&
	       ours.st_ino == named.st_ino;
}

static int write_pid(int lock, struct err *e)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%d", getpid());
	if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)length, 0) != length) {
		return err_system(e, errno, "cannot write %s", lock_name);
	}
	return 0;
}

enum lock_outcome {
	LOCK_TAKEN,
	LOCK_HELD = 1, /* by a daemon that lives */
	LOCK_LATER,    /* by one that is ending */
};

static int try_lock(struct runtime *runtime, const char *path, struct err *e)
{
	struct err fault = ERR_INIT;
	close_fdp(&runtime->directory);
	int r = open_directory(&runtime->directory, path, &fault);
	if (r == 0) {
		r = check_runtime(runtime, path, &fault);
	}
	if (r < 0) {
		return r == -ENOENT ? LOCK_LATER : err_set(e, r, "%s", err_text(&fault));
	}
	_cleanup_(close_fdp) int lock = openat(runtime->directory, lock_name,
					       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 && errno == ENOENT) {
		return LOCK_LATER; /* the directory has just been removed */
	}
	if (lock < 0) {
		return err_system(e, errno, "cannot open %s/%s", runtime->path, lock_name);
	}
	if (flock(lock, LOCK_EX | LOCK_NB) == 0 && still_there(lock, runtime->directory)) {
		runtime->lock = steal_fd(&lock);
		return write_pid(runtime->lock, e);
	}
	return holder_lives(lock) ? LOCK_HELD : LOCK_LATER;
}

/* An ending daemon removes the directory itself, so each try begins with it. */
static int take_lock(struct runtime *runtime, const char *path, struct err *e)
{
	int r = LOCK_LATER;
	for (unsigned tries = 0; tries < LOCK_TRIES && r == LOCK_LATER; tries++) {
		r = try_lock(runtime, path, e);
		if (r == LOCK_LATER) {
			(void)poll(NULL, 0, LOCK_WAIT_MS); /* woken early it merely looks sooner */
		}
	}
	return r <= 0 ? r
		      : err_set(e, EBUSY,
				"another minatod runs in %s; choose another --runtime-directory or "
				"stop it",
				path);
}

/* ---- what an earlier run left, and the end of this one ---- */

static void unmount_bpf(const struct runtime *runtime)
{
	char path[WIRE_TEXT_BYTES];
	struct statfs status;
	(void)snprintf(path, sizeof(path), "%s/%s", runtime->path, bpf_name);
	while (statfs(path, &status) == 0 && status.f_type == BPF_FS_MAGIC) {
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
			say(SAY_WARNING, "cannot unmount %s: %s", path, strerror(errno));
			return;
		}
	}
	(void)unlinkat(runtime->directory, bpf_name, AT_REMOVEDIR); /* may not be there */
}

static void remove_leftovers(const struct runtime *runtime)
{
	unmount_bpf(runtime);
	(void)unlinkat(runtime->directory, http_name, 0); /* may not be there */
	(void)unlinkat(runtime->directory, control_name, 0);
}

void runtime_remove(const struct runtime *runtime)
{
	remove_leftovers(runtime);
	(void)unlinkat(runtime->directory, lock_name, 0);
	(void)rmdir(runtime->path); /* not empty: somebody else's files are in it */
}

void runtime_close(struct runtime *runtime)
{
	close_fdp(&runtime->http);
	close_fdp(&runtime->control);
	close_fdp(&runtime->state);
	close_fdp(&runtime->directory);
	close_fdp(&runtime->lock);
}

/* ---- sockets ---- */

static int listen_at(int *out, const struct runtime *runtime, const char *name, int type,
		     mode_t mode, gid_t group, struct err *e)
{
	_cleanup_(close_fdp) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return err_system(e, errno, "cannot make a socket");
	}
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", runtime->path, name);
	if (length >= (int)sizeof(address.sun_path)) {
		return err_set(
			e, ENAMETOOLONG,
			"%s/%s is longer than the 107 bytes a socket's path may have: choose a "
			"shorter --runtime-directory",
			runtime->path, name);
	}
	/* Nobody connects before owner and mode are right. */
	const mode_t old = umask(0777);
	int r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(old);
	if (r < 0) {
		return err_system(e, errno, "cannot bind %s", address.sun_path);
	}
	if (fchownat(runtime->directory, name, 0, group, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(runtime->directory, name, mode, 0) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		return err_system(e, errno, "cannot open %s", address.sun_path);
	}
	*out = steal_fd(&fd);
	return 0;
}

/* ---- state ---- */

/* An engine holds this lock (store.h); that of a daemon that was killed may be about to end. Ours
 * is given back when the directory is closed. */
static bool state_is_free(int directory)
{
	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(directory, LOCK_EX | LOCK_NB) == 0) {
			return true;
		}
		(void)poll(NULL, 0, LOCK_WAIT_MS); /* woken early it merely looks sooner */
	}
	return false;
}

/* Gives what an earlier engine wrote to this one: its number may have changed. A directory with
 * anything else in it is refused, lest a mistyped path changes hands. */
static int give_state(int state, const char *path, const struct identities *identities,
		      struct err *e)
{
	int copy = openat(state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	if (directory == NULL) {
		return err_system(e, errno, "cannot read %s", path);
	}
	if (!state_is_free(dirfd(directory))) {
		return err_set(e, EBUSY,
			       "another minatod writes to %s: choose another --state-directory",
			       path);
	}
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !str_starts(entry->d_name, "events-") &&
		    !str_starts(entry->d_name, "anomalies")) {
			return err_set(e, ENOTEMPTY,
				       "%s holds \"%s\", which is not minato's: choose another "
				       "--state-directory",
				       path, entry->d_name);
		}
	}
	rewinddir(directory);
	while ((entry = readdir(directory)) != NULL) {
		struct stat status;
		if (fstatat(state, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode) && status.st_nlink == 1 &&
		    fchownat(state, entry->d_name, identities->engine.uid, identities->readers,
			     AT_SYMLINK_NOFOLLOW) < 0) {
			return err_system(e, errno, "cannot give %s/%s to the engine", path,
					  entry->d_name);
		}
	}
	if (fchown(state, identities->engine.uid, identities->readers) < 0 ||
	    fchmod(state, 02750) < 0) {
		return err_system(e, errno, "cannot give %s to the engine", path);
	}
	return 0;
}

int runtime_prepare(struct runtime *out, const struct options *options,
		    const struct identities *identities, struct err *e)
{
	int r = take_lock(out, options->runtime_directory, e);
	if (r < 0) {
		return r;
	}
	remove_leftovers(out);
	r = open_directory(&out->state, options->state_directory, e);
	if (r == 0) {
		r = give_state(out->state, options->state_directory, identities, e);
	}
	if (r == 0) {
		r = listen_at(&out->http, out, http_name, SOCK_STREAM, 0660, identities->readers,
			      e);
	}
	if (r == 0) {
		r = listen_at(&out->control, out, control_name, SOCK_SEQPACKET, 0600, 0, e);
	}
	return r;
}
