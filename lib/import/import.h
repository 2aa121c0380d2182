/*
 * Rules of another firewall as a minato policy: ufw, firewalld, iptables and nftables. What new
 * connections from outside the rules accept is computed (the first match decides, jumps are
 * followed), and that is declared; a condition that a policy cannot say closes rather than opens.
 * Beside the text goes a report of what became of each rule.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "text/text.h"

enum {
	IMPORT_FILE_BYTES_MAX = 16 * 1024 * 1024, /* one file; larger ones are refused */
	IMPORT_FILES_MAX = 1024,
	IMPORT_RULES_MAX = 200000,  /* of all files together */
	IMPORT_SOURCES_MAX = 256,   /* prefixes of one `from:`; more are not carried */
	IMPORT_INTERFACES_MAX = 32, /* told apart by name */
	IMPORT_ARGUMENTS_MAX = 2,
};

enum import_kind {
	IMPORT_UNKNOWN,
	IMPORT_UFW,       /* user.rules, user6.rules, /etc/default/ufw, ufw.conf */
	IMPORT_FIREWALLD, /* XML of zones, services and ipsets; firewalld.conf */
	IMPORT_IPTABLES,  /* iptables-save, ip6tables-save */
	IMPORT_NFT,       /* nft -j list ruleset */
};

/* Foreign bytes. */
struct import_file {
	const char *name; /* for the report; zones and services are called by its last part */
	const char *bytes;
	size_t length;
};

/* What is known of the host that the rules are for. */
struct import_host {
	/*
	 * Its network interfaces: "everywhere but on eth0" can then be said one by one. The first
	 * IMPORT_INTERFACES_MAX count, those that the rules name before them.
	 */
	const char *const *interfaces;
	size_t interface_count;
};

enum import_outcome {
	IMPORT_CARRIED, /* the policy says the same, or minato does it by itself */
	IMPORT_CHANGED, /* carried with a difference that somebody should know of */
	IMPORT_LEFT,    /* could not be carried */
};

/* What became of one rule. Strings live in the report's arena. */
struct import_note {
	enum import_outcome outcome;
	const char *reason; /* id of data/messages/import.yaml; static string */
	uint32_t order;     /* of the rules as they stand; 0 = of the whole */
	const char *file;   /* NULL = of the whole */
	uint32_t line;      /* from 1; 0 = the form has no lines */
	const char *rule;   /* its text, one line; NULL = none */
	uint32_t argument_count;
	struct message_argument arguments[IMPORT_ARGUMENTS_MAX];
};

struct import_report {
	struct arena arena;
	enum import_kind kind;
	VEC(struct import_note) notes;    /* in the order of the rules */
	uint32_t counts[IMPORT_LEFT + 1]; /* of notes, by outcome */
	uint32_t declarations;
};

/*
 * What the bytes are, by their content.
 * @return IMPORT_UNKNOWN when they are nothing that is read here.
 */
enum import_kind import_recognise(const struct import_file *file);

/*
 * Appends a policy that policy_parse takes. Pure: nothing but the arguments is looked at; time and
 * memory are bounded whatever the bytes are.
 * @param report   always set; free with import_report_deinit.
 * @param files    of one kind. iptables: IPv4 and IPv6 may come in one file or in two. What no file
 *                 speaks of (IPv6, a zone) stays closed.
 * @param host     NULL = another host's rules.
 * @param language of purposes and comments.
 * @return 0; -EINVAL not such rules (the sentence in `e`); -EFBIG beyond a limit above or
 *         out->max_bytes; -E2BIG the rules take too long to follow; -ENOMEM.
 */
int import_policy(struct str *out, struct import_report *report, const struct import_file *files,
		  size_t count, const struct import_host *host, enum language language,
		  struct err *e);

/* Frees all; NULL and a zeroed report are allowed. */
void import_report_deinit(struct import_report *report);

/* "ufw", "firewalld", "iptables", "nft"; "unknown". */
const char *import_kind_name(enum import_kind kind);
/* "carried", "changed", "not-carried": the stable words of the JSON vocabulary. */
const char *import_outcome_name(enum import_outcome outcome);
/* The same for people. */
const char *import_outcome_title(enum import_outcome outcome, enum language language);
/* The sentence of a note. Appends. */
void import_note_sentence(struct str *out, const struct import_note *note, enum language language);
