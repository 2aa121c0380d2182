/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Only the declared program connects to a port that `outbound:` keeps for programs, or sends to it.
 * nft lets such packets pass, because it cannot tell a program in a way that outlives its restart
 * (docs/design/outbound.md).
 */
#include "attempt.h"

#include <bpf/bpf_endian.h>

#include "connect.h"

char _license[] SEC("license") = "Dual MIT/GPL";

struct set_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct connect_set));
};

/* By enum connect_key. Changing a value is the switch from one policy to the next. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CONNECT_KEYS);
	__type(key, __u32);
	__array(values, struct set_map);
} connect_sets SEC(".maps");

/* Where it goes: network order, IPv4 as ::ffff:0:0/96. */
struct target {
	__u32 address[4];
};

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

/* Root is held to it like everybody: else a service that starts as root would be free.
 * @return enum guard_reason. */
__noinline int misfit(struct binder *binder, const struct guard_head *head,
		      struct connect_rule *rule)
{
	if (binder == NULL || head == NULL || rule == NULL) {
		return GUARD_OTHER_USER;
	}
	struct guard_rule *who = &rule->who;
	__u32 flags = who->flags;
	if ((flags & (GUARD_RULE_UNIT | GUARD_RULE_CONTAINER)) != 0 &&
	    !fits_cgroup(binder, head, who, &rule->brief)) {
		return (flags & GUARD_RULE_UNIT) != 0 ? GUARD_OTHER_UNIT : GUARD_OTHER_CONTAINER;
	}
	if ((flags & GUARD_RULE_EXECUTABLE) != 0 && !is_executable(who, &rule->brief)) {
		return GUARD_OTHER_EXECUTABLE;
	}
	return (flags & GUARD_RULE_USER) == 0 || binder->user == who->user ? GUARD_FITS
									   : GUARD_OTHER_USER;
}

static __always_inline int check(struct connect_rule *rule, const struct target *to,
				 struct binder *binder, const struct guard_head *head)
{
	if ((rule->flags & CONNECT_NOBODY) != 0 ||
	    (rule->ends_ns != 0 && bpf_ktime_get_boot_ns() >= rule->ends_ns)) {
		return GUARD_ENDED;
	}
	if (!goes_there(rule, to)) {
		return GUARD_OTHER_DESTINATION;
	}
	return (rule->flags & CONNECT_ANYBODY) != 0 ? GUARD_FITS : misfit(binder, head, rule);
}

/* Whether one of the port's rules fits; else what is to be told. */
static __always_inline int judge(struct connect_set *set, const struct target *to,
				 struct binder *binder, struct attempt *attempt)
{
	__u32 row = (attempt->index & (GUARD_PROTOCOLS - 1)) << 16 | (attempt->port & 0xffff);
	for (int i = 0; i < CONNECT_PORT_RULES; i++) {
		__u32 number = set->ports[row].rules[i] & (CONNECT_RULES_MAX - 1);
		if (number == 0) {
			break;
		}
		__u32 reason = check(&set->rules[number], to, binder, &set->head);
		if (reason == GUARD_FITS) {
			return 1;
		}
		/* What a person wants to see is a rule that everything else fits. */
		if (attempt->rule == 0 || reason < attempt->reason) {
			attempt->reason = reason;
			attempt->rule = number;
		}
	}
	return 0;
}

static __always_inline struct connect_set *set_at(__u32 key)
{
	__u32 first = 0;
	void *inner = bpf_map_lookup_elem(&connect_sets, &key);
	return inner == NULL ? NULL : bpf_map_lookup_elem(inner, &first);
}

/* What is tried comes first, as long as its time runs: nobody has to take it back. */
static __always_inline struct connect_set *holding(void)
{
	struct connect_set *tried = set_at(CONNECT_TRIED);
	if (tried != NULL && bpf_ktime_get_ns() < tried->ends_ns) {
		return tried;
	}
	return set_at(CONNECT_CONFIRMED);
}

/* The rules when the port is kept for programs, or NULL. Nearly every call ends here. */
static __always_inline struct connect_set *kept(struct bpf_sock_addr *ctx, struct attempt *attempt)
{
	int index = protocol_index(ctx->protocol);
	attempt->port = bpf_ntohs(ctx->user_port);
	if (attempt->port == 0 || index < 0) {
		return NULL;
	}
	attempt->index = index;
	struct connect_set *set = holding();
	__u32 row = (__u32)index << 16 | (attempt->port & 0xffff);
	if (set == NULL || set->ports[row & (GUARD_PROTOCOLS * 65536 - 1)].rules[0] == 0) {
		return NULL;
	}
	attempt->netns_cookie = bpf_get_netns_cookie(ctx);
	return attempt->netns_cookie == set->head.netns_cookie ? set : NULL;
}

static __always_inline int is_mapped(const struct target *to)
{
	return to->address[0] == 0 && to->address[1] == 0 && to->address[2] == bpf_htonl(0xffff);
}

static __always_inline void tell(struct binder *binder, const struct guard_head *head,
				 struct attempt *attempt, const struct target *to)
{
	const int four = is_mapped(to);
	attempt->family = four ? AF_INET : AF_INET6;
	attempt->hook = GUARD_RECORD_CONNECT;
	struct guard_record *record = begin_record(binder, head, attempt);
	if (record == NULL) {
		return;
	}
	if (four) {
		__builtin_memcpy(record->address, &to->address[3], sizeof(to->address[3]));
	} else {
		__builtin_memcpy(record->address, to->address, sizeof(to->address));
	}
	bpf_ringbuf_submit(record, 0);
}

/* @return whether it goes on; else the program gets EPERM. */
static __always_inline int decide(struct bpf_sock_addr *ctx, const struct target *to)
{
	struct attempt attempt = { 0 };
	struct binder binder = { 0 };
	struct connect_set *set = kept(ctx, &attempt);
	if (set == NULL || is_loopback(to)) {
		return 1;
	}
	struct task_struct *task = bpf_get_current_task_btf();
	binder.user = task->cred->euid.val;
	if (judge(set, to, &binder, &attempt)) {
		count(GUARD_COUNT_ALLOWED);
		return 1;
	}
	attempt.refused = set->head.enforce != 0;
	tell(&binder, &set->head, &attempt, to);
	return !attempt.refused;
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
