/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Makes packets out of one: each gets another source, then they leave through an interface as a
 * driver sends them. */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tap_flood.h"

char _license[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flood);
} flood_settings SEC(".maps");

/* Weyl sequence and a mixer (splitmix64): a new number each time. */
static __always_inline __u64 next(struct flood *flood)
{
	__u64 z = flood->state += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

SEC("xdp")
int flood_make(struct xdp_md *context)
{
	__u32 first = 0;
	__u8 *at = (void *)(long)context->data;
	__u8 *end = (void *)(long)context->data_end;
	struct flood *flood = bpf_map_lookup_elem(&flood_settings, &first);
	if (flood == NULL || at + FLOOD_BYTES > end) {
		return XDP_ABORTED;
	}
	__u64 chance = next(flood);
	__u32 source = flood->first + (__u32)(chance >> 32) % flood->sources;
	__u16 *words = (void *)(at + 14);
	__u32 sum = 0;
	*(__u32 *)(at + 26) = bpf_htonl(source);
	if (flood->any_port) {
		*(__u16 *)(at + 36) = (__u16)chance;
	}
	words[5] = 0;
#pragma unroll
	for (int i = 0; i < 10; i++) {
		sum += words[i];
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	words[5] = ~sum;
	return bpf_redirect(flood->interface, 0);
}
