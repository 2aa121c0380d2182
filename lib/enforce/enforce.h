/*
 * From the declared policy to rules in the kernel's packet filter, and safely from one state of
 * them to the next.
 *
 * All of it lives in one table, `inet minato`. Each state is a generation: chains and sets whose
 * names begin with gN-, complete in themselves, reached only through two small verdict maps:
 *
 *     inbound -> @candidate (elements that time out) -> @confirmed (elements that stay)
 *
 * A new state is put into @candidate with the kernel's own timeout. When that runs out the packet
 * falls through to @confirmed again, whatever has become of every process of this host. Confirming
 * moves the element from one map to the other in one transaction.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/foreign.h"
#include "model/protocol.h"
#include "policy/policy.h"

/* ---- what a policy lets in ---- */

enum {
	/* Ports times declarations that cover them; beyond this a policy is refused. */
	ENFORCE_LINKS_MAX = 1000000,
	ENFORCE_TEXT_BYTES_MAX = 256 * 1024 * 1024,
	ENFORCE_GENERATION_MAX = 999999999,
};

/* Which packets: those for this host, those that it passes on between others, those that it sends.
 */
enum enforce_direction { ENFORCE_INBOUND, ENFORCE_FORWARD, ENFORCE_OUTBOUND };
enum { ENFORCE_DIRECTIONS = 3 };

/* "inbound", "forward", "outbound". */
const char *enforce_direction_name(enum enforce_direction direction);

/* What time it is, and when days end; arguments so that every result can be repeated. */
struct enforce_environment {
	usec_t now;
	/* The first instant after that day in the host's time zone (days since 1970-01-01). */
	usec_t (*day_end)(int32_t day);
	/* The number of a user by name or number. @return 0; -ENOENT. NULL = no user is known. */
	int (*user)(uint32_t *uid, const char *name);
	/* So long after loading, TCP that is passed on and that conntrack does not know may go on:
	 * for the first rules, which nothing may have tracked before. 0 = it is asked at once. */
	usec_t grace;
};

/* A new connection or datagram that arrives. */
struct enforce_packet {
	enum protocol protocol;
	uint16_t port;
	struct addr from;
	const char *interface; /* where it comes in; NULL = not known */
	/* Of what is passed on alone; then protocol PROTOCOL_NONE and port 0 = one without ports.
	 */
	struct addr to;
	const char *out; /* where it leaves; NULL = not known */
};

enum enforce_verdict {
	ENFORCE_OPEN,    /* a declaration lets it in */
	ENFORCE_CLOSED,  /* refused */
	ENFORCE_DEPENDS, /* on what the packet does not tell: interface, hardware address */
};

/*
 * What the rules of a policy say to a new packet from outside; rates are left out of account.
 * Independent of the rules' text, which tests hold against it. Pure.
 * @param policy  NULL = no rules: everything is open.
 * @param by      receives the declaration that lets it in, or NULL; may be NULL.
 */
enum enforce_verdict enforce_decide(const struct policy *policy,
				    const struct enforce_packet *packet,
				    const struct enforce_environment *environment,
				    const struct policy_declaration **by);

/*
 * Whether anybody from outside gets in at a port at all, as enforce_decide() would say for some
 * packet. Pure. @param policy  NULL = no rules.
 */
bool enforce_opens(const struct policy *policy, enum protocol protocol, uint16_t port,
		   const struct enforce_environment *environment);

/*
 * The same for a packet that this host passes on between others, errors of ICMP aside. Pure.
 * @param policy  NULL = no rules: everything passes.
 */
enum enforce_verdict enforce_decide_forward(const struct policy *policy,
					    const struct enforce_packet *packet,
					    const struct enforce_environment *environment);

/* The same as enforce_cuts() for a connection that is passed on. @param port  0 with
 * PROTOCOL_NONE: one without ports. Pure. */
bool enforce_cuts_forward(const struct policy *policy, enum protocol protocol, uint16_t port);

/*
 * What becomes of a live connection to whose packets enforce_decide() says ENFORCE_CLOSED: true =
 * it is cut when the rules are loaded; false = it stays until it ends by itself. Pure.
 * @param policy  NULL = no rules.
 */
bool enforce_cuts(const struct policy *policy, enum protocol protocol, uint16_t port);

/* A new connection or datagram that a program of this host sends. */
struct enforce_outgoing {
	enum protocol protocol;
	uint16_t port; /* at the other end */
	struct addr to;
	const char *interface; /* where it goes out; NULL = not known */
	bool user_known;
	uint32_t user; /* who opened the socket */
	/* The program's, if it is known at all: then NULL fits no declaration that names one. */
	bool program_known;
	bool unit_alone; /* of the program only the unit is known */
	const char *unit, *executable, *container;
};

/* The same for it, as `outbound:` and the defaults say; ENFORCE_DEPENDS on interface, user or
 * program. */
enum enforce_verdict enforce_decide_outgoing(const struct policy *policy,
					     const struct enforce_outgoing *packet,
					     const struct enforce_environment *environment,
					     const struct policy_declaration **by);

/* A user of `outbound:` whose number the rules that were loaded do not have any more. */
struct enforce_stale_user {
	const struct policy_declaration *declaration; /* of the policy; the first that names him */
	bool was_known, is_known;                     /* then and now; false = nobody was, is him */
	uint32_t was, is;                             /* 0 unless known */
};

struct enforce_stale_users {
	struct enforce_stale_user *items;
	size_t count, room;
};

/*
 * Compares the numbers in rules with those that the names have now, each user once. Pure.
 * @param policy   that the rules were made of; is pointed into.
 * @param listing  the rules, as nft lists them or as they were written.
 * @param out      vec_free() in every case. @return 0; -ENOMEM.
 */
int enforce_stale_users(struct enforce_stale_users *out, const struct policy *policy,
			const char *listing, const struct enforce_environment *environment);

/* What of a declaration of `outbound:` decides about a packet. */
enum enforce_condition {
	ENFORCE_CONDITION_NONE,    /* all of it fits */
	ENFORCE_CONDITION_PORT,    /* it is about other ports */
	ENFORCE_CONDITION_DATE,    /* its last day is over */
	ENFORCE_CONDITION_TO,      /* the destination */
	ENFORCE_CONDITION_USER,    /* who, also one that is not known here */
	ENFORCE_CONDITION_PROGRAM, /* unit, executable, container */
};

/*
 * Whether one declaration of the policy lets such a packet go. Pure.
 * @param part  receives what closes it, or what it depends on.
 */
enum enforce_verdict enforce_fits_outgoing(const struct policy *policy,
					   const struct policy_declaration *declaration,
					   const struct enforce_outgoing *packet,
					   const struct enforce_environment *environment,
					   enum enforce_condition *part);

/* ---- what to ask the kernel, so that it proves the rules ---- */

enum {
	/* Packets of one proof: 45 ms through a small host, 430 ms by 10,000 rules
	   (tests/bench/twin). */
	ENFORCE_QUESTIONS_MAX = 2000,
	ENFORCE_SOURCES_MAX = 4096,   /* each costs a look at the routes */
	ENFORCE_INTERFACE_BYTES = 16, /* IFNAMSIZ */
};

/* A port of TCP or UDP. */
struct enforce_port {
	enum protocol protocol;
	uint16_t port;
};

/* A policy that has of its inbound declarations only what they say of some ports. */
struct enforce_part {
	struct policy policy; /* borrows all but the two lists: must not outlive the whole one, and
			       * is not to be freed */
	VEC(struct policy_declaration) declarations;
	VEC(struct policy_ports) ports;
};

/* Pure. @param runs  of ports, in any order, none with another. @return 0 or -ENOMEM; the caller
 * frees `out` with enforce_part_deinit in every case. */
int enforce_part(struct enforce_part *out, const struct policy *policy,
		 const struct policy_ports *runs, size_t count);
void enforce_part_deinit(struct enforce_part *part);

/* What the questions are made of; arguments so that every list can be repeated. */
struct enforce_asking {
	const struct policy *policy; /* NULL = no rules */
	struct enforce_environment environment;
	const struct addr *login; /* whoever types the command; NULL = nobody from the network */
	uint16_t login_port;      /* of this host, TCP */
	const struct enforce_port *listening;
	size_t listening_count;
	bool (*is_own)(const void *host, const struct addr *address); /* NULL = none is */
	const void *host;
	uint64_t seed;        /* decides what is left out when not all can be asked */
	size_t questions_max; /* 1..ENFORCE_QUESTIONS_MAX */
	bool reach_only;      /* no ports but those declared or listening, no edge but the first */
	const struct prefix *networks; /* that the host is in: the first of each is asked */
	size_t network_count;
	const struct enforce_scope *scope; /* no ports but these; NULL = all */
};

enum { ENFORCE_ASKED_PROTOCOLS = 2 }; /* TCP, UDP */

/* Ports to ask for when little changes. About 32 KiB. */
struct enforce_scope {
	struct portset ports[ENFORCE_ASKED_PROTOCOLS]; /* all of them */
	struct portset key[ENFORCE_ASKED_PROTOCOLS];   /* of them those that matter most */
	VEC(struct policy_ports) runs;                 /* the same as `ports` */
	uint32_t others; /* declared ports, the ends of ranges, that are not among them */
};

struct enforce_changes;

/*
 * Ports that change, their neighbours, listening ones, the login's; and some of all others, which
 * the seed decides. Pure.
 * @param asking  its policy (the new one), listening, login, seed.
 * @return 0 or -ENOMEM; enforce_scope_deinit() in every case.
 */
int enforce_scope(struct enforce_scope *out, const struct enforce_asking *asking,
		  const struct enforce_changes *changes);
void enforce_scope_deinit(struct enforce_scope *scope);

enum enforce_place {
	ENFORCE_PLACE_LOGIN,
	ENFORCE_PLACE_ANYWHERE, /* an address that no entry names */
	ENFORCE_PLACE_FIRST,    /* of a network that an entry names */
	ENFORCE_PLACE_LAST,
	ENFORCE_PLACE_OUTSIDE, /* next to it */
};

/* An address that packets are asked from. */
struct enforce_source {
	struct addr from;
	enum enforce_place place;
	const char *entry; /* a who's name, or the network as it stands in `from:`; NULL = none */
	bool absent;       /* for the caller to say: no way leads from there to here */
	char interface[ENFORCE_INTERFACE_BYTES]; /* likewise: where it comes in; "" = not known */
};

struct enforce_sources {
	struct arena arena;
	VEC(struct enforce_source) list; /* sorted by address, each once */
	size_t left_out; /* addresses beyond ENFORCE_SOURCES_MAX; which, the seed decides */
};

/*
 * The first, the last and both just-outside addresses of each network that a policy names, the
 * login's client, and of each family an address that no entry names. Pure.
 * @return 0 or -ENOMEM; enforce_sources_deinit() in every case.
 */
int enforce_sources(struct enforce_sources *out, const struct enforce_asking *asking);
void enforce_sources_deinit(struct enforce_sources *sources);

/* "login", "anywhere", "first", "last", "outside". */
const char *enforce_place_name(enum enforce_place place);

struct enforce_question {
	struct enforce_port port;
	uint32_t source; /* index into the sources */
	bool login;      /* a new connection like the login itself */
	enum enforce_verdict expected;
};

struct enforce_questions {
	VEC(struct enforce_question) list; /* each once */
	uint64_t left_out;                 /* how many more there are */
};

/*
 * Every source times every port that is declared or listened on, and times some others: the
 * neighbours of declared ones, and a few by chance. The expected answer is enforce_decide()'s. Of
 * more than questions_max the login comes first; then each declaration gets some of its own, each
 * port some from anywhere, and the rest goes round all sources and ports alike. Pure.
 * @return 0 or -ENOMEM; enforce_questions_deinit() in every case.
 */
int enforce_questions(struct enforce_questions *out, const struct enforce_asking *asking,
		      const struct enforce_sources *sources);
void enforce_questions_deinit(struct enforce_questions *questions);

/* ---- rules of other tools against it ---- */

enum { ENFORCE_PROTOCOLS = 5 }; /* that have ports */

/* What a policy means to open, as ports. About 120 KiB: not for the stack. */
struct enforce_ports {
	struct portset open[ENFORCE_PROTOCOLS];    /* somebody outside may come in */
	struct portset wide[ENFORCE_PROTOCOLS];    /* everybody may */
	struct portset passing[ENFORCE_PROTOCOLS]; /* closed, but only observed: all come in */
	usec_t until; /* when it changes by itself, as something ends; 0 = never */
};

/* Pure. @return 0; as enforce_rules. */
int enforce_ports(struct enforce_ports *out, const struct policy *policy,
		  const struct enforce_environment *environment, struct err *e);

/*
 * Where a rule of another tool contradicts what the rules of a policy, which hold, mean. Pure. The
 * texts of `out` stay empty.
 * @param out  kind, protocol and ports: the first run of ports that it is about. @return whether.
 */
bool enforce_contradicts(struct contradiction *out, const struct enforce_ports *ports,
			 const struct foreign_rule *rule);

/* Appends the names of all tables in the kernel's order: lines of "FAMILY NAME". @param all whether
 * each has a name that nft takes as one word. @return 0; as nft_run. */
int enforce_tables(struct str *out, bool *all, struct err *e);

/* Appends the names of all tables but ours: lines of "FAMILY NAME". @return 0; as nft_run. */
int enforce_foreign_tables(struct str *out, struct err *e);
/*
 * Appends one of them, as `nft -j list table` or as nft prints it.
 * @param table  "FAMILY NAME". @return 0, with nothing when it has gone; as nft_run.
 */
int enforce_foreign_listing(struct str *out, const char *table, bool json, struct err *e);

/* Appends what nft prints of a rule, out of that text; of a chain's policy the line in which it
 * stands. Pure. @return whether it is there. */
bool enforce_foreign_text(struct str *out, const char *text, const struct foreign_rule *rule);

/* ---- rules ---- */

/*
 * Appends the commands of nft(8) that make the generation's chains and sets, without touching what
 * packets meet. Pure; linear in the policy's size.
 * @param generation  1..ENFORCE_GENERATION_MAX; its names begin with "gN-".
 * @return 0; -E2BIG more than ENFORCE_LINKS_MAX overlaps; -EINVAL a name that nft cannot hold, or a
 *         host name that is not frozen; -ENOMEM; -EFBIG.
 */
int enforce_rules(struct str *out, const struct policy *policy, unsigned generation,
		  const struct enforce_environment *environment, struct err *e);

/* Whether outbound connections are limited by that policy, so that it needs a chain for them. */
bool enforce_limits_outbound(const struct policy *policy);

/* Whether what this host passes on between others is limited: else no packet of it is looked at. */
bool enforce_limits_forward(const struct policy *policy);

/* Appends the commands that make a loaded generation the confirmed one and end a candidate. */
void enforce_activation(struct str *out, unsigned generation, bool outbound);

/* Appends the frame that all generations share: table, maps, base chains. Repeatable. */
void enforce_frame(struct str *out, bool outbound);

/* Whether the last day of a declaration is over. */
bool enforce_has_ended(const struct policy_declaration *declaration,
		       const struct enforce_environment *environment);

/* ---- what would change ---- */

enum enforce_change_kind {
	ENFORCE_OPENED,   /* a port that was closed lets somebody in */
	ENFORCE_SHUT,     /* nobody gets in any more */
	ENFORCE_WIDENED,  /* everybody as before, and more */
	ENFORCE_NARROWED, /* nobody new, and some no more */
	ENFORCE_ALTERED,  /* some more and some no more, or other limits */
};

/* One difference for people: ports that change in the same way. Strings in the arena. */
struct enforce_change {
	enum enforce_change_kind kind;
	enum enforce_direction direction;
	const char *ports; /* "22/tcp", "8000-8010/tcp, 443/udp"; forwarded: also "all", "other" */
	const char *name;  /* of the declaration, of the old one when it is gone */
	const char *purpose; /* likewise */
	const char *before;  /* who got in: "any", "office, 192.0.2.0/24"; NULL = nobody;
			      * forwarded: "lan to dmz, 192.0.2.7"; outbound: whom one may connect
			      * to, "192.0.2.53 (user _apt)" */
	const char *after;   /* who gets in; NULL = nobody */
	int32_t until;       /* last day, or POLICY_NO_DATE */
	uint32_t rate_count; /* new connections per source, 0 = no limit */
	usec_t rate_per;
	bool cut_before; /* live connections of whom it does not let in ended */
	bool cut_after;  /* they end; else they stay until they end by themselves */
};

struct enforce_changes {
	struct arena arena;
	struct enforce_change *items;
	size_t count;
	bool frees_only; /* whoever got in gets in afterwards, and no live connection is newly cut
			  * but at ports that nobody could reach before */
	bool defaults;   /* what nobody declared is treated in another way: see the two verdicts */
	int before[ENFORCE_DIRECTIONS]; /* enum policy_verdict; ACCEPT without rules */
	int after[ENFORCE_DIRECTIONS];  /* likewise */
	bool ping_before, ping_after;
	bool cut_before, cut_after; /* live connections to ports that nobody declared */
	struct policy_ports *runs;  /* every port of the inbound items, sorted by protocol, then
				     * number */
	size_t run_count;
	bool repair_before, repair_after; /* no packet is treated otherwise by it */
};

/*
 * What the rules of `after` do otherwise than those of `before`. Pure.
 * @param before,after  NULL = no rules at all, everything is open.
 * @param out           free with enforce_changes_deinit in every case.
 * @return 0; -E2BIG, -ENOMEM as enforce_rules.
 */
int enforce_changes(struct enforce_changes *out, const struct policy *before,
		    const struct policy *after, const struct enforce_environment *environment,
		    struct err *e);
void enforce_changes_deinit(struct enforce_changes *changes);

/* Whether anything is different. */
bool enforce_changes_any(const struct enforce_changes *changes);

enum { ENFORCE_LAYERS_MAX = 8 }; /* each costs a new connection one more look into a map */

/*
 * Appends the commands for a generation that only says what is different at the ports that change,
 * and leaves all others to the generation that holds: its chains and sets must stay as long as this
 * one does, which a chain "gN-over-BASE" tells enforce_sweep(). Pure.
 * @param changes  of before and after
 * @return 0; ENFORCE_WHOLE when the difference is not of that kind, with nothing appended; or as
 *         enforce_rules.
 */
int enforce_layer(struct str *out, const struct policy *before, const struct policy *after,
		  const struct enforce_changes *changes, unsigned generation, unsigned base,
		  const struct enforce_environment *environment, struct err *e);

/* Generations that the kernel has beneath that one. @return 0; as enforce_status. */
int enforce_layers(unsigned *out, unsigned generation, struct err *e);

/* "opened", "shut", "widened", "narrowed", "altered". */
const char *enforce_change_name(enum enforce_change_kind kind);

/* ---- the kernel's side ---- */

/* What the kernel does now. */
struct enforce_status {
	bool present;          /* the table is there */
	bool framed;           /* it is awake, and its base chains ask both maps */
	unsigned confirmed;    /* generation, 0 = none: everything is let in */
	unsigned candidate;    /* generation that waits for its confirmation, 0 = none */
	usec_t candidate_left; /* until the kernel takes it back */
};

/* @return 0; -ENOPKG libnftables is missing; -EPERM; other negative errno. */
int enforce_status(struct enforce_status *out, struct err *e);

/*
 * Brings a generation's rules into the kernel, reached by no packet yet. What an earlier run left
 * behind of it must be swept before. @param status of now.
 * @return 0; -EEXIST the kernel uses that generation; or as nft_run.
 */
int enforce_load(const char *rules, unsigned generation, bool outbound,
		 const struct enforce_status *status, struct err *e);

/* Exchanges the whole table for a generation that packets meet at once, in one transaction: what
 * anybody changed in it is gone, and so is a candidate and what was counted. Where there is no
 * table one is made. */
int enforce_reload(const char *rules, unsigned generation, bool outbound, struct err *e);

/* Outcomes of enforce_layer, enforce_confirm, enforce_restore. */
enum enforce_outcome {
	ENFORCE_TOO_LATE = 1, /* the kernel has taken the candidate back */
	ENFORCE_IN_PLACE,     /* what is confirmed holds, or nothing is: there is nothing to do */
	ENFORCE_WHOLE,        /* every rule has to be written anew */
};

/* Lets packets meet a loaded generation, in front of the confirmed one, for that time.
 * @param seconds 1..86400 */
int enforce_try(unsigned generation, bool outbound, unsigned seconds, struct err *e);
/* Makes a loaded generation the confirmed one, in one transaction; a candidate is ended by it.
 * @param tried  it is the candidate and must still be one. @return 0; ENFORCE_TOO_LATE; errno. */
int enforce_confirm(unsigned generation, bool outbound, bool tried, struct err *e);
/* Puts the base chains back that lead to the generations. */
int enforce_reframe(bool outbound, struct err *e);
/* Ends the candidate at once, if there is one. */
int enforce_cancel(struct err *e);
/* Removes what no packet can reach: generations other than these two; the table when there is
 * neither. */
int enforce_sweep(const struct enforce_status *status, struct err *e);
/* Removes the whole table. @return 0, also when there was none. */
int enforce_off(struct err *e);

/*
 * Appends the table as nft lists it, as far as it should stay as it was loaded: without counters,
 * without elements that time out or that packets add, without other generations.
 */
int enforce_listing(struct str *out, unsigned generation, struct err *e);

/*
 * The kernel's count of changes to any rules of this network namespace (NFT_MSG_GETGEN). Elements
 * that time out or that packets add do not count. @return 0; -EPERM; other negative errno.
 */
int enforce_ruleset_id(uint32_t *out, struct err *e);

/* ---- who was refused ---- */

enum { ENFORCE_COUNTED_SECONDS = 7 * 86400 }; /* remembered so long after the last packet */

enum enforce_counting {
	ENFORCE_COUNT_REFUSED,  /* for this host, or passed on */
	ENFORCE_COUNT_WOULD,    /* those that rules under observation would refuse */
	ENFORCE_COUNT_OUTBOUND, /* refused to programs of this host */
};
enum { ENFORCE_COUNTINGS = 3 };

/* New packets of one source for one port, or of all sources for a run of ports. */
struct enforce_counted {
	enum enforce_direction direction; /* INBOUND, or FORWARD: the port of another machine */
	struct addr from; /* ADDR_NONE = all; of ENFORCE_COUNT_OUTBOUND where they were to go */
	enum protocol protocol;
	uint16_t port;
	uint16_t last_port; /* of a run; 0 = that port alone */
	uint64_t packets;
	usec_t last; /* wall time */
};

struct enforce_counts {
	struct enforce_counted *items; /* most packets first */
	size_t count;
};

/*
 * Reads what the kernel counted since the rules are there.
 * @param out  free with enforce_counts_deinit in every case.
 * @return 0 (also without rules); as nft_run.
 */
int enforce_counted(struct enforce_counts *out, enum enforce_counting which, usec_t now,
		    struct err *e);
/*
 * Reads how many new packets came for each run of declared ports, of this host and of what it
 * passes on, those that were refused included, in all generations that the kernel has.
 * @param out  free with enforce_counts_deinit in every case. @return 0; as nft_run.
 */
int enforce_asked(struct enforce_counts *out, struct err *e);
void enforce_counts_deinit(struct enforce_counts *counts);

/* Sorts by direction, source, protocol and port. */
void enforce_counts_sort(struct enforce_counts *counts);
/*
 * What was counted between two readings, most packets first. Pure. A count that went down began
 * anew. @param now,before  sorted. @param out  free with enforce_counts_deinit. @return 0; -ENOMEM.
 */
int enforce_counts_grown(struct enforce_counts *out, const struct enforce_counts *now,
			 const struct enforce_counts *before);
/* Adds rows of one direction, source, protocol and port together; sorted as by enforce_counts_sort.
 */
void enforce_counts_merge(struct enforce_counts *counts);
/*
 * Adds what is remembered elsewhere to what the kernel counts, most packets first.
 * @param remembered  merged; freed. @param within  it is of a shorter time than the kernel's
 *                    counts, so that it holds where both know a row; else the greater one does.
 * @return 0; -ENOMEM, with `counts` as they were but for their order.
 */
int enforce_counts_join(struct enforce_counts *counts, struct enforce_counts *remembered,
			bool within);
/* Takes what was refused away from what was asked for, by direction and port; most packets first,
 * none with 0. */
void enforce_counts_let_in(struct enforce_counts *asked, const struct enforce_counts *refused);
/* Takes some of its packets from a count of sorted ones. */
void enforce_counts_take_back(struct enforce_counts *counts, const struct enforce_counted *some);

/* ---- states: what was applied, by whom, and the way back ---- */

enum {
	ENFORCE_STATES_KEPT = 20,
	/* Linux asks a silent peer after two hours (tcp_keepalive_time), again after 75 s. */
	ENFORCE_GRACE_SECONDS = 2 * 3600 + 2 * 75,
};

enum enforce_state_kind {
	ENFORCE_PENDING,   /* tried, not confirmed yet */
	ENFORCE_CONFIRMED, /* holds, or held */
	ENFORCE_REVERTED,  /* taken back: not confirmed in time, or undone before */
	ENFORCE_OFF,       /* the rules were removed on purpose */
};

/* One entry of the record. Its number is the generation of its rules. */
struct enforce_state {
	unsigned number;
	enum enforce_state_kind kind;
	usec_t applied;
	usec_t applied_boot; /* the same on CLOCK_BOOTTIME, which nobody sets back */
	usec_t settled;      /* confirmed or reverted; 0 = neither yet */
	const char *by;      /* user who ordered it */
	const char *from;    /* remote address of the login, or terminal */
	const char *command; /* what was typed */
	const char *summary; /* what it changed, in one line; English */
};

struct enforce_states {
	struct arena arena;
	int directory;
	int lock;                    /* -1 = open for reading alone */
	struct enforce_state *items; /* oldest first */
	size_t count;
};

/*
 * Opens the record. Only a directory that belongs to root (or the caller) and nobody else can write
 * is taken: what is in it becomes rules at the next boot.
 * @param change  takes the lock, and makes the directory where it is missing.
 * @return 0; -EBUSY somebody else is changing rules; -EPERM the directory is not safe; -ENOENT (not
 *         with `change`); other negative errno. Always free with enforce_states_close.
 */
int enforce_states_open(struct enforce_states *out, const char *path, bool change, struct err *e);
void enforce_states_close(struct enforce_states *states);

/* Lets others change rules while a person thinks, and takes the lock again: the entries are read
 * anew, pointers to them die. @return 0 or negative errno. */
void enforce_states_pause(struct enforce_states *states);
int enforce_states_resume(struct enforce_states *states, struct err *e);

/* The entry with that number; NULL. */
const struct enforce_state *enforce_states_find(const struct enforce_states *states,
						unsigned number);
/* The newest confirmed entry that is not off; NULL. */
const struct enforce_state *enforce_states_confirmed(const struct enforce_states *states);
/* How long TCP that passes through may still be met in the middle, for enforce_environment: since
 * the first rules that were not taken back. 0 = no longer, or the record does not reach so far.
 * Pure. */
usec_t enforce_states_grace(const struct enforce_states *states, usec_t now);
/* A number that neither the record nor the kernel (`status`) has used. */
unsigned enforce_states_next(const struct enforce_states *states,
			     const struct enforce_status *status);

/* Writes an entry with the policy it holds, on disk when it returns. @return 0, -ENOSPC, ... */
int enforce_states_add(struct enforce_states *states, const struct enforce_state *state,
		       const char *policy, struct err *e);
/* Writes what has become of an entry; drops confirmed entries beyond ENFORCE_STATES_KEPT. */
int enforce_states_settle(struct enforce_states *states, unsigned number,
			  enum enforce_state_kind kind, usec_t now, struct err *e);
/* Keeps and gives back the listing of an entry's rules as they were loaded. -ENOENT: none kept. */
int enforce_states_keep_listing(const struct enforce_states *states, unsigned number,
				const char *listing, struct err *e);
int enforce_states_listing(struct str *out, const struct enforce_states *states, unsigned number,
			   struct err *e);
/*
 * Keeps the ruleset's id, which holds for one boot and one network namespace: at this moment the
 * entry's rules are as they were loaded. Without it they are compared with their listing.
 */
void enforce_states_mark(const struct enforce_states *states, unsigned number);
/* Whether the ruleset still has the id that was kept, so that nothing can have changed. */
bool enforce_states_unchanged(const struct enforce_states *states, unsigned number);
/* The policy of an entry. @return 0; -ENOENT; -EBADMSG it does not read any more; -ENOMEM. */
int enforce_states_policy(struct policy *out, const struct enforce_states *states, unsigned number,
			  struct err *e);
/* Whether the entry's policy was kept as just this text. */
bool enforce_states_has_text(const struct enforce_states *states, unsigned number,
			     const char *text);

/* "pending", "confirmed", "reverted", "off". */
const char *enforce_state_name(enum enforce_state_kind kind);

/* ---- kernel and record together again ---- */

/* That instant, with days that end in the time zone of the host. */
struct enforce_environment enforce_environment_at(usec_t now);

/*
 * Writes down what the kernel has done meanwhile: entries that are pending and no candidate any
 * more were taken back (or confirmed, and then something kept us from writing it). Sweeps.
 * @param states  open for change. @return 0 or negative errno.
 */
int enforce_settle(struct enforce_states *states, const struct enforce_status *status, usec_t now,
		   struct err *e);

/*
 * Makes what was confirmed last hold again where it does not: at the start of the host, or after
 * another tool took the table, a map's element or the base chains away. Dates are counted anew.
 * @param states  settled. Open for reading alone it works too: what is kept of the listing is no
 * part of what the lock protects.
 * @param number  receives the state that holds again.
 * @return 0; ENFORCE_IN_PLACE; -EBADMSG the recorded policy does not read; or as enforce_load.
 */
int enforce_restore(struct enforce_states *states, const struct enforce_status *status,
		    const struct enforce_environment *environment, unsigned *number, struct err *e);

/* enforce_sweep(), after which it is still known whether others changed the confirmed rules. */
int enforce_states_sweep(const struct enforce_states *states, const struct enforce_status *status,
			 struct err *e);

/*
 * Undoes what another tool changed inside the rules of the confirmed state: they are made anew out
 * of the record. @param states  open for change. @param number  of that state; the kernel has it.
 * @return 0; -EBADMSG the recorded policy does not read; or as enforce_load.
 */
int enforce_repair(struct enforce_states *states, unsigned number,
		   const struct enforce_environment *environment, struct err *e);

/* Keeps how nft lists the rules of an entry at this moment, when nobody else has touched them. */
int enforce_keep_listing(const struct enforce_states *states, unsigned number, struct err *e);

/*
 * The same after the fact, for rules that were marked when they were loaded: when the ruleset has
 * another id by now, they are loaded into a network namespace of their own and listed there. Then
 * the caller stays in that namespace: it is for a process that has nothing else to do.
 */
int enforce_keep_listing_of(const struct enforce_states *states, unsigned number, const char *rules,
			    bool outbound, struct err *e);

/*
 * Appends what another tool did to a state's rules since they were loaded, as enforce_difference;
 * nothing when no listing of it was kept. @return 0 or negative errno.
 */
int enforce_drift(struct str *out, const struct enforce_states *states, unsigned number,
		  unsigned lines_max, struct err *e);

/*
 * The users of `outbound:` of a state whose numbers have changed since its rules were loaded, by
 * the listing that was kept then; none where none was kept.
 * @param policy  of that state. @return as enforce_stale_users(); -EACCES; errno of reading.
 */
int enforce_state_stale_users(struct enforce_stale_users *out, const struct enforce_states *states,
			      unsigned number, const struct policy *policy,
			      const struct enforce_environment *environment, struct err *e);
/* Whether enforce_drift() can tell: nothing was changed, or a listing of that state was kept. */
bool enforce_drift_known(const struct enforce_states *states, unsigned number);

/*
 * Appends the lines that came ("+ ") and that went ("- ") between two listings, at most `lines_max`
 * of each. Pure. A line that only moved may be told as neither; errors stay in out->error.
 */
void enforce_difference(struct str *out, const char *now, const char *then, unsigned lines_max);

/* ---- hearing of changes ---- */

/* What was heard of our table, and of others, since it was emptied last. Zero = nothing. */
struct enforce_news {
	bool open;    /* in the middle of a transaction that touches our table */
	bool touched; /* a whole transaction did, or one may have been missed */
	bool gone;    /* the table was removed, and has not come again */
	bool foreign; /* one of them was committed by something that is not minato */
	bool missed;  /* messages were lost: anything may have happened */
	int32_t pid;  /* who committed the last foreign one; 0 = not told */
	char name[16];
	bool others_open;   /* in the middle of a transaction that touches tables of other tools */
	bool others;        /* a whole transaction did, or one may have been missed */
	int32_t others_pid; /* who committed the last of them; 0 = not told */
	char others_name[16];
};

/*
 * Reads one packet of nfnetlink's NFNLGRP_NFTABLES. Pure; what is no whole message is left out.
 * @param bytes  aligned as a struct nlmsghdr; up to the next four bytes may be read.
 */
void enforce_news_read(struct enforce_news *news, const void *bytes, size_t length);

/* Opens a socket on which the kernel tells of changes. Needs CAP_NET_ADMIN. @return 0; -EPERM;
 * -EPROTONOSUPPORT a kernel without nfnetlink. The descriptor is the caller's. */
int enforce_watch_open(int *out, struct err *e);
/* Reads what waits there (not all of it when there is very much). @return 0; negative errno: the
 * socket is of no use any more. */
int enforce_watch_read(int fd, struct enforce_news *news);
