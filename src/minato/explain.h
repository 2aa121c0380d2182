/* What `minato explain` says: pure text out of the catalogue, one look at the host and the policy.
 */
#pragma once

#include "catalog/catalog.h"
#include "command.h"
#include "model/inventory.h"
#include "policy/policy.h"

struct bans;
struct measures;
struct nat_live;

/* What everything below needs. */
struct explain {
	const struct context *context;
	const struct inventory *inventory; /* NULL = the host could not be looked at */
	const struct policy *policy;       /* NULL = there is none */
	const struct bans *bans;           /* who is kept out; NULL = that could not be read */
	const struct measures *measures;   /* of the ports that are explained; NULL = none */
	const struct nat_live
		*nat; /* connections under the own address; NULL = not read, or none */
	bool root;    /* has all rights: what is not seen is not to be seen from here */
};

enum {
	EXPLAIN_MATCHES_MAX = 64,
	EXPLAIN_SEARCH_MAX = 256,
};

enum subject_kind {
	SUBJECT_UNKNOWN, /* nothing has that name */
	SUBJECT_PORTS,   /* a number or a range of them */
	SUBJECT_MATCHES, /* a word that names several services */
	SUBJECT_PROGRAM, /* a program that runs now */
	SUBJECT_ADDRESS,
	SUBJECT_TERM, /* a word of the glossary, which names nothing else */
};

/* What a word on the command line means. */
struct subject {
	enum subject_kind kind;
	const char *word;
	char name[64];          /* `word` without the protocol behind it, when that was a name */
	enum protocol protocol; /* PROTOCOL_NONE = not said */
	uint16_t first, last;   /* SUBJECT_PORTS */
	struct addr address;    /* SUBJECT_ADDRESS */
	/* The entry that the word named, to be preferred among those of the number; or NULL. */
	const struct port_knowledge *knowledge;
	/* What the glossary says of the word, also where it names something else; or NULL. */
	const struct glossary_term *term;
	size_t match_count; /* all of them; `matches` holds at most EXPLAIN_MATCHES_MAX */
	struct catalog_match matches[EXPLAIN_MATCHES_MAX];
};

/*
 * Finds out what a word means: a number ("443"), a range ("8000-8100"), either with a protocol
 * ("25565/udp"); an address; the id of a service, also with a protocol ("dns/udp"); a running
 * program; any other word of the catalogue; a word of the glossary; else what a search for it
 * finds.
 */
void explain_resolve(struct subject *out, const struct explain *explain, const char *word);

/* What is wrong with a word that was meant as a number ("65536", "9-8", "443/icmp"), in the
 * reader's language; NULL when it was not meant as one. */
const char *explain_number_fault(const char *word);

/* Whether both are the same but for case, width and the like (text_fold). */
bool explain_same_word(const char *a, const char *b);

/* Whether a process is what the word calls: by name, executable, unit or container. */
bool explain_is_program(const struct process *process, const char *word);

/* The known word nearest to one that names nothing; NULL when none is near. */
const char *explain_nearest(const char *word);

/* Appends the screen of a subject that is not SUBJECT_UNKNOWN. */
void explain_subject(struct str *out, const struct explain *explain, const struct subject *subject);

/* ---- the glossary ---- */

/* Appends what the glossary says of a word, with its figure of this host. @param word  as typed. */
void explain_term(struct str *out, const struct explain *explain, const struct glossary_term *term,
		  const char *word);

/* Appends its figure as text or SVG; nothing where the term has none. @return 0 or the first error
 * of `out`. */
int explain_term_figure(struct str *out, const struct explain *explain,
			const struct glossary_term *term, bool svg);

/* Appends the list of all terms. */
void explain_terms(struct str *out, const struct explain *explain);

/* The term nearest to a word that is none; NULL when none is near. */
const char *explain_nearest_term(const char *word);

/* ---- the parts of a screen ---- */

void explain_port(struct str *out, const struct explain *explain, const struct subject *subject);
void explain_range(struct str *out, const struct explain *explain, const struct subject *subject);
void explain_matches(struct str *out, const struct explain *explain, const struct subject *subject);
void explain_program(struct str *out, const struct explain *explain, const struct subject *subject);
void explain_address(struct str *out, const struct explain *explain, const struct subject *subject);

/* Appends what this host has on a port, of one protocol or of all (PROTOCOL_NONE). */
void explain_host(struct str *out, const struct explain *explain, enum protocol protocol,
		  uint16_t port);
/* Which measures are done there; a heading for each service. Appends. */
void explain_measures(struct str *out, const struct explain *explain, enum protocol protocol,
		      uint16_t port);

/* Appends what this host does with the number as a client: connections to it, and from it. */
void explain_clients(struct str *out, const struct explain *explain, enum protocol protocol,
		     uint16_t port);

/* Appends one of the whole tables. */
void explain_list(struct str *out, const struct explain *explain, enum catalog_list list);

/* Appends what a search found: at most EXPLAIN_SEARCH_MAX. @return how many there are. */
size_t explain_search(struct str *out, const struct explain *explain, const char *words);

/* Appends the figure of a port as text or SVG. @return 0 or the first error of `out`. */
int explain_figure(struct str *out, const struct explain *explain, const struct subject *subject,
		   bool svg);

/*
 * Says on stderr what is wrong with what was asked.
 * @param format  in the reader's language, with one %s for the word.
 * @param word    as typed: it may be foreign bytes.
 * @param next    the next thing to type; NULL = none.
 * @return EXIT_USAGE.
 */
int explain_wrong(const struct explain *explain, const char *format, const char *word,
		  const char *next);

/* ---- how the parts are written ---- */

/* Appends "  label   text", the text wrapped and indented. Nothing for an empty text. */
void explain_row(struct str *out, const struct explain *explain, const char *label,
		 const char *text);

/* The same, with the first words of the text (`head`) in an ink. */
void explain_row_inked(struct str *out, const struct explain *explain, const char *label,
		       enum ink ink, const char *head, const char *text);

/* Appends a line in bold. */
void explain_heading(struct str *out, const struct explain *explain, const char *text);

/* Appends "53/udp, 53/tcp" of an entry. */
void explain_spans(struct str *out, const struct port_knowledge *knowledge);

/* Appends a table of services: number, name, risk, who holds it here, use. */
void explain_match_table(struct str *out, const struct explain *explain,
			 const struct catalog_match *matches, size_t count);

/* Whether a socket is on the port; PROTOCOL_NONE matches every protocol. */
bool explain_same_protocol(enum protocol wanted, enum protocol protocol);

/* The process that listens on the port now; NULL when none does or it is not visible. */
const struct process *explain_holder(const struct explain *explain, enum protocol protocol,
				     uint16_t port);
