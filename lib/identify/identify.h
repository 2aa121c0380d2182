/*
 * What speaks at a port: what is said to it, by its usual service's own handshake, and what its
 * bytes mean. The bytes are read by a process without rights (minato-probe, role "identify"), which
 * tells of each port in one record of fixed form. Never a login; nothing is changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"
#include "model/protocol.h"

/* ---- what may speak ---- */

/* A language of the wire. Add at the end: they cross processes. */
enum identify_talk {
	IDENTIFY_TALK_NONE,       /* nobody knows what is usual there */
	IDENTIFY_TALK_LISTEN,     /* whatever is said there is printed, stored or moves a machine:
				     nothing is */
	IDENTIFY_TALK_HTTP,       /* RFC 9112 */
	IDENTIFY_TALK_SSH,        /* RFC 4253 4.2 */
	IDENTIFY_TALK_SMTP,       /* RFC 5321, RFC 3207 */
	IDENTIFY_TALK_FTP,        /* RFC 959, RFC 2389 FEAT, RFC 4217 */
	IDENTIFY_TALK_POP3,       /* RFC 1939, RFC 2449 CAPA, RFC 2595 */
	IDENTIFY_TALK_IMAP,       /* RFC 9051 */
	IDENTIFY_TALK_NNTP,       /* RFC 3977 */
	IDENTIFY_TALK_SIEVE,      /* RFC 5804 */
	IDENTIFY_TALK_TELNET,     /* RFC 854 */
	IDENTIFY_TALK_RSYNC,      /* "@RSYNCD:" */
	IDENTIFY_TALK_IRC,        /* RFC 2812 */
	IDENTIFY_TALK_VNC,        /* RFC 6143 7.1 */
	IDENTIFY_TALK_MYSQL,      /* Connection Phase, protocol 10 */
	IDENTIFY_TALK_POSTGRESQL, /* SSLRequest */
	IDENTIFY_TALK_REDIS,      /* PING */
	IDENTIFY_TALK_MEMCACHED,  /* version */
	IDENTIFY_TALK_MONGODB,    /* OP_MSG: hello, buildInfo, listDatabases */
	IDENTIFY_TALK_MSSQL,      /* MS-TDS 2.2.6.5 PRELOGIN */
	IDENTIFY_TALK_CASSANDRA,  /* CQL binary protocol 4: OPTIONS */
	IDENTIFY_TALK_AMQP,       /* AMQP 0-9-1, 4.2.2 */
	IDENTIFY_TALK_MQTT,       /* MQTT 3.1.1: CONNECT with a clean session, DISCONNECT */
	IDENTIFY_TALK_NATS,       /* INFO */
	IDENTIFY_TALK_LDAP,       /* RFC 4511: root DSE, not bound */
	IDENTIFY_TALK_SMB,        /* MS-SMB2 2.2.3, MS-SMB 2.2.4.52 */
	IDENTIFY_TALK_RDP,        /* MS-RDPBCGR 2.2.1.1 */
	IDENTIFY_TALK_SOCKS,      /* RFC 1928 3 */
	IDENTIFY_TALK_RTSP,       /* RFC 7826 13.1: OPTIONS */
	IDENTIFY_TALK_SIP,        /* RFC 3261 11: OPTIONS */
	IDENTIFY_TALK_XMPP,       /* RFC 6120 4 */
	IDENTIFY_TALK_X11,        /* X protocol, Connection Setup */
	IDENTIFY_TALK_RPC,        /* RFC 5531: procedure 0 of the port mapper */
	IDENTIFY_TALK_EPMD,       /* Erlang's port mapper: NAMES */
	IDENTIFY_TALK_AJP,        /* AJP 1.3 CPing */
	IDENTIFY_TALK_FASTCGI,    /* FCGI_GET_VALUES */
	IDENTIFY_TALK_DNS,        /* RFC 1035; version.bind of RFC 4892 */
	IDENTIFY_TALK_TLS,        /* TLS, and within it nothing that is known */
	/* UDP alone */
	IDENTIFY_TALK_NTP,     /* RFC 5905 */
	IDENTIFY_TALK_SNMP,    /* RFC 3414 4 */
	IDENTIFY_TALK_SSDP,    /* UPnP Device Architecture */
	IDENTIFY_TALK_QUIC,    /* RFC 8999 6 */
	IDENTIFY_TALK_STUN,    /* RFC 8489 */
	IDENTIFY_TALK_TFTP,    /* RFC 1350 */
	IDENTIFY_TALK_NETBIOS, /* RFC 1002 4.2.18 */
	IDENTIFY_TALK_COAP,    /* RFC 7252 */
	IDENTIFY_TALKS,
};

/* "ssh", "postgresql", ...: the stable words of JSON; most are ids of the catalogue. */
const char *identify_talk_name(enum identify_talk talk);

/*
 * What an entry of the catalogue (its id, "redis") speaks.
 * @param tls  set to whether it begins with a TLS handshake. @return NONE when that is not known.
 */
enum identify_talk identify_talk_of(const char *service, bool *tls);

/* ---- what to ask ---- */

enum {
	IDENTIFY_PORTS_MAX = 512, /* of one order; a host that answers everywhere has no services */
	IDENTIFY_HOST_BYTES = 254,
	IDENTIFY_AT_ONCE_MAX = 256,
	IDENTIFY_CONNECTIONS_MAX = 3,   /* to one port */
	IDENTIFY_HEARD_MAX = 16 * 1024, /* of one answer; more is not read */
	IDENTIFY_SAY_MAX = 1500,
};

struct identify_port {
	uint16_t port;
	uint8_t protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
	uint8_t talk;     /* enum identify_talk: what is usual there */
	uint8_t tls;      /* 0 or 1: which begins with TLS */
};

/* What minato-probe is told. A flat value. */
struct identify_order {
	struct addr address;
	char host[IDENTIFY_HOST_BYTES]; /* for HTTP and TLS; may be an address */
	uint32_t at_once;               /* connections, 1..IDENTIFY_AT_ONCE_MAX; fewer when
					 * descriptors are few */
	usec_t connect_time;
	usec_t greeting_time; /* that is waited before something is said to who may speak first */
	usec_t answer_time;   /* of one answer, however slowly it comes */
	usec_t total_time;    /* ports not asked by then are told as such */
	uint32_t snmp_public; /* 0 or 1: ask SNMP v2c with "public" for sysDescr */
	uint32_t port_count;
	struct identify_port ports[IDENTIFY_PORTS_MAX];
};

/* The times and bounds that suit one's own hosts; ports are the caller's. */
void identify_order_init(struct identify_order *order, const struct addr *address,
			 const char *host);
bool identify_order_valid(const struct identify_order *order);

/* ---- what became of it ---- */

enum identify_outcome {
	IDENTIFY_NOT_ASKED,   /* the time was over before */
	IDENTIFY_NAMED,       /* `talk` speaks there */
	IDENTIFY_UNKNOWN,     /* something was said, and nobody knows it: `detail` */
	IDENTIFY_SILENT,      /* it was connected, and said nothing */
	IDENTIFY_ENDED,       /* the connection was ended without a word */
	IDENTIFY_UNREACHABLE, /* nobody could be connected */
	IDENTIFY_OUTCOMES,
};

/* "named", "silent", ...: the stable words of JSON. */
const char *identify_outcome_name(enum identify_outcome outcome);

/* What the bytes say of a question; what they do not tell stays unknown. */
enum identify_told {
	IDENTIFY_TOLD_NOTHING,
	IDENTIFY_TOLD_NO,
	IDENTIFY_TOLD_YES,
};

/* One port. A flat value; text is printable ASCII. */
struct identity {
	uint16_t port;
	uint8_t protocol;
	uint8_t outcome; /* enum identify_outcome */
	uint8_t talk;    /* enum identify_talk, with IDENTIFY_NAMED */
	uint8_t connections;
	/* enum identify_told, each: */
	uint8_t encrypted;     /* TLS begins with the first byte; or the protocol encrypts (SSH) */
	uint8_t starttls;      /* TLS is offered within the protocol */
	uint8_t without_login; /* it serves who has not logged in; only where that means something
				*/
	uint8_t smb1;          /* SMB: the old dialect is spoken too */
	uint8_t signing;       /* SMB: signing is required */
	uint8_t nla;           /* RDP: Network Level Authentication is required */
	uint16_t smb_dialect;  /* 0x0311; 0 = not told */
	uint16_t status;       /* HTTP; 0 = none */
	char service[32]; /* id of the catalogue that is meant: "elasticsearch"; "" = as talk */
	char product[48], version[48];
	char detail[128]; /* the first line, sysDescr and the like */
	char alpn[16], tls_version[16];
	char certificate[96]; /* common name, else the first other name */
	usec_t not_after;     /* of the certificate; 0 = none */
	usec_t took;
};

bool identity_valid(const struct identity *identity);

/* The id of the catalogue for what speaks: `service`, else the talk's name; "" = not named. */
const char *identity_service(const struct identity *identity);

/* ---- one port's conversation, pure ---- */

/* What is known of a TLS handshake that came about. */
struct identify_tls {
	char alpn[16], version[16], certificate[96];
	usec_t not_after;
};

enum identify_action {
	IDENTIFY_CONNECT, /* closing what there was */
	IDENTIFY_SHAKE,   /* a TLS handshake on the connection */
	IDENTIFY_SAY,     /* `bytes`; then hear, until `wait` is over */
	IDENTIFY_HEAR,    /* until `wait` is over */
	IDENTIFY_DONE,    /* `identity` is complete */
};

struct identify_heard {
	size_t length;
	uint8_t bytes[IDENTIFY_HEARD_MAX];
};

struct identify_talking {
	const struct identify_order *order;
	const struct identify_port *port;
	struct identity identity;
	struct identify_heard heard; /* since something was said last */
	/* What is done next. */
	enum identify_action action;
	bool fresh; /* it has just become so, and `wait` counts from now; cleared by who does it */
	usec_t wait;
	size_t length;
	uint8_t bytes[IDENTIFY_SAY_MAX];
	bool alpn_http; /* with SHAKE: "http/1.1" is offered */
	/* Where it stands. */
	uint8_t talk, stage, step, tried;
	bool tls, secured, spoke;
};

/* Both stay the caller's. `action` says what to do first. */
void identify_begin(struct identify_talking *t, const struct identify_order *order,
		    const struct identify_port *port);
/* What became of the action; `action` then says what is next. */
void identify_connected(struct identify_talking *t);
void identify_not_connected(struct identify_talking *t);
void identify_secured(struct identify_talking *t, const struct identify_tls *tls);
/* @param alert  whether the other side answered in TLS at all. */
void identify_not_secured(struct identify_talking *t, bool alert);
/* Bytes came. @return how many were taken; less than `length` when no more is wanted. */
size_t identify_hear(struct identify_talking *t, const uint8_t *bytes, size_t length);
/* The wait is over. */
void identify_quiet(struct identify_talking *t);
/* The other side has ended the connection. */
void identify_ended(struct identify_talking *t);

/* ---- carrying an order out: for minato-probe ---- */

/* A TLS library, prepared before rights are given away; NULL when it cannot be: then nothing is
 * asked in TLS. */
struct identify_tls_context;
struct identify_tls_context *identify_tls_prepare(void);

/* Called for each port as it is done. @return 0, or negative errno: then it ends. */
typedef int identify_tell_function(void *data, const struct identity *identity);

/* All ports of the order, some at once. @return 0; negative errno of `tell`; -ENOMEM. */
int identify_run(const struct identify_order *order, struct identify_tls_context *tls,
		 identify_tell_function *tell, void *data);

/* ---- asking ---- */

/*
 * Has minato-probe carry an order out, and collects one identity for each port, in the order's
 * order.
 * @param out   room for order->port_count; those that were not told are IDENTIFY_NOT_ASKED.
 * @param stop  becomes nonzero when it is to end with what is known; NULL = never.
 * @return 0, whatever became of it; -ENOENT minato-probe is not installed; -EIO, -EBADMSG,
 * -ETIMEDOUT when it failed or misbehaved: what was told before stands.
 */
int identify_ask(struct identity *out, const struct identify_order *order, const volatile int *stop,
		 struct err *e);
