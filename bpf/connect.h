/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What connect_guard.bpf.c and lib/guard share: who may connect to which port where. Fixed layouts,
 * host byte order but for addresses, no implicit padding. */
#pragma once

#include "guard.h"

/* Rules of one set; rule 0 stays empty, so that a zeroed port has none. A power of two. */
#define CONNECT_RULES_MAX 512
/* Rules of one port: one of them suffices. As many as lib/policy lets name a port. */
#define CONNECT_PORT_RULES 8
/* Networks of one rule, likewise. */
#define CONNECT_NETWORKS_MAX 64

enum connect_rule_flags {
	CONNECT_ANYBODY = 1,  /* whoever it is */
	CONNECT_NOBODY = 2,   /* who is meant cannot be told here, so nobody fits */
	CONNECT_ANYWHERE = 4, /* to whomever */
};

/* IPv4 as ::ffff:0:0/96; network order. */
struct connect_network {
	__u32 address[4];
	__u32 mask[4];
};

struct connect_rule {
	struct guard_rule who;
	struct guard_brief brief; /* what fitted last; the rest of it is not used */
	__u32 flags;
	__u32 network_count;
	__u64 ends_ns; /* CLOCK_BOOTTIME; 0 = never */
	struct connect_network networks[CONNECT_NETWORKS_MAX];
};

/* Numbers of rules; the first 0 ends them. */
struct connect_port {
	__u16 rules[CONNECT_PORT_RULES];
};

/* Counts up with every change of what stands here or in the program. */
#define CONNECT_VERSION 2

/* Keys of the map of sets. */
enum connect_key {
	CONNECT_CONFIRMED,
	CONNECT_TRIED, /* before the other one until its `ends_ns` */
	CONNECT_KEYS,
};

/* Everything that a decision depends on. */
struct connect_set {
	struct guard_head head;
	/* From then on it does not hold, whatever has become of whoever put it there; 0 = never.
	 * CLOCK_MONOTONIC: it stands still while the host sleeps, as the timeouts of nft do. */
	__u64 ends_ns;
	struct connect_port ports[GUARD_PROTOCOLS * 65536];
	struct connect_rule rules[CONNECT_RULES_MAX];
};
