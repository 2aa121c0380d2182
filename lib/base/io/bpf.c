/* The few calls of bpf(2) that are needed beyond a skeleton. */
#include "base/io/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(enum bpf_cmd command, union bpf_attr *attributes)
{
	long r = syscall(__NR_bpf, command, attributes, sizeof(*attributes));
	return r < 0 ? -errno : (int)r;
}

int bpf_open_pin(const char *path)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.pathname = (uintptr_t)path;
	return call(BPF_OBJ_GET, &attributes);
}

int bpf_make_pin(int fd, const char *path)
{
	union bpf_attr attributes;
	if (unlink(path) < 0 && errno != ENOENT) {
		return -errno;
	}
	memset(&attributes, 0, sizeof(attributes));
	attributes.pathname = (uintptr_t)path;
	attributes.bpf_fd = (__u32)fd;
	return call(BPF_OBJ_PIN, &attributes);
}

static int element(enum bpf_cmd command, int map, const void *key, const void *value)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (__u32)map;
	attributes.key = (uintptr_t)key;
	attributes.value = (uintptr_t)value; /* or next_key, which is the same place */
	return call(command, &attributes);
}

int bpf_lookup(int map, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, map, key, value);
}

int bpf_read_value(int map, uint32_t key, void *value)
{
	return bpf_lookup(map, &key, value);
}

int bpf_update(int map, const void *key, const void *value)
{
	return element(BPF_MAP_UPDATE_ELEM, map, key, value);
}

int bpf_delete(int map, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

int bpf_next_key(int map, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, map, key, next);
}

int bpf_delete_value(int map, uint32_t key)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (__u32)map;
	attributes.key = (uintptr_t)&key;
	return call(BPF_MAP_DELETE_ELEM, &attributes);
}

int bpf_open_map(uint32_t id)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_id = id;
	return call(BPF_MAP_GET_FD_BY_ID, &attributes);
}

static int information(int fd, void *out, size_t bytes)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	memset(out, 0, bytes);
	attributes.info.bpf_fd = (__u32)fd;
	attributes.info.info_len = (__u32)bytes;
	attributes.info.info = (uintptr_t)out;
	return call(BPF_OBJ_GET_INFO_BY_FD, &attributes);
}

int bpf_map_size(int map, uint32_t *value_bytes, uint32_t *places)
{
	struct bpf_map_info facts;
	int r = information(map, &facts, sizeof(facts));
	if (r == 0) {
		*value_bytes = facts.value_size;
		*places = facts.max_entries;
	}
	return r;
}

int bpf_program_id(int program, uint32_t *id)
{
	struct bpf_prog_info facts;
	int r = information(program, &facts, sizeof(facts));
	if (r == 0) {
		*id = facts.id;
	}
	return r;
}

int bpf_link_cgroup(int link, uint64_t *id)
{
	struct bpf_link_info facts;
	int r = information(link, &facts, sizeof(facts));
	if (r == 0) {
		*id = facts.cgroup.cgroup_id;
	}
	return r;
}

int bpf_replace_link(int link, int program)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_update.link_fd = (__u32)link;
	attributes.link_update.new_prog_fd = (__u32)program;
	return call(BPF_LINK_UPDATE, &attributes);
}

int bpf_detach_link(int link)
{
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_detach.link_fd = (__u32)link;
	return call(BPF_LINK_DETACH, &attributes);
}
