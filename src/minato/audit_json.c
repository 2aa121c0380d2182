/* What minato audit found out, for machines. */
#include "audit.h"
#include "services_words.h"
#include "view/view.h"

static json_t *address_json(const struct addr *address)
{
	char text[ADDR_TEXT_BYTES];
	return address->family == ADDR_NONE ? json_null() : json_string(addr_format(address, text));
}

static json_t *row_json(const struct audit_part *part, const struct audit_row *row,
			const struct context *context)
{
	const struct view view = { .language = context->language };
	return json_pack("{s:s,s:i,s:s,s:s,s:o,s:o,s:o}", "protocol", protocol_name(part->protocol),
			 "port", (int)row->port, "state",
			 sweep_state_name(row->state, (enum sweep_mode)part->order.mode), "verdict",
			 audit_verdict_name(row->verdict), "declaration",
			 row->declaration == NULL ? json_null()
						  : view_string(row->declaration->entry.name),
			 "service", view_service(&view, part->protocol, row->port), "identity",
			 services_json(audit_identity(part, row->port)));
}

static json_t *counts_json(const struct audit_part *part)
{
	struct audit_counts counts;
	json_t *json = json_object();
	audit_count(&counts, part);
	for (unsigned state = 0; state < SWEEP_STATES; state++) {
		json_object_set_new(json,
				    sweep_state_name((enum sweep_state)state,
						     (enum sweep_mode)part->order.mode),
				    json_integer(counts.states[state]));
	}
	return json;
}

static json_t *proof_json(const struct sweep_facts *facts)
{
	double bound;
	const enum sweep_proof proof = sweep_prove(&bound, facts);
	return json_pack("{s:b,s:s,s:o,s:I,s:I,s:i}", "proven",
			 proof == SWEEP_PROVEN_ALL || proof == SWEEP_PROVEN_BOUND, "why",
			 sweep_proof_name(proof), "missed_at_most",
			 bound < 0 ? json_null() : json_real(bound), "canaries",
			 (json_int_t)facts->canaries, "canaries_lost", (json_int_t)facts->lost,
			 "rounds", (int)facts->rounds);
}

static json_t *rejecters_json(const struct sweep_end *end)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < end->rejecter_count; i++) {
		const struct sweep_rejecter *r = &end->rejecters[i];
		json_array_append_new(list,
				      json_pack("{s:i,s:i,s:o,s:I}", "type", (int)r->type, "code",
						(int)r->code, "from", address_json(&r->from),
						"count", (json_int_t)r->count));
	}
	return list;
}

static json_t *part_json(const struct audit_part *part)
{
	static const char *const modes[SWEEP_MODES] = { "connect", "raw", "udp" };
	if (part->job == NULL || part->job->error < 0) {
		return json_pack("{s:s,s:b,s:o}", "protocol", protocol_name(part->protocol),
				 "asked", 0, "error",
				 part->fault.code == 0 ? json_null()
						       : view_string(err_text(&part->fault)));
	}
	const struct sweep_end *end = &part->job->end;
	return json_pack(
		"{s:s,s:b,s:s,s:o,s:o,s:o,s:I,s:I,s:b,s:o,s:o}", "protocol",
		protocol_name(part->protocol), "asked", 1, "mode", modes[end->facts.mode], "counts",
		counts_json(part), "missed", proof_json(&end->facts), "rejected_by",
		rejecters_json(end), "packets", (json_int_t)end->sent, "duration_us",
		(json_int_t)end->took, "interrupted", (int)end->interrupted, "resumed",
		part->before == NULL ? json_null() : view_time(part->before->time), "error",
		part->fault.code == 0 ? json_null() : view_string(err_text(&part->fault)));
}

json_t *audit_json(const struct audit_target *target, const struct audit_parts *parts,
		   const struct context *context)
{
	json_t *ports = json_array();
	json_t *sweeps = json_array();
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		if (part->target != target) {
			continue;
		}
		json_array_append_new(sweeps, part_json(part));
		for (size_t k = 0; k < part->row_count; k++) {
			json_array_append_new(ports, row_json(part, &part->rows[k], context));
		}
	}
	return json_pack("{s:o,s:o,s:s,s:b,s:o,s:b,s:o,s:o,s:o,s:o,s:o}", "target",
			 view_string(target->name), "address", address_json(&target->address),
			 "basis",
			 target->own            ? "this_host"
			 : target->host != NULL ? "declared"
						: "authorized",
			 "recorded", (int)target->recorded, "host",
			 target->host == NULL ? json_null() : view_string(target->host->entry.name),
			 "compared", target->declared.policy != NULL, "ports", ports, "sweeps",
			 sweeps, "record", audit_last_kept_json(target), "changes",
			 audit_last_changes_json(target, parts), "measures",
			 audit_measures_json(target, context->language));
}
