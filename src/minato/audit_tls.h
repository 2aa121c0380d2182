/* minato audit --tls: how ports encrypt, held against the policy. */
#pragma once

#include "audit.h"
#include "tls/tls.h"

struct audit_tls_options {
	const char *name; /* certificates must be for it; NULL = as the target says */
	bool quick;       /* only whether there is TLS */
	bool json;
};

/* One port of one address. */
struct audit_tls_port {
	uint16_t port;
	bool known; /* there is a record */
	struct tls_record record;
	enum tls_grade grade;
	struct tls_reasons reasons;
	const struct policy_declaration *declaration; /* NULL = none */
	enum tls_verdict verdict;
};

enum { AUDIT_TLS_ADDRESSES_MAX = 64 };

/* One address. */
struct audit_tls {
	const char *name; /* as it was asked for */
	struct addr address;
	bool own;
	bool authorized;
	char host[TLS_HOST_BYTES]; /* certificates must be for it; "" = any name */
	struct audit_tls_port *ports;
	size_t count;
	size_t left_out;  /* ports beyond TLS_PORTS_MAX */
	struct err fault; /* why it could not be asked; code 0 = it was */
	usec_t took;
};

struct audit_tls_list {
	struct audit_tls items[AUDIT_TLS_ADDRESSES_MAX];
	size_t count;
};

void audit_tls_deinit(struct audit_tls_list *list);

/* Whether words name ports of this host: none at all, "self", or lists of ports. */
bool audit_tls_is_own(const char *const *words, unsigned count);
/* The whole command then. @return an exit code. */
int audit_tls_own(const struct context *context, const struct audit_tls_options *options,
		  const char *const *words, unsigned count);
/* Asks what a sweep found open, and shows it. @return an exit code. */
int audit_tls_swept(const struct audit_parts *parts, const struct context *context,
		    const struct audit_tls_options *options);

/*
 * Ports of this host by the address to ask them at: those that listen, and declared ones.
 * @param wanted  NULL = all. @return an exit code.
 */
int audit_tls_find_own(struct audit_tls_list *out, const struct context *context,
		       const struct policy *policy, const struct portset *wanted);
/* Adds a port of an address once. @return 0; -ENOMEM; -E2BIG. */
int audit_tls_add_port(struct audit_tls_list *list, const char *name, const struct addr *address,
		       uint16_t port);

/* What connections to this host begin with, watched for so many seconds. @return an exit code. */
int audit_tls_passive(const struct context *context, uint64_t seconds, bool json);
/* What a declaration says of encryption. @param declaration  NULL = there is none. */
enum tls_declared audit_tls_declared(const struct policy_declaration *declaration);

/* ---- words (audit_tls_text.c, audit_tls_json.c) ---- */

/* Everything of one address. Appends. */
void audit_tls_add(struct str *out, const struct audit_tls *audit, const struct context *context);
json_t *audit_tls_json(const struct audit_tls *audit, const struct context *context);
/* The message of a verdict that says more than "in order"; NULL = it does not. */
const char *audit_tls_verdict_words(enum tls_verdict verdict);
const struct message *audit_tls_message(enum tls_verdict verdict);
