/* Where minato policy import gets rules from. */
#include "import_sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "words.h"

enum { PROGRAM_TIMEOUT_SECONDS = 20, PATH_BYTES = 512 };

void import_sources_deinit(struct import_sources *sources)
{
	for (size_t i = 0; i < sources->list.count; i++) {
		free((char *)sources->list.items[i].name);
		free((char *)sources->list.items[i].bytes);
	}
	vec_free(&sources->list);
	for (size_t i = 0; i < sources->interface_count; i++) {
		free((char *)sources->interfaces[i]);
	}
	sources->interface_count = 0;
}

/* Those of containers come and go; the bridges in front of them stay. */
static void add_interfaces(struct import_sources *out)
{
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i != NULL && i->if_index != 0; i++) {
		bool wanted = strcmp(i->if_name, "lo") != 0 && !str_starts(i->if_name, "veth");
		if (wanted && out->interface_count < IMPORT_INTERFACES_MAX) {
			char *name = strdup(i->if_name);
			if (name != NULL) {
				out->interfaces[out->interface_count++] = name;
			}
		}
	}
	if (all != NULL) {
		if_freenameindex(all);
	}
}

/* Takes the bytes. */
static int add(struct import_sources *out, const char *name, char *bytes, size_t length)
{
	char *copy = strdup(name);
	struct import_file *file = copy == NULL ? NULL : vec_push(&out->list);
	if (file == NULL) {
		free(copy);
		free(bytes);
		return -ENOMEM;
	}
	*file = (struct import_file){ copy, bytes, length };
	return 0;
}

static int add_file(struct import_sources *out, const char *path, struct err *e)
{
	char *bytes = NULL;
	size_t length = 0;
	int r = file_read(&bytes, &length, path, IMPORT_FILE_BYTES_MAX, e);
	return r < 0 ? r : add(out, path, bytes, length);
}

static int add_input(struct import_sources *out, struct err *e)
{
	struct str text = STR_INIT(IMPORT_FILE_BYTES_MAX);
	char bytes[64 * 1024];
	for (;;) {
		ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		int r = n < 0 ? -errno : n == 0 ? 0 : str_add_bytes(&text, bytes, (size_t)n);
		if (r < 0) {
			str_deinit(&text);
			return err_system(e, r, _("standard input cannot be read"));
		}
		if (n == 0) {
			break;
		}
	}
	if (text.text == NULL && str_add(&text, "") < 0) {
		return -ENOMEM;
	}
	return add(out, "-", text.text, text.length);
}

/* ---- programs ---- */

static int add_program(struct import_sources *out, const char *const *words)
{
	struct str text = STR_INIT(IMPORT_FILE_BYTES_MAX);
	int r = run_program(&text, words, PROGRAM_TIMEOUT_SECONDS * USEC_PER_SEC);
	if (r < 0 || text.length == 0) {
		str_deinit(&text);
		return r < 0 ? r : -ENOENT;
	}
	return add(out, words[0], text.text, text.length);
}

static int add_iptables(struct import_sources *out, struct err *e)
{
	static const char *const programs[][2] = { { "iptables-save", NULL },
						   { "ip6tables-save", NULL } };
	int worst = -ENOENT;
	for (size_t i = 0; i < 2; i++) {
		int r = add_program(out, programs[i]);
		if (r < 0 && r != -ENOENT) {
			return err_set(e, r, _("%s gave no rules"), programs[i][0]);
		}
		worst = r == 0 ? 0 : worst;
	}
	return worst == 0 ? 0 : err_set(e, worst, _("iptables-save gives no rules on this host"));
}

static int add_nft(struct import_sources *out, struct err *e)
{
	static const char *const words[] = { "nft", "-j", "list", "ruleset", NULL };
	int r = add_program(out, words);
	return r == 0 ? 0 : err_set(e, r, _("nft gives no rules on this host"));
}

/* ---- ufw ---- */

static int add_ufw(struct import_sources *out, struct err *e)
{
	static const char *const paths[] = { "/etc/ufw/user.rules", "/etc/ufw/user6.rules",
					     "/etc/default/ufw", "/etc/ufw/ufw.conf" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct err reason = ERR_INIT;
		int r = add_file(out, paths[i], &reason);
		if (r < 0 && (r != -ENOENT || i == 0)) {
			return r == -ENOENT ? err_set(e, r, _("there is no ufw on this host"))
					    : err_set(e, r, "%s", err_text(&reason));
		}
	}
	return 0;
}

static bool ufw_is_on(void)
{
	_cleanup_(freep) char *text = NULL;
	return file_read(&text, NULL, "/etc/ufw/ufw.conf", 1 << 16, NULL) == 0 &&
	       strstr(text, "\nENABLED=yes") != NULL;
}

/* ---- firewalld ---- */

/* What is in /etc goes before what the package brought. */
static bool has_document(const struct import_sources *sources, const char *folder, const char *name)
{
	for (size_t i = 0; i < sources->list.count; i++) {
		const char *path = sources->list.items[i].name;
		const char *slash = strrchr(path, '/');
		size_t length = strlen(folder);
		bool there = strcmp(slash == NULL ? path : slash + 1, name) == 0;
		bool same_folder = slash != NULL && (size_t)(slash - path) > length &&
				   strncmp(slash - length, folder, length) == 0;
		if (there && (same_folder || path[0] != '/')) {
			return true;
		}
	}
	return false;
}

static int add_folder(struct import_sources *out, const char *root, const char *folder,
		      struct err *e)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/%s", root, folder);
	DIR *directory = opendir(path);
	int r = 0;
	for (struct dirent *entry = directory == NULL ? NULL : readdir(directory);
	     entry != NULL && r == 0; entry = readdir(directory)) {
		size_t length = strlen(entry->d_name);
		if (length < 5 || strcmp(entry->d_name + length - 4, ".xml") != 0 ||
		    has_document(out, folder, entry->d_name) ||
		    out->list.count == IMPORT_FILES_MAX) {
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s/%s", root, folder, entry->d_name);
		r = add_file(out, path, e);
	}
	if (directory != NULL) {
		(void)closedir(directory);
	}
	return r;
}

/* The folders of /etc first. */
static int add_folders(struct import_sources *out, const char *const *folders, struct err *e)
{
	static const char *const roots[] = { "/etc/firewalld", "/usr/lib/firewalld" };
	for (size_t i = 0; folders[i] != NULL; i++) {
		for (size_t k = 0; k < 2; k++) {
			int r = add_folder(out, roots[k], folders[i], e);
			if (r < 0) {
				return r;
			}
		}
	}
	return 0;
}

static int add_firewalld(struct import_sources *out, struct err *e)
{
	static const char *const folders[] = { "zones", "ipsets", "services", NULL };
	struct err reason = ERR_INIT;
	int r = add_file(out, "/etc/firewalld/firewalld.conf", &reason);
	if (r < 0) {
		return r == -ENOENT ? err_set(e, r, _("there is no firewalld on this host"))
				    : err_set(e, r, "%s", err_text(&reason));
	}
	return add_folders(out, folders, e);
}

/* A zone names services: without their definitions nothing can be said of them. */
static int add_definitions(struct import_sources *out, struct err *e)
{
	static const char *const folders[] = { "ipsets", "services", NULL };
	bool zones = false;
	for (size_t i = 0; i < out->list.count; i++) {
		const struct import_file *file = &out->list.items[i];
		zones = zones || (import_recognise(file) == IMPORT_FIREWALLD &&
				  memmem(file->bytes, file->length, "<zone", 5) != NULL);
	}
	return zones ? add_folders(out, folders, e) : 0;
}

/* ---- words ---- */

/* Whether what iptables-save printed says anything about incoming packets. */
static bool has_inbound(const struct import_sources *sources)
{
	for (size_t i = 0; i < sources->list.count; i++) {
		const char *bytes = sources->list.items[i].bytes;
		if (strstr(bytes, "-A INPUT") != NULL || strstr(bytes, ":INPUT DROP") != NULL) {
			return true;
		}
	}
	return false;
}

/* The one that is in charge: ufw and firewalld make iptables' and nftables' rules. */
static int add_any(struct import_sources *out, struct err *e)
{
	struct err ignored = ERR_INIT;
	if (ufw_is_on()) {
		return add_ufw(out, e);
	}
	if (access("/run/firewalld.pid", F_OK) == 0) {
		return add_firewalld(out, e);
	}
	if (add_iptables(out, &ignored) == 0 && has_inbound(out)) {
		return 0;
	}
	import_sources_deinit(out);
	return add_nft(out, e);
}

static const struct {
	const char *word;
	int (*add)(struct import_sources *out, struct err *e);
} lives[] = {
	{ "ufw", add_ufw },           { "firewalld", add_firewalld },
	{ "iptables", add_iptables }, { "nft", add_nft },
	{ "auto", add_any },
};

int import_sources_read(struct import_sources *out, const char *const *words, unsigned count,
			struct err *e)
{
	for (size_t i = 0; count == 1 && i < sizeof(lives) / sizeof(lives[0]); i++) {
		if (strcmp(words[0], lives[i].word) == 0) {
			int r = lives[i].add(out, e);
			add_interfaces(out);
			return r;
		}
	}
	for (unsigned i = 0; i < count; i++) {
		int r = strcmp(words[i], "-") == 0 ? add_input(out, e) : add_file(out, words[i], e);
		if (r < 0) {
			return r;
		}
	}
	return add_definitions(out, e);
}
