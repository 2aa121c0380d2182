/*
 * The twin: a scratch network namespace that wears the host's interfaces, addresses, routes and
 * rules. Real packets go through it, and the kernel's own trace says what became of each and which
 * rule decided. The host itself is only read.
 *
 * After twin_new() nothing of it is left but descriptors of this process: with them, also when the
 * process is killed, both namespaces are gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/vec.h"

enum {
	TWIN_INTERFACE_BYTES = 16, /* IFNAMSIZ */
	TWIN_MAC_BYTES = 6,
	TWIN_STEPS_MAX = 1024, /* of one packet's way; what is beyond is a doubt */
};

struct twin_host; /* what is copied */
struct twin;

/* Why an answer, or all answers of a twin, may differ from what the host does. */
enum twin_doubt_kind {
	TWIN_DOUBT_SOCKET,    /* a rule asks for the socket, and the twin has none */
	TWIN_DOUBT_CGROUP,    /* for a control group */
	TWIN_DOUBT_OWNER,     /* for the user of a socket */
	TWIN_DOUBT_RATE,      /* for a rate, quota, number of connections or chance */
	TWIN_DOUBT_LEARNED,   /* a rule writes into a set: later packets may meet another state */
	TWIN_DOUBT_PROGRAM,   /* a program decides: queue, synproxy, tproxy */
	TWIN_DOUBT_OFFLOAD,   /* a flowtable */
	TWIN_DOUBT_DEVICE,    /* a rule asks of what kind an interface is */
	TWIN_DOUBT_IPSEC,     /* policies and states of IPsec are not copied */
	TWIN_DOUBT_TABLE,     /* a table could not be loaded: detail = "FAMILY NAME: why" */
	TWIN_DOUBT_INTERFACE, /* an interface could not be made, or is of another kind: its name */
	TWIN_DOUBT_ROUTES,    /* routes or rules of routing that could not be copied: how many */
	TWIN_DOUBT_SETTING,   /* a setting below /proc/sys that could not be copied: its name */
	TWIN_DOUBT_STEPS,     /* the way is longer than TWIN_STEPS_MAX */
	TWIN_DOUBT_LOST,      /* the kernel lost a part of its trace */
};

struct twin_doubt {
	enum twin_doubt_kind kind;
	const char *detail; /* the rule, table, interface ...; never NULL */
	const char *owner;  /* of the rule, see twin_owner(); "" when it is about no rule */
};

/* A table that is not read: the caller knows what is in it, and says it shorter. */
struct twin_stand_in {
	const char *tables; /* every table of the namespace, lines of "FAMILY NAME" in the kernel's
			     * order, of names that nft takes as one word */
	const char *table;  /* the one of them, "FAMILY NAME" */
	const char *commands; /* of nft, instead of its listing */
};

/*
 * Reads the present network namespace.
 * @param out     the caller frees it with twin_host_free().
 * @param ruleset what `nft -a list ruleset` would print; NULL = read it, and the tables of iptables
 *                too, which needs CAP_NET_ADMIN.
 * @param instead NULL = every table is read. Must live as long as the host.
 * @return 0; -EPERM when the rules may not be read; -ENOENT when nft is not installed; -EFBIG
 *         beyond 64 MiB of rules; -ENOMEM; other negative errno of netlink.
 */
int twin_host_read(struct twin_host **out, const char *ruleset, const struct twin_stand_in *instead,
		   struct err *e);

/* @return NULL. NULL is allowed. */
struct twin_host *twin_host_free(struct twin_host *host);

/* For _cleanup_(). */
static inline void twin_host_freep(struct twin_host **host)
{
	(void)twin_host_free(*host); /* always NULL */
}

/*
 * Where a packet from an address would enter, and which of the host's addresses it would be for, by
 * the host's own routes: asked of the kernel, in the network namespace of the socket.
 * @param interface "lo" for an address of the host.
 * @param to        the source address that the host would answer from.
 * @param route     what netlink_open(NETLINK_ROUTE) returned; an error of it is said in `e` and
 *                  returned, so that who asks for many addresses need not look.
 * @return 0; -ENETUNREACH when no route leads there; other negative errno of netlink.
 */
int twin_way(char interface[TWIN_INTERFACE_BYTES], struct addr *to, int route,
	     const struct addr *from, struct err *e);

/*
 * The first address of an interface in a family, global before link-local.
 * @return 0, -ENODEV when the host has no such interface, -EADDRNOTAVAIL when it has no address.
 */
int twin_host_address(struct addr *to, const struct twin_host *host, const char *interface,
		      enum addr_family family);

/* Whether the host itself has that address, on any interface. */
bool twin_host_has(const struct twin_host *host, const struct addr *address);

/* The networks that the host is in with its interfaces, each once, without loopback, link-local
 * ones and those of a single address. @return how many, at most `max`. */
size_t twin_host_networks(const struct twin_host *host, struct prefix *out, size_t max);

/* Adds the ports at which its rules may change their mind: every number that stands in them, and
 * the ones beside it. */
void twin_host_edges(struct portset *out, const struct twin_host *host);

/* How long the listing of its rules is: what making and asking the twin costs grows with it. */
size_t twin_host_rules_bytes(const struct twin_host *host);

/*
 * Makes the twin: as root in a new network namespace, else in a user namespace of the caller's uid.
 * Forks a child that makes everything, hands its descriptors over and ends; it ends with the
 * caller.
 * @param out       the caller frees it with twin_free().
 * @param host      must live as long as the twin.
 * @param candidate nft commands that come on top of the host's state, or NULL.
 * @return 0; -EPERM where user namespaces are forbidden and the caller is no root; -EINVAL when nft
 *         refuses the candidate (its first sentence is in `e`); -ENOENT without nft; -ENOMEM; other
 *         negative errno.
 */
int twin_new(struct twin **out, const struct twin_host *host, const char *candidate, struct err *e);

/*
 * The same for packets that the host itself sends as a user: what rules ask of the owner of a
 * socket is proven then. In a user namespace there is no other user, so that it stays a doubt.
 */
int twin_new_as(struct twin **out, const struct twin_host *host, const uint32_t *user,
		struct err *e);

/* The namespaces end with it. @return NULL. NULL is allowed. */
struct twin *twin_free(struct twin *twin);

/* For _cleanup_(). */
static inline void twin_freep(struct twin **twin)
{
	(void)twin_free(*twin); /* always NULL */
}

/* What holds for every answer of this twin. @return how many; `*doubts` belongs to the twin. */
size_t twin_doubts(const struct twin *twin, const struct twin_doubt **doubts);

/* One packet: a TCP SYN, a datagram, or an echo request. */
struct twin_packet {
	uint8_t protocol;   /* IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ICMP for either family's echo */
	struct addr from;   /* of the same family as `to` */
	uint16_t from_port; /* 0 = a high one, another for each packet */
	struct addr to;
	uint16_t port;
	/* Where it enters; "lo" = sent by the host itself, to itself or to another one. */
	char interface[TWIN_INTERFACE_BYTES];
	bool has_mac;
	uint8_t mac[TWIN_MAC_BYTES]; /* of the sender */
};

enum twin_outcome {
	TWIN_UNKNOWN,   /* see the doubts */
	TWIN_ACCEPTED,  /* a socket of the host would get it */
	TWIN_FORWARDED, /* it leaves through an interface, as to a container; or was sent there */
	TWIN_DROPPED,   /* nobody gets it and the sender hears nothing */
	TWIN_REJECTED,  /* nobody gets it and the sender hears so */
	TWIN_UNROUTED,  /* no rule stopped it, but the routing did */
};

/* Why a packet was TWIN_UNROUTED, or dropped with no rule that says so. */
enum twin_cause {
	TWIN_CAUSE_NONE,
	TWIN_CAUSE_RULE,         /* a rule or a chain's policy: the deciding step */
	TWIN_CAUSE_UNTRACED,     /* something that leaves no trace, as the old iptables do */
	TWIN_CAUSE_DOWN,         /* the interface is down */
	TWIN_CAUSE_NO_ROUTE,     /* no route leads to the target */
	TWIN_CAUSE_REVERSE_PATH, /* rp_filter: answers would leave through another interface */
	TWIN_CAUSE_SOURCE,       /* the source is none that may come from outside */
	TWIN_CAUSE_TARGET,       /* the target is none that may be reached from outside */
	TWIN_CAUSE_NO_FORWARD,   /* for somebody else, and this host forwards nothing */
	TWIN_CAUSE_ABSENT,       /* the interface is not in the twin */
};

enum twin_verdict {
	TWIN_VERDICT_CONTINUE,
	TWIN_VERDICT_ACCEPT,
	TWIN_VERDICT_DROP,
	TWIN_VERDICT_REJECT,
	TWIN_VERDICT_JUMP,
	TWIN_VERDICT_GOTO,
	TWIN_VERDICT_RETURN,
	TWIN_VERDICT_QUEUE,
	TWIN_VERDICT_STOLEN,
};

/* One rule that the packet met, or the policy at the end of a chain. */
struct twin_step {
	const char *hook;   /* "ingress", "prerouting", "input", "forward", ... */
	const char *type;   /* of the chain that hangs there: "filter", "nat", "route" */
	const char *family; /* of the table: "inet", "ip", ... */
	const char *table;
	const char *chain;
	const char *rule; /* its text; "" for a policy */
	uint64_t handle;  /* of the rule on the host; 0 = a policy, or not on the host */
	size_t place;     /* of the rule in its chain, from 0 */
	bool policy;
	enum twin_verdict verdict;
	const char *target; /* chain that it jumps to; "" otherwise */
	const char *owner;  /* see twin_owner() */
};

struct twin_answer {
	enum twin_outcome outcome;
	enum twin_cause cause;
	const struct twin_step *deciding; /* one of `steps`; NULL = none */
	const char *reject;               /* "tcp reset", "icmp port-unreachable"; "" otherwise */
	struct addr to;                   /* after translation: where it really went */
	uint16_t port;
	char interface[TWIN_INTERFACE_BYTES]; /* it left through; "" for the host itself */
	VEC(struct twin_step) steps;
	VEC(struct twin_doubt) doubts; /* of this way alone */
	struct arena arena;            /* the texts */
};

/*
 * Sends one packet and waits until everything that the kernel did with it is known. Nothing is
 * guessed by time: a marker follows the packet through the same interface.
 * @param out twin_answer_deinit() frees it, also after a failure.
 * @return 0; -EINVAL for a packet that cannot be; -ETIMEDOUT when the kernel did not say within
 * five seconds; -ENOMEM; other negative errno of the sockets.
 */
int twin_probe(struct twin *twin, const struct twin_packet *packet, struct twin_answer *out,
	       struct err *e);

/* Who gets the answers of many packets. */
struct twin_taker {
	/* @param index of the packet; in order. @param answer gone after the call, unless taken
	 * over by leaving another one there. @return 0; negative errno ends the asking. */
	int (*take)(void *data, size_t index, struct twin_answer *answer);
	void *data;
};

/*
 * The same for many packets, which is quicker: those that enter one interface behind each other are
 * sent together. @return as twin_probe(), or what `taker` returned.
 */
int twin_probe_all(struct twin *twin, const struct twin_packet *packets, size_t count,
		   const struct twin_taker *taker, struct err *e);

/* NULL is allowed. */
void twin_answer_deinit(struct twin_answer *answer);

/* Whose a chain is, by the names that programs give theirs: "ufw", "firewalld", "docker",
 * "podman", "libvirt", "fail2ban", "minato", "kubernetes", ...; "unknown". */
const char *twin_owner(const char *table, const char *chain);

/* "accepted", "forwarded", "dropped", "rejected", "unrouted", "unknown"; for machines. */
const char *twin_outcome_name(enum twin_outcome outcome);
/* "rule", "untraced", "interface_down", ...; for machines. */
const char *twin_cause_name(enum twin_cause cause);
/* "accept", "drop", "jump", ...; for machines. */
const char *twin_verdict_name(enum twin_verdict verdict);
/* "socket", "cgroup", ...; for machines. */
const char *twin_doubt_name(enum twin_doubt_kind kind);
