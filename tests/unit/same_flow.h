/* Whether two entries are the same but for what the kernel alone knows: id and counters. */
#pragma once

#include "conntrack/conntrack.h"

static inline bool same_tuple(const struct conntrack_tuple *a, const struct conntrack_tuple *b)
{
	return addr_compare(&a->source, &b->source) == 0 &&
	       addr_compare(&a->destination, &b->destination) == 0 &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port &&
	       a->icmp_id == b->icmp_id && a->icmp_type == b->icmp_type &&
	       a->icmp_code == b->icmp_code;
}

static inline bool same_flow(const struct conntrack_flow *a, const struct conntrack_flow *b)
{
	return same_tuple(&a->original, &b->original) && same_tuple(&a->reply, &b->reply) &&
	       a->protocol == b->protocol && a->tcp_state == b->tcp_state &&
	       a->tcp_flags_original == b->tcp_flags_original &&
	       a->tcp_flags_reply == b->tcp_flags_reply && a->status == b->status &&
	       a->timeout_s == b->timeout_s && a->mark == b->mark && a->zone == b->zone &&
	       a->zone_direction == b->zone_direction;
}
