/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Who a task is, told by names that outlive restarts and upgrades: of cgroups by their kernfs
 * names, of executables by their directory entries. What the guards of bind() and connect() share.
 */
#pragma once

#include "kernel.h"

#include "guard.h"

/* A name of the kernel: where it is, and its bytes with zeros behind them. */
struct name {
	unsigned long at; /* 0 = there is none */
	__u64 bytes;      /* without the NUL */
	__u64 words[GUARD_NAME_WORDS];
};

/* Where the task that binds stands. */
struct binder {
	__u32 user;           /* effective */
	__u32 placed;         /* what follows is known */
	unsigned long second; /* name of the cgroup below `top` on the way to the task */
	struct name top;      /* the outermost cgroup that is no slice */
};

static __always_inline void clear(__u64 *words)
{
	for (int i = 0; i < GUARD_NAME_WORDS; i++) {
		words[i] = 0;
	}
}

/* Whether the first `bytes` are the same; behind them both have zeros. */
static __always_inline int same(const __u64 *words, const __u64 *wanted, __u32 bytes)
{
	for (__u32 i = 0; i < GUARD_NAME_WORDS; i++) {
		if (i * 8 >= bytes) {
			return 1;
		}
		if (words[i] != wanted[i]) {
			return 0;
		}
	}
	return 1;
}

static __always_inline void read_name(struct name *out, unsigned long at)
{
	clear(out->words);
	long bytes = bpf_probe_read_kernel_str(out->words, sizeof(out->words), (const void *)at);
	out->at = at;
	out->bytes = bytes > 0 ? bytes - 1 : 0;
}

/* A tail of at most eight characters. */
union tail {
	char text[8];
	__u64 word;
};

static __always_inline int ends(const struct name *name, union tail tail, __u32 bytes)
{
	__u64 last = 0;
	if (name->bytes <= bytes) {
		return 0;
	}
	bpf_probe_read_kernel(&last, bytes, (const void *)(name->at + name->bytes - bytes));
	return last == tail.word;
}

#define ENDS(name, end) ends((name), (union tail){ .text = end }, sizeof(end) - 1)

static __always_inline int is_word(const __u64 *words, const __u64 list[][GUARD_WORD_BYTES / 8])
{
	for (int i = 0; i < GUARD_WORDS_MAX; i++) {
		if (list[i][0] != 0 && list[i][0] == words[0] && list[i][1] == words[1] &&
		    words[2] == 0) {
			return 1;
		}
	}
	return 0;
}

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent)) {
		return node->__parent;
	}
	return ((struct kernfs_node___before *)node)->parent;
}

/*
 * The functions with two arguments are global ones: the verifier looks at each by itself, not once
 * for every way that leads to it.
 *
 * From the task's cgroup upwards. Only slices may stand above a unit: below anything else live
 * people to whom a part of the tree was given, and they choose the names there themselves.
 */
__noinline int place(struct binder *binder, const struct guard_head *head)
{
	struct name name;
	unsigned long below = 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct kernfs_node *node = task->cgroups->dfl_cgrp->kn;
	if (binder == NULL || head == NULL) {
		return 0;
	}
	binder->placed = 1;
	for (int level = 0; level < GUARD_LEVELS_MAX; level++) {
		if (node == NULL || node->id == head->root) {
			return 1;
		}
		read_name(&name, (unsigned long)node->name);
		if (!ENDS(&name, ".slice")) {
			binder->second = below;
			binder->top = name;
		}
		below = name.at;
		node = parent_of(node);
	}
	binder->top.at = 0; /* deeper than we look: nobody that we know */
	binder->top.bytes = 0;
	return 0;
}

/* A container: "docker-ID.scope", with slices at most above it; or "docker/ID". */
static __always_inline int is_container(const struct binder *binder, const struct guard_head *head,
					struct guard_rule *rule)
{
	struct name name = { .at = binder->top.at, .bytes = binder->top.bytes };
	__u64 tail = GUARD_CONTAINER_ID_BYTES;
	__u32 bytes = rule->name_bytes;
	if (ENDS(&binder->top, ".scope")) {
		tail += sizeof(".scope") - 1;
	} else if (binder->second != 0 && is_word(binder->top.words, head->folders)) {
		read_name(&name, binder->second);
		clear(name.words);
	} else {
		return 0;
	}
	if (name.bytes < tail || bytes == 0 || bytes > GUARD_CONTAINER_ID_BYTES) {
		return 0;
	}
	bpf_probe_read_kernel(name.words, bytes, (const void *)(name.at + name.bytes - tail));
	return same(name.words, rule->name, bytes);
}

/* Whether the task stands in the cgroup that a rule names. */
__noinline int is_inside(const struct binder *binder, const struct guard_head *head,
			 struct guard_rule *rule)
{
	if (binder == NULL || head == NULL || rule == NULL) {
		return 0;
	}
	if ((rule->flags & GUARD_RULE_CONTAINER) != 0) {
		return is_container(binder, head, rule);
	}
	return binder->top.bytes == rule->name_bytes &&
	       same(binder->top.words, rule->name, rule->name_bytes);
}

static __always_inline int fits_cgroup(struct binder *binder, const struct guard_head *head,
				       struct guard_rule *rule, struct guard_brief *brief)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = task->cgroups->dfl_cgrp->kn->id;
	if (id != 0 && id == brief->seen_cgroup) {
		return 1;
	}
	if (!binder->placed) {
		place(binder, head);
	}
	if (!is_inside(binder, head, rule)) {
		return 0;
	}
	brief->seen_cgroup = id;
	return 1;
}

/* Number and generation in one word, so that it is written at once; 0 = not told apart by them. */
static __always_inline __u64 mark_of(struct inode *inode)
{
	__u64 number = inode->i_ino;
	__u64 generation = inode->i_generation;
	return number >> 32 == 0 && generation != 0 ? number << 32 | generation : 0;
}

/* By the names of the directory entries: an upgrade replaces the file and keeps them, and those of
 * the old one that still runs stay what they were. */
static __always_inline int has_path(struct dentry *entry, struct guard_rule *rule)
{
	__u64 words[GUARD_NAME_WORDS];
	for (__u32 i = 0; i < GUARD_PARTS_MAX; i++) {
		struct dentry *parent = entry->d_parent;
		if (parent == entry) {
			return i == rule->parts;
		}
		__u32 bytes = entry->d_name.len;
		if (i >= rule->parts || bytes != rule->part_bytes[i] || bytes >= sizeof(words)) {
			return 0;
		}
		__u32 start = rule->part_start[i] & (GUARD_PATH_WORDS - 1);
		clear(words);
		bpf_probe_read_kernel(words, bytes & (sizeof(words) - 1), entry->d_name.name);
		if (!same(words, &rule->path[start], bytes)) {
			return 0;
		}
		entry = parent;
	}
	return 0; /* lib/guard makes no rule with that many */
}

__noinline int is_executable(struct guard_rule *rule, struct guard_brief *brief)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = task->mm->exe_file;
	struct dentry *entry = file->f_path.dentry;
	if (rule == NULL || brief == NULL || entry->d_sb->s_dev != rule->device) {
		return 0;
	}
	__u64 mark = mark_of(file->f_inode);
	if (mark != 0 && mark == brief->seen_file) {
		return 1;
	}
	if (!has_path(entry, rule)) {
		return 0;
	}
	brief->seen_file = mark;
	return 1;
}
