/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What bind_guard.bpf.c and lib/guard share: the rules, and the record of a refusal, which
 * connect_guard.bpf.c has too. Fixed layouts, host byte order, no implicit padding. */
#pragma once

#include <linux/types.h>

/* Rules of one set; rule 0 stays empty, so that a zeroed port has none. A power of two. */
#define GUARD_RULES_MAX 2048
/* Rules of one port: one of them suffices. */
#define GUARD_PORT_RULES 4
/* Names are compared as words of eight bytes, the last one filled up with zeros. */
#define GUARD_NAME_WORDS 16
#define GUARD_NAME_BYTES (GUARD_NAME_WORDS * 8)
/* An executable's path inside its file system: file first, root last. */
#define GUARD_PARTS_MAX 16
#define GUARD_PATH_WORDS 64
/* Of a unit's name as it is told of; longer ones are cut. */
#define GUARD_UNIT_BYTES 64
/* Cgroups above each other that are looked at. */
#define GUARD_LEVELS_MAX 16
/* Names of programs and of folders, as a row of zero-filled texts. */
#define GUARD_WORDS_MAX 4
#define GUARD_WORD_BYTES 16
/* Of every container runtime that is known here: 64 hexadecimal digits. */
#define GUARD_CONTAINER_ID_BYTES 64

/* Ports of one protocol, one after the other. */
#define GUARD_TCP 0
#define GUARD_UDP 1
#define GUARD_PROTOCOLS 2

enum guard_rule_flags {
	GUARD_RULE_USER = 1,       /* `user` binds, or root */
	GUARD_RULE_EXECUTABLE = 2, /* `device`, `parts` and what follows them */
	GUARD_RULE_UNIT = 4,       /* `name` is a unit */
	GUARD_RULE_CONTAINER = 8,  /* `name` begins the id of a container */
	GUARD_RULE_WATCH = 16,     /* never refuse, tell only */
};

/* Who may bind: every given part must fit. */
struct guard_rule {
	__u32 flags;
	__u32 user;
	__u32 device; /* major << 20 | minor, as the kernel counts it */
	__u32 parts;
	__u32 name_bytes; /* without a NUL */
	__u32 zero;
	__u64 name[GUARD_NAME_WORDS];
	__u8 part_bytes[GUARD_PARTS_MAX];
	__u8 part_start[GUARD_PARTS_MAX]; /* word in `path` */
	__u64 path[GUARD_PATH_WORDS + GUARD_NAME_WORDS];
};

/* What nearly every bind of a guarded port asks of a rule, two to a line of the cache: the same as
 * in the rule, and what fitted last. */
struct guard_brief {
	__u32 flags;
	__u32 user;
	__u32 device;
	__u32 zero;
	/* So that no name is compared again; 0 = nothing yet. Written by the kernel's side. Neither
	 * can come to stand for something else: ids of cgroups are used once and v2 cannot rename,
	 * an inode's number comes again with another generation. */
	__u64 seen_cgroup;
	__u64 seen_file; /* inode << 32 | generation */
};

/* Numbers of rules; the first 0 ends them. */
struct guard_port {
	__u16 rules[GUARD_PORT_RULES];
};

/* Counts up with every change of what stands here or in the program: a pinned guard of another
 * version is replaced as a whole. */
#define GUARD_VERSION 2

/* What all rules of a set share. */
struct guard_head {
	__u32 version;       /* GUARD_VERSION */
	__u32 enforce;       /* 0 = observe: nothing is refused */
	__u64 netns_cookie;  /* of the one namespace that is guarded */
	__u64 root;          /* id of the cgroup where the names of units begin */
	__u64 made;          /* wall time in microseconds: tells the sets apart */
	__u32 pid_namespace; /* inode: its process 1 opens sockets for units */
	__u32 rule_count;    /* without rule 0 */
	/* Zero-filled: programs of root that bind for containers, and the cgroups that hold
	 * containers where systemd does not name them. */
	__u64 helpers[GUARD_WORDS_MAX][GUARD_WORD_BYTES / 8];
	__u64 folders[GUARD_WORDS_MAX][GUARD_WORD_BYTES / 8];
};

/*
 * Everything that a decision depends on, in one value of one map: whoever replaces it replaces all
 * of it at once. Head and reserved ports stay where they are in every version: what an older minato
 * reserved has to be given back by a newer one.
 */
struct guard_set {
	struct guard_head head;
	__u64 reserved[65536 / 64]; /* ports that were added to ip_local_reserved_ports */
	/* One bit for each row of `ports` that has a rule: nearly every bind is done with one look
	 * at it, and 512 ports share a line of the cache. */
	__u64 guarded[GUARD_PROTOCOLS * 65536 / 64];
	struct guard_port ports[GUARD_PROTOCOLS * 65536];
	struct guard_brief briefs[GUARD_RULES_MAX]; /* by the number of the rule */
	struct guard_rule rules[GUARD_RULES_MAX];
};

/* Why no rule of the port fits. Of several rules that one tells which got furthest. */
enum guard_reason {
	GUARD_FITS = 0,
	GUARD_OTHER_USER = 1,
	GUARD_OTHER_EXECUTABLE = 2,
	GUARD_OTHER_UNIT = 3,
	GUARD_OTHER_CONTAINER = 4,
	/* Of connect() alone. */
	GUARD_OTHER_DESTINATION = 5,
	GUARD_ENDED = 6, /* its last day is over, or nobody can be told who is meant */
};

enum guard_record_flags {
	GUARD_RECORD_REFUSED = 1,
	GUARD_RECORD_CONNECT = 2, /* connect() or sendmsg(): the other end; else bind() */
};

/* A bind or a connect that was refused, or would have been. */
struct guard_record {
	__u64 time_ns; /* since boot, CLOCK_BOOTTIME */
	__u64 netns_cookie;
	__u64 set;  /* `made` of the rules that decided */
	__s32 pid;  /* in the first pid namespace */
	__u32 uid;  /* effective */
	__u16 rule; /* the number whose reason is told */
	__u16 port;
	__u8 protocol;    /* 6 or 17 */
	__u8 family;      /* AF_INET, AF_INET6 */
	__u8 reason;      /* enum guard_reason */
	__u8 flags;       /* enum guard_record_flags */
	__u8 address[16]; /* network order; IPv4 uses the first four */
	char name[16];
	char unit[GUARD_UNIT_BYTES]; /* the outermost cgroup that is no slice; "" = none */
};

/* Places in the map of counters. */
enum guard_counter {
	GUARD_COUNT_LOST,    /* records that found the ring full */
	GUARD_COUNT_REFUSED, /* by enforce */
	GUARD_COUNT_WATCHED, /* let through, and told */
	GUARD_COUNT_ALLOWED, /* of guarded ports; kept ones of outbound: */
	GUARD_COUNTERS,
};
