/* Protocols whose tuples have ports. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Those that net/netfilter/nf_conntrack_proto.c gives nf_ct_port_nla_policy; GRE's are its keys. */
static inline bool ports_has(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP || protocol == IPPROTO_GRE;
}
