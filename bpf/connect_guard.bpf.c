/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Only the declared program connects to a port that `outbound:` keeps for programs, or sends to it.
 * nft lets such packets pass, because it cannot tell a program in a way that outlives its restart
 * (docs/design/outbound.md).
 */
#include "identity.h"

#include <bpf/bpf_endian.h>

#include "connect.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define PROTOCOL_MPTCP 262

struct set_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct connect_set));
};

/* [0] = the rules that hold. Changing it is the switch from one policy to the next. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct set_map);
} sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONNECT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Where it goes: network order, IPv4 as ::ffff:0:0/96. */
struct target {
	__u32 address[4];
};

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);
	if (value != NULL) {
		__sync_fetch_and_add(value, 1);
	}
}

/* Loopback, and what connect() takes for it: 0.0.0.0 and ::. */
static __always_inline int is_loopback(const struct target *to)
{
	const __u32 *a = to->address;
	if (a[0] != 0 || a[1] != 0) {
		return 0;
	}
	if (a[2] == bpf_htonl(0xffff)) {
		return a[3] == 0 || bpf_ntohl(a[3]) >> 24 == 127;
	}
	return a[2] == 0 && (a[3] == 0 || a[3] == bpf_htonl(1));
}

/* The functions below are global ones: the verifier looks at each by itself, not once for every way
 * that leads to it. */
__noinline int goes_there(const struct connect_rule *rule, const struct target *to)
{
	if (rule == NULL || to == NULL) {
		return 0;
	}
	if ((rule->flags & CONNECT_ANYWHERE) != 0) {
		return 1;
	}
	for (__u32 i = 0; i < CONNECT_NETWORKS_MAX; i++) {
		if (i >= rule->network_count) {
			return 0;
		}
		const struct connect_network *n = &rule->networks[i];
		__u32 differs = 0;
		for (int word = 0; word < 4; word++) {
			differs |= (to->address[word] & n->mask[word]) ^ n->address[word];
		}
		if (differs == 0) {
			return 1;
		}
	}
	return 0;
}

/* Root is held to it like everybody: else a service that starts as root would be free. */
__noinline int is_meant(struct binder *binder, const struct guard_head *head,
			struct connect_rule *rule)
{
	if (binder == NULL || head == NULL || rule == NULL) {
		return 0;
	}
	struct guard_rule *who = &rule->who;
	__u32 flags = who->flags;
	if ((flags & (GUARD_RULE_UNIT | GUARD_RULE_CONTAINER)) != 0 &&
	    !fits_cgroup(binder, head, who, &rule->brief)) {
		return 0;
	}
	if ((flags & GUARD_RULE_EXECUTABLE) != 0 && !is_executable(who, &rule->brief)) {
		return 0;
	}
	return (flags & GUARD_RULE_USER) == 0 || binder->user == who->user;
}

static __always_inline int lets(struct connect_rule *rule, const struct target *to,
				struct binder *binder, const struct guard_head *head)
{
	if ((rule->flags & CONNECT_NOBODY) != 0 ||
	    (rule->ends_ns != 0 && bpf_ktime_get_boot_ns() >= rule->ends_ns) ||
	    !goes_there(rule, to)) {
		return 0;
	}
	return (rule->flags & CONNECT_ANYBODY) != 0 || is_meant(binder, head, rule);
}

/* The rules when the port is kept for programs, or NULL. Nearly every call ends here. */
static __always_inline struct connect_set *kept(struct bpf_sock_addr *ctx, __u32 *place)
{
	__u32 first = 0;
	__u32 protocol = ctx->protocol;
	__u32 port = bpf_ntohs(ctx->user_port);
	int index = protocol == PROTOCOL_TCP || protocol == PROTOCOL_MPTCP ? GUARD_TCP
		    : protocol == PROTOCOL_UDP                             ? GUARD_UDP
									   : -1;
	if (port == 0 || index < 0) {
		return NULL;
	}
	void *inner = bpf_map_lookup_elem(&sets, &first);
	if (inner == NULL) {
		return NULL;
	}
	*place = index << 16 | (port & 0xffff);
	struct connect_set *set = bpf_map_lookup_elem(inner, &first);
	if (set == NULL || set->ports[*place & (GUARD_PROTOCOLS * 65536 - 1)].rules[0] == 0) {
		return NULL;
	}
	return bpf_get_netns_cookie(ctx) == set->head.netns_cookie ? set : NULL;
}

/* @return whether it goes on; else the program gets EPERM. */
static __always_inline int decide(struct bpf_sock_addr *ctx, const struct target *to)
{
	__u32 place = 0;
	struct binder binder = { 0 };
	struct connect_set *set = kept(ctx, &place);
	if (set == NULL || is_loopback(to)) {
		return 1;
	}
	struct task_struct *task = bpf_get_current_task_btf();
	binder.user = task->cred->euid.val;
	place &= GUARD_PROTOCOLS * 65536 - 1;
	for (int i = 0; i < CONNECT_PORT_RULES; i++) {
		__u32 number = set->ports[place].rules[i] & (CONNECT_RULES_MAX - 1);
		if (number == 0) {
			break;
		}
		if (lets(&set->rules[number], to, &binder, &set->head)) {
			count(CONNECT_COUNT_ALLOWED);
			return 1;
		}
	}
	count(CONNECT_COUNT_REFUSED);
	return 0;
}

static __always_inline int decide4(struct bpf_sock_addr *ctx)
{
	const struct target to = { .address = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 } };
	return decide(ctx, &to);
}

static __always_inline int decide6(struct bpf_sock_addr *ctx)
{
	const struct target to = { .address = { ctx->user_ip6[0], ctx->user_ip6[1],
						ctx->user_ip6[2], ctx->user_ip6[3] } };
	return decide(ctx, &to);
}

SEC("cgroup/connect4")
int guard_connect4(struct bpf_sock_addr *ctx)
{
	return decide4(ctx);
}

SEC("cgroup/connect6")
int guard_connect6(struct bpf_sock_addr *ctx)
{
	return decide6(ctx);
}

/* A datagram with an address of its own; those of a connected socket were asked at connect(). */
SEC("cgroup/sendmsg4")
int guard_sendmsg4(struct bpf_sock_addr *ctx)
{
	return decide4(ctx);
}

SEC("cgroup/sendmsg6")
int guard_sendmsg6(struct bpf_sock_addr *ctx)
{
	return decide6(ctx);
}
