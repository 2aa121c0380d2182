/* What the steps of a probe mean. */
#include <errno.h>
#include <string.h>

#include "probe/probe.h"

static const struct {
	const char *name;
	int exit;
} causes[PROBE_CAUSES] = {
	[PROBE_ANSWERS] = { "answers", 0 },
	[PROBE_NO_NAME] = { "no_name", 10 },
	[PROBE_NO_RESOLVER] = { "no_resolver", 11 },
	[PROBE_LOCAL] = { "local", 12 },
	[PROBE_UNREACHABLE] = { "unreachable", 13 },
	[PROBE_FILTERED] = { "filtered", 14 },
	[PROBE_REFUSED] = { "refused", 15 },
	[PROBE_REFUSED_FIREWALL] = { "refused_by_firewall", 16 },
	[PROBE_BROKEN_OFF] = { "broken_off", 17 },
	[PROBE_SILENT] = { "silent", 18 },
	[PROBE_WANTS_TLS] = { "wants_tls", 19 },
	[PROBE_IS_PLAIN] = { "is_plain", 20 },
	[PROBE_TLS_REFUSED] = { "tls_refused", 21 },
	[PROBE_CERTIFICATE] = { "certificate", 22 },
	[PROBE_SERVICE_FAULT] = { "service_fault", 23 },
	[PROBE_OTHER_SERVICE] = { "other_service", 24 },
	[PROBE_UNKNOWN] = { "unknown", 25 },
	[PROBE_OLD_PROTOCOL] = { "old_protocol", 26 },
};

const char *probe_cause_name(enum probe_cause cause)
{
	return causes[cause].name;
}

bool probe_cause_answers(enum probe_cause cause)
{
	return cause == PROBE_ANSWERS || cause == PROBE_CERTIFICATE || cause == PROBE_OLD_PROTOCOL;
}

int probe_cause_exit(enum probe_cause cause)
{
	return causes[cause].exit;
}

enum probe_certificate_fault probe_certificate_fault(const struct probe_tls *tls, usec_t now)
{
	if (tls->not_after != 0 && tls->not_after < now) {
		return PROBE_CERTIFICATE_EXPIRED;
	}
	if (tls->not_before > now) {
		return PROBE_CERTIFICATE_NOT_YET;
	}
	if (!tls->name_matches) {
		return PROBE_CERTIFICATE_NAME;
	}
	if (tls->verify != 0) {
		return tls->self_signed ? PROBE_CERTIFICATE_SELF_SIGNED
					: PROBE_CERTIFICATE_UNTRUSTED;
	}
	return PROBE_CERTIFICATE_FINE;
}

/* Administratively prohibited: a firewall says so (RFC 1812 5.2.7.1, RFC 4443 3.1). */
static bool is_prohibited(const struct probe_icmp *icmp, const struct addr *to)
{
	if (to->family == ADDR_IPV4) {
		return icmp->type == 3 && (icmp->code == 9 || icmp->code == 10 || icmp->code == 13);
	}
	return icmp->type == 1 && (icmp->code == 1 || icmp->code == 5 || icmp->code == 6);
}

static bool is_port_unreachable(const struct probe_icmp *icmp, const struct addr *to)
{
	return to->family == ADDR_IPV4 ? icmp->type == 3 && icmp->code == 3
				       : icmp->type == 1 && icmp->code == 4;
}

/* A host that has no socket for TCP sends a reset; ICMP in its place is a rule's doing. */
static enum probe_cause of_icmp(const struct probe_order *order, const struct probe_record *r)
{
	if (is_prohibited(&r->icmp, &r->to)) {
		return PROBE_REFUSED_FIREWALL;
	}
	if (is_port_unreachable(&r->icmp, &r->to)) {
		const bool itself = addr_compare(&r->icmp.from, &r->to) == 0;
		return order->udp != 0 && itself ? PROBE_REFUSED : PROBE_REFUSED_FIREWALL;
	}
	return PROBE_UNREACHABLE;
}

static enum probe_cause of_failure(const struct probe_order *order, const struct probe_record *r)
{
	if (r->outcome == PROBE_TIMED_OUT) {
		return PROBE_FILTERED;
	}
	if (r->icmp.given != 0) {
		return of_icmp(order, r);
	}
	switch (r->error) {
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case ECONNRESET:
		return PROBE_BROKEN_OFF;
	case ETIMEDOUT:
		return PROBE_FILTERED;
	case EHOSTUNREACH: /* nobody on the link has that address */
	case EHOSTDOWN:
		return PROBE_UNREACHABLE;
	default: /* ENETUNREACH, EADDRNOTAVAIL, EPERM, EACCES: nothing was sent */
		return PROBE_LOCAL;
	}
}

/* Of several addresses that all failed the one counts that tells most. */
static const enum probe_cause telling[] = {
	PROBE_BROKEN_OFF, PROBE_REFUSED,     PROBE_REFUSED_FIREWALL,
	PROBE_FILTERED,   PROBE_UNREACHABLE, PROBE_LOCAL,
};

static enum probe_cause judge_connecting(const struct probe_order *order,
					 const struct probe_record *records, size_t count,
					 const struct probe_record **evidence)
{
	for (size_t t = 0; t < sizeof(telling) / sizeof(telling[0]); t++) {
		for (size_t i = 0; i < count; i++) {
			const struct probe_record *r = &records[i];
			if (r->step == PROBE_STEP_CONNECT && r->outcome != PROBE_LEFT &&
			    of_failure(order, r) == telling[t]) {
				*evidence = r;
				return telling[t];
			}
		}
	}
	return PROBE_LOCAL;
}

static enum probe_cause judge_tls(const struct probe_record *r)
{
	switch (r->outcome) {
	case PROBE_STRANGE:
		return PROBE_IS_PLAIN;
	case PROBE_TIMED_OUT:
		return PROBE_SILENT;
	case PROBE_ENDED:
		return PROBE_BROKEN_OFF;
	default:
		return r->error == ECONNRESET ? PROBE_BROKEN_OFF : PROBE_TLS_REFUSED;
	}
}

/* Servers of HTTPS answer plain HTTP with 400 and a sentence about it (nginx, Apache, Go). */
static bool asks_for_tls(const struct probe_order *order, const struct probe_record *r)
{
	return r->tls_bytes != 0 ||
	       (order->talk == PROBE_TALK_HTTP && order->tls == PROBE_TLS_NONE &&
		r->status == 400 && r->offered != 0);
}

bool probe_is_fault(enum probe_talk talk, const struct probe_record *r)
{
	switch (talk) {
	case PROBE_TALK_HTTP:
		return r->status >= 500;
	case PROBE_TALK_SMTP:
	case PROBE_TALK_FTP:
	case PROBE_TALK_NNTP:
		return r->status >= 400;
	case PROBE_TALK_MYSQL:
		return r->status != 0;
	case PROBE_TALK_SIEVE:
		return strncmp(r->text, "BYE", 3) == 0;
	case PROBE_TALK_IRC:
		return strncmp(r->text, "ERROR", 5) == 0;
	case PROBE_TALK_POP3:
		return strncmp(r->text, "-ERR", 4) == 0;
	case PROBE_TALK_IMAP:
		return strncmp(r->text, "* BYE", 5) == 0;
	default:
		return false;
	}
}

static enum probe_cause judge_answer(const struct probe_order *order, const struct probe_record *r)
{
	const bool udp = order->udp != 0;
	switch (r->outcome) {
	case PROBE_OK:
		return asks_for_tls(order, r)           ? PROBE_WANTS_TLS
		       : probe_is_fault(order->talk, r) ? PROBE_SERVICE_FAULT
							: PROBE_ANSWERS;
	case PROBE_TIMED_OUT:
		/* Nobody has to speak first who was not asked anything. */
		return udp                              ? PROBE_UNKNOWN
		       : order->talk == PROBE_TALK_NONE ? PROBE_ANSWERS
							: PROBE_SILENT;
	case PROBE_STRANGE:
		return asks_for_tls(order, r) ? PROBE_WANTS_TLS : PROBE_OTHER_SERVICE;
	case PROBE_ENDED:
		return PROBE_BROKEN_OFF;
	default:
		return udp ? of_failure(order, r) : PROBE_BROKEN_OFF;
	}
}

/* The best that both sides have, as OpenSSL names it. */
static bool is_old(const struct probe_tls *tls)
{
	static const char *const old[] = { "SSLv2", "SSLv3", "TLSv1", "TLSv1.1" };
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		if (strcmp(tls->version, old[i]) == 0) {
			return true;
		}
	}
	return false;
}

enum probe_cause probe_judge(const struct probe_order *order, const struct probe_record *records,
			     size_t count, usec_t now, const struct probe_record **evidence)
{
	const struct probe_record *tls = NULL;
	const struct probe_record *answer = NULL;
	bool connected = false;
	*evidence = NULL;
	for (size_t i = 0; i < count; i++) {
		connected = connected || (records[i].step == PROBE_STEP_CONNECT &&
					  records[i].outcome == PROBE_OK);
		tls = records[i].step == PROBE_STEP_TLS ? &records[i] : tls;
		answer = records[i].step == PROBE_STEP_ANSWER ? &records[i] : answer;
	}
	if (!connected) {
		return judge_connecting(order, records, count, evidence);
	}
	if (tls != NULL && tls->outcome != PROBE_OK) {
		*evidence = tls;
		return judge_tls(tls);
	}
	*evidence = answer;
	const enum probe_cause cause = answer == NULL ? PROBE_ANSWERS : judge_answer(order, answer);
	if (cause == PROBE_ANSWERS && tls != NULL &&
	    probe_certificate_fault(&tls->tls, now) != PROBE_CERTIFICATE_FINE) {
		*evidence = tls;
		return PROBE_CERTIFICATE;
	}
	if (cause == PROBE_ANSWERS && tls != NULL && is_old(&tls->tls)) {
		*evidence = tls;
		return PROBE_OLD_PROTOCOL;
	}
	return cause;
}
