/* Names that container runtimes gave to their containers, from their state files. */
#include "observe/io/containers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "observe/observe.h"

enum { STATE_MAX_BYTES = 16 * 1024 * 1024, PATH_BYTES = 512 };

static const char *const podman_lists[] = {
	"/var/lib/containers/storage/overlay-containers/containers.json",
	"/run/containers/storage/overlay-containers/volatile-containers.json",
};
static const char *const bundle_folders[] = {
	"/run/containerd/io.containerd.runtime.v2.task/k8s.io",
	"/run/containerd/io.containerd.runtime.v2.task/default",
	"/run/containers/storage/overlay-containers",
};

/* An id becomes part of a path. */
static bool is_plain(const char *id)
{
	return id[0] != '\0' && id[0] != '.' && strchr(id, '/') == NULL;
}

static int load(json_t **out, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	int r = file_read(&text, &length, path, STATE_MAX_BYTES, NULL);
	if (r < 0) {
		return r;
	}
	*out = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	return *out == NULL ? -ENOENT : 0;
}

static int take(char *out, const json_t *value)
{
	const char *name = json_string_value(value);
	if (name == NULL || name[0] == '\0') {
		return -ENOENT;
	}
	(void)str_copy(out, CONTAINER_NAME_BYTES, name);
	return 0;
}

/* Docker: config.v2.json of the container, "Name": "/web". */
static int docker_name(char *out, const char *root, const char *id)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root,
		       id);
	_cleanup_(json_decrefp) json_t *state = NULL;
	int r = load(&state, path);
	if (r < 0) {
		return r;
	}
	r = take(out, json_object_get(state, "Name"));
	if (r == 0 && out[0] == '/') {
		memmove(out, out + 1, strlen(out));
	}
	return r;
}

/* Podman: one list of all containers, [{"id": ..., "names": ["web"]}]. */
static int podman_name(char *out, const char *root, const char *id)
{
	int r = -ENOENT;
	for (size_t i = 0; i < sizeof(podman_lists) / sizeof(podman_lists[0]); i++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "%s%s", root, podman_lists[i]);
		_cleanup_(json_decrefp) json_t *list = NULL;
		r = load(&list, path);
		size_t index = 0;
		const json_t *container = NULL;
		json_array_foreach(list, index, container)
		{
			const char *known = json_string_value(json_object_get(container, "id"));
			const json_t *names = json_object_get(container, "names");
			if (known != NULL && strcmp(known, id) == 0) {
				return take(out, json_array_get(names, 0));
			}
		}
	}
	return r < 0 ? r : -ENOENT;
}

/* CRI-O and containerd: the pod's names are annotations of the OCI bundle. */
static int bundle_name(char *out, const char *root, const char *folder, const char *id)
{
	static const char *const keys[] = { "io.kubernetes.cri.container-name",
					    "io.kubernetes.container.name", "nerdctl/name" };
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s%s/%s/config.json", root, folder, id);
	_cleanup_(json_decrefp) json_t *bundle = NULL;
	int r = load(&bundle, path);
	const json_t *annotations = r < 0 ? NULL : json_object_get(bundle, "annotations");
	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (take(out, json_object_get(annotations, keys[i])) == 0) {
			return 0;
		}
	}
	return r < 0 ? r : -ENOENT;
}

static int kubernetes_name(char *out, const char *root, const char *id)
{
	int r = -ENOENT;
	for (size_t i = 0; i < sizeof(bundle_folders) / sizeof(bundle_folders[0]); i++) {
		r = bundle_name(out, root, bundle_folders[i], id);
		if (r == 0) {
			return 0;
		}
	}
	return r;
}

/* ---- the other way round ---- */

typedef int name_function(char *out, const char *root, const char *folder, const char *id);

/* The entry of a folder whose name is an id that has that name. */
static int find_in(char *id, size_t room, const char *root, const char *folder,
		   name_function *name_of, const char *wanted)
{
	char path[PATH_BYTES];
	char name[CONTAINER_NAME_BYTES];
	(void)snprintf(path, sizeof(path), "%s%s", root, folder);
	DIR *directory = opendir(path);
	if (directory == NULL) {
		return -errno;
	}
	int r = -ENOENT;
	const struct dirent *entry;
	while (r == -ENOENT && (entry = readdir(directory)) != NULL) {
		if (is_plain(entry->d_name) && strlen(entry->d_name) < room &&
		    name_of(name, root, folder, entry->d_name) == 0 && strcmp(name, wanted) == 0) {
			(void)str_copy(id, room, entry->d_name);
			r = 0;
		}
	}
	(void)closedir(directory); /* nothing was written */
	return r;
}

static int docker_entry(char *out, const char *root, const char *folder, const char *id)
{
	(void)folder; /* there is one */
	return docker_name(out, root, id);
}

static bool has_name(const json_t *names, const char *wanted)
{
	size_t index = 0;
	const json_t *name = NULL;
	json_array_foreach(names, index, name)
	{
		if (json_is_string(name) && strcmp(json_string_value(name), wanted) == 0) {
			return true;
		}
	}
	return false;
}

static int find_podman(char *id, size_t room, const char *root, const char *wanted)
{
	for (size_t i = 0; i < sizeof(podman_lists) / sizeof(podman_lists[0]); i++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "%s%s", root, podman_lists[i]);
		_cleanup_(json_decrefp) json_t *list = NULL;
		(void)load(&list, path); /* stays NULL: then nothing is in it */
		size_t index = 0;
		const json_t *container = NULL;
		json_array_foreach(list, index, container)
		{
			const char *known = json_string_value(json_object_get(container, "id"));
			if (known != NULL && strlen(known) < room &&
			    has_name(json_object_get(container, "names"), wanted)) {
				(void)str_copy(id, room, known);
				return 0;
			}
		}
	}
	return -ENOENT;
}

int observe_container_find(char *id, size_t room, const char *root, const char *name)
{
	int r = find_in(id, room, root, "/var/lib/docker/containers", docker_entry, name);
	if (r < 0) {
		r = find_podman(id, room, root, name);
	}
	for (size_t i = 0; r < 0 && i < sizeof(bundle_folders) / sizeof(bundle_folders[0]); i++) {
		r = find_in(id, room, root, bundle_folders[i], bundle_name, name);
	}
	return r < 0 ? -ENOENT : 0;
}

/* ---- its network ---- */

/* Docker: hostconfig.json of the container, "NetworkMode": "host". */
static enum observe_network docker_network(const char *root, const char *id)
{
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/hostconfig.json", root,
		       id);
	_cleanup_(json_decrefp) json_t *state = NULL;
	if (load(&state, path) < 0) {
		return OBSERVE_NETWORK_UNKNOWN;
	}
	const char *mode = json_string_value(json_object_get(state, "NetworkMode"));
	return mode == NULL                ? OBSERVE_NETWORK_UNKNOWN
	       : strcmp(mode, "host") == 0 ? OBSERVE_NETWORK_HOST
					   : OBSERVE_NETWORK_OWN;
}

/* OCI: config.json of the bundle lists the namespaces that are not the host's
 * (opencontainers/runtime-spec, config-linux.md). */
static enum observe_network bundle_network(const char *path)
{
	_cleanup_(json_decrefp) json_t *bundle = NULL;
	if (load(&bundle, path) < 0) {
		return OBSERVE_NETWORK_UNKNOWN;
	}
	const json_t *list = json_object_get(json_object_get(bundle, "linux"), "namespaces");
	size_t index = 0;
	const json_t *namespace = NULL;
	json_array_foreach(list, index, namespace)
	{
		const char *type = json_string_value(json_object_get(namespace, "type"));
		if (type != NULL && strcmp(type, "network") == 0) {
			return OBSERVE_NETWORK_OWN;
		}
	}
	return json_is_array(list) ? OBSERVE_NETWORK_HOST : OBSERVE_NETWORK_UNKNOWN;
}

enum observe_network observe_container_network(const char *root, const char *id)
{
	static const char *const bundles[] = {
		"/var/lib/containers/storage/overlay-containers/%s/userdata/config.json",
		"/run/containerd/io.containerd.runtime.v2.task/k8s.io/%s/config.json",
		"/run/containerd/io.containerd.runtime.v2.task/default/%s/config.json",
		"/run/containers/storage/overlay-containers/%s/userdata/config.json",
	};
	if (!is_plain(id)) {
		return OBSERVE_NETWORK_UNKNOWN;
	}
	enum observe_network network = docker_network(root, id);
	for (size_t i = 0;
	     network == OBSERVE_NETWORK_UNKNOWN && i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		char path[PATH_BYTES];
		char whole[PATH_BYTES];
		(void)snprintf(path, sizeof(path), bundles[i], id);
		(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
		network = bundle_network(whole);
	}
	return network;
}

int container_name(char *out, const char *root, const char *runtime, const char *id)
{
	if (!is_plain(id)) {
		return -ENOENT;
	}
	if (strcmp(runtime, "docker") == 0) {
		return docker_name(out, root, id);
	}
	if (strcmp(runtime, "podman") == 0) {
		return podman_name(out, root, id);
	}
	if (strcmp(runtime, "lxc") == 0) {
		(void)str_copy(out, CONTAINER_NAME_BYTES, id); /* LXC knows them by name alone */
		return 0;
	}
	return kubernetes_name(out, root, id);
}
