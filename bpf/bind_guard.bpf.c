/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The bind guard: only the declared program binds a declared port.
 * Names are compared, never numbers that the next start or upgrade changes: of cgroups by their
 * kernfs names, of executables by their directory entries (docs/design/bind-guard.md).
 */
#include "attempt.h"

#include <bpf/bpf_endian.h>

char _license[] SEC("license") = "Dual MIT/GPL";

/* include/linux/sched.h: PF_KTHREAD */
#define KERNEL_THREAD 0x00200000

struct set_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct guard_set));
};

/* [0] = the rules that hold. Changing it is the switch from one policy to the next. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct set_map);
} guard_sets SEC(".maps");

/* The innermost pid namespace: its inode, and the task's number there. */
static __always_inline __u32 pid_namespace_of(struct task_struct *task, int *number)
{
	struct pid_namespace *ns = NULL;
	struct upid *upid = NULL;
	struct pid *pid = task->group_leader->thread_pid;
	unsigned long offset = BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid);
	upid = (struct upid *)((char *)__builtin_preserve_access_index(&pid->numbers[0]) + offset);
	bpf_core_read(number, sizeof(*number), &upid->nr);
	bpf_core_read(&ns, sizeof(ns), &upid->ns);
	return BPF_CORE_READ(ns, ns.inum);
}

static __always_inline int is_init(struct task_struct *task, const struct guard_head *head)
{
	int number = 0;
	return pid_namespace_of(task, &number) == head->pid_namespace && number == 1;
}

/* systemd opens the sockets of a socket unit itself, or in a child of it that it puts into the
 * cgroup of the socket unit first (src/core/socket.c, socket_address_listen_in_cgroup). */
__noinline int is_activation(const struct binder *binder, const struct guard_head *head)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (binder == NULL || head == NULL || binder->user != 0) {
		return 0;
	}
	if (is_init(task, head)) {
		return 1;
	}
	struct task_struct *parent = task->group_leader->real_parent;
	return ENDS(&binder->top, ".socket") && is_init(parent, head) &&
	       parent->mm->exe_file->f_inode == task->mm->exe_file->f_inode;
}

/* docker-proxy and its like hold the ports of containers from outside of them. */
__noinline int is_helper(const struct binder *binder, const struct guard_head *head)
{
	int number = 0;
	struct name name;
	struct task_struct *task = bpf_get_current_task_btf();
	if (binder == NULL || head == NULL || binder->user != 0 ||
	    pid_namespace_of(task, &number) != head->pid_namespace) {
		return 0;
	}
	read_name(&name, (unsigned long)task->mm->exe_file->f_path.dentry->d_name.name);
	return is_word(name.words, head->helpers);
}

/* @return enum guard_reason. */
__noinline int check(struct binder *binder, const struct guard_head *head, struct guard_rule *rule,
		     struct guard_brief *brief)
{
	if (binder == NULL || head == NULL || rule == NULL || brief == NULL) {
		return GUARD_OTHER_USER;
	}
	__u32 flags = rule->flags;
	if ((flags & (GUARD_RULE_UNIT | GUARD_RULE_CONTAINER)) != 0 &&
	    !fits_cgroup(binder, head, rule, brief)) {
		if ((flags & GUARD_RULE_UNIT) != 0) {
			return is_activation(binder, head) ? GUARD_FITS : GUARD_OTHER_UNIT;
		}
		return is_helper(binder, head) ? GUARD_FITS : GUARD_OTHER_CONTAINER;
	}
	if ((flags & GUARD_RULE_EXECUTABLE) != 0 && !is_executable(rule, brief)) {
		return GUARD_OTHER_EXECUTABLE;
	}
	/* Whoever may become that user may also bind before it does. */
	if ((flags & GUARD_RULE_USER) != 0 && binder->user != rule->user && binder->user != 0) {
		return GUARD_OTHER_USER;
	}
	return GUARD_FITS;
}

/* Whether a rule fits by what it has seen: no name is read, nothing is called. */
static __always_inline int fits_at_once(const struct guard_brief *brief, struct task_struct *task)
{
	__u32 flags = brief->flags;
	if ((flags & (GUARD_RULE_UNIT | GUARD_RULE_CONTAINER)) != 0) {
		__u64 seen = brief->seen_cgroup;
		if (seen == 0 || seen != task->cgroups->dfl_cgrp->kn->id) {
			return 0;
		}
	}
	if ((flags & GUARD_RULE_EXECUTABLE) != 0) {
		struct file *file = task->mm->exe_file;
		__u64 seen = brief->seen_file;
		if (seen == 0 || seen != mark_of(file->f_inode) ||
		    brief->device != file->f_path.dentry->d_sb->s_dev) {
			return 0;
		}
	}
	if ((flags & GUARD_RULE_USER) != 0) {
		__u32 user = task->cred->euid.val;
		return user == brief->user || user == 0;
	}
	return 1;
}

static __always_inline int any_fits_at_once(const struct guard_set *set, __u32 row,
					    struct task_struct *task)
{
	for (int i = 0; i < GUARD_PORT_RULES; i++) {
		__u32 number = set->ports[row].rules[i] & (GUARD_RULES_MAX - 1);
		if (number == 0) {
			break;
		}
		if (fits_at_once(&set->briefs[number], task)) {
			return 1;
		}
	}
	return 0;
}

/* Whether one of the port's rules fits; else what is to be told. */
static __always_inline int judge(struct binder *binder, struct guard_set *set,
				 struct attempt *attempt)
{
	__u32 index = (attempt->index & (GUARD_PROTOCOLS - 1)) << 16 | (attempt->port & 0xffff);
	attempt->refused = set->head.enforce != 0;
	for (int i = 0; i < GUARD_PORT_RULES; i++) {
		__u32 number = set->ports[index].rules[i] & (GUARD_RULES_MAX - 1);
		if (number == 0) {
			break;
		}
		struct guard_rule *rule = &set->rules[number];
		__u32 reason = check(binder, &set->head, rule, &set->briefs[number]);
		if (reason == GUARD_FITS) {
			return 1;
		}
		/* What a person wants to see is a rule that everything else fits. */
		if (attempt->rule == 0 || reason < attempt->reason) {
			attempt->reason = reason;
			attempt->rule = number;
		}
		if ((rule->flags & GUARD_RULE_WATCH) != 0) {
			attempt->refused = 0;
		}
	}
	return 0;
}

/* The rules when this bind is guarded, or NULL. Nearly every bind ends here. */
static __always_inline struct guard_set *guarded(struct bpf_sock_addr *ctx, struct attempt *attempt)
{
	__u32 first = 0;
	int index = protocol_index(ctx->protocol);
	attempt->port = bpf_ntohs(ctx->user_port);
	if (attempt->port == 0 || index < 0) {
		return NULL;
	}
	attempt->index = index;
	void *inner = bpf_map_lookup_elem(&guard_sets, &first);
	if (inner == NULL) {
		return NULL;
	}
	struct guard_set *set = bpf_map_lookup_elem(inner, &first);
	__u32 row = (__u32)index << 16 | (attempt->port & 0xffff);
	if (set == NULL ||
	    (set->guarded[row / 64 & (GUARD_PROTOCOLS * 65536 / 64 - 1)] >> (row % 64) & 1) == 0) {
		return NULL;
	}
	attempt->netns_cookie = bpf_get_netns_cookie(ctx);
	return attempt->netns_cookie == set->head.netns_cookie ? set : NULL;
}

/* @return whether the bind goes on; *told is the record that waits for its address. */
static __always_inline int decide(struct bpf_sock_addr *ctx, __u32 family,
				  struct guard_record **told)
{
	struct attempt attempt = { .family = family };
	struct guard_set *set = guarded(ctx, &attempt);
	*told = NULL;
	if (set == NULL) {
		return 1;
	}
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 row = (attempt.index & (GUARD_PROTOCOLS - 1)) << 16 | (attempt.port & 0xffff);
	if (any_fits_at_once(set, row, task)) {
		count(GUARD_COUNT_ALLOWED);
		return 1;
	}
	struct binder binder = { .user = task->cred->euid.val };
	if ((task->flags & KERNEL_THREAD) != 0 || judge(&binder, set, &attempt)) {
		count(GUARD_COUNT_ALLOWED);
		return 1;
	}
	*told = begin_record(&binder, &set->head, &attempt);
	return !attempt.refused;
}

SEC("cgroup/bind4")
int guard_bind4(struct bpf_sock_addr *ctx)
{
	struct guard_record *told;
	int goes_on = decide(ctx, AF_INET, &told);
	if (told != NULL) {
		__u32 address = ctx->user_ip4;
		__builtin_memcpy(told->address, &address, sizeof(address));
		bpf_ringbuf_submit(told, 0);
	}
	return goes_on;
}

SEC("cgroup/bind6")
int guard_bind6(struct bpf_sock_addr *ctx)
{
	struct guard_record *told;
	int goes_on = decide(ctx, AF_INET6, &told);
	if (told != NULL) {
		__u32 address[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
				     ctx->user_ip6[3] };
		__builtin_memcpy(told->address, address, sizeof(address));
		bpf_ringbuf_submit(told, 0);
	}
	return goes_on;
}
