/* What a sweep found, held against what is declared of that address. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/portset.h"
#include "base/str.h"
#include "base/when.h"
#include "catalog/catalog.h"
#include "identify/identify.h"
#include "model/protocol.h"
#include "policy/policy.h"
#include "sweep/sweep.h"

enum audit_verdict {
	AUDIT_IN_ORDER, /* open and declared for who asks, or declared for others and not reached */
	AUDIT_UNDECLARED,  /* open, and nobody declared it */
	AUDIT_OTHERS_ONLY, /* open from here, and declared for others only */
	AUDIT_CLOSED,      /* declared for who asks, and nobody listens */
	AUDIT_FILTERED, /* declared for who asks, and nothing comes back, or a firewall refuses */
	AUDIT_UNKNOWN,  /* UDP: nothing can be said */
	AUDIT_NOT_COMPARED, /* open, and there is no declaration of the address to compare with */
	AUDIT_NOT_ASKED,    /* declared, and it was ended before */
	AUDIT_VERDICTS,
};

/* "in_order", "open_undeclared", ...: the stable words of JSON. */
const char *audit_verdict_name(enum audit_verdict verdict);
/* Whether it differs from the policy. */
bool audit_differs(enum audit_verdict verdict);

/* What is declared of an address. */
struct audit_declared {
	const struct policy *policy; /* NULL: nothing is, so nothing is compared */
	const struct policy_declaration *items;
	size_t count;
	bool own; /* of this host: who asks is everybody, as rules do not see it otherwise */
	struct addr from; /* who asks; ADDR_NONE = not known, then everybody */
	int64_t today;    /* days since 1970-01-01: what has run out is not declared any more */
};

/* A port that something is to be said of. */
struct audit_row {
	uint16_t port;
	enum sweep_state state;
	enum audit_verdict verdict;
	const struct policy_declaration *declaration; /* NULL = none */
};

/*
 * Open ports, and declared ones that were asked, or should have been; by number.
 * @param states  65536 of enum sweep_state. @param asked  the ports of the order.
 * @param room  65536 is always enough. @return how many.
 */
size_t audit_compare(struct audit_row *out, size_t room, const uint8_t *states,
		     enum protocol protocol, const struct portset *asked,
		     const struct audit_declared *declared);

/* The declared ports of a protocol. @param out  is added to. */
void audit_declared_ports(struct portset *out, enum protocol protocol,
			  const struct audit_declared *declared);

/*
 * Reads "22,80,8000-8100". @return 0; -EINVAL it is none, or is empty, or names port 0; -ERANGE.
 */
int audit_parse_ports(struct portset *out, const char *text);

/* ---- what earlier audits of an address found ---- */

enum {
	AUDIT_LAYERS_MAX = 8,             /* audits that still tell something, of a protocol */
	AUDIT_RECORD_BYTES_MAX = 8 << 20, /* of a record as text */
	AUDIT_RECORDS_MAX = 256,          /* addresses; the one written longest ago goes */
	AUDIT_RECORD_NAME_BYTES = ADDR_TEXT_BYTES + 16,
};

/* What one audit knew: a port is in one set at most, and not in that of a later audit. */
struct audit_layer {
	enum protocol protocol; /* TCP or UDP */
	usec_t time;            /* when it ended; of one that was gone on with, when it did first */
	struct portset open, closed, rejected;
	struct portset filtered; /* silent, and proven not to be missed */
	struct portset left;     /* to be asked, when it was ended before */
};

/* All that is known of an address; layers of a protocol from old to new. */
struct audit_record {
	struct addr address;
	struct audit_layer layers[2 * AUDIT_LAYERS_MAX];
	size_t count;
};

/* A port that is open and was not, or was and is not. */
struct audit_change {
	uint16_t port;
	enum sweep_state before, now; /* one of them is SWEEP_OPEN */
	usec_t since;                 /* time of the audit that knew `before` */
};

/*
 * What a sweep knows, as a layer. Silence counts only where it is proven that no open port is
 * missed; of UDP never.
 * @param states  65536 of enum sweep_state. @param proven  by sweep_prove().
 * @param left    whether what is not known was still to be asked: it was ended before.
 */
void audit_layer_make(struct audit_layer *out, enum protocol protocol, usec_t time,
		      const uint8_t *states, const struct portset *asked, bool proven, bool left);

/*
 * What opened or closed since earlier audits, by port: only ports that both knew about.
 * @param since  the latest audit that was compared with, 0 = none.
 * @param room   65536 is always enough. @return how many.
 */
size_t audit_record_compare(struct audit_change *out, size_t room, usec_t *since,
			    const struct audit_record *record, const struct audit_layer *now);

/* Takes a layer in: what it knows is known no more by older ones. The oldest goes where there is no
 * room. What was left of an older one is forgotten. */
void audit_record_take(struct audit_record *record, const struct audit_layer *layer);

/* The last audit of a protocol, when it was ended before all was asked; else NULL. */
const struct audit_layer *audit_record_unfinished(const struct audit_record *record,
						  enum protocol protocol);

/* What an audit knows that goes on with `before`: its own and that. @param layer  is added to. */
void audit_layer_join(struct audit_layer *layer, const struct audit_layer *before);
/* What a layer knows as states of ports. @param asked  is added to. */
void audit_layer_states(uint8_t *states, struct portset *asked, const struct audit_layer *layer);

/* As JSON. @return 0, -ENOMEM, -EFBIG. */
int audit_record_print(struct str *out, const struct audit_record *record);
/* The reverse; every field is checked. @param out  untouched on failure. @return 0, -EBADMSG,
 * -ENOMEM. */
int audit_record_parse(struct audit_record *out, const char *text, size_t length);

/*
 * Opens the folder of records and locks it, so that of two audits at once neither is lost.
 * @param path  made with the folders above it, for its user alone.
 * @return a descriptor that the caller closes; -EPERM others may write there; other negative errno.
 */
int audit_records_open(const char *path, struct err *e);

/* Which of an address. */
enum audit_record_kind {
	AUDIT_RECORD_KEPT,      /* what audits found */
	AUDIT_RECORD_UNDER_WAY, /* what one knows that has not ended: left behind when it was killed
				 */
	AUDIT_RECORD_KINDS,
};

enum audit_record_found {
	AUDIT_RECORD_READ,
	AUDIT_RECORD_NONE,    /* the first audit of this address: `out` is empty */
	AUDIT_RECORD_DAMAGED, /* likewise, and what was there has another name now */
};

/*
 * @param aside  receives the new name of a damaged one, else "".
 * @return enum audit_record_found, or negative errno: it cannot be read.
 */
int audit_record_read(struct audit_record *out, char aside[AUDIT_RECORD_NAME_BYTES], int folder,
		      const struct addr *address, enum audit_record_kind kind, struct err *e);

/* Whole or not at all. Where there are too many, old ones go. @return 0 or negative errno. */
int audit_record_write(int folder, const struct audit_record *record, enum audit_record_kind kind,
		       struct err *e);
void audit_record_forget(int folder, const struct addr *address, enum audit_record_kind kind);

/* ---- what speaks at an open port, held against the catalogue ---- */

/* What is worth a line; bits of audit_judge_service(). */
enum audit_service_finding {
	AUDIT_SERVICE_WITHOUT_LOGIN = 1 << 0, /* it serves everybody, and that is dangerous */
	AUDIT_SERVICE_OTHER = 1 << 1,         /* it is not what the number is for */
	AUDIT_SERVICE_PLAIN = 1 << 2,         /* not encrypted, where the number is for TLS */
	AUDIT_SERVICE_SMB1 = 1 << 3,          /* the dialect without protection is offered */
	AUDIT_SERVICE_WITHOUT_NLA = 1 << 4,   /* RDP shows its login to everybody */
};

enum { AUDIT_SERVICE_FINDINGS = 5 };

/* "without_login", "other_service", ...: the stable words of JSON, of one bit. */
const char *audit_service_finding_name(enum audit_service_finding finding);

/* A port to be asked: what the catalogue's entries for the number speak. Where one of them prints,
 * stores or moves what it hears, nothing is said. */
void audit_service_port(struct identify_port *out, enum protocol protocol, uint16_t port);

/* @return bits of enum audit_service_finding. */
unsigned audit_judge_service(const struct identity *identity);

/* The catalogue's entry for what speaks there; NULL = none. */
const struct port_knowledge *audit_service_knowledge(const struct identity *identity);
