/* How ports encrypt, for machines. */
#include "audit_tls.h"
#include "view/view.h"

static json_t *names_json(const struct tls_set *set, bool groups)
{
	json_t *list = json_array();
	for (size_t i = 0; i < TLS_SUITES_MAX; i++) {
		const struct tls_suite *suite = groups ? NULL : tls_suite_at(i);
		const struct tls_group *group = groups ? tls_group_at(i) : NULL;
		if (tls_set_has(set, i) && (suite != NULL || group != NULL)) {
			json_array_append_new(list,
					      json_string(groups ? group->name : suite->name));
		}
	}
	return list;
}

static json_t *versions_json(const struct tls_offer *offer)
{
	json_t *list = json_array();
	for (unsigned version = 0; version < TLS_VERSIONS; version++) {
		if ((offer->versions >> version & 1) != 0) {
			json_array_append_new(
				list,
				json_pack("{s:s,s:o}", "version",
					  tls_version_name((enum tls_version)version), "ciphers",
					  names_json(&offer->suites[version], false)));
		}
	}
	return list;
}

static json_t *certificate_json(const struct tls_certificate *c)
{
	static const char *const hashes[TLS_HASHES] = { "fine", "sha1", "md5" };
	if (c->given == 0) {
		return json_null();
	}
	return json_pack("{s:o,s:o,s:o,s:o,s:I,s:b,s:s,s:I,s:o,s:s,s:b,s:b,s:b,s:I,s:I,s:b,s:b}",
			 "subject", view_string(c->subject), "issuer", view_string(c->issuer),
			 "not_before", view_time(c->not_before), "not_after",
			 view_time(c->not_after), "name_count", (json_int_t)c->name_count,
			 "name_matches", (int)c->name_matches, "key", c->key, "key_bits",
			 (json_int_t)c->key_bits, "signature", view_string(c->signature),
			 "signature_hash", hashes[c->hash], "trusted", c->verify == 0,
			 "self_signed", (int)c->self_signed, "incomplete", (int)c->incomplete,
			 "verify_code", (json_int_t)c->verify, "chain", (json_int_t)c->chain,
			 "ocsp", (int)c->ocsp, "crl", (int)c->crl);
}

static json_t *reasons_json(const struct tls_reasons *reasons, const struct context *context)
{
	json_t *list = json_array();
	for (size_t i = 0; i < reasons->count; i++) {
		const struct tls_reason *reason = &reasons->items[i];
		const struct message *message = message_find(reason->id);
		const struct message_argument detail = { "detail", reason->detail };
		struct str text = STR_INIT(1 << 12), advice = STR_INIT(1 << 12);
		if (message == NULL) {
			continue;
		}
		message_fill(&text, text_in(message->text, context->language), &detail, 1);
		message_fill(&advice, text_in(message->advice, context->language), &detail, 1);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "id", reason->id,
						      "grade", tls_grade_name(reason->grade),
						      "severity", message->severity, "detail",
						      view_string(reason->detail), "text",
						      view_string(str_text(&text)), "advice",
						      view_string(str_text(&advice))));
		str_deinit(&text);
		str_deinit(&advice);
	}
	return list;
}

static json_t *finding_json(enum tls_verdict verdict)
{
	const struct message *message = audit_tls_message(verdict);
	return message == NULL ? json_null() : json_string(message->id);
}

static json_t *declared_json(const struct policy_declaration *declaration)
{
	return declaration == NULL || declaration->encryption == POLICY_ENCRYPTION_UNSAID
		       ? json_null()
		       : json_string(policy_encryption_name(declaration->encryption));
}

static json_t *port_json(const struct audit_tls_port *port, const struct context *context)
{
	const struct tls_record *r = &port->record;
	const struct tls_offer *offer = &r->offer;
	json_t *json = json_pack(
		"{s:s,s:i,s:s,s:o,s:o,s:o,s:o,s:s,s:o}", "protocol", "tcp", "port", (int)port->port,
		"encryption", tls_kind_name((enum tls_kind)r->kind), "talk",
		view_string(tls_talk_name((enum tls_talk)r->talk)), "declaration",
		port->declaration == NULL ? json_null()
					  : view_string(port->declaration->entry.name),
		"declared", declared_json(port->declaration), "finding",
		finding_json(port->verdict), "verdict", tls_verdict_name(port->verdict), "grade",
		port->grade == TLS_GRADE_NONE ? json_null()
					      : json_string(tls_grade_name(port->grade)));
	json_t *more = json_pack(
		"{s:o,s:o,s:o,s:o,s:b,s:b,s:b,s:o,s:o,s:b,s:I,s:I}", "reasons",
		reasons_json(&port->reasons, context), "versions", versions_json(offer), "groups",
		names_json(&offer->groups, true), "dh_bits",
		offer->dh_bits == 0 ? json_null() : json_integer(offer->dh_bits), "compression",
		(int)offer->compression, "secure_renegotiation",
		offer->no_secure_renegotiation == 0, "wants_client_certificate",
		(int)offer->wants_certificate, "certificate", certificate_json(&r->certificate),
		"other_certificate", certificate_json(&r->other), "hsts_seconds",
		r->hsts == 0 ? json_null() : json_integer(r->hsts_seconds), "whole", (int)r->whole,
		"connections", (json_int_t)r->questions, "duration_us", (json_int_t)r->took);
	json_object_update(json, more);
	json_decref(more);
	return json;
}

json_t *audit_tls_json(const struct audit_tls *audit, const struct context *context)
{
	char address[ADDR_TEXT_BYTES];
	json_t *ports = json_array();
	for (size_t i = 0; i < audit->count; i++) {
		if (audit->ports[i].known) {
			json_array_append_new(ports, port_json(&audit->ports[i], context));
		}
	}
	return json_pack(
		"{s:o,s:s,s:s,s:o,s:o,s:I,s:I,s:o}", "target", view_string(audit->name), "address",
		addr_format(&audit->address, address), "basis",
		audit->own          ? "this_host"
		: audit->authorized ? "authorized"
				    : "declared",
		"host", view_string(audit->host), "ports", ports, "ports_left_out",
		(json_int_t)audit->left_out, "duration_us", (json_int_t)audit->took, "error",
		audit->fault.code == 0 ? json_null() : view_string(err_text(&audit->fault)));
}
