/*
 * Does a service answer, and why not: what is asked of one endpoint, step by step, and what the
 * steps mean. Bytes of the other side are read by a process without rights (minato-probe), which
 * tells of each step in a record of fixed form; the records are judged here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/when.h"
#include "model/protocol.h"

/* ---- what to ask ---- */

/* How TLS begins. */
enum probe_tls_use {
	PROBE_TLS_NONE,
	PROBE_TLS_DIRECT, /* with the first byte */
	PROBE_TLS_ASKED,  /* when the service offers it (STARTTLS); else it stays plain */
};

/* What is said to whom. */
enum probe_talk {
	PROBE_TALK_NONE,       /* listens for a moment, says nothing */
	PROBE_TALK_HTTP,       /* RFC 9112 */
	PROBE_TALK_SMTP,       /* RFC 5321, STARTTLS of RFC 3207 */
	PROBE_TALK_IMAP,       /* RFC 9051 */
	PROBE_TALK_POP3,       /* RFC 1939, STLS of RFC 2595 */
	PROBE_TALK_FTP,        /* RFC 959, AUTH TLS of RFC 4217 */
	PROBE_TALK_SSH,        /* RFC 4253 4.2 */
	PROBE_TALK_POSTGRESQL, /* SSLRequest of the protocol 3.0 */
	PROBE_TALK_REDIS,      /* PING */
	PROBE_TALK_DNS,        /* RFC 1035: who serves the root */
	PROBE_TALK_NTP,        /* RFC 5905, client mode */
	PROBE_TALK_NNTP,       /* RFC 3977, STARTTLS of RFC 4642 */
	PROBE_TALK_SIEVE,      /* RFC 5804 */
	PROBE_TALK_MYSQL,      /* protocol 10: the greeting, SSLRequest */
	PROBE_TALK_IRC,        /* RFC 1459; STARTTLS with numerics 670, 691 */
	PROBE_TALK_XMPP,       /* RFC 6120 */
	PROBE_TALK_LDAP,       /* RFC 4511, StartTLS of its 4.14 */
	PROBE_TALKS,
};

/* A scheme of the command line. Static memory. */
struct probe_service {
	const char *name; /* "https" */
	enum protocol protocol;
	uint16_t port; /* the usual one; 0 = has to be said */
	enum probe_tls_use tls;
	enum probe_talk talk;
};

/* By name; NULL when there is none. */
const struct probe_service *probe_service_named(const char *name);
/* Appends all of them: "tcp, udp, ...". */
void probe_service_names(struct str *out);
/* Which one is usual at a port; the one that only listens ("tcp", "udp") when nobody knows. */
const struct probe_service *probe_service_at(enum protocol protocol, uint16_t port);

enum {
	PROBE_HOST_BYTES = 254, /* RFC 1035 2.3.4, and NUL */
	PROBE_PATH_BYTES = 256,
	PROBE_ADDRESSES_MAX = 16,
	PROBE_TEXT_BYTES = 256,
};

struct probe_target {
	const struct probe_service *service;
	char host[PROBE_HOST_BYTES]; /* as it was written, without brackets; "" = this host */
	bool literal;                /* it is an address */
	struct addr address;         /* then */
	uint16_t port;
	char path[PROBE_PATH_BYTES]; /* of HTTP: "/" at least */
};

/*
 * "https://host:443/path", "smtp://host", "host:22", "[2001:db8::1]:443", "25565", "53/udp".
 * @return 0; -EINVAL it is none of these; -ENOENT no such scheme; -ERANGE no such port;
 * -EDESTADDRREQ the port is missing; -ENAMETOOLONG.
 */
int probe_target_parse(struct probe_target *out, const char *text);

/* What minato-probe is told. A flat value, so that it can cross processes. */
struct probe_order {
	uint32_t talk, tls; /* enum probe_talk, enum probe_tls_use */
	uint32_t udp;       /* 0 or 1 */
	uint32_t unnamed;   /* 0 or 1: nobody said a host, so a certificate may be for any name */
	uint32_t address_count;
	struct addr addresses[PROBE_ADDRESSES_MAX]; /* in the order in which they are tried */
	uint16_t port;
	uint16_t source_port; /* to be sent from, where it is free; 0 = any */
	usec_t connect_time;  /* limits of each step */
	usec_t answer_time;
	char host[PROBE_HOST_BYTES]; /* for TLS and HTTP; may be an address */
	char path[PROBE_PATH_BYTES];
};

/* Whether every field is within its range and every text ends. */
bool probe_order_valid(const struct probe_order *order);

/* Alternates between the families, beginning with the first one's (RFC 8305, section 4); the first
 * PROBE_ADDRESSES_MAX are taken. 0.0.0.0 and :: become loopback, as connect(2) takes them, and
 * IPv4-mapped addresses IPv4. */
void probe_order_addresses(struct probe_order *order, const struct addr *addresses, size_t count);

/* ---- what became of it ---- */

enum probe_step {
	PROBE_STEP_CONNECT, /* to one address; for UDP: the socket alone */
	PROBE_STEP_TLS,
	PROBE_STEP_ANSWER, /* the greeting, or what came for a question */
	PROBE_STEPS,
};

enum probe_outcome {
	PROBE_OK,
	PROBE_FAILED,    /* `error`, perhaps `icmp` */
	PROBE_TIMED_OUT, /* nothing came */
	PROBE_ENDED,     /* the other side ended the connection instead */
	PROBE_STRANGE,   /* something came that does not belong here: `text`, `tls_bytes` */
	PROBE_LEFT,      /* another address was quicker */
	PROBE_OUTCOMES,
};

/* An ICMP error about our packet (ip(7) IP_RECVERR, ipv6(7) IPV6_RECVERR). */
struct probe_icmp {
	uint8_t given, type, code;
	struct addr from;
};

/* Of TLS. Times are 0 when the certificate does not say. */
struct probe_tls {
	char version[16];
	char cipher[64];
	char alpn[16];
	char subject[128], issuer[128]; /* common name, else the first other name */
	uint32_t chain;                 /* certificates that came */
	uint32_t key_bits;
	int32_t verify;       /* X509_V_* of OpenSSL; 0 = trusted */
	uint8_t name_matches; /* also when nobody named one */
	uint8_t self_signed, weak_signature, tells;
	usec_t not_before, not_after;
	char detail[128]; /* what OpenSSL says of a failure */
};

/* One step. A flat value; every byte of text is printable ASCII or UTF-8 that was made harmless. */
struct probe_record {
	uint32_t step, outcome;
	int32_t error; /* errno, FAILED */
	struct probe_icmp icmp;
	struct addr to, local;
	uint16_t local_port;
	uint16_t status;             /* ANSWER: the number that SMTP, FTP, NNTP or HTTP
				      * begin with, or of an error of MySQL; 0 = none */
	uint8_t tls_bytes;           /* ANSWER: what came is a record of TLS (RFC 8446 5.1) */
	uint8_t offered;             /* ANSWER: STARTTLS is offered */
	usec_t begun, took;          /* since the order came */
	char text[PROBE_TEXT_BYTES]; /* ANSWER: the first line */
	struct probe_tls tls;        /* TLS */
};

bool probe_record_valid(const struct probe_record *record);

/* ---- what it means ---- */

/* Exit codes are made of these: add at the end. */
enum probe_cause {
	PROBE_ANSWERS,
	PROBE_NO_NAME,          /* the name does not exist, or has no address */
	PROBE_NO_RESOLVER,      /* nobody answers for names */
	PROBE_LOCAL,            /* this host's own fault: no route, no address, its own firewall */
	PROBE_UNREACHABLE,      /* a router, or nobody on the link, knows the way */
	PROBE_FILTERED,         /* nothing comes back */
	PROBE_REFUSED,          /* by the host itself: nobody listens */
	PROBE_REFUSED_FIREWALL, /* by a firewall, which said so */
	PROBE_BROKEN_OFF,       /* accepted, then ended */
	PROBE_SILENT,           /* accepted, and nothing is said that should be */
	PROBE_WANTS_TLS,        /* plain text to a port of TLS */
	PROBE_IS_PLAIN,         /* TLS to a port of plain text */
	PROBE_TLS_REFUSED,      /* no version or cipher in common, or another alert */
	PROBE_CERTIFICATE,      /* expired, not yet valid, of another name, not trusted */
	PROBE_SERVICE_FAULT,    /* it answers that it does not work (HTTP 5xx, SMTP 4xx and 5xx) */
	PROBE_OTHER_SERVICE,    /* something else speaks there */
	PROBE_UNKNOWN,          /* UDP: silence says nothing */
	PROBE_OLD_PROTOCOL,     /* nothing newer than TLS 1.1, which RFC 8996 forbids */
	PROBE_CAUSES,
};

/* "answers", "refused": the stable words of JSON. */
const char *probe_cause_name(enum probe_cause cause);
/* Whether somebody answers, though not all is well with it. */
bool probe_cause_answers(enum probe_cause cause);
/* 0 for ANSWERS, 10 and more for the others, by cause. */
int probe_cause_exit(enum probe_cause cause);

enum probe_certificate_fault {
	PROBE_CERTIFICATE_FINE,
	PROBE_CERTIFICATE_EXPIRED,
	PROBE_CERTIFICATE_NOT_YET,
	PROBE_CERTIFICATE_NAME,
	PROBE_CERTIFICATE_SELF_SIGNED,
	PROBE_CERTIFICATE_UNTRUSTED,
};

/* What is wrong with it, the worst first. @param now  wall time. */
enum probe_certificate_fault probe_certificate_fault(const struct probe_tls *tls, usec_t now);

/* Whether an answer says that the service does not work: HTTP 503, SMTP 421, "* BYE". */
bool probe_is_fault(enum probe_talk talk, const struct probe_record *record);

/* What the steps mean. @param evidence  the record that tells, NULL = none does. Pure. */
enum probe_cause probe_judge(const struct probe_order *order, const struct probe_record *records,
			     size_t count, usec_t now, const struct probe_record **evidence);

/* ---- parts that read foreign bytes, pure ---- */

/* The first line, harmless, cut to fit. @param out  PROBE_TEXT_BYTES. */
void probe_first_line(char *out, const uint8_t *bytes, size_t length);
/* Whether bytes begin as a record of TLS does. */
bool probe_is_tls(const uint8_t *bytes, size_t length);
/* The same, as far as so few bytes tell: the first of them alone may be there. */
bool probe_may_be_tls(const uint8_t *bytes, size_t length);
/* What a greeting or answer is: outcome (OK or STRANGE), status, text, tls_bytes. */
void probe_read_answer(struct probe_record *record, enum probe_talk talk, const uint8_t *bytes,
		       size_t length);
/* Whether so many bytes are all that has to be waited for. */
bool probe_is_whole(enum probe_talk talk, const uint8_t *bytes, size_t length);
/* A question in bytes. @return their number; 0 = nothing is said first. */
size_t probe_question(uint8_t *out, size_t room, const struct probe_order *order);

/* ---- carrying an order out: for minato-probe ---- */

/* Called for each step as it is done. @return 0, or negative errno: then it ends. */
typedef int probe_tell_function(void *data, const struct probe_record *record);

/* A TLS library, prepared before rights are given away; NULL when it cannot be. */
struct probe_tls_context;
struct probe_tls_context *probe_tls_prepare(void);

/*
 * One connection at most that is used, others given up: no login, nothing changed.
 * @return 0, whatever became of it; negative errno of `tell`, or when nothing could be tried.
 */
int probe_run(const struct probe_order *order, struct probe_tls_context *tls,
	      probe_tell_function *tell, void *data);

/*
 * A connection to talk over, for other tasks of minato-probe: to the first address that answers,
 * with TLS from the first byte when the order says so.
 */
struct probe_line;
/* @return 0; 1 nobody could be connected, or there is no TLS; -ENOMEM. `out` NULL then. */
int probe_line_open(struct probe_line **out, const struct probe_order *order,
		    struct probe_tls_context *tls);
/* Ends it. NULL is allowed. */
void probe_line_close(struct probe_line *line);
/* Both ends' addresses; untouched when that is not known. */
void probe_line_ends(const struct probe_line *line, struct addr *local, struct addr *to);
/* Microseconds since it was opened: what `until` below is compared with. */
usec_t probe_line_now(const struct probe_line *line);
/* As read(2) and write(2), until then: -ETIMEDOUT; 0 = the other side has ended it. */
long probe_line_read(const struct probe_line *line, void *bytes, size_t room, usec_t until);
long probe_line_write(const struct probe_line *line, const void *bytes, size_t length,
		      usec_t until);

/* ---- asking ---- */

enum { PROBE_RECORDS_MAX = PROBE_ADDRESSES_MAX + 4 };

/*
 * Has minato-probe carry an order out, and collects its records.
 * @param room  at least PROBE_RECORDS_MAX.
 * @return 0, whatever became of it; -ENOENT minato-probe is not installed; -EIO, -EBADMSG,
 * -ETIMEDOUT when it failed or misbehaved; other negative errno.
 */
int probe_ask(struct probe_record *records, size_t room, size_t *count,
	      const struct probe_order *order, struct err *e);

/* ---- this host's own side ---- */

enum probe_neighbour {
	PROBE_NEIGHBOUR_UNKNOWN,
	PROBE_NEIGHBOUR_ANSWERS, /* lately */
	PROBE_NEIGHBOUR_SILENT,  /* to ARP or neighbour discovery */
};

enum { PROBE_INTERFACE_BYTES = 16 }; /* IFNAMSIZ */

struct probe_local {
	bool has_route;
	bool any_link, any_address; /* of an interface that is not loopback; looked for without a
				     * route alone */
	bool to_itself;             /* it is an address of this host */
	bool link_down;
	uint32_t interface_index;
	char interface[PROBE_INTERFACE_BYTES]; /* it leaves through; "" = not known */
	struct addr source, gateway;           /* ADDR_NONE = none: the target is on the link */
	enum probe_neighbour next_hop;         /* the gateway, or the target on the link */
};

/* The way to an address, by the routes of this network namespace. @return 0, also without a way;
 * negative errno of netlink. */
int probe_local(struct probe_local *out, const struct addr *to, struct err *e);

enum { PROBE_RESOLVERS_MAX = 3 }; /* MAXNS of resolv.h */

/* The DNS servers that a resolv.conf(5) names, without zones. Pure. @return how many. */
size_t probe_resolvers_parse(struct addr *out, size_t room, const char *text);
/* Those of this host. @return how many, at most `room`. */
size_t probe_resolvers(struct addr *out, size_t room);

/* ListenOverflows of /proc/net/netstat: connections that found a full queue, ever since the network
 * namespace is there (net/ipv4/tcp_ipv4.c, tcp_v4_syn_recv_sock). Pure. @return 0, or -1 without.
 */
int probe_overflows_parse(uint64_t *out, const char *text);
/* That of this thread's network namespace. @return 0, or -1 where it cannot be read. */
int probe_overflows(uint64_t *out);

/* ---- asking from another host, over ssh(1) ---- */

enum {
	PROBE_VIA_MAX = 64, /* questions at once */
	PROBE_VIA_USER_BYTES = 64,
	PROBE_VIA_SCRIPT_BYTES = 48 * 1024,
};

/* Where it is asked from. */
struct probe_via {
	char user[PROBE_VIA_USER_BYTES]; /* "" = as ssh_config says */
	char host[PROBE_HOST_BYTES];     /* a name, an address, or an alias of ssh_config */
	uint16_t port;                   /* 0 = as ssh_config says */
};

/* "ssh:HOST", "ssh:USER@HOST", "ssh:USER@HOST:PORT", "ssh:USER@[2001:db8::1]:22". Only letters,
 * digits and ._- may stand there, and no word begins with a dash. @return 0 or -EINVAL. */
int probe_via_parse(struct probe_via *out, const char *text);

struct probe_via_question {
	char host[PROBE_HOST_BYTES]; /* "" = the address that our login comes from, seen there */
	uint16_t port;
	bool udp;
};

/* What is asked with there, the best first. */
enum probe_via_tool {
	PROBE_VIA_NOTHING, /* none of them is there */
	PROBE_VIA_MINATO,  /* minato check */
	PROBE_VIA_BASH,    /* /dev/tcp of bash(1) */
	PROBE_VIA_NC,      /* nc(1) */
	PROBE_VIA_TOOLS,
};

/* A flat value. */
struct probe_via_answer {
	uint32_t given;   /* 0 or 1 */
	uint32_t tool;    /* enum probe_via_tool */
	uint32_t code;    /* as probe_cause_exit(): 0 a connection came about; 25 it cannot tell */
	struct addr host; /* the address that was asked, when it was the login's; or ADDR_NONE */
};

/*
 * The questions as a script for sh(1), which writes a line for each. Pure.
 * @param seconds  how long each may take.
 * @return 0; -EINVAL for a host with other characters than names and addresses have; -EFBIG.
 */
int probe_via_script(char *out, size_t room, const struct probe_via_question *questions,
		     size_t count, unsigned seconds);

/* One line of what it wrote. Pure. @return its question's number, or -EBADMSG. */
int probe_via_line(struct probe_via_answer *out, const char *line, size_t count);

/* The words of ssh's command line without its own name, NULL behind the last. @param port  room for
 * digits. @param words  PROBE_VIA_WORDS of them. */
enum { PROBE_VIA_WORDS = 24, PROBE_VIA_PORT_BYTES = 8 };
void probe_via_words(const char **words, char *port, const struct probe_via *via);

/*
 * Logs in and asks all; no shell of this host is involved, and what comes is read by minato-probe.
 * @param answers  as many as questions, at most PROBE_VIA_MAX.
 * @param reason   PROBE_TEXT_BYTES: the last line that ssh wrote to stderr, harmless; "" = none.
 * @return 0, also when nobody answered; -ENOENT there is no ssh or no minato-probe; -ETIMEDOUT;
 * other negative errno.
 */
int probe_via_ask(struct probe_via_answer *answers, char *reason, const struct probe_via *via,
		  const struct probe_via_question *questions, size_t count, unsigned seconds,
		  struct err *e);

/* The other side of it, for minato-probe. @return 0 or negative errno. */
int probe_via_serve(int channel);
