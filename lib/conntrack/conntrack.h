/*
 * The kernel's table of connections (ctnetlink): read it, seed it from sockets, delete from it.
 *
 * A host whose rules never used `ct` tracks nothing, so the first ruleset that accepts what is
 * established and drops the rest stalls every live connection. conntrack_seed() tells the kernel of
 * them beforehand. See docs/design/conntrack.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "model/connection.h"

/* IPS_* of include/uapi/linux/netfilter/nf_conntrack_common.h, as the kernel tells them. */
enum conntrack_status {
	CONNTRACK_EXPECTED = 1 << 0,
	CONNTRACK_SEEN_REPLY = 1 << 1,
	CONNTRACK_ASSURED = 1 << 2, /* is not given up early when the table is full */
	CONNTRACK_CONFIRMED = 1 << 3,
	CONNTRACK_SNAT = 1 << 4,
	CONNTRACK_DNAT = 1 << 5,
	CONNTRACK_DYING = 1 << 9,
	CONNTRACK_OFFLOADED = 1 << 14,
};

/* enum tcp_conntrack of include/uapi/linux/netfilter/nf_conntrack_tcp.h; not socket states. */
enum conntrack_tcp_state {
	CONNTRACK_TCP_NONE,
	CONNTRACK_TCP_SYN_SENT,
	CONNTRACK_TCP_SYN_RECV,
	CONNTRACK_TCP_ESTABLISHED,
	CONNTRACK_TCP_FIN_WAIT,
	CONNTRACK_TCP_CLOSE_WAIT,
	CONNTRACK_TCP_LAST_ACK,
	CONNTRACK_TCP_TIME_WAIT,
	CONNTRACK_TCP_CLOSE,
	CONNTRACK_TCP_SYN_SENT2,
	CONNTRACK_TCP_STATES,
};

/* IP_CT_TCP_FLAG_*, for each side. */
enum conntrack_tcp_flag {
	CONNTRACK_TCP_SACK = 1 << 1,       /* this side may send selective acknowledgements */
	CONNTRACK_TCP_CLOSE_INIT = 1 << 2, /* this side sent FIN first */
	CONNTRACK_TCP_LIBERAL = 1 << 3,    /* windows of this side are not checked */
};

/* Packets of one direction. ICMP has no ports but an identifier, type and code. */
struct conntrack_tuple {
	struct addr source, destination;
	uint16_t source_port, destination_port;
	uint16_t icmp_id;
	uint8_t icmp_type, icmp_code;
};

/* Which direction a zone counts for (the `orig` and `reply` of nft's `ct zone`). */
enum conntrack_zone_direction {
	CONNTRACK_ZONE_BOTH,
	CONNTRACK_ZONE_ORIGINAL,
	CONNTRACK_ZONE_REPLY,
};

/* One entry of the table: a plain value. */
struct conntrack_flow {
	struct conntrack_tuple original; /* of who sent first */
	struct conntrack_tuple reply;    /* what answers look like; differs with NAT */
	uint8_t protocol;                /* IANA's number: also ICMP, GRE, ... */
	uint8_t tcp_state;               /* enum conntrack_tcp_state; 0 for other protocols */
	uint8_t tcp_flags_original, tcp_flags_reply; /* enum conntrack_tcp_flag and others */
	uint32_t status;                             /* enum conntrack_status and others */
	uint32_t timeout_s;                          /* until it is forgotten when it is silent */
	uint32_t mark;
	uint16_t zone;          /* 0 = the usual one */
	uint8_t zone_direction; /* enum conntrack_zone_direction */
	uint32_t id;            /* as the kernel made it; 0 = not from the kernel */
	bool counted;           /* the four below are known (nf_conntrack_acct) */
	uint64_t packets_original, packets_reply;
	uint64_t bytes_original, bytes_reply;
};

/* ---- What the kernel can do ---- */

/* How full the table may be before conntrack_check() refuses, in percent. */
enum { CONNTRACK_FULL_PERCENT = 90 };

/* Of the network namespace of this process. */
struct conntrack_state {
	bool available;      /* the kernel has conntrack and ctnetlink */
	bool count_known;    /* the two below */
	uint64_t count, max; /* entries now and at most; max 0 = no limit */
	bool active_known;   /* needs CAP_NET_ADMIN and Linux 5.14 */
	bool active;         /* some rule makes the kernel track now, IPv4 or IPv6 */
};

/*
 * Asks what the kernel has. It loads the module when it is none yet, as far as it may.
 * @param without  true: act as if the kernel had none (see conntrack_without).
 * @return 0, also when it has none; -EMFILE and the like when no socket could be had.
 */
int conntrack_look(struct conntrack_state *out, bool without, struct err *e);

/*
 * Whether `wanted` more entries can be made: pure.
 * @return 0; -EOPNOTSUPP without conntrack; -ENOSPC when the table would be more than
 *         CONNTRACK_FULL_PERCENT full; each with a sentence for a person. An unknown size passes.
 */
int conntrack_check(const struct conntrack_state *state, size_t wanted, struct err *e);

/* Whether a list as in MINATO_WITHOUT has the word "conntrack". @param list may be NULL. Pure. */
bool conntrack_without(const char *list);

/* ---- Talking to it ---- */

struct conntrack;

/*
 * Opens ctnetlink in the network namespace of this process and reads what that namespace has set
 * as timeouts. Needs CAP_NET_ADMIN in its user namespace, which is told by the first request.
 * @param without  true: act as if the kernel had none.
 * @return 0; -EOPNOTSUPP when the kernel has no netfilter netlink; -ENOMEM; other negative errno.
 */
int conntrack_open(struct conntrack **out, bool without, struct err *e);
/* @return NULL. NULL is allowed. */
struct conntrack *conntrack_close(struct conntrack *conntrack);

/* @return 0 to go on; anything else ends the dump, a negative errno is handed up by it. */
typedef int conntrack_flow_function(const struct conntrack_flow *flow, void *data);

/*
 * Hands over every entry, one after the other, in no order; holds none of them. The function may
 * use the same handle to delete or seed. An entry of a family or form not known here is left out.
 * @param family  AF_INET, AF_INET6, or AF_UNSPEC for both.
 * @return 0; -EPERM; -EOPNOTSUPP; the function's own; other negative errno from netlink.
 */
int conntrack_dump(struct conntrack *conntrack, uint8_t family, conntrack_flow_function *function,
		   void *data, struct err *e);

/*
 * The same in two halves, for a process without rights that reads what another asked for: the
 * kernel wants CAP_NET_ADMIN of the opener and of who sends the request, not of who reads.
 * @param fd        a NETLINK_NETFILTER socket, e.g. passed by SCM_RIGHTS.
 * @param sequence  the same in both, another for each dump.
 */
int conntrack_dump_ask(int fd, uint8_t family, uint32_t sequence, struct err *e);
int conntrack_dump_read(int fd, uint32_t sequence, conntrack_flow_function *function, void *data,
			struct err *e);

/* ---- Seeding ---- */

/* Seconds, net/netfilter/nf_conntrack_proto_tcp.c and _udp.c; the ephemeral range of the host. */
struct conntrack_defaults {
	uint32_t tcp_timeout_s[CONNTRACK_TCP_STATES]; /* by enum conntrack_tcp_state */
	uint32_t udp_stream_timeout_s;
	uint16_t ephemeral_first, ephemeral_last;
};

/* As an untouched kernel has them. Pure. */
struct conntrack_defaults conntrack_kernel_defaults(void);

/* What became of a socket on its way to an entry. */
enum conntrack_fit {
	CONNTRACK_FITS = 0,
	CONNTRACK_LOOPBACK, /* both ends are the same host */
	CONNTRACK_UNFIT,    /* not connected, no protocol that is seeded, multicast */
};

/*
 * The entry that the kernel would have had for a socket of this host, had it tracked from the
 * beginning. Windows are not known, so both sides are liberal, as in an entry that the kernel
 * begins in the middle of a connection. IPv4-mapped addresses become IPv4. Who began is told by, in
 * this order: the states SYN_SENT and SYN_RECV; DIRECTION_INBOUND; that just one of the ports is
 * ephemeral (also against DIRECTION_OUTBOUND, which is what a connection becomes whose listener has
 * closed); DIRECTION_OUTBOUND; the lower port is the one called. Pure.
 * @param out  filled for CONNTRACK_FITS and CONNTRACK_LOOPBACK, untouched for CONNTRACK_UNFIT.
 */
enum conntrack_fit conntrack_flow_of(struct conntrack_flow *out,
				     const struct connection *connection,
				     const struct conntrack_defaults *defaults);

enum conntrack_seed_flags {
	/* Loopback too. Otherwise it is left out: rulesets accept `lo` before they look at ct, and
	 * each such connection is two sockets of one entry. */
	CONNTRACK_SEED_LOOPBACK = 1 << 0,
};

/* Adds up to the number of connections, unless seeding stopped. */
struct conntrack_seeded {
	size_t created;
	size_t existing; /* the kernel knew it, in either direction; left alone */
	size_t loopback; /* left out */
	size_t unfit;    /* left out, see CONNTRACK_UNFIT */
	size_t failed;   /* refused by the kernel */
	int failure;     /* negative errno of the first that failed; 0 = none */
};

/*
 * Makes an entry for each connection that has none. Entries that are there are left alone, so it
 * may be repeated. They live on while nothing tracks, until their timeouts.
 * @param list   connections of the namespace that the handle was opened in: connection.netns is not
 *               looked at, so the caller leaves out those of other namespaces.
 * @param flags  enum conntrack_seed_flags.
 * @param out    set also on failure: what was done until then.
 * @return 0, also when single ones failed (out->failed, out->failure); -ENOSPC when the table is
 *         full; -EPERM; -EOPNOTSUPP; -ENOMEM; other negative errno from netlink.
 */
int conntrack_seed(struct conntrack *conntrack, const struct connection *list, size_t count,
		   unsigned flags, struct conntrack_seeded *out, struct err *e);

/* ---- Turning round what was met in the middle ---- */

/* What a caller knows of an entry. */
enum conntrack_turning {
	CONNTRACK_TURN_NEVER,
	CONNTRACK_TURN_BY_PORTS, /* nothing */
	CONNTRACK_TURN_LIKELY,   /* only the one who answers can have begun */
};

typedef enum conntrack_turning conntrack_choice(const struct conntrack_flow *flow, void *data);

/*
 * The entry that the kernel would have, had it tracked from the beginning, for a connection between
 * others of which it took the one who answers for the one who began: TCP that it met in the middle,
 * which is established with liberal windows on both sides (nf_conntrack_proto_tcp.c, tcp_new()),
 * and UDP. The one who is called is told by its port: it alone is not ephemeral; where that does
 * not tell and it is likely, it is the lower one. Pure.
 * @return false, with `out` untouched, when only one side was seen, it was met at its beginning, it
 *         is translated (NAT), or the kernel has it right.
 */
bool conntrack_turned(struct conntrack_flow *out, const struct conntrack_flow *flow, bool likely,
		      const struct conntrack_defaults *defaults);

/*
 * Exchanges entries for what conntrack_turned() says of them. A packet in between may make one as
 * it was, so all are looked at again, up to four times; at most 1,048,576 at a time.
 * @param turned  how many were exchanged, also on failure. @return 0; -EPERM; -EOPNOTSUPP; -ENOMEM;
 *                other negative errno from netlink, after the others were tried.
 */
int conntrack_turn(struct conntrack *conntrack, conntrack_choice *choose, void *data,
		   size_t *turned, struct err *e);

/* ---- Deleting ---- */

/*
 * Deletes one entry, as it was dumped: by its tuple, zone and id, so that another flow that has the
 * same tuple by now is not hit.
 * @return 0; -ENOENT when it is gone or is another by now; -EINVAL when the flow has no addresses
 *         or id (the kernel takes a request without a tuple for "all of them"); -EPERM; other
 *         negative errno from netlink.
 */
int conntrack_delete(struct conntrack *conntrack, const struct conntrack_flow *flow, struct err *e);

typedef bool conntrack_predicate(const struct conntrack_flow *flow, void *data);

/*
 * Deletes every entry that the predicate chooses. One that ended meanwhile is no failure.
 * @param deleted  how many were deleted, also on failure; may be NULL.
 * @return 0; -EPERM; -EOPNOTSUPP; other negative errno from netlink, after the others were tried.
 */
int conntrack_delete_matching(struct conntrack *conntrack, conntrack_predicate *predicate,
			      void *data, size_t *deleted, struct err *e);
