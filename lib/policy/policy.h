/*
 * The declared policy: one YAML file (and what it includes) that says which ports are open, what
 * for, to whom, held by which program, encrypted how, until when.
 * Text becomes `struct policy` with diagnostics; policies are printed, compared and written from
 * what is observed. The language itself is data: data/schema.yaml.
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
#include "base/when.h"
#include "model/inventory.h"
#include "model/protocol.h"
#include "text/text.h"

/* ---- the policy ---- */

enum {
	POLICY_FILE_BYTES_MAX = 1024 * 1024, /* one file; larger ones are refused unread */
	POLICY_FILES_MAX = 64,               /* files of one policy, the first included */
	POLICY_INCLUDE_DEPTH_MAX = 8,
	POLICY_NESTING_MAX = 16,    /* mappings and lists inside each other */
	POLICY_VALUES_MAX = 200000, /* keys and values of all files together */
	POLICY_NO_DATE = INT32_MIN,
	POLICY_HOST_NAME_BYTES_MAX = 253,    /* RFC 1123 2.1: 255 on the wire */
	POLICY_HOST_NAMES_MAX = 256,         /* of one policy: each is asked for */
	POLICY_HOST_NAME_ADDRESSES_MAX = 64, /* that one name may stand for */
	/* Of a port of `outbound:` that is kept for programs: what the kernel's side has room for.
	 */
	POLICY_OUTBOUND_DECLARATIONS_MAX = 8,
	POLICY_OUTBOUND_NETWORKS_MAX = 64, /* of one such declaration */
};

/* What `init` writes where a person has to decide; validate warns while it stands. */
#define POLICY_UNCONFIRMED "CONFIRM"

/* Items with their number, in the policy's arena. */
#define POLICY_LIST(type)                                                                          \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
	}

/* Where something stands in a file. */
struct policy_place {
	const char *file;
	uint32_t line;   /* from 1 */
	uint32_t column; /* from 1, in characters */
};

/* What every named thing of a policy begins with. */
struct policy_entry {
	const char *name;
	struct policy_place place; /* of the name */
};

/* A TLS client certificate. */
struct policy_certificate {
	const char *name; /* subject name; NULL = none */
};

/* A hardware address (EUI-48). */
struct policy_mac {
	bool given;
	uint8_t bytes[6];
};

/* A host name and the addresses that it stands for once it is frozen. */
struct policy_host_name {
	const char *name;                     /* RFC 1123 2.1, in small letters */
	POLICY_LIST(struct prefix) addresses; /* whole ones, sorted; none = not frozen */
};

/* Somebody: every given condition must hold; address: and name: are one condition together. */
struct policy_who {
	struct policy_entry entry;
	POLICY_LIST(struct prefix)
	addresses;       /* one of them: those of address:, then those that
			    the names stand for. See policy_who_located() */
	size_t declared; /* so many of them are those of address: */
	POLICY_LIST(struct policy_host_name) names;
	const char *interface; /* NULL = no condition */
	struct policy_mac mac;
	struct policy_certificate certificate;
};

enum policy_from_kind {
	POLICY_FROM_ANY,    /* everybody */
	POLICY_FROM_HOST,   /* this machine only */
	POLICY_FROM_WHO,    /* policy.who.items[who] */
	POLICY_FROM_PREFIX, /* a literal address or network */
};

struct policy_from {
	enum policy_from_kind kind;
	uint32_t who;
	struct prefix prefix;
};

struct policy_ports {
	enum protocol protocol;
	uint16_t first, last; /* both included, 1..65535 */
};

/* Who may hold the port: every given field must hold. All NULL = not said. */
struct policy_program {
	const char *unit;       /* systemd unit: "ssh.service" */
	const char *executable; /* absolute path */
	const char *user;       /* name or number */
	const char *container;  /* name */
};

enum policy_encryption {
	POLICY_ENCRYPTION_UNSAID,
	POLICY_ENCRYPTION_OWN,     /* the program encrypts */
	POLICY_ENCRYPTION_GATEWAY, /* a gateway in front of it encrypts */
	POLICY_ENCRYPTION_NONE,    /* plaintext, with a reason */
};

/* What becomes of packets that would be refused. */
enum policy_mode {
	POLICY_MODE_UNSAID, /* of a declaration: as the defaults say */
	POLICY_MODE_ENFORCE,
	POLICY_MODE_OBSERVE, /* they are counted and let in */
};

/* New connections per source address; count 0 = no limit. */
struct policy_rate {
	uint32_t count;
	usec_t per;
};

struct policy_declaration {
	struct policy_entry entry;
	POLICY_LIST(struct policy_ports)
	ports;               /* at least one; those of the profile filled in.
			      * Of `forward:` none = every protocol */
	const char *profile; /* NULL = none */
	const char *purpose;
	const char *owner;
	POLICY_LIST(struct policy_from) from; /* at least one: one of them suffices */
	struct policy_program program;
	int encryption;      /* enum policy_encryption */
	const char *because; /* why without encryption; NULL unless given */
	struct policy_rate rate;
	int32_t until;         /* last day it is open, days since 1970-01-01, or POLICY_NO_DATE */
	int32_t review;        /* day the review is due, or POLICY_NO_DATE */
	const char *interface; /* only there; NULL = every interface */
	int mode;              /* enum policy_mode */
	bool cut;              /* connections that lose their permission end; else they stay */
	/* Of `forward:` alone. */
	POLICY_LIST(struct policy_from) to; /* destinations, one suffices; none = everywhere */
	const char *out;                    /* leaves through it; NULL = every interface */
};

/* Another device of mine. */
struct policy_host {
	struct policy_entry entry;
	POLICY_LIST(struct prefix) addresses; /* whole addresses, at least one */
	struct policy_mac mac;
	usec_t every; /* audited again after so long: 1 min to 1 a; 0 = when somebody does */
	POLICY_LIST(struct policy_declaration) ports;
};

enum policy_verdict {
	POLICY_DROP,
	POLICY_REJECT,
	POLICY_ACCEPT,
};

enum policy_guard {
	POLICY_GUARD_OBSERVE, /* binds that `program:` does not name are told */
	POLICY_GUARD_ENFORCE, /* and refused */
	POLICY_GUARD_OFF,
};

struct policy_defaults {
	int inbound;  /* enum policy_verdict: what nobody declared */
	int outbound; /* enum policy_verdict */
	int forward;  /* enum policy_verdict: what this host passes on between others */
	bool ping;    /* ICMP echo requests are answered */
	int observe;  /* 1 = nothing is refused, what would be is counted; index into `mode` */
	int guard;    /* enum policy_guard */
	bool cut;     /* of declarations that do not say; also for ports that nobody declared */
	bool repair;  /* the daemon undoes what others change inside our own rules */
	const char *owner;                    /* of declarations that name none; NULL = each must */
	POLICY_LIST(struct policy_from) from; /* of declarations without from; none = any */
};

/* What is done about an incident; each is more than the one before. */
enum policy_action {
	POLICY_ACTION_RECORD,
	POLICY_ACTION_ALERT,
	POLICY_ACTION_HIDE, /* closed ports are silent for the source */
	POLICY_ACTION_SLOW, /* its packets are limited */
	POLICY_ACTION_BAN,
};

/* By kind of incident: enum policy_action. */
struct policy_defend_actions {
	int scan, slow, sweep, distributed;
	int trap;         /* one connection to a decoy port */
	int decoy, flood; /* RECORD or ALERT: most of their sources are forged */
};

/* Interfaces on which bans are enforced by XDP. */
struct policy_defend_xdp {
	POLICY_LIST(const char *) generic;
	POLICY_LIST(const char *) native;
};

enum policy_defend_mode {
	POLICY_DEFEND_OFF,
	POLICY_DEFEND_OBSERVE, /* what would be done is told */
	POLICY_DEFEND_ENFORCE,
};

enum policy_proof {
	POLICY_PROOF_DECOY,     /* a connection that was completed to a decoy port */
	POLICY_PROOF_HANDSHAKE, /* to any port */
};

enum { POLICY_DECOYS_MAX = 64 }; /* ports that are held */

struct policy_defend {
	int mode; /* enum policy_defend_mode */
	struct policy_defend_actions actions;
	usec_t hide;             /* of who proved nothing: 10 s to 1 h */
	usec_t ban;              /* of who proved his address, the first time: 10 s to 30 d */
	usec_t longest;          /* at least `ban` */
	usec_t memory;           /* of repeaters */
	struct policy_rate rate; /* of slow; count 0 = not said, 10/second */
	uint32_t per_minute;     /* new entries, 1..600 */
	uint32_t at_most;        /* entries, 1..50000 */
	int proof;               /* enum policy_proof */
	POLICY_LIST(struct policy_ports) decoys; /* TCP, at most POLICY_DECOYS_MAX, all declared */
	POLICY_LIST(struct policy_from) never;   /* kinds WHO and PREFIX */
	struct policy_defend_xdp xdp;
};

struct policy {
	struct arena arena; /* everything below */
	uint32_t version;   /* of the language: 1 */
	POLICY_LIST(struct policy_who) who;
	POLICY_LIST(struct policy_declaration)
	declarations;                                   /* `ports:`, in the order of the files */
	POLICY_LIST(struct policy_declaration) forward; /* kind HOST stands in none of them */
	/* `outbound:`. `from` is whom they may connect to, profile,
	 * encryption, rate, interface and mode are not said. */
	POLICY_LIST(struct policy_declaration) outbound;
	POLICY_LIST(struct policy_host) hosts;
	POLICY_LIST(struct policy_from) never_cut; /* kinds WHO and PREFIX */
	struct policy_defaults defaults;
	struct policy_defend defend;
	const char *text; /* as it was read, when that says all by itself: one file, and nothing
			     that is looked up elsewhere (profiles, host names); else NULL */
};

/* Frees all; NULL and a zeroed policy are allowed. The policy is zeroed afterwards. */
void policy_deinit(struct policy *policy);

/* Whether one of its `port:` says that number of that protocol. */
bool policy_names_port(const struct policy_declaration *declaration, enum protocol protocol,
		       uint16_t port);

/*
 * The declaration for a port of this host; the first one in the file's order.
 * MPTCP is looked up as TCP (it listens on TCP ports).
 * @param interface  the interface a socket is bound to, or NULL: a declaration with another
 *                   `interface:` does not match; with NULL all match.
 * @param previous   NULL for the first; the last answer, to get the next one that covers the port.
 * @return NULL when there is none (left).
 */
const struct policy_declaration *policy_declaration_for(const struct policy *policy,
							enum protocol protocol, uint16_t port,
							const char *interface,
							const struct policy_declaration *previous);

/* Whether any key of `program:` is given. */
bool policy_has_program(const struct policy_program *program);
/* Whether more is said of the program than its user: the packet filter cannot tell that. */
bool policy_names_program(const struct policy_program *program);

/* The declaration of this host with that name; NULL when there is none. */
const struct policy_declaration *policy_declaration_named(const struct policy *policy,
							  const char *name);

/* Whether `from` lets only this machine itself in (every item is `host`, or inside loopback). */
bool policy_only_host(const struct policy_declaration *declaration);

/*
 * Whether an address is one of `from`: any, a literal network, or a who entry by its addresses. An
 * entry with interface, mac or certificate alone tells nothing by address: then the answer is no.
 */
bool policy_from_has(const struct policy *policy, const struct policy_declaration *declaration,
		     const struct addr *address);
/* The same of a list of such items, as `never_cut` is one. */
bool policy_froms_have(const struct policy *policy, const struct policy_from *items, size_t count,
		       const struct addr *address);

/* Whether a who is told by where packets come from, so that without one of its addresses there is
 * nobody whom it means. A name that is not frozen is nobody. */
bool policy_who_located(const struct policy_who *who);

/* ---- host names, frozen ---- */

/* What a name stands for. */
struct policy_answer {
	const char *name; /* in small letters */
	const struct addr *addresses;
	size_t count; /* at most POLICY_HOST_NAME_ADDRESSES_MAX */
};

/* Whether somebody is told by a host name. */
bool policy_has_names(const struct policy *policy);

/* The different names of a policy, each once, in the order of the file; strings of the policy.
 * @param out  room for POLICY_HOST_NAMES_MAX. @return how many. */
size_t policy_host_names(const char **out, const struct policy *policy);

/*
 * Freezes names: they stand for these addresses from now on, sorted and each once, and are printed
 * with them. Names without an answer stay as they are. @return 0 or -ENOMEM (then it is as before,
 * or some names are frozen).
 */
int policy_freeze(struct policy *policy, const struct policy_answer *answers, size_t count);

/* The same with what the names of another policy are frozen to. */
int policy_freeze_as(struct policy *policy, const struct policy *frozen);

/*
 * The first name that is not frozen; NULL when there is none.
 * @param who  receives the entry that it stands in; may be NULL.
 */
const char *policy_unfrozen(const struct policy *policy, const struct policy_who **who);

/* Stable words of the language: "own", "gateway", "none"; "" when not said. */
const char *policy_encryption_name(int encryption);
/* "drop", "reject", "accept". */
const char *policy_verdict_name(int verdict);
/* "observe", "enforce", "off". */
const char *policy_guard_name(int guard);
/* "record", "alert", "hide", "slow", "ban". */
const char *policy_action_name(int action);
/* Whether packets that a declaration (NULL = nobody declared the port) does not let in are counted
 * and let in all the same. */
bool policy_observes(const struct policy *policy, const struct policy_declaration *declaration);
/* Value of one item as the language writes it: "any", "host", a who's name, a network.
 * Appends to `out`. */
void policy_from_format(struct str *out, const struct policy *policy,
			const struct policy_from *from);
/* "22/tcp", "8000-8010/udp". Appends to `out`. */
void policy_ports_format(struct str *out, const struct policy_ports *ports);
enum { POLICY_DATE_TEXT_BYTES = 16 };
/* "2027-06-30", "" for POLICY_NO_DATE. `out` has POLICY_DATE_TEXT_BYTES. @return out. */
const char *policy_date_format(int32_t days, char *out);

/* ---- reading, with diagnostics ---- */

enum policy_level {
	POLICY_WARNING, /* the policy works; somebody should look */
	POLICY_ERROR,   /* the policy is not taken */
};

enum {
	POLICY_ARGUMENTS_MAX = 5,
	POLICY_DIAGNOSTICS_MAX = 100, /* kept; further ones are counted */
};

struct policy_diagnostic {
	const char *id; /* of data/messages/policy.yaml; static string */
	enum policy_level level;
	struct policy_place place;
	const char
		*excerpt; /* the source line, or its part around the place; may be foreign bytes */
	uint32_t excerpt_offset;  /* bytes of the excerpt before the place */
	uint32_t excerpt_length;  /* bytes that are meant, at least 0 */
	bool cut_left, cut_right; /* the line is longer on that side */
	const char *near;         /* what was probably meant; NULL = no idea */
	uint32_t argument_count;
	struct message_argument arguments[POLICY_ARGUMENTS_MAX];
};

/* All faults of one reading, sorted by file (in the order of reading), line, column. */
struct policy_diagnostics {
	struct arena arena;
	POLICY_LIST(struct policy_diagnostic) list; /* at most POLICY_DIAGNOSTICS_MAX */
	uint32_t errors;                            /* all, also those not kept */
	uint32_t warnings;
	uint32_t dropped; /* not kept */
};

/* What the text is judged against; all of it is an argument, so that every run can be repeated. */
struct policy_environment {
	int32_t today;                  /* days since 1970-01-01, for dates in the past */
	struct port_range ephemeral;    /* 0..0 = not known: no clash is reported */
	const struct portset *reserved; /* ip_local_reserved_ports; NULL = none */
	/*
	 * Reads an included file. NULL = includes are refused.
	 * @param name    receives the file's unique name, for cycles and diagnostics; malloc'd.
	 * @param bytes   receives its content; malloc'd. The caller of `include` frees both.
	 * @param from    the unique name of the file that includes it.
	 * @return 0; -EFBIG beyond POLICY_FILE_BYTES_MAX; other negative errno.
	 */
	int (*include)(void *context, char **name, char **bytes, size_t *length, const char *from,
		       const char *path);
	void *context;
	size_t bytes_max; /* of the file; 0 = POLICY_FILE_BYTES_MAX. For files of our own. */
	bool frozen;      /* names stand with their addresses. For files of our own. */
};

/* Outcome of policy_parse and policy_load. */
enum policy_outcome {
	POLICY_INVALID = 1, /* read to the end, with errors in the diagnostics; `out` untouched */
};

/*
 * Reads a policy. Pure: nothing but its arguments is looked at. Time and memory are bounded by the
 * limits above, whatever the bytes are.
 * @param out          set on 0; untouched otherwise. Free with policy_deinit.
 * @param diagnostics  always set; free with policy_diagnostics_deinit. Warnings also come with 0.
 * @param name         of the file, for diagnostics and includes.
 * @return 0; POLICY_INVALID; -ENOMEM.
 */
int policy_parse(struct policy *out, struct policy_diagnostics *diagnostics, const char *name,
		 const char *bytes, size_t length, const struct policy_environment *environment);

/* A text as it was read: the policy, and how it is written. For edits. */
struct policy_reading;

/* The text of a policy: the file that the reading begins with. */
struct policy_text {
	const char *name; /* for diagnostics and includes */
	const char *bytes;
	size_t length;
	const struct policy_reading *reading; /* of just this text, when there is one; else NULL */
};

/*
 * As policy_parse, and keeps how the text is written. The text must outlive the reading.
 * @param out  NULL unless 0 is returned; free with policy_reading_free.
 */
int policy_read(struct policy_reading **out, struct policy_diagnostics *diagnostics,
		const struct policy_text *text, const struct policy_environment *environment);
/* @return NULL. NULL is allowed. */
struct policy_reading *policy_reading_free(struct policy_reading *reading);
/* What was read, borrowed; or taken over, which leaves an empty policy behind. */
const struct policy *policy_reading_policy(const struct policy_reading *reading);
void policy_reading_take(struct policy *out, struct policy_reading *reading);

void policy_diagnostics_deinit(struct policy_diagnostics *diagnostics);

/* One sentence: what is wrong. Appends. */
void policy_diagnostic_sentence(struct str *out, const struct policy_diagnostic *diagnostic,
				enum language language);
/* What to do. Appends; nothing when the message has no advice. */
void policy_diagnostic_advice(struct str *out, const struct policy_diagnostic *diagnostic,
			      enum language language);
/* "error", "warning": the same in both languages, for editors that read them. */
const char *policy_level_name(enum policy_level level);

/*
 * Appends all diagnostics for a person: file:line:column: error: sentence [id], the line, a caret
 * under the token, what to do, what was probably meant.
 */
void policy_diagnostics_render(struct str *out, const struct policy_diagnostics *diagnostics,
			       enum language language, const struct style *style);

/* ---- writing and comparing ---- */

enum { POLICY_TEXT_BYTES_MAX = 64 * 1024 * 1024 }; /* room for the normal form of any policy */

/*
 * Appends the policy in its normal form: includes joined, profiles and defaults filled in, every
 * key in the order of the language. Reading it gives the same policy again.
 * @return 0; -ENOMEM; -EFBIG beyond out->max_bytes.
 */
int policy_print(struct str *out, const struct policy *policy);

/* Appends a text that reads as this policy at any time and everywhere: its own text when that says
 * all by itself, else the normal form. @return as policy_print. */
int policy_preserve(struct str *out, const struct policy *policy);

enum policy_change_kind {
	POLICY_ADDED,
	POLICY_REMOVED,
	POLICY_CHANGED,
};

/* One difference. Strings in the arena of policy_changes. */
struct policy_change {
	enum policy_change_kind kind;
	const char *path;   /* "ports.ssh.from", "who.office", "hosts.nas.ports.smb" */
	const char *before; /* in one line; NULL when added */
	const char *after;  /* NULL when removed */
};

struct policy_changes {
	struct arena arena;
	POLICY_LIST(struct policy_change)
	list; /* in the order of the language, then of the files */
};

/*
 * What it takes to get from `before` to `after`; the order of declarations and the files they
 * stand in make no difference.
 * @param out  free with policy_changes_deinit. @return 0 or -ENOMEM.
 */
int policy_diff(struct policy_changes *out, const struct policy *before,
		const struct policy *after);
void policy_changes_deinit(struct policy_changes *changes);

/* "added", "removed", "changed". */
const char *policy_change_name(enum policy_change_kind kind);

/* The JSON Schema (draft 2020-12) of the language, for editors; descriptions in that language. */
const char *policy_schema(enum language language);

/*
 * Appends a policy that declares what the inventory shows in the host's network namespace: one
 * declaration for each port and program, IPv4 and IPv6, TCP and UDP together, with what the
 * catalogue knows, and published ports. Owners, and purposes that the catalogue does not know, are
 * POLICY_UNCONFIRMED. UDP sockets on numbers that the kernel chose are named in comments alone.
 * The inventory needs owners with details. @return 0; -ENOMEM; -EFBIG beyond out->max_bytes.
 */
int policy_init(struct str *out, const struct inventory *inventory, enum language language);

/* ---- editing one file in place ---- */

/*
 * A policy file is a person's text: an edit changes what it was asked to and leaves every other
 * byte as it is: comments, order, layout, line ends. It works on one file; what an included file
 * declares is named and left alone. The new text is read again, and nothing is handed out unless
 * it is free of errors and differs in meaning by exactly what was asked.
 */

/* Outcomes of the functions below. */
enum policy_edit_outcome {
	POLICY_EDIT_INVALID = 1, /* the text has errors already: they are in the diagnostics */
	POLICY_EDIT_UNCHANGED,   /* nothing of this file to change; see the parts */
	POLICY_EDIT_REFUSED,     /* what was asked is no valid policy: diagnostics of that text */
	POLICY_EDIT_BY_HAND,     /* written in a way that cannot be edited with certainty */
};

enum policy_part_kind {
	POLICY_PART_ADDED,
	POLICY_PART_REMOVED,   /* whole */
	POLICY_PART_NARROWED,  /* keeps some of its ports */
	POLICY_PART_CHANGED,   /* keys were set or removed */
	POLICY_PART_ELSEWHERE, /* meant as well, but of an included file: not changed */
};

/* A declaration that an edit met. */
struct policy_part {
	enum policy_part_kind kind;
	struct policy_entry entry; /* where it stands: ADDED in the new text, others in the old */
};

struct policy_edit {
	struct arena arena; /* of what follows */
	char *text;         /* on 0: the whole new file, terminated; NULL otherwise */
	size_t length;
	struct policy after;                   /* on 0: what the new text reads as */
	struct policy_changes changes;         /* on 0: what differs in meaning */
	struct policy_diagnostics diagnostics; /* INVALID: of the old text; REFUSED and 0: of the
						  new one, places are of that text */
	POLICY_LIST(struct policy_part) parts; /* in the order of the files */
};

/* Frees all; NULL and a zeroed edit are allowed. */
void policy_edit_deinit(struct policy_edit *edit);

enum { POLICY_EDIT_VALUES_MAX = 1024 }; /* ports, items of `from` in one request */

/* A declaration to be; NULL and 0 = not said. Texts are taken as they are and quoted as needed. */
struct policy_addition {
	const char *name; /* NULL: the profile's, or that of what runs on the port, or
			     "port-25565-tcp". A name that is taken gets "-2", "-3", ... */
	const struct policy_ports *ports;
	size_t port_count;
	const char *profile;
	const char *purpose;
	const char *owner;
	const char *const *from; /* "any", "host", names of who, addresses, networks */
	size_t from_count;
	const char *encryption; /* "own", "gateway", "none" */
	const char *because;
	const char *rate; /* "10/minute" */
	int32_t until;    /* days since 1970-01-01; POLICY_NO_DATE or 0 = none */
	int32_t review;   /* the same */
	const char *interface;
	bool cut; /* live connections of whom it does not let in end */
};

/*
 * Adds a declaration at the end of `ports:` (which is added where it is missing), in the style and
 * with the indentation of the file.
 * @param out  always set; free with policy_edit_deinit.
 * @return 0; an outcome (never UNCHANGED); -EINVAL beyond POLICY_EDIT_VALUES_MAX; -ENOMEM.
 */
int policy_edit_add(struct policy_edit *out, const struct policy_text *text,
		    const struct policy_addition *addition,
		    const struct policy_environment *environment);

/*
 * Takes ports out of every declaration of this host that covers them. A declaration that keeps none
 * is removed with its comments: those right above it at its own indentation, and what is indented
 * deeper below it. A range is split; a declaration by profile gets a `port:` with what is left.
 * @param out  always set; free with policy_edit_deinit. `parts` names every declaration that was
 *             met, those of included files too (also with UNCHANGED).
 * @return 0; an outcome; -EINVAL beyond POLICY_EDIT_VALUES_MAX; -ENOMEM.
 */
int policy_edit_close(struct policy_edit *out, const struct policy_text *text,
		      const struct policy_ports *ports, size_t count,
		      const struct policy_environment *environment);

/* One key of a declaration and what it shall say. */
struct policy_setting {
	const char *key; /* port, for, owner, from, encryption, because, rate, until, review,
			    interface, cut */
	const char *const *values; /* of a list: each once; items that stay keep their place */
	size_t count;              /* 0 = remove the key */
};

/*
 * Sets, replaces or removes keys of the declaration with that name, all of them or none.
 * @param out  always set; free with policy_edit_deinit. `parts` names the declaration; without a
 *             part there is none of that name (UNCHANGED).
 * @return 0; an outcome; -EINVAL for another key, a list for a key that takes one value, beyond
 * POLICY_EDIT_VALUES_MAX; -ENOMEM.
 */
int policy_edit_set(struct policy_edit *out, const struct policy_text *text, const char *name,
		    const struct policy_setting *settings, size_t count,
		    const struct policy_environment *environment);

/*
 * Reads how long a port shall stay open: "30d", "2w", "6m" (calendar months, to the last day of a
 * shorter month), "1y", or the last day itself, "2027-06-30".
 * @param days   receives the last day, in days since 1970-01-01; untouched on failure.
 * @param today  the same for today.
 * @return 0; -EINVAL when it is neither; -ERANGE for a day before today or after 9999-12-31.
 */
int policy_until_parse(int32_t *days, const char *text, int32_t today);

/* ---- from the world ---- */

/*
 * Reads a policy file with its includes (relative to the including file).
 * @return as policy_parse; also the negative errno of opening `path`, with the sentence in `e`.
 */
int policy_load(struct policy *out, struct policy_diagnostics *diagnostics, const char *path,
		usec_t now, struct err *e);

/*
 * Fills in today (local time zone), the ephemeral range, reserved ports and the reader of includes.
 * `reserved` must live as long as the environment. What /proc does not tell stays unknown.
 */
void policy_environment_read(struct policy_environment *environment, struct portset *reserved,
			     usec_t now);

/*
 * Replaces a file by new bytes, whole or not at all: written beside it with the same owner, group,
 * mode and attributes, brought to the disk, renamed. A symbolic link is followed and stays. Two
 * replacements in one folder wait for each other; what other programs write is noticed up to the
 * moment of the rename.
 * @param old  what the file has to hold still.
 * @return 0; -ESTALE when it holds something else by now; -EISDIR, -EINVAL when it is no regular
 * file; -EACCES, -EROFS, -ENOSPC and the like; -EPERM when its owner cannot be kept. The file is
 * untouched then (but for a folder that cannot be brought to the disk after the rename). The
 * sentence is in `e`.
 */
int policy_file_replace(const char *path, const char *old, size_t old_length, const char *bytes,
			size_t length, struct err *e);
