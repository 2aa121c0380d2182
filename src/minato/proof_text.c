/* What the twin proved, to people and to machines. */
#include <string.h>

#include "explain_way_text.h"
#include "proof.h"
#include "view/view.h"
#include "words.h"

enum { CASES_SHOWN = 20, REASONS_SHOWN = 8, LINE_MAX_BYTES = 64 * 1024 };

/* ---- for people ---- */

static void add_source(struct str *out, const struct proof_case *c)
{
	char from[ADDR_TEXT_BYTES];
	const char *entry = c->entry ?: "";
	str_add(out, addr_format(&c->from, from));
	if (c->mine) {
		str_add(out, _(", your login"));
	} else if (c->place == ENFORCE_PLACE_ANYWHERE) {
		str_add(out, _(", as from anywhere"));
	} else if (c->place == ENFORCE_PLACE_OUTSIDE) {
		str_printf(out, _(", just outside %s"), entry);
	} else if (strcmp(entry, from) != 0) {
		str_printf(out, ", %s", entry);
	}
}

static void add_ports(struct str *out, const struct proof_case *c)
{
	const struct policy_ports ports = { .protocol = c->port.protocol,
					    .first = c->port.port,
					    .last = c->last_port };
	policy_ports_format(out, &ports);
}

static void add_rule(struct str *out, const struct proof_case *c)
{
	char target[ENDPOINT_TEXT_BYTES];
	if (c->by_rule) {
		str_printf(out, "%s: ", way_owner_word(c->step.owner));
		way_add_deciding(out, &c->step);
	} else {
		const char *sentence = way_cause_sentence(c->cause);
		str_add(out, sentence == NULL ? "?" : _(sentence));
	}
	if (c->outcome == TWIN_FORWARDED) {
		str_printf(out, _(" (on to %s)"), endpoint_format(&c->to, c->to_port, target));
	}
}

static void add_case(struct str *out, const struct proof_case *c)
{
	struct str ports = STR_INIT(64);
	struct str source = STR_INIT(LINE_MAX_BYTES);
	struct str rule = STR_INIT(LINE_MAX_BYTES);
	add_ports(&ports, c);
	add_source(&source, c);
	add_rule(&rule, c);
	str_add(out, "    ");
	str_printf(out, _("%s from %s"), str_text(&ports), str_text(&source));
	if (c->packets > 1) {
		str_printf(out,
			   ngettext(" and %u packet more", " and %u packets more", c->packets - 1),
			   c->packets - 1);
	}
	str_add(out, "\n      ");
	text_escape(out, str_text(&rule));
	str_add_char(out, '\n');
	str_deinit(&ports);
	str_deinit(&source);
	str_deinit(&rule);
}

static void add_cases(struct str *out, const struct proof *proof, enum proof_kind kind,
		      const char *title)
{
	size_t shown = 0;
	size_t count = 0;
	for (size_t i = 0; i < proof->cases.count; i++) {
		const struct proof_case *c = &proof->cases.items[i];
		if (c->kind != kind) {
			continue;
		}
		if (count++ == 0) {
			str_add(out, title);
		}
		if (shown < CASES_SHOWN) {
			add_case(out, c);
			shown++;
		}
	}
	if (count > shown) {
		str_printf(out, _("    ... and %zu more: minato plan --json\n"), count - shown);
	}
}

static void add_reason(struct str *out, const struct proof_reason *reason)
{
	struct str detail = STR_INIT(LINE_MAX_BYTES);
	text_escape(&detail, reason->detail);
	str_printf(out, "  %s: ", _("not proven"));
	if (reason->packets > 0) {
		str_printf(out, ngettext("%u packet: ", "%u packets: ", reason->packets),
			   reason->packets);
	}
	if (!reason->by_cause) {
		str_printf(out, _(way_doubt_sentence(reason->doubt)), str_text(&detail));
	} else if (way_cause_sentence(reason->cause) != NULL) {
		str_add(out, _(way_cause_sentence(reason->cause)));
	} else {
		str_printf(out, _("minato's own rule refuses it, as for a rate: %s"),
			   str_text(&detail));
	}
	str_add_char(out, '\n');
	str_deinit(&detail);
}

void proof_add(struct str *out, const struct proof *proof)
{
	add_cases(out, proof, PROOF_REFUSED,
		  _("Let in by the policy, but other rules of this host refuse it:\n"));
	add_cases(out, proof, PROOF_LET_IN,
		  _("Refused by the policy, but it gets in all the same:\n"));
	str_printf(out,
		   _("Asked of the kernel in a copy of its rules: %u packets, %u agree, %u "
		     "contradict, %u not proven, %llu not asked\n"),
		   proof->asked, proof->agree, proof->disproved, proof->unproven,
		   (unsigned long long)proof->unasked.left_out);
	const unsigned absent = (unsigned)proof->unasked.absent;
	if (absent > 0) {
		str_printf(
			out,
			ngettext("  not asked: no way leads here from %u address of the policy\n",
				 "  not asked: no way leads here from %u addresses of the "
				 "policy\n",
				 absent),
			absent);
	}
	for (size_t i = 0; i < proof->reasons.count && i < REASONS_SHOWN; i++) {
		add_reason(out, &proof->reasons.items[i]);
	}
	if (proof->reasons.count > REASONS_SHOWN) {
		str_printf(out, _("    ... and %zu more: minato plan --json\n"),
			   proof->reasons.count - REASONS_SHOWN);
	}
}

void proof_complain(const struct context *context, const struct err *e)
{
	complain(context, err_text(e), NULL);
	complain(context, _("so it is not proven that other rules of this host agree"),
		 "minato explain PORT --from ADDRESS");
}

/* ---- for machines ---- */

static json_t *case_json(const struct proof_case *c)
{
	char from[ADDR_TEXT_BYTES];
	char to[ADDR_TEXT_BYTES];
	return json_pack(
		"{s:s, s:s, s:i, s:i, s:s, s:s, s:o, s:b, s:i, s:s, s:s, s:{s:s, s:i}, s:o}",
		"kind", c->kind == PROOF_REFUSED ? "refused" : "let_in", "protocol",
		protocol_name(c->port.protocol), "port", c->port.port, "last_port", c->last_port,
		"source", addr_format(&c->from, from), "place", enforce_place_name(c->place),
		"entry", view_string(c->entry), "mine", c->mine, "packet_count", (int)c->packets,
		"outcome", twin_outcome_name(c->outcome), "cause", twin_cause_name(c->cause),
		"target", "address", addr_format(&c->to, to), "port", c->to_port, "deciding",
		way_step_json(c->by_rule ? &c->step : NULL));
}

static json_t *reason_json(const struct proof_reason *reason)
{
	const char *kind =
		reason->by_cause ? twin_cause_name(reason->cause) : twin_doubt_name(reason->doubt);
	return json_pack("{s:s, s:o, s:o}", "kind", kind, "detail", view_string(reason->detail),
			 "packet_count",
			 reason->packets > 0 ? json_integer(reason->packets) : json_null());
}

json_t *proof_json(const struct proof *proof)
{
	json_t *cases = json_array();
	json_t *reasons = json_array();
	for (size_t i = 0; i < proof->cases.count; i++) {
		json_array_append_new(cases, case_json(&proof->cases.items[i]));
	}
	for (size_t i = 0; i < proof->reasons.count; i++) {
		json_array_append_new(reasons, reason_json(&proof->reasons.items[i]));
	}
	return json_pack(
		"{s:i, s:i, s:i, s:i, s:I, s:I, s:o, s:o}", "packets_asked", (int)proof->asked,
		"packets_agree", (int)proof->agree, "packets_contradict", (int)proof->disproved,
		"packets_not_proven", (int)proof->unproven, "packets_not_asked",
		(json_int_t)proof->unasked.left_out, "addresses_without_a_way",
		(json_int_t)proof->unasked.absent, "contradictions", cases, "not_proven", reasons);
}
