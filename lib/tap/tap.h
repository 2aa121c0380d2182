/*
 * The tap: what comes in at the host's interfaces, before the packet filter sees it.
 *
 * Programs in the kernel (bpf/packet_tap.bpf.c) tell of packets that look for something, and drop
 * what banned sources send. They and their tables are pinned, so that they outlive whoever loaded
 * them: one process loads, another attaches and bans, a third without rights reads the notes.
 * docs/design/tap.md says what they hold against.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/when.h"
#include "model/packet.h"

/* ---- notes (pure) ---- */

/*
 * Reads a record of the ring. Nothing in it is trusted.
 * @param boot_offset  of base/io/clock.h; makes the note's time one of the wall clock.
 * @return 0; -EBADMSG with `out` untouched.
 */
int tap_note_read(struct packet_note *out, const void *record, size_t length, usec_t boot_offset);

/* ---- bans (pure) ---- */

enum tap_verdict {
	TAP_DROP = 1, /* everything that the source sends, established connections too */
	TAP_HIDE = 2, /* what goes to a port that is not open: the host looks as if it dropped */
	TAP_SLOW = 3, /* what is more than `rate` packets a second */
};

/* "drop", "hide", "slow": the words of the policy and of JSON; "" for none of them. */
const char *tap_verdict_name(enum tap_verdict verdict);
/* The reverse. @return 0; -EINVAL. */
int tap_verdict_parse(enum tap_verdict *out, const char *name);

enum {
	TAP_SINGLE_BANS_MAX = 65536, /* single addresses, of both families together */
	TAP_PREFIX_BANS_MAX = 4096,  /* prefixes; the longest that fits decides */
	TAP_NEVER_PREFIXES_MAX = 4096,
	TAP_WATCHED_PREFIXES_MAX = 256,
	TAP_DEVICE_ADDRESSES_MAX = 1024,
	TAP_RATE_MAX = 1000000,
};

struct tap_ban {
	struct prefix prefix; /* an address is a prefix of 32 or 128 bits */
	enum tap_verdict verdict;
	usec_t until;     /* on CLOCK_BOOTTIME, since boot: clocks that are set change no ban */
	uint32_t rate;    /* TAP_SLOW: packets a second, 1..TAP_RATE_MAX; else 0 */
	uint32_t burst;   /* TAP_SLOW: packets that may come at once, 1..TAP_RATE_MAX; else 0 */
	uint64_t stopped; /* packets that it has dropped; ignored by tap_bans_set() */
};

/* Whether the kernel could hold it. @return 0; -EINVAL an address of no family, no verdict, a rate
 * or burst out of range, until < 0; -ERANGE a prefix that is longer than an address. */
int tap_ban_check(const struct tap_ban *ban, struct err *e);

/* ---- counters (pure) ---- */

struct tap_counters {
	uint64_t noted;      /* notes sent */
	uint64_t lost;       /* of them, the ring was full */
	uint64_t suppressed; /* beyond the rate, see tap_reader_suppressed() */
	uint64_t malformed;  /* lengths that contradict each other */
	uint64_t dropped;    /* by TAP_DROP, in tc and XDP together */
	uint64_t hidden;     /* by TAP_HIDE */
	uint64_t slowed;     /* by TAP_SLOW */
	uint64_t spared;     /* of a banned source that `never` has */
	uint64_t asked;      /* connections to open ports that began: one of sixteen */
};

/* ---- loading ---- */

/* Where the programs and their tables are pinned. */
struct tap_place {
	const char *directory; /* below a mounted bpffs, is made when missing */
	bool without_bpf;      /* MINATO_WITHOUT=bpf */
};

/* 0 = as it says. */
struct tap_options {
	uint32_t ring_bytes; /* a power of two of at least a page; 8 MiB: 75,000 notes */
	uint32_t rate;       /* notes a second, all CPUs together; 20,000 */
	uint32_t burst;      /* notes at once, each CPU; 65,536, less beyond four CPUs */
	usec_t again;        /* what was noted is noted again after so long; 60 s */
};

struct tap;

/*
 * Loads and pins. Where the same version stands already it is kept, with its bans and attachments;
 * another version's is replaced: then tap_attach() has to come again on each interface. Needs
 * CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN.
 * @param options  NULL = defaults; of a tap that stands already only rate, burst and again change.
 * @return 0; -EPERM; -EOPNOTSUPP no BPF, or a kernel before 5.8; -ENOTTY no bpffs; others.
 */
int tap_load(struct tap **out, const struct tap_place *place, const struct tap_options *options,
	     struct err *e);

/* Opens what tap_load() pinned, for a process of the same user without CAP_BPF.
 * @return 0; -ENOENT no tap is loaded, or another version's; -EPERM; others. */
int tap_open(struct tap **out, const struct tap_place *place, struct err *e);

/* Closes it; what is pinned and attached stays. @return NULL. NULL is allowed. */
struct tap *tap_free(struct tap *tap);

/* Takes the pins away; none is fine. Programs that are attached go on until tap_detach(). */
int tap_unload(const struct tap_place *place, struct err *e);

/* ---- interfaces, of the network namespace in which the tap was opened; CAP_NET_ADMIN ---- */

enum tap_way {
	TAP_TC,          /* ingress: notes and bans; egress: flows that go through this host */
	TAP_XDP_GENERIC, /* TAP_DROP alone, before the kernel knows of a packet */
	TAP_XDP_NATIVE,  /* likewise in the driver: attaching may reset the link for a moment */
};

enum tap_attach_outcome {
	TAP_OCCUPIED = 1, /* another XDP program is there; there can be one */
};

/*
 * Attaches to an interface; again is fine and replaces what an older tap left there. Programs of
 * others in tc stay, and see what ours does not drop.
 * @return 0; TAP_OCCUPIED; -ENODEV no such interface; -EOPNOTSUPP the driver has no native XDP;
 *         -EPERM; others.
 */
int tap_attach(struct tap *tap, int interface, enum tap_way way, struct err *e);

/* Takes ours away, and the qdisc clsact when nothing else is left in it. @return 0, also when
 * nothing was there; -ENODEV; -EPERM; others. */
int tap_detach(struct tap *tap, int interface, enum tap_way way, struct err *e);

struct tap_attachment {
	bool tc;          /* ours, ingress */
	bool tc_egress;   /* ours */
	bool xdp;         /* ours, of this tap */
	bool xdp_native;  /* and it is attached to the driver */
	bool xdp_other;   /* somebody else's XDP program */
	uint32_t others;  /* programs and filters of others at tc ingress */
	uint32_t earlier; /* of them, those that come before ours: what they drop is not seen */
};

/* What is attached to an interface. @return 0; -ENODEV; others. */
int tap_attachment_read(struct tap_attachment *out, struct tap *tap, int interface, struct err *e);

/* ---- bans in the kernel ---- */

/*
 * Adds bans, or replaces those of the same prefix; what they have stopped goes on counting.
 * @return 0; -ENOSPC a table is full, -EINVAL, -ERANGE as tap_ban_check(): those before the faulty
 *         one hold. The error names the prefix.
 */
int tap_bans_set(struct tap *tap, const struct tap_ban *bans, size_t count, struct err *e);
/* @return 0; -ENOENT there was none. */
int tap_bans_remove(struct tap *tap, const struct prefix *prefix, struct err *e);

typedef void tap_ban_function(const struct tap_ban *ban, void *data);
/* Each ban, also those whose time is over, in no order. @return 0; others. */
int tap_bans_list(struct tap *tap, tap_ban_function *function, void *data, struct err *e);
/* Removes bans whose time is over at `now` (since boot) and tells of each; NULL is allowed. Until
 * then they have no effect, but take their place. @return 0; others. */
int tap_bans_expire(struct tap *tap, usec_t now, tap_ban_function *function, void *data,
		    struct err *e);

/*
 * Who is never banned, whatever the tables say: the whole list, in the place of the one before.
 * What both have is spared at every moment. @return 0; -E2BIG; -EINVAL; others.
 */
int tap_never_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e);

/* Ports that are open without a socket of this namespace: published by containers, forwarded.
 * NULL = none. @return 0; others. */
int tap_published_set(struct tap *tap, const struct portset *tcp, const struct portset *udp,
		      struct err *e);

/* Makes notes only of packets to these (those of struct detect_parameters); none = of packets to
 * everywhere. Bans are not touched by it. @return 0; -E2BIG; -EINVAL; others. */
int tap_watched_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e);

/* Other machines that are declared: their SYN-ACKs to who asked for them make notes with
 * PACKET_DEVICE. The whole list, in the place of the one before. @return 0; -E2BIG; -EINVAL;
 * others. */
int tap_devices_set(struct tap *tap, const struct prefix *list, size_t count, struct err *e);

/* @return 0; others. */
int tap_counters_read(struct tap_counters *out, struct tap *tap, struct err *e);

/* ---- reading notes, without any rights ---- */

/* What the reader needs, to be handed to another process. Descriptors of a tap belong to it. */
struct tap_fds {
	int ring;            /* of the ring, or an AF_PACKET socket */
	int counters;        /* -1 with a socket */
	int suppressed;      /* -1 with a socket */
	uint32_t ring_bytes; /* 0 = a socket */
	uint32_t cpus;       /* of the counters */
};

#define TAP_FDS_INIT ((struct tap_fds){ .ring = -1, .counters = -1, .suppressed = -1 })

/* The descriptors stay the tap's. */
struct tap_fds tap_fds_of(const struct tap *tap);

/*
 * For hosts without BPF: a socket that copies packets of all interfaces but loopback, thinned out
 * by a filter in the kernel. No bans, and a packet is not known to belong to a connection: notes
 * never have PACKET_OPEN, and outgoing ones come too (SYN, SYN-ACK, datagrams), from which a
 * detector learns which ports are in use. Needs CAP_NET_RAW.
 * @return 0; -EPERM; others. Closed by the caller: out->ring.
 */
int tap_socket_open(struct tap_fds *out, struct err *e);

struct tap_reader;
typedef void tap_note_function(const struct packet_note *note, void *data);

/*
 * Begins to read. Descriptors stay the caller's and may be closed afterwards. One reader at a time.
 * @param secret  random, for the socket's table of what was noted before; not used with a ring.
 * @return 0; -EINVAL no such ring; -ENOMEM; others of mmap. Free with tap_reader_free.
 */
int tap_reader_open(struct tap_reader **out, const struct tap_fds *fds, const uint64_t secret[2],
		    struct err *e);
/* Readable when something waits. */
int tap_reader_fd(const struct tap_reader *reader);
/* Hands over at most `max` notes. @return how many; `max` = there may be more. */
unsigned tap_reader_read(struct tap_reader *reader, unsigned max, tap_note_function *function,
			 void *data);
/* With a socket: noted, lost, suppressed (asked before) and malformed of this reader; needs
 * getsockopt(2), or `lost` stays 0. */
void tap_reader_counters(struct tap_reader *reader, struct tap_counters *out);
/* Packets that made no note because there were too many, by destination port: a flood's. Counts up
 * for ever. 0 with a socket. */
uint64_t tap_reader_suppressed(const struct tap_reader *reader, uint8_t protocol, uint16_t port);
/* Connections of TCP to an open port that began, and that were made, as samples tell; the latter
 * while more than some 250 begin in a second. Count up for ever. 0 with a socket. */
struct tap_begun {
	uint64_t begun, made;
};
struct tap_begun tap_reader_begun(const struct tap_reader *reader, uint16_t port);
/* @return NULL. NULL is allowed. */
struct tap_reader *tap_reader_free(struct tap_reader *reader);
