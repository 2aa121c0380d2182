/* Systemd unit, slice and container out of a cgroup path. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "observe/observe.h"

enum {
	CONTAINER_ID_MIN = 32, /* shorter rows of hexadecimal digits are something else */
	CONTAINER_ID_USUAL = 64,
};

/* A piece of the path between two slashes, not terminated. */
struct part {
	const char *text;
	size_t length;
};

static bool starts(struct part part, const char *head)
{
	return part.length > strlen(head) && memcmp(part.text, head, strlen(head)) == 0;
}

static bool ends(struct part part, const char *tail)
{
	size_t length = strlen(tail);
	return part.length > length && memcmp(part.text + part.length - length, tail, length) == 0;
}

static bool is(struct part part, const char *word)
{
	return part.length == strlen(word) && memcmp(part.text, word, part.length) == 0;
}

static struct part strip(struct part part, const char *head, const char *tail)
{
	part.text += strlen(head);
	part.length -= strlen(head);
	part.length -= ends(part, tail) ? strlen(tail) : 0;
	return part;
}

static bool is_hex(struct part part)
{
	for (size_t i = 0; i < part.length; i++) {
		if (!isxdigit((unsigned char)part.text[i])) {
			return false;
		}
	}
	return part.length >= CONTAINER_ID_MIN && part.length <= CONTAINER_ID_USUAL;
}

static void put(char *out, size_t room, struct part part)
{
	if (part.length < room) {
		memcpy(out, part.text, part.length);
		out[part.length] = '\0';
	}
}

static void take_container(struct observe_cgroup *out, struct part id, const char *runtime)
{
	if (id.length > 0 && id.length < sizeof(out->container_id)) {
		put(out->container_id, sizeof(out->container_id), id);
		out->runtime = runtime;
	}
}

/* Scopes that systemd makes for a runtime: "docker-<64 hex>.scope". */
static const struct {
	const char *head;
	const char *runtime;
} scopes[] = {
	{ "docker-", "docker" },
	{ "libpod-", "podman" },
	{ "cri-containerd-", "containerd" },
	{ "containerd-", "containerd" },
	{ "nerdctl-", "containerd" },
	{ "crio-", "cri-o" },
};

/* Folders that a runtime uses itself: "/docker/<64 hex>", "/lxc/NAME". */
static const struct {
	const char *folder;
	const char *runtime;
	bool hexadecimal; /* what follows is an id; else any name */
} folders[] = {
	{ "docker", "docker", true },     { "libpod_parent", "podman", false },
	{ "lxc", "lxc", false },          { "default", "containerd", true },
	{ "k8s.io", "containerd", true }, { "crio", "cri-o", true },
};

static bool take_scope(struct observe_cgroup *out, struct part part)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (!starts(part, scopes[i].head)) {
			continue;
		}
		struct part id = strip(part, scopes[i].head, ".scope");
		if (is_hex(id)) {
			take_container(out, id, scopes[i].runtime);
			return true;
		}
	}
	return false;
}

/* LXC 4: "lxc.payload.NAME", LXC 3: "lxc.payload/NAME"; "lxc.monitor.NAME" is outside. */
static bool take_lxc(struct observe_cgroup *out, struct part before, struct part part)
{
	if (starts(part, "lxc.payload.")) {
		take_container(out, strip(part, "lxc.payload.", ""), "lxc");
		return true;
	}
	if (is(before, "lxc.payload")) {
		take_container(out, part, "lxc");
		return true;
	}
	return false;
}

static bool take_folder(struct observe_cgroup *out, struct part before, struct part part)
{
	struct part id = starts(part, "libpod-") ? strip(part, "libpod-", "") : part;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (is(before, folders[i].folder) && (!folders[i].hexadecimal || is_hex(id))) {
			take_container(out, id, folders[i].runtime);
			return true;
		}
	}
	return false;
}

/* Kubernetes without systemd: "/kubepods/burstable/pod<uid>/<64 hex>"; the runtime is not told. */
static bool take_pod(struct observe_cgroup *out, struct part before, struct part part)
{
	bool in_pod = starts(before, "pod") || starts(before, "kubepods");
	if (in_pod && is_hex(part)) {
		take_container(out, part, "containerd");
		return true;
	}
	return false;
}

/* containerd whose kubelet thinks of systemd and itself not: "...slice:cri-containerd:<64 hex>". */
static bool take_colons(struct observe_cgroup *out, struct part part)
{
	static const char word[] = ":cri-containerd:";
	const char *at = memmem(part.text, part.length, word, sizeof(word) - 1);
	if (at == NULL) {
		return false;
	}
	const char *first = at + sizeof(word) - 1;
	struct part id = { first, part.length - (size_t)(first - part.text) };
	if (is_hex(id)) {
		take_container(out, id, "containerd");
	}
	return is_hex(id);
}

static bool is_unit(struct part part)
{
	return ends(part, ".service") || ends(part, ".scope") || ends(part, ".socket") ||
	       ends(part, ".mount");
}

static void take_part(struct observe_cgroup *out, struct part before, struct part part)
{
	bool container = take_scope(out, part) || take_lxc(out, before, part) ||
			 take_folder(out, before, part) || take_pod(out, before, part) ||
			 take_colons(out, part);
	if (!container && ends(part, ".slice")) {
		put(out->slice, sizeof(out->slice), part);
	}
	/* Inside a container its own systemd may have units: the host's names stay. */
	bool inside = out->container_id[0] != '\0' && !container;
	if (is_unit(part) && !inside) {
		put(out->unit, sizeof(out->unit), part);
	}
}

void observe_cgroup_parse(struct observe_cgroup *out, const char *path)
{
	memset(out, 0, sizeof(*out));
	struct part before = { path, 0 };
	for (const char *at = path; *at != '\0';) {
		at += strspn(at, "/");
		struct part part = { .text = at, .length = strcspn(at, "/") };
		at += part.length;
		if (is(part, "payload") && ends(before, ".scope")) {
			break; /* a machine of systemd-nspawn: what follows are its own names */
		}
		if (part.length > 0) {
			take_part(out, before, part);
		}
		before = part;
	}
}
