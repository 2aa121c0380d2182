/*
 * What is done about who scans this host. Pure: an incident, the policy, what is known of the
 * host's own people, and the time go in; an order comes out, or why there is none. A packet says
 * nothing certain about who sent it, so nothing that is merely forged can cut anybody off:
 * docs/design/defend.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/incident.h"
#include "policy/policy.h"

/* ---- what is known of addresses ---- */

/* Those before DEFEND_LIVE are never kept out. */
enum defend_fact_kind {
	DEFEND_OWN = 1, /* an address of this host */
	DEFEND_GATEWAY, /* a route leads through it */
	DEFEND_DNS,     /* a name server of this host */
	DEFEND_ADMIN,   /* somebody is logged in from there */
	DEFEND_CLIENT,  /* was connected to a port whose from: names him, see defend_is_client() */
	DEFEND_LIVE,    /* is connected to a declared port just now */
	DEFEND_SHAKEN,  /* completed a connection to some port */
	DEFEND_TRAPPED, /* completed a connection to a decoy port: the address is his own */
	DEFEND_FACT_KINDS,
};

struct defend_fact {
	struct addr address; /* never IPv4-mapped */
	uint8_t kind;        /* enum defend_fact_kind */
	usec_t time;         /* since boot: when it was seen last */
};

enum { DEFEND_FACTS_MAX = 65536 }; /* half of them what strangers can make: LIVE and later */

struct defend_facts {
	VEC(struct defend_fact) list;
	uint32_t *index; /* places in the list by a hash, each + 1; 0 = none */
	size_t index_room;
	bool complete; /* own addresses, gateways and DNS servers are known; else nothing is done */
	size_t strange; /* LIVE and later among them */
};

void defend_facts_deinit(struct defend_facts *facts);
/* Forgets what is to be seen anew, and what was seen too long ago: a client after a day, a
 * completed connection after ten minutes, one to a decoy after an hour. Not complete from here. */
void defend_facts_begin(struct defend_facts *facts, usec_t now);
/* @return 0; -ENOSPC there is no room (of what strangers make, it is left out: then less is
 * proved); -ENOMEM. */
int defend_facts_add(struct defend_facts *facts, const struct addr *address,
		     enum defend_fact_kind kind, usec_t now);

/* How many addresses of the prefix are known so. */
size_t defend_facts_count(const struct defend_facts *facts, const struct prefix *prefix,
			  enum defend_fact_kind kind);
/* Whether any address of the prefix is known so, at `since` or later. */
bool defend_facts_have(const struct defend_facts *facts, const struct prefix *prefix,
		       enum defend_fact_kind kind, usec_t since);

/* Whether a declaration of this TCP port names the address; `any` names nobody, nor does a network
 * of half the world (IPv4 shorter than 8 bits, IPv6 than 16). Who got through where nobody is let
 * in but by name is one of them, also when the name tells no address (interface, device). */
bool defend_is_client(const struct policy *policy, uint16_t port, const struct addr *address);
/* The ports that the policy opens on this host, of TCP and of UDP: what is hidden is never one of
 * them, be it served by a socket, a container or nobody just now. */
void defend_open_ports(struct portset *tcp, struct portset *udp, const struct policy *policy);
/* Whether the port is a decoy. */
bool defend_is_decoy(const struct policy *policy, uint16_t port);

/* ---- who is kept out ---- */

enum defend_verdict {
	DEFEND_HIDE = 1, /* what goes to a port that is not open is dropped */
	DEFEND_SLOW,     /* what is more than the rate is dropped */
	DEFEND_BAN,      /* everything is */
};

enum {
	DEFEND_SHAPE_BYTES = 16,
	DEFEND_REASON_BYTES = 96,
	DEFEND_EVIDENCE_BYTES = 160,
	DEFEND_BY_BYTES = 64,
	DEFEND_PER_MINUTE_MAX = 600,
	DEFEND_BANS_MAX = 60000, /* those by hand among them; the kernel's table has 65,536 */
	DEFEND_PAST_MAX = 8192,
	DEFEND_TIMES_MAX = 32,
};

/* What was seen, in parts, so that it can be worded in the reader's language. */
struct defend_cause {
	uint32_t port_count;   /* different ports that were asked for; 0 = by hand, or not known */
	uint64_t packet_count; /* 0 = a connection to the decoy ports[0] */
	usec_t lasted;         /* 0..DEFEND_LASTED_MAX */
	char probe[INCIDENT_WORD_BYTES]; /* as in struct incident; "" = not known */
	char tool[INCIDENT_WORD_BYTES];  /* likewise */
	uint16_t ports[INCIDENT_SHOWN];  /* the first min(port_count, INCIDENT_SHOWN) count */
};

#define DEFEND_LASTED_MAX (400 * USEC_PER_DAY)

struct defend_ban {
	struct prefix prefix;
	uint8_t verdict; /* enum defend_verdict */
	bool proved;     /* the address is known to be that of who did it; else it is DEFEND_HIDE */
	bool by_hand;
	struct policy_rate rate; /* DEFEND_SLOW */
	usec_t since, until;     /* since boot */
	uint32_t times;          /* 1 = the first one within memory */
	uint64_t incident;       /* 0 = none */
	struct defend_cause cause;
	char shape[DEFEND_SHAPE_BYTES];       /* "scan", ..., "trap"; "" by hand */
	char reason[DEFEND_REASON_BYTES];     /* English, or what a person gave */
	char evidence[DEFEND_EVIDENCE_BYTES]; /* English; of a person: who, from where */
};

/* One that ended: who comes back is a repeater. */
struct defend_past {
	struct prefix prefix;
	uint32_t times;
	usec_t ended; /* wall clock: it outlives a boot */
};

struct defend_table {
	VEC(struct defend_ban) bans;
	VEC(struct defend_past) past;
	/* When the newest orders were made, since boot: a ring; apart for what was not proved. */
	usec_t recent[2][DEFEND_PER_MINUTE_MAX];
	unsigned next[2];
};

void defend_table_deinit(struct defend_table *table);
/* The ban of exactly this prefix; NULL = none. */
const struct defend_ban *defend_table_find(const struct defend_table *table,
					   const struct prefix *prefix);
/* The strongest ban that covers the address, whether its time is over or not; NULL = none. */
const struct defend_ban *defend_table_covers(const struct defend_table *table,
					     const struct addr *address);
/* A ban as the kernel is to hold it: that looks for the narrowest one alone, so the narrow one does
 * what a wider one does more, as long as that does it. */
struct defend_ban defend_table_held(const struct defend_table *table, const struct defend_ban *ban);
/* Whether the inner prefix lies in the outer one, which is larger. */
bool defend_is_inside(const struct prefix *inner, const struct prefix *outer);
/* Adds, or replaces that of the same prefix. @return 0; -ENOSPC; -ENOMEM. */
int defend_table_put(struct defend_table *table, const struct defend_ban *ban);
/* Takes one away; what was proved is remembered as past. @param out  it; may be NULL.
 * @return 0; -ENOENT. */
int defend_table_remove(struct defend_table *table, const struct prefix *prefix, usec_t wall,
			struct defend_ban *out);
/* The first one whose time is over at `now`; NULL = none. */
const struct defend_ban *defend_table_ended(const struct defend_table *table, usec_t now);
/* When the next one ends, since boot; INT64_MAX = none is there. */
usec_t defend_table_next(const struct defend_table *table);

/* ---- the decision ---- */

/* Why nothing is done. */
enum defend_why {
	DEFEND_WHY_OFF = 1,  /* defend: is off */
	DEFEND_WHY_RECORDED, /* the policy wants no more than that it is recorded or told */
	DEFEND_WHY_FORGED,   /* its sources are forged by their nature */
	DEFEND_WHY_FLOOD,    /* a flood from forged addresses is under way */
	DEFEND_WHY_BLIND,    /* who must not be kept out is not known */
	DEFEND_WHY_NOBODY,   /* no address, or one that nobody has */
	DEFEND_WHY_OWN,
	DEFEND_WHY_GATEWAY,
	DEFEND_WHY_DNS,
	DEFEND_WHY_ADMIN,
	DEFEND_WHY_CLIENT,
	DEFEND_WHY_NEVER,  /* never:, never_cut: */
	DEFEND_WHY_STANDS, /* it is kept out already, as much and as long */
	DEFEND_WHY_RATE,   /* too many new ones within a minute */
	DEFEND_WHY_FULL,   /* too many at once */
	DEFEND_WHYS,
};

/* A sentence in English, for the log; "" for another number. */
const char *defend_why_text(int why);
/* "hide", "slow", "ban"; "" for another number. */
const char *defend_verdict_name(unsigned verdict);
/* The reverse. @return 0 or -EINVAL. */
int defend_verdict_parse(uint8_t *out, const char *name);

struct defend_question {
	const struct policy *policy;
	const struct defend_facts *facts;
	const struct defend_table *table;
	const struct incident *incident; /* NULL = a connection to a decoy port */
	uint16_t port;                   /* without an incident: that decoy */
	struct prefix target;            /* one of defend_targets() */
	bool flood;                      /* one from forged addresses is under way */
	usec_t now;                      /* since boot */
	usec_t wall;
};

enum { DEFEND_TARGETS_MAX = INCIDENT_SHOWN };

/* Who is to be decided about: the source, or the named ones of many. @return how many. */
unsigned defend_targets(struct prefix out[DEFEND_TARGETS_MAX], const struct incident *incident);

/*
 * Who is meant when an address completed a connection to a decoy: itself, or the /64 of which it is
 * the second one (who has a /64 has all of its addresses). A /64 that holds somebody who is spared
 * or named stays single addresses.
 */
struct prefix defend_trapped(const struct addr *address, const struct policy *policy,
			     const struct defend_facts *facts);

/*
 * Decides about one target of an incident.
 * @param out  the order; to be put into the table. Set on 0.
 * @return 0; enum defend_why.
 */
int defend_decide(struct defend_ban *out, const struct defend_question *question);

/* Who must not be kept out whatever anybody wants: own addresses, gateways, DNS servers, logins,
 * never:. @return 0; enum defend_why. */
int defend_spared(const struct prefix *prefix, const struct policy *policy,
		  const struct defend_facts *facts);

/* Why a ban that stands may not stand any more, when another policy holds or other facts are known;
 * without knowing them it stands. @return 0; enum defend_why: OFF, RECORDED, CLIENT = a from: names
 * it by now, or whose it is. */
int defend_ends(const struct defend_ban *ban, const struct policy *policy,
		const struct defend_facts *facts);

/* The action of the policy for an incident, by its kind; that of trap for NULL.
 * @return enum policy_action. */
int defend_action(const struct policy *policy, const struct incident *incident);

/* Notes that an order was made, for the cap. */
void defend_table_count(struct defend_table *table, const struct defend_ban *ban, usec_t now);

/* ---- who is never kept out, for the kernel's own table ---- */

/* @param out  room for `room` prefixes: never: and never_cut: first, then facts in the order of
 * their kinds. @return how many there are; more than `room` = the last are left out. */
size_t defend_never(struct prefix *out, size_t room, const struct policy *policy,
		    const struct defend_facts *facts);

/* ---- the record: bans outlive a restart and a boot with the time that is left of them ---- */

enum { DEFEND_BOOT_BYTES = 40, DEFEND_FILE_BYTES_MAX = 64 << 20 };

/* When something was written, or is read. */
struct defend_stamp {
	char boot[DEFEND_BOOT_BYTES]; /* the kernel's boot id */
	usec_t since_boot;
	usec_t wall;
};

/* Appends the table as JSON. @return 0; -ENOMEM; -EFBIG. */
int defend_table_write(struct str *out, const struct defend_table *table,
		       const struct defend_stamp *stamp);
/*
 * Reads it. In the same boot the time that is left is exact, whatever was done to the wall clock;
 * after another boot it is what was left when it was written, less what the wall clock says has
 * passed since (nothing, when that was set back). What is over is left out, as past.
 * @param out  zeroed; bans that do not read are left out.
 * @return 0; -EINVAL it is no such record; -ENOMEM.
 */
int defend_table_read(struct defend_table *out, const char *text, size_t length,
		      const struct defend_stamp *stamp);

/* ---- io ---- */

/* Fills in boot id, time since boot and wall time. @return 0; negative errno. */
int defend_stamp_now(struct defend_stamp *out, struct err *e);

/* The record's file in the folder of the rules, locked against other writers until it is closed. */
struct defend_file {
	int directory, lock;
};

#define DEFEND_FILE_INIT ((struct defend_file){ -1, -1 })

/* Makes the folder when it is missing.
 * @param wait  false: -EBUSY when somebody else writes it.
 * @return 0; -EPERM it may be written by others; -EBUSY; -EACCES and the like. */
int defend_file_open(struct defend_file *out, const char *directory, bool wait, struct err *e);
void defend_file_close(struct defend_file *file);
/* Reads the table; a file that is missing is an empty one. @return 0; as defend_table_read. */
int defend_file_read(struct defend_table *out, const struct defend_file *file,
		     const struct defend_stamp *stamp, struct err *e);
/* Reads it without a lock, from the folder. */
int defend_file_look(struct defend_table *out, const char *directory,
		     const struct defend_stamp *stamp, struct err *e);
/* A record that does not read is kept as bans.json.damaged, in place of an earlier one.
 * @return 0; negative errno. */
int defend_file_set_aside(const struct defend_file *file, struct err *e);
/* Writes it whole, or not at all. @return 0; negative errno. */
int defend_file_write(const struct defend_file *file, const struct defend_table *table,
		      const struct defend_stamp *stamp, struct err *e);

/* Adds own addresses and gateways of every table of routes, over rtnetlink. @return 0; -errno. */
int defend_network_read(struct defend_facts *facts, usec_t now, struct err *e);
/* Adds the name servers of resolv.conf, and those behind a stub of this host as its manager writes
 * them down. A file that is missing names none. @param root  "" usually. @return 0; -errno. */
int defend_resolvers_read(struct defend_facts *facts, const char *root, usec_t now, struct err *e);

enum defend_logins {
	DEFEND_LOGINS_KNOWN = 1,
	DEFEND_LOGINS_UNKNOWN, /* neither logind nor utmp has anybody, or not all addresses */
};

/* Adds the addresses from which somebody is logged in, as logind and utmp tell.
 * @param root  "" usually; tests give another one. @return enum defend_logins; -errno. */
int defend_logins_read(struct defend_facts *facts, const char *root, usec_t now, struct err *e);

/* Reads a session's file of logind. Pure. @return enum defend_logins: UNKNOWN for one from
 * elsewhere that tells no address (sshd with UseDNS tells a name); -ENOSPC; -ENOMEM. */
int defend_session_parse(struct defend_facts *facts, const char *text, usec_t now);
/* Reads a resolv.conf(5). Pure. */
int defend_resolvers_parse(struct defend_facts *facts, const char *text, usec_t now);
