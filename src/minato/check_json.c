/* What minato check found out, for machines. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "services_words.h"
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

static json_t *certificate_json(const struct probe_tls *tls, usec_t now)
{
	static const char *const faults[] = { "none",       "expired",     "not_yet_valid",
					      "other_name", "self_signed", "untrusted" };
	return json_pack("{s:o,s:o,s:o,s:o,s:i,s:i,s:b,s:b,s:s}", "subject",
			 view_string(tls->subject), "issuer", view_string(tls->issuer),
			 "not_before", view_time(tls->not_before), "not_after",
			 view_time(tls->not_after), "key_bits", (int)tls->key_bits, "chain",
			 (int)tls->chain, "name_matches", tls->name_matches, "weak_signature",
			 tls->weak_signature, "fault", faults[probe_certificate_fault(tls, now)]);
}

/* "" is what is not known. */
static json_t *text_or_null(const char *text)
{
	return text[0] == '\0' ? json_null() : view_string(text);
}

static json_t *tls_json(const struct probe_tls *tls, usec_t now)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "version", text_or_null(tls->version), "cipher",
			 text_or_null(tls->cipher), "alpn", text_or_null(tls->alpn), "certificate",
			 tls->tells == 0 ? json_null() : certificate_json(tls, now), "error",
			 text_or_null(tls->detail));
}

static json_t *record_json(const struct probe_record *r, const struct check *check)
{
	const bool answer = r->step == PROBE_STEP_ANSWER;
	const bool tls = r->step == PROBE_STEP_TLS;
	return json_pack(
		"{s:s,s:s,s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "step", step_name(r->step),
		"outcome", outcome_name(r->outcome), "to", address_json(&r->to), "begun_us",
		(json_int_t)r->begun, "duration_us", (json_int_t)r->took, "error",
		r->error == 0 ? json_null() : view_string(strerrorname_np(r->error)), "icmp",
		icmp_json(&r->icmp), "tls", tls ? tls_json(&r->tls, check->began) : json_null(),
		"text", answer || tls ? text_or_null(r->text) : json_null(), "status",
		r->status == 0 ? json_null() : json_integer(r->status), "starttls",
		answer && check->order.tls == PROBE_TLS_ASKED ? json_boolean(r->offered)
							      : json_null());
}

static json_t *flags_json(const struct capture_packet *p)
{
	static const char *const names[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	json_t *flags = json_array();
	for (unsigned i = 0; i < 6; i++) {
		if ((p->flags >> i & 1) != 0) {
			json_array_append_new(flags, json_string(names[i]));
		}
	}
	return flags;
}

static json_t *bytes_json(const struct capture_packet *p)
{
	char hex[CAPTURE_PACKET_BYTES * 2 + 1] = "";
	for (size_t i = 0; i < p->kept; i++) {
		(void)snprintf(hex + i * 2, 3, "%02x", p->bytes[i]);
	}
	return json_string(hex);
}

static json_t *packet_json(const struct capture_packet *p)
{
	const bool tcp = p->protocol == PROTOCOL_TCP;
	const bool icmp = !tcp && p->protocol != PROTOCOL_UDP;
	return json_pack(
		"{s:o,s:b,s:i,s:o,s:i,s:o,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:o,s:o}", "time",
		view_time(p->time), "sent", p->sent, "ip_protocol", p->protocol, "source",
		address_json(&p->source), "source_port", p->source_port, "destination",
		address_json(&p->destination), "destination_port", p->destination_port, "hops_left",
		p->ttl, "flags", tcp ? flags_json(p) : json_null(), "sequence",
		tcp ? json_integer(p->sequence) : json_null(), "acknowledgement",
		tcp ? json_integer(p->acknowledgement) : json_null(), "window_bytes",
		tcp ? json_integer(p->window) : json_null(), "icmp",
		icmp ? json_pack("{s:i,s:i}", "type", p->icmp_type, "code", p->icmp_code)
		     : json_null(),
		"header_bytes", p->ip_bytes + p->header_bytes, "data_bytes", (int)p->data_bytes,
		"kept_bytes", p->kept, "text", text_or_null(p->words), "bytes", bytes_json(p));
}

/* null = nothing was captured. */
static json_t *packets_json(const struct check *check)
{
	json_t *packets = check->captured ? json_array() : json_null();
	for (size_t i = 0; check->captured && i < check->packet_count; i++) {
		json_array_append_new(packets, packet_json(&check->packets[i]));
	}
	return packets;
}

/* null = no name was asked for. */
static json_t *names_json(const struct check *check)
{
	static const char *const outcomes[] = { "found", "no_name", "no_address", "no_reply",
						"found" };
	return check->resolved == 0
		       ? json_null()
		       : json_pack("{s:s,s:i,s:b,s:I}", "outcome", outcomes[check->names.outcome],
				   "count", check->names.count, "more",
				   check->names.outcome == RESOLVE_TOO_MANY, "duration_us",
				   (json_int_t)check->resolved);
}

/* null = it is no queue of this host. */
static json_t *queue_json(const struct check *check)
{
	const struct check_queue *queue = &check->queue;
	return queue->room == 0
		       ? json_null()
		       : json_pack("{s:i,s:i,s:o,s:o}", "waiting", (int)queue->waiting, "room",
				   (int)queue->room, "lost",
				   queue->counted ? json_integer((json_int_t)queue->lost)
						  : json_null(),
				   "lost_meanwhile",
				   queue->counted ? json_integer((json_int_t)queue->lost_now)
						  : json_null());
}

/* What this side's resolver and rules were found to do; null = it was not asked. */
static json_t *side_json(const struct check *check)
{
	static const char *const dns[] = { NULL, "none", "answers", "silent" };
	static const char *const output[] = { NULL, NULL, "lets_out", "ends", "unknown" };
	static const char *const hop[] = { NULL, "answers", "silent" };
	const struct probe_local *local = &check->local;
	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o}", "link",
		local->has_route ? json_boolean(!local->link_down) : json_null(), "next_hop",
		hop[local->next_hop] == NULL ? json_null() : json_string(hop[local->next_hop]),
		"resolver", address_json(&check->resolver), "resolver_state",
		dns[check->dns] == NULL ? json_null() : json_string(dns[check->dns]), "output",
		output[check->output] == NULL ? json_null() : json_string(output[check->output]),
		"output_rule", text_or_null(check->output_rule));
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
		json_array_append_new(steps, record_json(&check->records[i], check));
	}
	for (uint32_t i = 0; i < check->order.address_count; i++) {
		json_array_append_new(addresses, address_json(&check->order.addresses[i]));
	}
	json_t *json = json_pack(
		"{s:o,s:s,s:b,s:o,s:o,s:I,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}",
		"target", view_string(str_text(&target)), "cause", probe_cause_name(check->cause),
		"answers", probe_cause_answers(check->cause), "addresses", addresses, "steps",
		steps, "duration_us", (json_int_t)check->took, "route",
		check->local.has_route ? json_pack("{s:o,s:o,s:o}", "interface",
						   text_or_null(check->local.interface), "source",
						   address_json(&check->local.source), "gateway",
						   address_json(&check->local.gateway))
				       : json_null(),
		"own", check->own, "inside",
		inside[check->inside] == NULL ? json_null() : json_string(inside[check->inside]),
		"program", text_or_null(check->program), "way", check_way_json(check), "via",
		check_via_json(check), "names", names_json(check), "queue", queue_json(check),
		"side", side_json(check), "packets", packets_json(check), "packets_left_out",
		(json_int_t)check->packets_more, "identity",
		services_json(check->identity.port == 0 ? NULL : &check->identity));
	str_deinit(&target);
	return json;
}
