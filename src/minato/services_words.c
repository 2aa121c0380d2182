/* What speaks at a port, in words and for machines. */
#include "services_words.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "view/view.h"
#include "words.h"

/* ---- for people ---- */

/* "LDAP (Active Directory, OpenLDAP)": what stands before the bracket suffices. */
static void add_short(struct str *out, const char *title)
{
	const char *narrow = strstr(title, " ("), *wide = strstr(title, "（");
	const char *end = narrow != NULL ? narrow : wide;
	(void)str_add_bytes(out, title, end == NULL ? strlen(title) : (size_t)(end - title));
}

/* What speaks there, for people: the product, else the catalogue's title. */
static void add_name(struct str *out, const struct identity *identity,
		     const struct context *context)
{
	const struct port_knowledge *known = audit_service_knowledge(identity);
	if (identity->product[0] != '\0') {
		str_add(out, identity->product);
	} else if (identity->talk == IDENTIFY_TALK_TLS) {
		str_add(out, _("something within TLS"));
	} else if (identity->talk == IDENTIFY_TALK_QUIC) {
		str_add(out, "QUIC");
	} else if (known != NULL) {
		add_short(out, text_in(known->title, context->language));
	} else {
		str_add(out, identity_service(identity));
	}
	if (identity->version[0] != '\0') {
		str_printf(out, " %s", identity->version);
	}
}

static const char *outcome_words(enum identify_outcome outcome)
{
	static const char *const words[IDENTIFY_OUTCOMES] = {
		[IDENTIFY_NOT_ASKED] = N_("not asked, the time was over"),
		[IDENTIFY_NAMED] = "",
		[IDENTIFY_UNKNOWN] = N_("unknown"),
		[IDENTIFY_SILENT] = N_("unknown: says nothing"),
		[IDENTIFY_ENDED] = N_("unknown: hangs up"),
		[IDENTIFY_UNREACHABLE] = N_("not reached any more"),
	};
	return words[outcome][0] == '\0' ? "" : _(words[outcome]);
}

void services_cell(struct str *out, const struct identity *identity, const struct context *context)
{
	if (identity == NULL) {
		return;
	}
	if (identity->outcome != IDENTIFY_NAMED) {
		str_add(out, outcome_words((enum identify_outcome)identity->outcome));
		return;
	}
	add_name(out, identity, context);
	if (identity->encrypted == IDENTIFY_TOLD_YES && identity->talk != IDENTIFY_TALK_SSH &&
	    identity->talk != IDENTIFY_TALK_TLS && identity->talk != IDENTIFY_TALK_QUIC) {
		str_add(out, _(", TLS"));
	}
	if (identity->starttls == IDENTIFY_TOLD_YES) {
		str_add(out, _(", offers TLS"));
	}
	if (identity->without_login == IDENTIFY_TOLD_YES) {
		str_add(out, _(", without login"));
	}
}

/* ---- for machines ---- */

static json_t *told_json(uint8_t told)
{
	return told == IDENTIFY_TOLD_NOTHING ? json_null()
					     : json_boolean(told == IDENTIFY_TOLD_YES);
}

static json_t *text_json(const char *text)
{
	return text[0] == '\0' ? json_null() : view_string(text);
}

static json_t *tls_json(const struct identity *i)
{
	return i->tls_version[0] == '\0'
		       ? json_null()
		       : json_pack("{s:s,s:o,s:o,s:o}", "version", i->tls_version, "alpn",
				   text_json(i->alpn), "subject", text_json(i->certificate),
				   "not_after",
				   i->not_after == 0 ? json_null() : view_time(i->not_after));
}

static json_t *smb_json(const struct identity *i)
{
	char dialect[16];
	(void)snprintf(dialect, sizeof(dialect), "%x.%x.%x", i->smb_dialect >> 8,
		       i->smb_dialect >> 4 & 0xf, i->smb_dialect & 0xf);
	return i->talk != IDENTIFY_TALK_SMB
		       ? json_null()
		       : json_pack("{s:o,s:o,s:o}", "dialect",
				   i->smb_dialect == 0 ? json_null() : json_string(dialect), "smb1",
				   told_json(i->smb1), "signing_required", told_json(i->signing));
}

static json_t *findings_json(const struct identity *identity)
{
	json_t *list = json_array();
	const unsigned findings = audit_judge_service(identity);
	for (unsigned bit = 0; bit < AUDIT_SERVICE_FINDINGS; bit++) {
		if ((findings & 1U << bit) != 0) {
			json_array_append_new(list,
					      json_string(audit_service_finding_name(
						      (enum audit_service_finding)(1U << bit))));
		}
	}
	return list;
}

json_t *services_json(const struct identity *i)
{
	if (i == NULL) {
		return json_null();
	}
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:i,s:I,s:o}", "outcome",
			 identify_outcome_name((enum identify_outcome)i->outcome), "service",
			 text_json(identity_service(i)), "product", text_json(i->product),
			 "version", text_json(i->version), "encrypted", told_json(i->encrypted),
			 "starttls_offered", told_json(i->starttls), "without_login",
			 told_json(i->without_login), "tls", tls_json(i), "smb", smb_json(i),
			 "nla_required", told_json(i->nla), "http_status",
			 i->status == 0 || i->talk != IDENTIFY_TALK_HTTP ? json_null()
									 : json_integer(i->status),
			 "detail", text_json(i->detail), "connections", (int)i->connections,
			 "duration_us", (json_int_t)i->took, "findings", findings_json(i));
}
