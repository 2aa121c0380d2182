/*
 * How a port encrypts: questions of TLS in bytes, what answers to them mean, which question is the
 * next, and a grade of what was found out. Bytes of the other side are read by a process without
 * rights (minato-probe), which tells of each port in a record of fixed form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"

/* ---- versions, cipher suites, groups ---- */

enum tls_version {
	TLS_VERSION_SSL2,
	TLS_VERSION_SSL3, /* RFC 6101 */
	TLS_VERSION_10,   /* RFC 2246 */
	TLS_VERSION_11,   /* RFC 4346 */
	TLS_VERSION_12,   /* RFC 5246 */
	TLS_VERSION_13,   /* RFC 8446 */
	TLS_VERSIONS,
};

/* "SSLv2" ... "TLSv1.3": as OpenSSL writes them, and the words of JSON. */
const char *tls_version_name(enum tls_version version);

/* What the name of a cipher suite says. */
enum tls_suite_flag {
	TLS_SUITE_EXPORT = 1 << 0,     /* keys of 40 bits */
	TLS_SUITE_ANONYMOUS = 1 << 1,  /* no certificate */
	TLS_SUITE_NULL = 1 << 2,       /* nothing is encrypted */
	TLS_SUITE_RC4 = 1 << 3,        /* RFC 7465 */
	TLS_SUITE_TRIPLE_DES = 1 << 4, /* blocks of 64 bits: SWEET32, CVE-2016-2183 */
	TLS_SUITE_SHORT = 1 << 5,      /* less than 112 bits, not none */
	TLS_SUITE_FORWARD = 1 << 6,    /* forward secrecy */
	TLS_SUITE_EC = 1 << 7,         /* keys over a curve */
	TLS_SUITE_DH = 1 << 8,         /* keys over a finite field */
	TLS_SUITE_TLS12 = 1 << 9,      /* only from TLS 1.2 on */
	TLS_SUITE_TLS13 = 1 << 10,     /* only TLS 1.3 */
	TLS_SUITE_RARE = 1 << 11,      /* asked for last */
};

struct tls_suite {
	uint16_t code;
	uint16_t bits; /* of the cipher */
	uint32_t flags;
	const char *name; /* of IANA's registry */
};

struct tls_group {
	uint16_t code;
	uint16_t bits; /* of strength */
	const char *name;
};

enum {
	TLS_SUITES_MAX = 256, /* of the table */
	TLS_GROUPS_MAX = 64,
};

/* By place in the table; NULL behind its end. */
const struct tls_suite *tls_suite_at(size_t index);
const struct tls_group *tls_group_at(size_t index);
/* By code. @return the place in the table, -1 it is not there. */
int tls_suite_find(uint16_t code);
int tls_group_find(uint16_t code);
/* Whether a version can use it. SSLv2 has suites of its own. */
bool tls_suite_fits(const struct tls_suite *suite, enum tls_version version);

/* A set of places in a table. */
struct tls_set {
	uint64_t words[TLS_SUITES_MAX / 64];
};
/* Adds one, 0..TLS_SUITES_MAX - 1. */
void tls_set_add(struct tls_set *set, size_t index);
/* Takes one out, if it is in. */
void tls_set_remove(struct tls_set *set, size_t index);
/* Nothing behind TLS_SUITES_MAX is in it. */
bool tls_set_has(const struct tls_set *set, size_t index);
/* How many are in it. */
size_t tls_set_count(const struct tls_set *set);

/* ---- a question ---- */

enum {
	TLS_HOST_BYTES = 254, /* RFC 1035 2.3.4, and NUL */
	TLS_ASKED_MAX = 100,  /* suites in one question: old servers take no long lists */
	TLS_QUESTION_BYTES = 1024,
	TLS_RANDOM_BYTES = 32,
};

struct tls_question {
	enum tls_version version; /* the only one that is offered; see `any` */
	bool any;                 /* 1.3 and all before */
	struct tls_set suites;    /* TLS_ASKED_MAX at most, and 1.3's */
	struct tls_set groups;    /* by place in the table of groups; not of SSL */
	const char *host;         /* "" = no name */
	uint8_t random[TLS_RANDOM_BYTES];
};

/*
 * ClientHello in its record (RFC 8446 4.1.2, RFC 6101 5.6.1.2; of SSLv2: its CLIENT-HELLO). For 1.3
 * it brings no key: the server answers which group it wants, without any work.
 * @param room  TLS_QUESTION_BYTES is always enough. @return its length.
 */
size_t tls_write_question(uint8_t *out, size_t room, const struct tls_question *question);

/* ---- an answer ---- */

enum tls_answer {
	TLS_ANSWER_MORE,    /* it is not whole yet */
	TLS_ANSWER_HELLO,   /* agreed; of TLS 1.2 and before with all until ServerHelloDone */
	TLS_ANSWER_ALERT,   /* refused */
	TLS_ANSWER_ENDED,   /* the connection ended before */
	TLS_ANSWER_SILENT,  /* nothing, or not all, came in time */
	TLS_ANSWER_STRANGE, /* no TLS, or against its rules */
	TLS_ANSWERS,
};

enum {
	TLS_FLIGHT_BYTES = 65536, /* more is STRANGE */
	TLS_CHAIN_MAX = 16,       /* certificates; those behind are left out */
};

/* What came until now. Zeroed at the beginning. */
struct tls_flight {
	enum tls_answer state;
	bool is_tls;    /* it began like TLS, or SSLv2 where that was asked */
	bool has_hello; /* the fields until `compression` are there */
	int version;    /* enum tls_version; -1 = one that nobody knows */
	uint16_t suite;
	uint16_t group; /* 0 = none said */
	uint16_t dh_bits;
	uint8_t compression; /* RFC 3749; 0 = none */
	bool secure_renegotiation;
	bool wants_certificate; /* of the client */
	uint8_t alert;          /* RFC 8446 6; ALERT */
	/* Certificates in DER, the server's own first: places in `bytes`. */
	struct {
		uint32_t at, length;
	} chain[TLS_CHAIN_MAX];
	unsigned chain_count;
	/* Records taken apart. */
	uint8_t header[5];
	uint8_t header_length, record_type;
	uint32_t record_left;
	uint8_t alert_bytes;
	/* Handshake messages. */
	uint32_t length, parsed;
	uint8_t bytes[TLS_FLIGHT_BYTES];
};

/* Takes bytes as they come, to the end of the first flight. @return flight->state. */
enum tls_answer tls_flight_feed(struct tls_flight *flight, const uint8_t *bytes, size_t length);
/* The same of an answer to a question of SSLv2. */
enum tls_answer tls_flight_feed_ssl2(struct tls_flight *flight, const uint8_t *bytes,
				     size_t length);

/* ---- which question is the next ---- */

/* What is known of a server. A flat value, so that it can cross processes. */
struct tls_offer {
	uint8_t versions;                    /* bits 1 << enum tls_version: spoken */
	uint8_t incomplete;                  /* the same: not all of it could be asked */
	struct tls_set suites[TLS_VERSIONS]; /* accepted, by version */
	struct tls_set groups;               /* used for a key exchange */
	uint16_t dh_bits;                    /* the smallest prime; 0 = none seen */
	uint8_t compression;                 /* 0 or 1 */
	uint8_t no_secure_renegotiation;     /* 0 or 1: RFC 5746 is missing (before TLS 1.3) */
	uint8_t wants_certificate;           /* 0 or 1: of the client */
	uint8_t reserved[3];
};

enum tls_plan_stage {
	TLS_PLAN_SUITES,
	TLS_PLAN_GROUPS_13,
	TLS_PLAN_GROUPS, /* of the versions before */
	TLS_PLAN_END,
};

struct tls_plan {
	enum tls_plan_stage stage;
	int version;           /* of SUITES, from the newest down */
	struct tls_set tried;  /* suites of this version that need no more asking */
	struct tls_set asked;  /* by the last question: suites */
	struct tls_set groups; /* and groups */
	unsigned silences;     /* in a row */
	struct tls_offer offer;
};

/* Nothing is known yet: TLS 1.3 is the first. */
void tls_plan_begin(struct tls_plan *plan);
/* Fills in all but host and random. @return false when all is known: see plan->offer. */
bool tls_plan_next(struct tls_plan *plan, struct tls_question *question);
/* What came of it. Every answer leads nearer to the end, whatever it says. */
void tls_plan_take(struct tls_plan *plan, const struct tls_flight *flight);

/* ---- TLS within a protocol ---- */

enum tls_talk {
	TLS_TALK_NONE, /* nothing is known of it */
	TLS_TALK_HTTP,
	TLS_TALK_SSH,   /* encrypts by itself (RFC 4253) */
	TLS_TALK_SMTP,  /* from here on they have a STARTTLS: RFC 3207 */
	TLS_TALK_IMAP,  /* RFC 9051 6.2.1 */
	TLS_TALK_POP3,  /* RFC 2595 4 */
	TLS_TALK_FTP,   /* RFC 4217 */
	TLS_TALK_NNTP,  /* RFC 4642 */
	TLS_TALK_SIEVE, /* RFC 5804 2.2 */
	TLS_TALK_MYSQL, /* SSLRequest after the greeting */
	TLS_TALK_IRC,   /* from here on the client speaks first: numerics 670, 691 */
	TLS_TALK_XMPP,  /* RFC 6120 5 */
	TLS_TALK_XMPP_SERVER,
	TLS_TALK_LDAP,       /* RFC 4511 4.14 */
	TLS_TALK_POSTGRESQL, /* SSLRequest */
	TLS_TALKS,
};

/* "smtp": the words of JSON. */
const char *tls_talk_name(enum tls_talk talk);
/* What is usual at a port. */
enum tls_talk tls_talk_at(uint16_t port);
bool tls_talk_has_starttls(enum tls_talk talk);
/* Whether the server speaks first. */
bool tls_talk_greets(enum tls_talk talk);
/* What a greeting is of. @param usual  at that port, for what is ambiguous. */
enum tls_talk tls_talk_of(const uint8_t *bytes, size_t length, enum tls_talk usual);

enum tls_start_state {
	TLS_START_WAIT,    /* for more bytes */
	TLS_START_SAY,     /* what was filled in, then wait with an empty buffer */
	TLS_START_READY,   /* TLS begins now */
	TLS_START_REFUSED, /* it is not offered */
	TLS_START_STRANGE,
};

struct tls_start {
	enum tls_talk talk;
	const char *host; /* to whom one wants to speak, for XMPP; NULL = localhost */
	bool look;        /* also whether it is required */
	unsigned step;    /* 0 at the beginning */
	bool required;    /* nothing goes without */
};

/*
 * One step towards TLS. Called at the beginning with no bytes, and then with all that came since
 * the last SAY.
 * @param out  TLS_QUESTION_BYTES. @param said  how much of it is to be sent.
 */
enum tls_start_state tls_start_feed(struct tls_start *start, const uint8_t *bytes, size_t length,
				    uint8_t *out, size_t *said);

/* ---- the first bytes of a connection, without asking ---- */

enum tls_first {
	TLS_FIRST_UNKNOWN, /* too few bytes */
	TLS_FIRST_TLS,
	TLS_FIRST_SSH, /* RFC 4253 4.2: encrypted soon after */
	TLS_FIRST_PLAIN,
};

enum { TLS_FIRST_BYTES = 11 };

/*
 * What the first payload of one direction is: a record of TLS with a ClientHello, ServerHello or
 * alert (RFC 8446 5.1), a hello of SSLv2, or something else.
 * @param client  of the side that opened the connection. @param length  TLS_FIRST_BYTES are enough.
 */
enum tls_first tls_first_bytes(const uint8_t *bytes, size_t length, bool client);

enum {
	TLS_FLOWS_MAX = 4096, /* that have not told yet; the oldest is forgotten */
	TLS_SEEN_MAX = 1024,  /* ports */
};

/* What connections to one port began with. A flat value, so that it can cross processes. */
struct tls_seen {
	uint16_t port;
	uint8_t client, server; /* bits 1 << enum tls_first, of each side */
	uint32_t connections;   /* of which something was seen */
};

/* A connection of which the beginning was seen. */
struct tls_flow {
	uint8_t family; /* enum addr_family; ADDR_NONE = free */
	uint8_t told;   /* bits: 1 the client, 2 the server */
	bool has_server;
	uint16_t client_port, server_port;
	uint32_t client_next, server_next; /* numbers of their first byte */
	struct addr client, server;
};

/* Connections that come in, watched. Zeroed at the beginning. No byte of them is kept. */
struct tls_watch {
	struct tls_flow flows[TLS_FLOWS_MAX];
	struct tls_seen seen[TLS_SEEN_MAX];
	size_t seen_count;
	uint64_t left_out; /* connections to ports beyond TLS_SEEN_MAX */
};

/*
 * Takes one packet from its IP header on; what is behind TLS_FIRST_BYTES of its data is not needed.
 * @param comes_in  it is for this host, and not sent by it.
 */
void tls_watch_take(struct tls_watch *watch, const uint8_t *bytes, size_t length, bool comes_in);
/* Whether every field is within its range. */
bool tls_seen_valid(const struct tls_seen *seen);

/* Called for each port. @return 0, or negative errno: then it ends. */
typedef int tls_seen_function(void *data, const struct tls_seen *seen);

/*
 * Watches connections that come in, with a packet socket whose filter leaves all but headers and
 * TLS_FIRST_BYTES of data in the kernel; minato-probe reads it.
 * @param seconds  1..3600.
 * @return 0; -EPERM without CAP_NET_RAW; -ENOENT minato-probe is not installed; -EIO, -EBADMSG,
 * -ETIMEDOUT when it failed or misbehaved; other negative errno.
 */
int tls_watch_ask(uint32_t seconds, tls_seen_function *tell, void *data, struct err *e);
/* The other side of it, for minato-probe: serves one order. @return 0 or negative errno. */
int tls_watch_serve(int channel);

/* ---- a certificate ---- */

enum { TLS_NAME_BYTES = 128, TLS_NAMES_BYTES = 256 };

enum tls_hash {
	TLS_HASH_FINE,
	TLS_HASH_SHA1,
	TLS_HASH_MD5, /* or older */
	TLS_HASHES,
};

/* All text is printable ASCII. */
struct tls_certificate {
	uint8_t given; /* 0 = there is none, and the rest is empty */
	uint8_t name_matches;
	uint8_t self_signed;
	uint8_t hash;       /* enum tls_hash: the weakest signature of the chain, roots apart */
	uint8_t ocsp, crl;  /* it says where to ask whether it was revoked (RFC 5280 4.2) */
	uint8_t incomplete; /* the chain ends below an authority that it says where to fetch */
	uint8_t chain;      /* certificates that came, 255 = as many or more */
	uint32_t key_bits;
	uint32_t name_count;
	int32_t verify;               /* X509_V_* of OpenSSL; 0 = trusted */
	usec_t not_before, not_after; /* 0 = not said */
	char key[16];                 /* "RSA", "EC" */
	char signature[48];
	char subject[TLS_NAME_BYTES], issuer[TLS_NAME_BYTES];
	char top[TLS_NAME_BYTES];    /* who signed the last one of the chain */
	char names[TLS_NAMES_BYTES]; /* the first ones, separated by spaces */
};

/* ---- an order, and a record of each port ---- */

enum { TLS_PORTS_MAX = 1024 };

struct tls_order {
	struct addr address;
	uint32_t count;                /* 1..TLS_PORTS_MAX */
	uint32_t quick;                /* 0 or 1: only whether there is TLS */
	uint32_t unnamed;              /* 0 or 1: a certificate may be for any name */
	usec_t connect_time;           /* limits */
	usec_t answer_time;            /* of one question */
	usec_t port_time;              /* of all of one port */
	char host[TLS_HOST_BYTES];     /* for names of certificates; may be an address */
	uint16_t ports[TLS_PORTS_MAX]; /* each once, none 0 */
};

/* Whether every field is within its range and every text ends. */
bool tls_order_valid(const struct tls_order *order);

enum tls_kind {
	TLS_KIND_UNKNOWN, /* it says nothing that tells; never taken for plaintext */
	TLS_KIND_PLAIN,
	TLS_KIND_TLS,      /* from the first byte */
	TLS_KIND_OFFERED,  /* STARTTLS, and plaintext goes too as far as can be seen */
	TLS_KIND_REQUIRED, /* STARTTLS, and nothing goes without */
	TLS_KIND_SSH,
	TLS_KIND_CLOSED, /* nobody could be connected */
	TLS_KINDS,
};

/* "unknown", "plaintext", "tls", ...: the words of JSON. */
const char *tls_kind_name(enum tls_kind kind);

struct tls_record {
	uint16_t port;
	uint8_t kind;       /* enum tls_kind */
	uint8_t talk;       /* enum tls_talk */
	int32_t error;      /* errno of connecting, CLOSED */
	uint32_t questions; /* connections that were made */
	uint8_t whole;      /* 0 = something could not be asked to the end */
	uint8_t http;       /* HTTP answers within TLS */
	uint8_t hsts;       /* it says Strict-Transport-Security (RFC 6797) */
	uint8_t shaken;     /* OpenSSL agreed with it */
	uint32_t reserved;
	int64_t hsts_seconds; /* max-age */
	usec_t took;
	struct tls_offer offer;
	struct tls_certificate certificate;
	struct tls_certificate other; /* with a key of another kind, for those who cannot use the
				       * first; given = 0: there is none */
};

/* Likewise; its text is printable ASCII. */
bool tls_record_valid(const struct tls_record *record);

/*
 * Has minato-probe ask all ports of an order; each record is given away as it comes.
 * @param tell  negative errno ends it.
 * @return 0, whatever became of it; -ENOENT minato-probe is not installed; -EIO, -EBADMSG,
 * -ETIMEDOUT when it failed or misbehaved; other negative errno.
 */
typedef int tls_tell_function(void *data, const struct tls_record *record);
int tls_ask(const struct tls_order *order, tls_tell_function *tell, void *data, struct err *e);

/* ---- what it means ---- */

enum tls_grade {
	TLS_GRADE_NONE, /* nothing to judge */
	TLS_GRADE_A,
	TLS_GRADE_B,
	TLS_GRADE_C,
	TLS_GRADE_D,
	TLS_GRADE_E,
	TLS_GRADE_F,
	TLS_GRADES,
};

/* "A" ... "F", "-". */
const char *tls_grade_name(enum tls_grade grade);

enum {
	TLS_REASONS_MAX = 40,
	TLS_DETAIL_BYTES = 128,
};

/* Why it is no better: an id of data/messages/encryption.yaml. */
struct tls_reason {
	const char *id;
	enum tls_grade grade;          /* at best; A = told, and costs nothing */
	char detail[TLS_DETAIL_BYTES]; /* {detail} of the sentence */
};

struct tls_reasons {
	struct tls_reason items[TLS_REASONS_MAX]; /* the worst first */
	size_t count;
};

/* The grade of one port, by its worst reason. @param now  wall time. */
enum tls_grade tls_grade(struct tls_reasons *out, const struct tls_record *record, usec_t now);

/* What is declared of a port, as far as it matters here. */
enum tls_declared {
	TLS_DECLARED_NOTHING, /* not declared, or it does not say */
	TLS_DECLARED_ENCRYPTED,
	TLS_DECLARED_PLAIN,
};

enum tls_verdict {
	TLS_NOT_COMPARED,
	TLS_IN_ORDER,
	TLS_PLAIN_THOUGH_DECLARED, /* encrypted, and it is plaintext */
	TLS_ONLY_OFFERED,          /* declared encrypted, and plaintext goes too */
	TLS_BROKEN,                /* declared encrypted, and anybody can read or be it: grade F */
	TLS_MORE_THAN_DECLARED,    /* declared plaintext, and it encrypts */
	TLS_CANNOT_TELL,
	TLS_VERDICTS,
};

/* "in_order", "plaintext_though_declared", ...: the words of JSON. */
const char *tls_verdict_name(enum tls_verdict verdict);
/* What was found out, held against what is declared. */
enum tls_verdict tls_compare(const struct tls_record *record, enum tls_grade grade,
			     enum tls_declared declared);
/* Whether it differs from the policy. */
bool tls_differs(enum tls_verdict verdict);

/* ---- carrying an order out: for minato-probe ---- */

struct x509_st;
struct ssl_ctx_st;

/*
 * A context of OpenSSL that shakes hands with anybody: every version, cipher and certificate, and
 * this host's trusted roots to tell who is trusted. Made before rights are given away.
 * @return NULL when it cannot be.
 */
struct ssl_ctx_st *tls_context_new(void);
/* Who is looked for in a certificate. @param host  a name or an address; "" or NULL = any will do.
 */
void tls_certificate_read(struct tls_certificate *out, struct x509_st *certificate,
			  const char *host);

/*
 * Asks all ports of a valid order; each record is given away as it comes.
 * @return 0, whatever became of them; -ENOMEM; negative errno of epoll(7) and of `tell`.
 */
int tls_run(const struct tls_order *order, struct ssl_ctx_st *context, tls_tell_function *tell,
	    void *data);
