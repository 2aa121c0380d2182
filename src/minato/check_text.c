/* What minato check found out, in words: the steps, and what to do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "services_words.h"
#include "words.h"

enum { SENTENCE_BYTES = 512, WARN_DAYS = 21 };

void check_add_target(struct str *out, const struct probe_target *target)
{
	if (target->host[0] == '\0') {
		str_printf(out, "%u/%s", target->port, protocol_name(target->service->protocol));
		return;
	}
	const bool six = strchr(target->host, ':') != NULL;
	str_printf(out, "%s://%s%s%s:%u%s", target->service->name, six ? "[" : "", target->host,
		   six ? "]" : "", target->port,
		   strcmp(target->path, "/") == 0 ? "" : target->path);
}

/* ---- the steps ---- */

static void add_time(struct str *out, usec_t took)
{
	str_printf(out, took < 10000 ? "  %.1f ms\n" : "  %.0f ms\n", (double)took / 1000.0);
}

void check_add_label(struct str *out, const char *label)
{
	char cell[64];
	(void)snprintf(cell, sizeof(cell), "%s", label);
	str_printf(out, "  %s%*s", cell, (int)(10 > text_width(cell) ? 10 - text_width(cell) : 1),
		   "");
}

static void add_names(struct str *out, const struct check *check)
{
	char address[ADDR_TEXT_BYTES];
	if (check->resolved == 0) {
		return;
	}
	check_add_label(out, _("name"));
	text_escape(out, check->target.host);
	if (check->names.count == 0) {
		str_add(out, check->names.outcome == RESOLVE_NO_NAME ? _(": there is no such name")
			     : check->names.outcome == RESOLVE_NO_ADDRESS
				     ? _(": the name has no address")
				     : _(": nobody answers for names"));
	}
	for (unsigned i = 0; i < check->names.count && i < 4; i++) {
		str_printf(out, "%s%s", i == 0 ? " -> " : ", ",
			   addr_format(&check->names.addresses[i], address));
	}
	if (check->names.outcome == RESOLVE_TOO_MANY) {
		str_printf(out, _(", and many more (the first %u count)"), check->names.count);
	} else if (check->names.count > 4) {
		str_printf(out, _(", %u more"), check->names.count - 4U);
	}
	add_time(out, check->resolved);
}

static void add_icmp(struct str *out, const struct probe_record *r)
{
	char from[ADDR_TEXT_BYTES];
	str_printf(out, _("ICMP%s type %u code %u from %s"), r->to.family == ADDR_IPV6 ? "v6" : "",
		   r->icmp.type, r->icmp.code,
		   r->icmp.from.family == ADDR_NONE ? "?" : addr_format(&r->icmp.from, from));
}

/* What became of a step that went wrong. */
static void add_failure(struct str *out, const struct probe_record *r)
{
	switch (r->outcome) {
	case PROBE_TIMED_OUT:
		str_add(out, _("no reply"));
		break;
	case PROBE_ENDED:
		str_add(out, _("the other side ended the connection"));
		break;
	case PROBE_LEFT:
		str_add(out, _("left: another address was quicker"));
		break;
	default:
		if (r->icmp.given != 0) {
			add_icmp(out, r);
		} else if (r->error == ECONNREFUSED) {
			str_add(out, _("refused (TCP reset)"));
		} else if (r->tls.detail[0] != '\0') {
			text_escape(out, r->tls.detail);
		} else {
			str_add(out, strerror(r->error));
		}
		break;
	}
}

/* How the race between several addresses went (RFC 8305). */
static void add_race(struct str *out, const struct check *check)
{
	char address[ADDR_TEXT_BYTES];
	const struct probe_record *won = NULL;
	unsigned tried = 0;
	if (check->order.address_count < 2 || check->order.udp != 0) {
		return;
	}
	for (size_t i = 0; i < check->count; i++) {
		const struct probe_record *r = &check->records[i];
		tried += r->step == PROBE_STEP_CONNECT;
		won = r->step == PROBE_STEP_CONNECT && r->outcome == PROBE_OK ? r : won;
	}
	check_add_label(out, _("race"));
	str_printf(out, _("%u of %u addresses were tried"), tried,
		   check->names.count > 0 ? check->names.count : check->order.address_count);
	if (check->names.count > check->order.address_count) {
		str_printf(out, _(", at most %u are"), check->order.address_count);
	}
	if (won != NULL) {
		str_printf(out, _("; %s won"), addr_format(&won->to, address));
		add_time(out, won->begun + won->took);
	} else {
		str_add(out, _("; none answered\n"));
	}
}

static void add_connect(struct str *out, const struct check *check, const struct probe_record *r)
{
	char endpoint[ENDPOINT_TEXT_BYTES];
	const bool udp = check->order.udp != 0;
	if (udp && r->outcome == PROBE_OK) {
		return; /* of UDP it says nothing */
	}
	check_add_label(out, _("connect"));
	str_add(out, endpoint_format(&r->to, check->target.port, endpoint));
	if (r->outcome == PROBE_OK) {
		str_printf(out, _(" from %s"), endpoint_format(&r->local, r->local_port, endpoint));
	} else {
		str_add(out, "  ");
		add_failure(out, r);
	}
	if (check->order.address_count > 1 && r->begun >= 1000) {
		str_printf(out, _("  (begun after %lld ms)"), (long long)(r->begun / 1000));
	}
	add_time(out, r->took);
}

static void add_certificate(struct str *out, const struct check *check, const struct probe_tls *tls)
{
	const usec_t left = tls->not_after - check->began;
	if (tls->not_after == 0) {
		return;
	}
	check_add_label(out, "");
	str_add(out, _("certificate of "));
	text_escape(out, tls->subject);
	str_add(out, _(", by "));
	text_escape(out, tls->issuer);
	if (left >= 0) {
		str_printf(out, _(", %lld days left"), (long long)(left / USEC_PER_DAY));
	} else {
		str_printf(out, _(", expired %lld days ago"), (long long)(-left / USEC_PER_DAY));
	}
	str_printf(out, _(", %u bit"), tls->key_bits);
	str_add_char(out, '\n');
}

static void add_tls(struct str *out, const struct check *check, const struct probe_record *r)
{
	check_add_label(out, "TLS");
	if (r->outcome == PROBE_OK) {
		str_printf(out, "%s, %s%s%s", r->tls.version, r->tls.cipher,
			   r->tls.alpn[0] == '\0' ? "" : ", ", r->tls.alpn);
	} else if (r->outcome == PROBE_STRANGE) {
		str_add(out, _("plain text came instead: "));
		text_escape(out, r->text);
	} else {
		add_failure(out, r);
	}
	add_time(out, r->took);
	if (r->outcome == PROBE_OK) {
		add_certificate(out, check, &r->tls);
	}
}

/* RFC 9110 15.4: those that name another place. */
static bool is_redirect(const struct check *check, const struct probe_record *r)
{
	return check->order.talk == PROBE_TALK_HTTP && r->status >= 301 && r->status <= 308 &&
	       r->status != 304 && r->status != 305 && r->status != 306;
}

static void add_answer(struct str *out, const struct check *check, const struct probe_record *r)
{
	check_add_label(out, _("answer"));
	if (r->outcome == PROBE_TIMED_OUT && check->order.talk == PROBE_TALK_NONE &&
	    check->order.udp == 0 && check->identity.port == 0) {
		str_add(out, _("none, but it was not asked anything: name the service, as in "
			       "http://"));
	} else if (r->outcome == PROBE_TIMED_OUT && check->identity.port != 0) {
		str_add(out, _("nothing by itself"));
	} else if (r->outcome != PROBE_OK && r->outcome != PROBE_STRANGE) {
		add_failure(out, r);
	} else if (r->tls_bytes != 0) {
		str_add(out, _("bytes of TLS"));
	} else {
		text_escape(out, r->text);
		str_add(out, is_redirect(check, r) ? _(" (not followed)") : "");
	}
	add_time(out, r->took);
}

static void add_steps(struct str *out, const struct check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct probe_record *r = &check->records[i];
		if (r->step == PROBE_STEP_CONNECT) {
			add_connect(out, check, r);
			if (i + 1 == check->count ||
			    check->records[i + 1].step != PROBE_STEP_CONNECT) {
				add_race(out, check);
			}
		} else if (r->step == PROBE_STEP_TLS) {
			add_tls(out, check, r);
		} else {
			add_answer(out, check, r);
		}
	}
}

/* ---- all of it ---- */

/* An own port was asked from here, which says little of who else may. */
static void add_outside(struct str *out, const struct check *check)
{
	if (!check->own || check->has_way || check->via != NULL) {
		return;
	}
	check_add_label(out, _("outside"));
	str_printf(out, _("not known from here; minato explain %u says who is let in\n"),
		   check->target.port);
}

static const char *next_step(const struct check *check)
{
	switch (check->cause) {
	case PROBE_REFUSED:
	case PROBE_FILTERED:
		return check->own
			       ? _("minato ports; systemctl status of its unit")
			       : _("on that host: minato ports, minato explain PORT --from HERE");
	case PROBE_REFUSED_FIREWALL:
		return _("on that host, or the firewall that answered: minato explain PORT --from "
			 "HERE");
	case PROBE_CERTIFICATE:
		return _("renew or replace the certificate, then reload the service");
	case PROBE_NO_RESOLVER:
		return _("see /etc/resolv.conf, and ask the resolver: minato check dns://ADDRESS");
	case PROBE_OLD_PROTOCOL:
		return _("have the service speak TLS 1.2 and 1.3, and nothing older");
	case PROBE_LOCAL:
		return check->evidence != NULL && check->evidence->error == EADDRNOTAVAIL
			       ? _("minato ports --all; sysctl "
				   "net.ipv4.ip_local_port_range")
			       : _("ip route; ip addr");
	default:
		return NULL;
	}
}

void check_add(struct str *out, const struct check *check, const struct context *context)
{
	check_add_target(out, &check->target);
	str_add(out, "  ");
	check_add_cause(out, check, context);
	str_add_char(out, '\n');
	add_names(out, check);
	add_steps(out, check);
	if (check->identity.port != 0) {
		check_add_label(out, _("speaks"));
		services_cell(out, &check->identity, context);
		add_time(out, check->identity.took);
	}
	check_add_side(out, check);
	check_add_inside(out, check);
	add_outside(out, check);
	check_add_via(out, check);
	check_add_way(out, check, context);
	const char *next = next_step(check);
	if (check->output == CHECK_OUTPUT_ENDS) {
		char address[ADDR_TEXT_BYTES];
		str_printf(out, "  -> minato explain %u --to %s\n", check->target.port,
			   addr_format(&check->evidence->to, address));
	} else if (next != NULL) {
		str_printf(out, "  -> %s\n", next);
	}
}
