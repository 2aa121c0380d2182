/* Asking a service for what only it can tell, by minato-probe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "identify/identify.h"
#include "measures.h"

static const usec_t CONNECT_TIME = 2 * USEC_PER_SEC, ANSWER_TIME = 4 * USEC_PER_SEC;

bool measure_service_speaks(const struct port_knowledge *service)
{
	for (int id = 0; id < MEASURES; id++) {
		if (measure_at((enum measure_id)id)->asks &&
		    measure_is_for((enum measure_id)id, service)) {
			return true;
		}
	}
	return false;
}

/* ---- what lib/identify tells ---- */

static void take(struct measure_answer *out, enum measure_question question, uint8_t told,
		 const char *text)
{
	out->told[question] = told; /* enum identify_told has the same values */
	(void)str_copy(out->text[question], MEASURE_TEXT_BYTES, text);
}

/* "redis 7.0.15", "smb, dialect 3.1.1". */
static void add_name(char out[MEASURE_TEXT_BYTES], const struct identity *i)
{
	const char *name = i->product[0] != '\0' ? i->product : identity_service(i);
	if (i->smb_dialect != 0) {
		(void)snprintf(out, MEASURE_TEXT_BYTES, "%s, dialect %x.%x.%x", name,
			       (unsigned)i->smb_dialect >> 8, (unsigned)i->smb_dialect >> 4 & 15,
			       (unsigned)i->smb_dialect & 15);
	} else {
		(void)snprintf(out, MEASURE_TEXT_BYTES, "%s%s%s", name,
			       i->version[0] != '\0' ? " " : "", i->version);
	}
}

static void take_identity(struct measure_answer *out, const struct identity *identity)
{
	char name[MEASURE_TEXT_BYTES];
	if (identity->outcome != IDENTIFY_NAMED) {
		return;
	}
	add_name(name, identity);
	out->heard = 1;
	take(out, MEASURE_ASK_NO_LOGIN, identity->without_login, name);
	take(out, MEASURE_ASK_ENCRYPTED, identity->encrypted, name);
	take(out, MEASURE_ASK_SMB1, identity->smb1, name);
	take(out, MEASURE_ASK_SIGNING, identity->signing, name);
	take(out, MEASURE_ASK_NLA, identity->nla, name);
	if (identity->talk == IDENTIFY_TALK_SNMP) {
		/* It is there, and said nothing to "public". */
		take(out, MEASURE_ASK_PUBLIC,
		     identity->without_login == IDENTIFY_TOLD_YES ? MEASURE_TOLD_YES
								  : MEASURE_TOLD_NO,
		     identity->detail[0] != '\0' ? identity->detail : name);
	}
}

static int identify_one(struct identity *out, const struct measure_place *place, const char *host,
			struct err *e)
{
	_cleanup_(freep) struct identify_order *order = malloc(sizeof(*order));
	if (order == NULL) {
		return -ENOMEM;
	}
	identify_order_init(order, &place->address, host);
	order->snmp_public = 1;
	order->port_count = 1;
	audit_service_port(&order->ports[0], place->protocol, place->port);
	return identify_ask(out, order, NULL, e);
}

/* ---- what takes a dialogue of its own ---- */

/* @return whether there is one with who speaks so. */
static bool dialogue_of(enum measure_talk *out, const struct identity *identity)
{
	static const struct {
		enum identify_talk speaks;
		enum measure_talk talk;
	} talks[] = {
		{ IDENTIFY_TALK_HTTP, MEASURE_TALK_HTTP },
		{ IDENTIFY_TALK_SMTP, MEASURE_TALK_SMTP },
		{ IDENTIFY_TALK_FTP, MEASURE_TALK_FTP },
	};
	for (size_t i = 0; identity->outcome == IDENTIFY_NAMED && i < 3; i++) {
		if (talks[i].speaks == identity->talk) {
			*out = talks[i].talk;
			return true;
		}
	}
	return false;
}

static int talk(struct measure_answer *out, enum measure_talk talk, bool tls,
		const struct measure_place *place, const char *host, struct err *e)
{
	struct measure_order order = { .talk = talk };
	order.to.tls = tls ? PROBE_TLS_DIRECT : PROBE_TLS_NONE;
	order.to.unnamed = 1;
	order.to.port = place->port;
	order.to.connect_time = CONNECT_TIME;
	order.to.answer_time = ANSWER_TIME;
	probe_order_addresses(&order.to, &place->address, 1);
	(void)str_copy(order.to.host, sizeof(order.to.host), host);
	(void)str_copy(order.to.path, sizeof(order.to.path), "/");
	return measure_ask(out, &order, e);
}

int measure_service_ask(struct measure_answer *out, const struct measure_place *place,
			const struct identity *identity, struct err *e)
{
	char literal[ADDR_TEXT_BYTES];
	struct identity found = { 0 };
	enum measure_talk how;
	const char *host =
		place->host != NULL ? place->host : addr_format(&place->address, literal);
	*out = (struct measure_answer){ 0 };
	/* Who was only asked what it is was not asked for "public". */
	int r = 0;
	if (identity == NULL || identity->talk == IDENTIFY_TALK_SNMP) {
		r = identify_one(&found, place, host, e);
		identity = &found;
	}
	if (r == 0 && dialogue_of(&how, identity)) {
		r = talk(out, how, identity->encrypted == IDENTIFY_TOLD_YES, place, host, e);
	}
	if (r == 0) {
		take_identity(out, identity);
	}
	return r;
}
