/* The cause of a check in a sentence, with what it rests on. */
#include <errno.h>

#include "check.h"
#include "words.h"

static const char *certificate_words(const struct check *check)
{
	static const char untrusted[] =
		N_("answers, but its certificate is not trusted here: its issuer is not known, or "
		   "the chain has a gap");
	static const char *const words[] = {
		[PROBE_CERTIFICATE_FINE] = N_("answers"),
		[PROBE_CERTIFICATE_EXPIRED] = N_("answers, but its certificate has expired"),
		[PROBE_CERTIFICATE_NOT_YET] = N_("answers, but its certificate is not valid yet"),
		[PROBE_CERTIFICATE_NAME] = N_("answers, but its certificate is for another name"),
		[PROBE_CERTIFICATE_SELF_SIGNED] =
			N_("answers, but nobody vouches for its certificate: it is self-signed"),
		[PROBE_CERTIFICATE_UNTRUSTED] = untrusted,
	};
	return _(words[probe_certificate_fault(&check->evidence->tls, check->began)]);
}

/* Nothing was sent: why. */
static const char *local_words(const struct check *check)
{
	const int error = check->evidence == NULL ? 0 : check->evidence->error;
	if (check->output == CHECK_OUTPUT_ENDS) {
		return _("does not answer: a rule of this host drops it on the way out");
	}
	switch (error) {
	case ENETUNREACH:
		return _("this host has no route there");
	case EADDRNOTAVAIL:
		/* With an address it is the port: ip(7), ip_local_port_range. */
		return check->local.source.family != ADDR_NONE
			       ? _("this host has no free port to send from: all that it may use "
				   "(ip_local_port_range) are taken towards that address")
			       : _("this host has no address to send from");
	case EMFILE:
	case ENFILE:
		return _("this host has no file descriptor left for a connection (ulimit -n)");
	case EPERM:
	case EACCES:
		return _("this host's own rules do not let it out (output chain, or outbound:)");
	default:
		return _("it fails on this host itself");
	}
}

static const char *refused_words(const struct check *check)
{
	if (check->inside == CHECK_INSIDE_NOBODY) {
		return _("does not answer: nothing listens there on this host");
	}
	if (check->inside == CHECK_INSIDE_ELSEWHERE) {
		return _("does not answer: something listens there, but on another address");
	}
	if (check->inside == CHECK_INSIDE_LISTENS) {
		return _("does not answer: a rule of this host refuses it, for something listens");
	}
	return _("does not answer: refused by the host itself, so nothing listens there (or its "
		 "firewall resets)");
}

static const char *filtered_words(const struct check *check)
{
	if (check->inside == CHECK_INSIDE_FULL) {
		return _("does not answer: the program takes no connections, its queue is full");
	}
	if (check->inside == CHECK_INSIDE_LISTENS) {
		return _("does not answer: a rule of this host drops it, for something listens");
	}
	return _("does not answer: nothing comes back, so a firewall drops it or the host is off");
}

static const char *cause_words(const struct check *check)
{
	static const char *const words[PROBE_CAUSES] = {
		[PROBE_ANSWERS] = N_("answers"),
		[PROBE_NO_NAME] = N_("does not answer: there is no address of that name"),
		[PROBE_NO_RESOLVER] = N_("does not answer: nobody answers for names"),
		[PROBE_UNREACHABLE] = N_("does not answer: no way leads to the host"),
		[PROBE_REFUSED_FIREWALL] =
			N_("does not answer: a firewall refuses it, and says so"),
		[PROBE_BROKEN_OFF] = N_("lets connect, then breaks off"),
		[PROBE_SILENT] = N_("lets connect, and then says nothing"),
		[PROBE_WANTS_TLS] = N_("answers, but wants TLS: ask with https:// or tls://"),
		[PROBE_IS_PLAIN] = N_("answers, but in plain text: there is no TLS"),
		[PROBE_TLS_REFUSED] = N_("answers, but TLS does not come about"),
		[PROBE_SERVICE_FAULT] = N_("answers that it does not work"),
		[PROBE_OTHER_SERVICE] = N_("answers, but as another service"),
		[PROBE_OLD_PROTOCOL] =
			N_("answers, but only by a version of TLS that is too old (RFC 8996)"),
		[PROBE_UNKNOWN] =
			N_("unknown: no reply, as of a UDP port that is open or filtered"),
	};
	switch (check->cause) {
	case PROBE_CERTIFICATE:
		return certificate_words(check);
	case PROBE_LOCAL:
		return local_words(check);
	case PROBE_REFUSED:
		return refused_words(check);
	case PROBE_FILTERED:
		return filtered_words(check);
	default:
		return _(words[check->cause]);
	}
}

void check_add_cause(struct str *out, const struct check *check, const struct context *context)
{
	const enum ink ink = check->cause == PROBE_ANSWERS ? INK_GOOD : INK_BAD;
	str_printf(out, "%s%s%s", style_ink(&context->out_style, ink), cause_words(check),
		   style_ink(&context->out_style, INK_PLAIN));
}
