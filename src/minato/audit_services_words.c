/* What speaks at open ports, in words and for machines. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "view/view.h"
#include "words.h"

/* ---- a cell ---- */

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

void audit_services_cell(struct str *out, const struct identity *identity,
			 const struct context *context)
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

/* ---- findings ---- */

/* What the number is for, in a word. */
static const char *usual_title(const struct identity *identity, const struct context *context)
{
	const struct port_knowledge *usual =
		catalog_port((enum protocol)identity->protocol, identity->port);
	return usual == NULL ? "" : text_in(usual->title, context->language);
}

static void add_sentence(struct str *out, enum audit_service_finding finding,
			 const struct identity *identity, const struct context *context)
{
	const struct port_knowledge *known = audit_service_knowledge(identity);
	const char *title = known == NULL ? identity_service(identity)
					  : text_in(known->title, context->language);
	const unsigned port = identity->port;
	const char *protocol = protocol_name((enum protocol)identity->protocol);
	switch (finding) {
	case AUDIT_SERVICE_WITHOUT_LOGIN:
		str_printf(out, _("  ! %u/%s answers as %s without login\n"), port, protocol,
			   title);
		break;
	case AUDIT_SERVICE_OTHER:
		str_printf(out, _("  ! %u/%s answers as %s, where %s is usual\n"), port, protocol,
			   title, usual_title(identity, context));
		break;
	case AUDIT_SERVICE_PLAIN:
		str_printf(out, _("  ! %u/%s answers as %s in plain text, where TLS is usual\n"),
			   port, protocol, title);
		break;
	case AUDIT_SERVICE_SMB1:
		str_printf(out, _("  ! %u/%s still offers SMB1, which protects nothing\n"), port,
			   protocol);
		break;
	default:
		str_printf(out,
			   _("  ! %u/%s shows its desktop login to everybody: Network Level "
			     "Authentication is not required\n"),
			   port, protocol);
	}
	if (known != NULL && finding != AUDIT_SERVICE_OTHER && finding != AUDIT_SERVICE_PLAIN) {
		str_printf(out, "    %s\n", text_in(known->measure, context->language));
	}
}

static void add_findings(struct str *out, const struct identity *identity,
			 const struct context *context)
{
	const unsigned findings = audit_judge_service(identity);
	for (unsigned bit = 0; bit < AUDIT_SERVICE_FINDINGS; bit++) {
		if ((findings & 1U << bit) != 0) {
			add_sentence(out, (enum audit_service_finding)(1U << bit), identity,
				     context);
		}
	}
}

void audit_services_add(struct str *out, const struct audit_target *target,
			const struct audit_parts *parts, const struct context *context)
{
	size_t open = 0, asked = 0;
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->identity_count; k++) {
			add_findings(out, &part->identities[k], context);
		}
		for (size_t k = 0; part->target == target && k < part->row_count; k++) {
			open += part->rows[k].state == SWEEP_OPEN;
		}
		asked += part->target == target ? part->identity_count : 0;
	}
	if (target->services_fault.code != 0) {
		str_printf(out, _("  what speaks there is not known: %s\n"),
			   err_text(&target->services_fault));
	} else if (asked > 0 && open > asked) {
		str_printf(out, _("  what speaks there was asked of the first %zu open ports\n"),
			   asked);
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

json_t *audit_services_json(const struct audit_part *part, uint16_t port)
{
	const struct identity *i = audit_identity(part, port);
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
