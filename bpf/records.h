/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What our programs hand to user space: fixed layouts, host byte order, no implicit padding. */
#pragma once

#include <linux/types.h>

#define RECORD_NAME_BYTES 16
/* Longer paths do not fit the stack of a program: their record comes without. */
#define RECORD_PATH_BYTES 320

/* In place of the descriptor: this process has more than fit; ask the iterator listener_files. */
#define LISTENER_RECORD_MORE (-2)

/* A descriptor of a process that points to a listening socket (or UDP without a peer). */
struct listener_record {
	__u64 inode;  /* of the socket */
	__u64 cookie; /* 0 = the kernel has not made one yet */
	__u32 netns;  /* inode */
	__s32 pid;    /* process, in the reader's pid namespace */
	__s32 fd;
	__u32 uid; /* effective, of the process */
	char name[RECORD_NAME_BYTES];
	__u32 socket_uid; /* who made the socket */
	__u32 interface;
	__u32 receive_queue; /* LISTEN: connections waiting; else bytes waiting */
	__u32 send_queue;    /* LISTEN: the backlog; else 0 */
	__u16 protocol;
	__u16 port;
	__u8 family; /* AF_INET, AF_INET6 */
	__u8 state;  /* include/net/tcp_states.h */
	__u8 v6_only;
	__u8 zero;
	__u8 address[16]; /* network order; IPv4 uses the first four */
};

/* A descriptor of a process that points to any Internet socket. */
struct connection_record {
	__u64 inode;
	__s32 pid;
	__s32 fd;
	__u32 uid;
	__u32 netns;
	char name[RECORD_NAME_BYTES];
};

/* A process; followed by `path_bytes` bytes of its executable's path as its mount namespace shows
 * it, without NUL. */
struct process_record {
	__u64 started_ns; /* since boot */
	__s32 pid;
	__s32 parent_pid; /* 0 = none in the reader's pid namespace */
	__u32 uid;        /* effective */
	__u32 netns;      /* inode, 0 = it is ending */
	char name[RECORD_NAME_BYTES];
	__u32 path_bytes; /* 0 = not known */
	__u32 zero;
};

/* A task whose network namespace is not that of the reader. */
struct namespace_record {
	__u32 netns; /* inode */
	__s32 tid;   /* in the reader's pid namespace */
};

enum event_record_kind {
	EVENT_RECORD_OPENED = 1,
	EVENT_RECORD_CLOSED = 2,
	EVENT_RECORD_PEER = 3, /* struct peer_record */
};

struct event_record {
	__u64 time_ns; /* since boot, CLOCK_BOOTTIME */
	__u64 cookie;
	__u32 netns; /* inode */
	__s32 pid;   /* process that opened the socket, in the first pid namespace; 0 = unknown */
	__u32 uid;   /* of that process, ~0 = unknown */
	__u32 kind;  /* enum event_record_kind */
	__u16 protocol;
	__u16 port;  /* 0 = picked by the kernel later */
	__u8 family; /* AF_INET, AF_INET6 */
	__u8 zero[3];
	__u8 address[16];
	char name[RECORD_NAME_BYTES];
};

/* Connections of one address to a port of ours, since the last record that told of the two. */
struct peer_record {
	__u32 kind;  /* EVENT_RECORD_PEER */
	__u32 netns; /* inode */
	__u32 opened;
	__u32 ended;
	__u16 port;
	__u8 family; /* AF_INET, AF_INET6 */
	__u8 zero[5];
	__u8 address[16];
};

/* Ports whose connections are counted; further ones are not. A power of two. */
#define TALLY_SLOTS 4096

/*
 * Elements of the map that readers have mapped. The first has what was lost; each other one is a
 * port, once somebody has connected to it.
 */
struct tally_record {
	__u64 key;    /* [0]: records that found the ring full. Else netns << 32 | port << 16 | 1 */
	__u64 opened; /* [0]: records of peers beyond the rate */
	__u64 ended;
	__u64 silent; /* of these, those that brought no byte */
	__u64 bytes;  /* both ways, of those that have ended */
};
