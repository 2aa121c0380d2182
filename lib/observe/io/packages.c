/* Which package ships a file: dpkg's lists, or rpm where there is no dpkg. */
#include "observe/io/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "base/str.h"

enum {
	LIST_MAX_BYTES = 64 * 1024 * 1024,
	RPM_MAX_BYTES = 4096,
	PATH_BYTES = 512,
};

static const usec_t rpm_timeout = 5 * USEC_PER_SEC;

/* A path that some list may name. */
struct wanted {
	const char *path; /* as a list has it; of an alias, not that of the process */
	size_t length;
	const char **package; /* where the answer goes; shared by the aliases */
	UT_hash_handle hh;
};

struct search {
	struct arena *arena; /* of the inventory, for the names */
	struct arena scratch;
	struct wanted *wanted;
	bool lengths[PATH_BYTES]; /* of the wanted paths: most lines are ruled out by theirs */
	size_t open;              /* executables without an answer */
};

static bool is_local(const char *path)
{
	static const char *const folders[] = { "/usr/local/", "/home/", "/root/",  "/tmp/",
					       "/srv/",       "/mnt/",  "/memfd:", "/dev/" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (str_starts(path, folders[i])) {
			return true;
		}
	}
	return false;
}

static int want(struct search *search, const char *path, const char **package)
{
	struct wanted *wanted = arena_alloc(&search->scratch, sizeof(*wanted));
	if (wanted == NULL) {
		return -ENOMEM;
	}
	*wanted = (struct wanted){ .path = path, .length = strlen(path), .package = package };
	HASH_ADD_KEYPTR(hh, search->wanted, wanted->path, wanted->length, wanted);
	search->lengths[wanted->length < PATH_BYTES ? wanted->length : 0] = true;
	return 0;
}

/* Debian's merged /usr: lists name /bin/x for what runs as /usr/bin/x, or the other way round. */
static const char *alias_of(struct search *search, const char *path)
{
	static const char *const folders[] = { "/bin/", "/sbin/", "/lib" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (str_starts(path, folders[i])) {
			return arena_printf(&search->scratch, "/usr%s", path);
		}
		if (str_starts(path, "/usr") && str_starts(path + strlen("/usr"), folders[i])) {
			return path + strlen("/usr");
		}
	}
	return NULL;
}

/* @return where the package's name will stand; NULL without memory or for a local file. */
static const char **ask_for(struct search *search, const char *path)
{
	struct wanted *known = NULL;
	HASH_FIND(hh, search->wanted, path, strlen(path), known);
	if (known != NULL) {
		return known->package;
	}
	const char **package =
		is_local(path) ? NULL : arena_alloc(&search->scratch, sizeof(*package));
	const char *alias = alias_of(search, path);
	if (package == NULL || want(search, path, package) < 0 ||
	    (alias != NULL && want(search, alias, package) < 0)) {
		return NULL;
	}
	search->open++;
	return package;
}

/* "nginx-core.list", "libc6:amd64.list" */
static const char *package_of_list(struct search *search, const char *name)
{
	return arena_strndup(search->arena, name,
			     strcspn(name, ":") < strlen(name) ? strcspn(name, ":")
							       : strlen(name) - strlen(".list"));
}

static void search_list(struct search *search, const char *name, const char *text, size_t bytes)
{
	const char *end = text + bytes;
	for (const char *line = text; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const size_t length = (size_t)((newline == NULL ? end : newline) - line);
		struct wanted *wanted = NULL;
		if (length < PATH_BYTES && search->lengths[length]) {
			HASH_FIND(hh, search->wanted, line, length, wanted);
		}
		if (wanted != NULL && *wanted->package == NULL) {
			*wanted->package = package_of_list(search, name);
			search->open--;
		}
		line += length + 1;
	}
}

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

static bool is_list(const char *name)
{
	size_t length = strlen(name);
	return length > strlen(".list") && strcmp(name + length - strlen(".list"), ".list") == 0;
}

/* @return whether there is a dpkg at all. */
static bool search_dpkg(struct search *search, const char *root)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/var/lib/dpkg/info", root);
	_cleanup_(closedirp) DIR *lists = opendir(path);
	if (lists == NULL) {
		return false;
	}
	for (const struct dirent *entry; search->open > 0 && (entry = readdir(lists)) != NULL;) {
		_cleanup_(freep) char *text = NULL;
		size_t bytes = 0;
		if (is_list(entry->d_name) &&
		    file_read_at(&text, &bytes, dirfd(lists), entry->d_name, LIST_MAX_BYTES,
				 NULL) == 0) {
			search_list(search, entry->d_name, text, bytes);
		}
	}
	return true;
}

static void ask_rpm(struct search *search)
{
	for (struct wanted *wanted = search->wanted; wanted != NULL; wanted = wanted->hh.next) {
		const char *const words[] = {
			"rpm", "-qf", "--qf", "%{NAME}\n", wanted->path, NULL
		};
		struct str text = STR_INIT(RPM_MAX_BYTES);
		int r = *wanted->package != NULL ? -EALREADY
						 : run_program(&text, words, rpm_timeout);
		if (r == 0) {
			const char *name = str_text(&text);
			*wanted->package = arena_strndup(search->arena, name, strcspn(name, "\n"));
		}
		str_deinit(&text);
		if (r == -ENOENT) {
			return; /* no rpm on this host */
		}
	}
}

int find_packages(struct inventory *inventory, const char *root, struct err *e)
{
	size_t count = inventory->processes.count;
	struct search search = { .arena = &inventory->arena };
	_cleanup_(freep) const char ***answers = calloc(count + 1, sizeof(*answers));
	if (answers == NULL) {
		return err_system(e, ENOMEM, "packages");
	}
	arena_init(&search.scratch, 0);
	for (size_t i = 0; i < count; i++) {
		const struct process *process = &inventory->processes.items[i];
		if (process->executable != NULL && process->container_id == NULL) {
			answers[i] = ask_for(&search, process->executable);
		}
	}
	if (search.open > 0 && !search_dpkg(&search, root)) {
		ask_rpm(&search);
	}
	for (size_t i = 0; i < count; i++) {
		if (answers[i] != NULL) {
			inventory->processes.items[i].package = *answers[i];
		}
	}
	HASH_CLEAR(hh, search.wanted);
	arena_deinit(&search.scratch);
	return 0;
}
