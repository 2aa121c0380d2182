/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Events: a socket begins to listen, a UDP socket is bound, and the end of either. */
#include "kernel.h"
#include "records.h"
#include "task.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* Cookies of open sockets that we told of; beyond this the end of a UDP socket goes unseen. */
#define SOCKETS_MAX 65536

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* the loader sets its own */
} ring SEC(".maps");

/* Mapped by the reader, who has no bpf(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 + TALLY_SLOTS);
	__type(key, __u32);
	__type(value, struct tally_record);
} counters SEC(".maps");

/*
 * What was said at the opening, for the closing: sock_release cannot read the port any more, and a
 * closing need not happen in the process that opened.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, __u64);
	__type(value, struct event_record);
} sockets SEC(".maps");

#include "tally.h"

static __always_inline void send(struct event_record *record, __u32 kind)
{
	record->kind = kind;
	record->time_ns = bpf_ktime_get_boot_ns();
	if (bpf_ringbuf_output(&ring, record, sizeof(*record), 0) != 0) {
		__u32 first = 0;
		struct tally_record *lost = bpf_map_lookup_elem(&counters, &first);
		if (lost != NULL) {
			__sync_fetch_and_add(&lost->key, 1);
		}
	}
}

static __always_inline void sign(struct event_record *record)
{
	struct task_struct *task = bpf_get_current_task_btf();
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->uid = BPF_CORE_READ(task, real_cred, euid.val);
	BPF_CORE_READ_INTO(&record->name, task, group_leader, comm);
}

static __always_inline void opened(struct event_record *record)
{
	sign(record);
	bpf_map_update_elem(&sockets, &record->cookie, record, BPF_ANY);
	send(record, EVENT_RECORD_OPENED);
}

/* The TCP socket inside an MPTCP socket, which tells of itself. */
static __always_inline int is_subflow(const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;
	return sk->sk_protocol == PROTOCOL_TCP && bpf_core_field_exists(tcp->is_mptcp) &&
	       BPF_CORE_READ(tcp, is_mptcp);
}

static __always_inline void describe(struct event_record *record, const struct sock *sk)
{
	record->netns = netns_of((struct sock *)sk);
	record->protocol = sk->sk_protocol;
	record->port = sk->__sk_common.skc_num;
	record->family = sk->__sk_common.skc_family;
	copy_address(record->address, (struct sock *)sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, const struct sock *sk, const int old_state, const int new_state)
{
	if (old_state == TCP_SYN_RECV && new_state == TCP_ESTABLISHED) {
		tally_opened(sk);
		return 0;
	}
	if (new_state == TCP_CLOSE && old_state != TCP_LISTEN && old_state != TCP_CLOSE) {
		tally_ended(sk);
		return 0;
	}
	/* A passive open goes from LISTEN to SYN_RECV: not ours. MPTCP sets LISTEN twice. */
	int begins = new_state == TCP_LISTEN && old_state != TCP_LISTEN;
	int ends = old_state == TCP_LISTEN && new_state == TCP_CLOSE;
	if ((!begins && !ends) || is_subflow(sk)) {
		return 0;
	}
	struct event_record record = { .cookie = bpf_get_socket_cookie((void *)sk), .uid = ~0U };
	if (begins) {
		describe(&record, sk);
		opened(&record);
		return 0;
	}
	struct event_record *before = bpf_map_lookup_elem(&sockets, &record.cookie);
	if (before != NULL) {
		record = *before;
	} else {
		describe(&record, sk);
	}
	send(&record, EVENT_RECORD_CLOSED);
	bpf_map_delete_elem(&sockets, &record.cookie);
	return 0;
}

static __always_inline int is_udp(struct bpf_sock *socket)
{
	return socket->protocol == PROTOCOL_UDP || socket->protocol == PROTOCOL_UDPLITE;
}

/* A socket's own namespace is not readable here; that of the binding process is the same, unless
 * it brought the socket from elsewhere. The sweep puts such a one right. */
static __always_inline void describe_bound(struct event_record *record, struct bpf_sock *socket)
{
	struct task_struct *task = bpf_get_current_task_btf();
	record->cookie = bpf_get_socket_cookie(socket);
	record->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	record->protocol = socket->protocol;
	record->port = socket->src_port;
	record->family = socket->family;
}

SEC("cgroup/post_bind4")
int udp_bound_ipv4(struct bpf_sock *socket)
{
	if (is_udp(socket)) {
		struct event_record record = { 0 };
		describe_bound(&record, socket);
		__u32 address = socket->src_ip4;
		__builtin_memcpy(record.address, &address, sizeof(address));
		opened(&record);
	}
	return 1;
}

SEC("cgroup/post_bind6")
int udp_bound_ipv6(struct bpf_sock *socket)
{
	if (is_udp(socket)) {
		struct event_record record = { 0 };
		describe_bound(&record, socket);
		__u32 address[4] = { socket->src_ip6[0], socket->src_ip6[1], socket->src_ip6[2],
				     socket->src_ip6[3] };
		__builtin_memcpy(record.address, address, sizeof(address));
		opened(&record);
	}
	return 1;
}

SEC("cgroup/sock_release")
int udp_released(struct bpf_sock *socket)
{
	if (!is_udp(socket)) {
		return 1;
	}
	__u64 cookie = bpf_get_socket_cookie(socket);
	struct event_record *before = bpf_map_lookup_elem(&sockets, &cookie);
	if (before != NULL) {
		struct event_record record = *before;
		send(&record, EVENT_RECORD_CLOSED);
		bpf_map_delete_elem(&sockets, &cookie);
	}
	return 1;
}
