/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the tap's programs and lib/tap share: fixed layouts, no implicit padding. Addresses are 16
 * bytes in network order everywhere, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2): one table holds
 * both families.
 */
#pragma once

#include <linux/types.h>

/* Counts up with every change of what stands here or in the programs: what another version pinned
 * is replaced as a whole. */
#define TAP_VERSION 5

#define TAP_BANS_MAX 65536    /* single addresses */
#define TAP_NETWORKS_MAX 4096 /* prefixes that are banned */
#define TAP_NEVER_MAX 4096    /* prefixes that are not */
#define TAP_WATCHED_MAX 256
#define TAP_DEVICES_MAX 1024    /* addresses of other machines that are declared */
#define TAP_SEEN_MAX 131072     /* twice what a scan of every port needs */
#define TAP_SOURCES_MAX 262144  /* cells of the sketch; a power of two */
#define TAP_FRAGMENTS_MAX 1024  /* packets whose TCP header comes in pieces */
#define TAP_FORWARDED_MAX 65536 /* flows that go through this host */
#define TAP_BEHIND_MAX 32768    /* ports of machines behind this host that have answered */
#define TAP_FREE_MAX 4096       /* sources, on each CPU, of which it is known that no ban holds */
#define TAP_OPTION_BYTES 40     /* RFC 9293 3.1: at most ten words */
#define TAP_PORTS (2 * 65536)   /* TCP, then UDP */
#define TAP_PORT_WORDS (TAP_PORTS / 64)
/* Places in the table of what ports count. */
#define TAP_PLACE_SUPPRESSED 0      /* TCP, then UDP: beyond the rate */
#define TAP_PLACE_ASKED (2 * 65536) /* TCP, open: connections that began */
#define TAP_PLACE_MADE (3 * 65536)  /* ...and that were made, while many began */
#define TAP_PLACES (4 * 65536)
#define TAP_SAMPLE 16 /* of so many connections one is counted there */

/* Bits of `marks`; the same as enum packet_mark of lib/model. */
#define TAP_MARK_DATA 2
#define TAP_MARK_ERROR 4
#define TAP_MARK_FRAGMENT 8
#define TAP_MARK_OPEN 16
#define TAP_MARK_SENT 32
#define TAP_MARK_THROUGH 64
#define TAP_MARK_DEVICE 128

/* What a packet asks for; a source makes one note for each kind, destination and port. */
enum tap_kind {
	TAP_KIND_NONE = 0, /* belongs to a flow, or is an answer: no note */
	TAP_KIND_SYN,
	TAP_KIND_FIN,
	TAP_KIND_NULL,
	TAP_KIND_XMAS,
	TAP_KIND_MAIMON, /* FIN and ACK */
	TAP_KIND_ACK,
	TAP_KIND_UDP,
	TAP_KIND_ERROR,
	TAP_KIND_ANSWER, /* SYN-ACK of this host: the port is open, also behind the packet filter */
};

struct tap_record {
	__u64 time_ns; /* since boot, CLOCK_BOOTTIME */
	__u8 source[16];
	__u8 destination[16];
	__u32 tcp_sequence; /* host order, as all numbers here */
	__u32 interface;    /* index */
	__u16 source_port;
	__u16 destination_port;
	__u16 window;
	__u16 ipv4_id;
	__u8 family; /* 4, 6 */
	__u8 protocol;
	__u8 flags; /* of TCP, without ECE and CWR */
	__u8 ttl;
	__u8 marks; /* TAP_MARK_ */
	__u8 option_bytes;
	__u8 kind; /* enum tap_kind */
	__u8 zero;
	__u8 options[TAP_OPTION_BYTES]; /* of a SYN: `option_bytes` of them */
};

enum tap_verdicts {
	TAP_VERDICT_DROP = 1, /* everything */
	TAP_VERDICT_HIDE = 2, /* what goes to a port without a socket */
	TAP_VERDICT_SLOW = 3, /* what is more than `interval_ns` allows */
};

/* Value of both tables of bans. */
struct tap_ban_value {
	__u64 until_ns;    /* since boot; from then on it means nothing */
	__u64 interval_ns; /* slow: time that one packet takes */
	__u64 burst_ns;    /* slow: how far ahead of its time one may come */
	__u64 next_ns;     /* slow: when the next one is due (GCRA, ITU-T I.371); kernel's side */
	__u64 stopped;     /* packets that it has dropped; kernel's side */
	__u32 verdict;     /* enum tap_verdicts */
	__u32 checked; /* single: the list of the never banned that does not have it; kernel's side
			*/
};

/* Key of the tables of prefixes. The family comes first, so that no prefix of IPv6 has IPv4. */
struct tap_prefix {
	__u32 bits;   /* 32 + those of the address, of which IPv4 has 96 at least */
	__u32 family; /* 4, 6 */
	__u8 address[16];
};
#define TAP_PREFIX_ADDRESS 160 /* bits of a single address */

/* Which tables have something in them: nobody pays for an empty one. */
#define TAP_HAS_BANS 1
#define TAP_HAS_NETWORKS 2
#define TAP_HAS_WATCHED 4
#define TAP_HAS_DEVICES 8

/* The one value of the map of settings. */
struct tap_settings {
	__u32 version;      /* TAP_VERSION */
	__u32 tables;       /* TAP_HAS_ */
	__u32 never;        /* counts up with every list of the never banned */
	__u32 bans;         /* counts up with every ban: then it is looked for anew who has none */
	__u64 suspended_ns; /* CLOCK_BOOTTIME minus CLOCK_MONOTONIC */
	__u64 secret[2];
	__u64 again_ns; /* what was noted is noted again after so long */
	/* Notes that one CPU sends: so many at once, one more each `interval_ns`. */
	__u32 burst;
	__u32 interval_ns;
	__u64 published[TAP_PORT_WORDS]; /* open without a socket here: forwarded to a container */
};

/* Places in a CPU's counters. */
enum tap_counter {
	TAP_COUNT_NOTED,      /* records sent */
	TAP_COUNT_LOST,       /* the ring was full */
	TAP_COUNT_SUPPRESSED, /* beyond the rate */
	TAP_COUNT_MALFORMED,  /* lengths that contradict each other */
	TAP_COUNT_DROPPED,    /* by bans: all of it */
	TAP_COUNT_HIDDEN,     /* by bans: to closed ports */
	TAP_COUNT_SLOWED,     /* by bans: too many */
	TAP_COUNT_SPARED,     /* would have been dropped, but `never` has the source */
	TAP_COUNT_ASKED,      /* connections to open ports that began: one of TAP_SAMPLE */
	TAP_COUNTERS,
};

/* One for each CPU, written by it alone; two lines of the cache. */
struct tap_counts {
	__u64 values[16];
};
