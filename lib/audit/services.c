/* What speaks at an open port, held against what the catalogue knows of the number. */
#include "audit/audit.h"

#include <string.h>

const char *audit_service_finding_name(enum audit_service_finding finding)
{
	switch (finding) {
	case AUDIT_SERVICE_WITHOUT_LOGIN:
		return "without_login";
	case AUDIT_SERVICE_OTHER:
		return "other_service";
	case AUDIT_SERVICE_PLAIN:
		return "plain_where_tls";
	case AUDIT_SERVICE_SMB1:
		return "smb1";
	default:
		return "without_nla";
	}
}

void audit_service_port(struct identify_port *out, enum protocol protocol, uint16_t port)
{
	const struct port_knowledge *entry = NULL;
	*out = (struct identify_port){ .port = port, .protocol = (uint8_t)protocol };
	while ((entry = catalog_port_next(protocol, port, entry)) != NULL) {
		bool tls = false;
		const enum identify_talk talk = identify_talk_of(entry->name, &tls);
		if (talk == IDENTIFY_TALK_LISTEN || out->talk == IDENTIFY_TALK_NONE) {
			out->talk = (uint8_t)talk;
			out->tls = tls;
		}
	}
}

const struct port_knowledge *audit_service_knowledge(const struct identity *identity)
{
	const char *service = identity_service(identity);
	const struct port_knowledge *entry = NULL;
	if (service[0] == '\0') {
		return NULL;
	}
	/* The number's own entry says more: HTTPS and not HTTP, IMAPS and not IMAP. */
	while ((entry = catalog_port_next((enum protocol)identity->protocol, identity->port,
					  entry)) != NULL) {
		bool tls = false;
		const enum identify_talk talk = identify_talk_of(entry->name, &tls);
		if (strcmp(entry->name, service) == 0 ||
		    (identity->service[0] == '\0' && talk == identity->talk &&
		     tls == (identity->encrypted == IDENTIFY_TOLD_YES) &&
		     talk != IDENTIFY_TALK_HTTP)) {
			return entry;
		}
	}
	const bool https = strcmp(service, "http") == 0 && identity->encrypted == IDENTIFY_TOLD_YES;
	return catalog_port_named(https ? "https" : service);
}

/* What the number is for. */
struct expected {
	bool met, tls, plain;
};

static void expect(struct expected *out, const struct identity *identity)
{
	const struct port_knowledge *entry = NULL;
	*out = (struct expected){ 0 };
	while ((entry = catalog_port_next((enum protocol)identity->protocol, identity->port,
					  entry)) != NULL) {
		bool tls = false;
		const enum identify_talk talk = identify_talk_of(entry->name, &tls);
		if (talk > IDENTIFY_TALK_LISTEN) {
			/* HTTP over UDP is HTTP/3, within QUIC (RFC 9114). */
			out->met |=
				talk == identity->talk || (talk == IDENTIFY_TALK_HTTP &&
							   identity->talk == IDENTIFY_TALK_QUIC);
			out->tls |= tls;
			out->plain |= !tls;
		} else {
			/* data/services.yaml says who speaks what, but HTTP is spoken by many more.
			 */
			out->met |= identity->talk == IDENTIFY_TALK_HTTP;
			out->plain = true;
		}
	}
}

static bool is_dangerous(const struct identity *identity)
{
	const struct port_knowledge *entry = catalog_port_named(identity_service(identity));
	return entry == NULL || entry->risk >= SEVERITY_HIGH;
}

unsigned audit_judge_service(const struct identity *identity)
{
	struct expected expected;
	unsigned findings = 0;
	if (identity->outcome != IDENTIFY_NAMED) {
		return 0;
	}
	expect(&expected, identity);
	if (identity->without_login == IDENTIFY_TOLD_YES && is_dangerous(identity)) {
		findings |= AUDIT_SERVICE_WITHOUT_LOGIN;
	}
	/* Of a number that is for nothing nothing is expected; TLS around what nobody knows may be
	 * anything. */
	if (catalog_port((enum protocol)identity->protocol, identity->port) != NULL &&
	    !expected.met && identity->talk != IDENTIFY_TALK_TLS) {
		findings |= AUDIT_SERVICE_OTHER;
	} else if (expected.tls && !expected.plain && identity->encrypted == IDENTIFY_TOLD_NO) {
		findings |= AUDIT_SERVICE_PLAIN;
	}
	findings |= identity->smb1 == IDENTIFY_TOLD_YES ? AUDIT_SERVICE_SMB1 : 0;
	findings |= identity->nla == IDENTIFY_TOLD_NO ? AUDIT_SERVICE_WITHOUT_NLA : 0;
	return findings;
}
