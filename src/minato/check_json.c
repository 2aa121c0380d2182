/* What minato check found out, for machines. */
#include "check.h"
#include "view/view.h"

static const char *step_name(uint32_t step)
{
	static const char *const names[] = { "connect", "tls", "answer" };
	return names[step];
}

static const char *outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		"ok", "failed", "timed_out", "ended", "strange", "left"
	};
	return names[outcome];
}

static json_t *address_json(const struct addr *address)
{
	char text[ADDR_TEXT_BYTES];
	return address->family == ADDR_NONE ? json_null() : json_string(addr_format(address, text));
}

static json_t *icmp_json(const struct probe_icmp *icmp)
{
	return icmp->given == 0 ? json_null()
				: json_pack("{s:i,s:i,s:o}", "type", icmp->type, "code", icmp->code,
					    "from", address_json(&icmp->from));
}

static json_t *tls_json(const struct probe_tls *tls, usec_t now)
{
	static const char *const faults[] = { "none",       "expired",     "not_yet_valid",
					      "other_name", "self_signed", "untrusted" };
	if (tls->tells == 0) {
		return tls->detail[0] == '\0'
			       ? json_null()
			       : json_pack("{s:o}", "error", view_string(tls->detail));
	}
	json_t *certificate = json_pack(
		"{s:o,s:o,s:o,s:o,s:i,s:i,s:b,s:b,s:s}", "subject", view_string(tls->subject),
		"issuer", view_string(tls->issuer), "not_before", view_time(tls->not_before),
		"not_after", view_time(tls->not_after), "key_bits", (int)tls->key_bits, "chain",
		(int)tls->chain, "name_matches", tls->name_matches, "weak_signature",
		tls->weak_signature, "fault", faults[probe_certificate_fault(tls, now)]);
	return json_pack("{s:o,s:o,s:o,s:o}", "version", view_string(tls->version), "cipher",
			 view_string(tls->cipher), "alpn",
			 tls->alpn[0] == '\0' ? json_null() : view_string(tls->alpn), "certificate",
			 certificate);
}

static json_t *record_json(const struct probe_record *r, usec_t now)
{
	json_t *json =
		json_pack("{s:s,s:s,s:o,s:f,s:i,s:o}", "step", step_name(r->step), "outcome",
			  outcome_name(r->outcome), "to", address_json(&r->to), "ms",
			  (double)r->took / 1000.0, "errno", r->error, "icmp", icmp_json(&r->icmp));
	if (r->step == PROBE_STEP_TLS) {
		json_object_set_new(json, "tls", tls_json(&r->tls, now));
	}
	if (r->step == PROBE_STEP_ANSWER) {
		json_object_set_new(json, "text", view_string(r->text));
		json_object_set_new(json, "status",
				    r->status == 0 ? json_null() : json_integer(r->status));
		json_object_set_new(json, "starttls", json_boolean(r->offered));
	}
	return json;
}

json_t *check_json(const struct check *check, const struct context *context)
{
	static const char *const inside[] = { NULL, "nobody", "other_address", "listens",
					      "queue_full" };
	struct str target = STR_INIT(1024);
	json_t *steps = json_array();
	json_t *addresses = json_array();
	(void)context;
	check_add_target(&target, &check->target);
	for (size_t i = 0; i < check->count; i++) {
		json_array_append_new(steps, record_json(&check->records[i], check->began));
	}
	for (uint32_t i = 0; i < check->order.address_count; i++) {
		json_array_append_new(addresses, address_json(&check->order.addresses[i]));
	}
	json_t *json = json_pack(
		"{s:o,s:s,s:b,s:o,s:o,s:f,s:o,s:b,s:o}", "target", view_string(str_text(&target)),
		"cause", probe_cause_name(check->cause), "answers",
		check->cause == PROBE_ANSWERS || check->cause == PROBE_CERTIFICATE, "addresses",
		addresses, "steps", steps, "ms", (double)check->took / 1000.0, "route",
		check->local.has_route
			? json_pack("{s:s,s:o,s:o}", "interface", check->local.interface, "source",
				    address_json(&check->local.source), "gateway",
				    address_json(&check->local.gateway))
			: json_null(),
		"own", check->own, "inside",
		inside[check->inside] == NULL ? json_null() : json_string(inside[check->inside]));
	str_deinit(&target);
	return json;
}
