/* What minato audit found out, in words. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "catalog/catalog.h"
#include "log_rows.h"
#include "services_words.h"
#include "words.h"

enum { CELL_BYTES = 512 };

/* ---- ports ---- */

/* "state|open": what stands before the line tells translators which "open" it is, and nobody else.
 */
static const char *without_context(const char *words)
{
	const char *line = strchr(words, '|');
	return line == NULL ? words : line + 1;
}

static const char *state_words(enum sweep_state state, enum protocol protocol)
{
	static const char *const words[SWEEP_STATES] = {
		[SWEEP_UNASKED] = N_("state|not asked"),
		[SWEEP_SILENT] = N_("state|filtered"),
		[SWEEP_OPEN] = N_("state|open"),
		[SWEEP_CLOSED] = N_("state|closed"),
		[SWEEP_REJECTED] = N_("state|refused"),
		[SWEEP_HELD] = N_("state|open or filtered"),
	};
	return without_context(state == SWEEP_SILENT && protocol == PROTOCOL_UDP
				       ? _("state|unknown")
				       : _(words[state]));
}

static const char *verdict_words(enum audit_verdict verdict)
{
	static const char *const words[AUDIT_VERDICTS] = {
		[AUDIT_IN_ORDER] = N_("as declared"),
		[AUDIT_UNDECLARED] = N_("not declared"),
		[AUDIT_OTHERS_ONLY] = N_("declared for others, and open from here"),
		[AUDIT_CLOSED] = N_("declared, and nobody listens"),
		[AUDIT_FILTERED] = N_("declared, and not to be reached from here"),
		[AUDIT_UNKNOWN] = N_("cannot be known from here"),
		[AUDIT_NOT_COMPARED] = "",
		[AUDIT_NOT_ASKED] = N_("declared, and not asked yet"),
	};
	return words[verdict][0] == '\0' ? "" : _(words[verdict]);
}

static enum ink verdict_ink(enum audit_verdict verdict)
{
	switch (verdict) {
	case AUDIT_IN_ORDER:
		return INK_GOOD;
	case AUDIT_UNDECLARED:
	case AUDIT_OTHERS_ONLY:
		return INK_BAD;
	case AUDIT_CLOSED:
	case AUDIT_FILTERED:
		return INK_WARN;
	default:
		return INK_DIM;
	}
}

static const char *service_words(enum protocol protocol, uint16_t port, enum language language)
{
	const struct port_knowledge *known = catalog_port(protocol, port);
	const struct service *registered = catalog_registry(protocol, port);
	return known != NULL        ? text_in(known->title, language)
	       : registered != NULL ? registered->name
				    : "";
}

/* @param asked  whether there is a column for what speaks there. */
static void add_row(struct table *table, const struct audit_part *part, const struct audit_row *row,
		    const struct context *context, bool asked)
{
	char port[32];
	struct str verdict = STR_INIT(CELL_BYTES), speaks = STR_INIT(CELL_BYTES);
	(void)snprintf(port, sizeof(port), "%u/%s", row->port, protocol_name(part->protocol));
	table_cell(table, INK_BOLD, port);
	table_cell(table, INK_PLAIN, state_words(row->state, part->protocol));
	table_cell(table, INK_PLAIN, service_words(part->protocol, row->port, context->language));
	if (asked) {
		services_cell(&speaks, audit_identity(part, row->port), context);
		table_cell(table, INK_PLAIN, str_text(&speaks));
	}
	if (row->declaration != NULL) {
		text_escape(&verdict, row->declaration->entry.name);
		str_add(&verdict, ": ");
	}
	str_add(&verdict, verdict_words(row->verdict));
	table_cell(table, verdict_ink(row->verdict), str_text(&verdict));
	str_deinit(&verdict);
	str_deinit(&speaks);
}

static void add_table(struct str *out, const struct audit_target *target,
		      const struct audit_parts *parts, const struct context *context)
{
	const bool asked = audit_services_asked(target, parts);
	struct table_column columns[] = {
		{ _("PORT"), ALIGN_RIGHT, 0, 0 },    { _("STATE"), ALIGN_LEFT, 0, 0 },
		{ _("SERVICE"), ALIGN_LEFT, 8, 30 }, { _("ANSWERS AS"), ALIGN_LEFT, 12, 40 },
		{ _("POLICY"), ALIGN_LEFT, 16, 0 },
	};
	struct table table;
	size_t rows = 0;
	if (!asked) {
		columns[3] = columns[4];
	}
	table_init(&table, columns, asked ? 5 : 4);
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->row_count; k++) {
			add_row(&table, part, &part->rows[k], context, asked);
			rows++;
		}
	}
	if (rows > 0) {
		(void)table_render(out, &table, context->columns, &context->out_style);
	}
	table_deinit(&table);
}

/* ---- what it rests on ---- */

static void add_counts(struct str *out, const struct audit_part *part)
{
	/* Those of which least is known come last. */
	static const enum sweep_state order[] = { SWEEP_OPEN,   SWEEP_CLOSED, SWEEP_REJECTED,
						  SWEEP_SILENT, SWEEP_HELD,   SWEEP_UNASKED };
	struct audit_counts counts;
	const char *separator = "";
	audit_count(&counts, part);
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (counts.states[order[i]] > 0) {
			str_printf(out, "%s%u %s", separator, counts.states[order[i]],
				   state_words(order[i], part->protocol));
			separator = ", ";
		}
	}
}

static void add_proof(struct str *out, const struct audit_part *part)
{
	const struct sweep_facts *facts = &part->job->end.facts;
	double bound;
	switch (sweep_prove(&bound, facts)) {
	case SWEEP_PROVEN_ALL:
		str_add(out, _("no open port is missed: every port answered"));
		break;
	case SWEEP_PROVEN_BOUND:
		str_printf(out,
			   _("proven: at most %.2g open ports missed (of %u questions to known "
			     "ports %u were lost, each silent port was asked %u times)"),
			   bound, facts->canaries, facts->lost, facts->rounds);
		break;
	case SWEEP_UNPROVEN_SILENCE:
		str_add(out, _("unproven: no port is known to answer, so nobody knows what is lost "
			       "on the way; the host may be off, or drop everything"));
		break;
	case SWEEP_UNPROVEN_LOSS:
		str_printf(
			out,
			_("unproven: up to %.2g open ports may be missed (of %u questions to known "
			  "ports %u were lost); ask more slowly with --rate"),
			bound, facts->canaries, facts->lost);
		break;
	case SWEEP_UNPROVEN_ENDED:
		str_add(out, _("unproven: it was ended before all was asked"));
		break;
	default:
		str_add(out, _("unproven: of UDP silence says nothing"));
		break;
	}
	str_add_char(out, '\n');
}

static void add_rejecters(struct str *out, const struct audit_part *part)
{
	for (uint32_t i = 0; i < part->job->end.rejecter_count; i++) {
		const struct sweep_rejecter *r = &part->job->end.rejecters[i];
		char from[ADDR_TEXT_BYTES];
		str_printf(out,
			   ngettext("  refused by %s with ICMP type %u code %u, %u time\n",
				    "  refused by %s with ICMP type %u code %u, %u times\n",
				    r->count),
			   r->from.family == ADDR_NONE ? "?" : addr_format(&r->from, from), r->type,
			   r->code, r->count);
	}
}

static const char *mode_words(uint32_t mode)
{
	static const char *const words[SWEEP_MODES] = {
		[SWEEP_CONNECT] = N_("by connections"),
		[SWEEP_RAW] = N_("by packets of its own"),
		[SWEEP_UDP] = N_("by what each service understands"),
	};
	return _(words[mode]);
}

static void add_part(struct str *out, const struct audit_part *part)
{
	char span[SPAN_TEXT_BYTES];
	str_printf(out, "  %s: ", part->protocol == PROTOCOL_UDP ? "UDP" : "TCP");
	if (part->job == NULL || part->job->error < 0) {
		str_add(out, part->fault.code == 0 ? _("not asked: it was ended before")
						   : err_text(&part->fault));
		str_add_char(out, '\n');
		return;
	}
	add_counts(out, part);
	str_printf(out, _("; asked %s with %llu packets in %s\n"),
		   mode_words(part->job->end.facts.mode), (unsigned long long)part->job->end.sent,
		   span_format(part->job->end.took, span));
	if (part->before != NULL) {
		char time[LOG_TIME_BYTES];
		str_printf(out, _("  gone on with what the audit of %.16s had not asked\n"),
			   log_local_time(part->before->time, time));
	}
	str_add(out, "  ");
	if (part->fault.code != 0) {
		str_add(out, err_text(&part->fault));
		str_add_char(out, '\n');
	} else {
		add_proof(out, part);
	}
	add_rejecters(out, part);
}

/* ---- one address ---- */

static void add_head(struct str *out, const struct audit_target *target)
{
	char address[ADDR_TEXT_BYTES];
	(void)addr_format(&target->address, address);
	str_add(out, address);
	if (target->own) {
		str_add(out, _("  this host, asked from itself"));
	} else if (target->host != NULL) {
		str_add(out, "  ");
		text_escape(out, target->host->entry.name);
	} else {
		str_add(out, target->recorded ? _("  authorized on the command line, and recorded")
					      : _("  authorized on the command line"));
	}
	str_add_char(out, '\n');
}

static bool has(const struct audit_target *target, const struct audit_parts *parts,
		enum audit_verdict verdict, uint16_t *port)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->row_count; k++) {
			if (part->rows[k].verdict == verdict) {
				*port = part->rows[k].port;
				return true;
			}
		}
	}
	return false;
}

static bool was_ended(const struct audit_target *target, const struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		if (part->target == target && part->fault.code == 0 &&
		    (part->job == NULL || part->job->end.interrupted != 0)) {
			return true;
		}
	}
	return false;
}

static void add_next(struct str *out, const struct audit_target *target,
		     const struct audit_parts *parts)
{
	uint16_t port = 0;
	if (target->next_hop_silent != NULL) {
		str_printf(out, _("  nobody answers for that address on the link (%s)\n"),
			   target->next_hop_silent);
	}
	if (target->kept && was_ended(target, parts)) {
		str_printf(out, _("  -> minato audit %s--resume %s\n"),
			   target->authorized ? "--authorized " : "", target->name);
	}
	if (has(target, parts, AUDIT_UNDECLARED, &port)) {
		if (target->own) {
			str_printf(out,
				   _("  -> minato explain %u; then minato open %u, or stop what "
				     "listens\n"),
				   port, port);
		} else {
			str_add(out, _("  -> declare it under hosts: of the policy, or stop what "
				       "listens there\n"));
		}
	}
	if (has(target, parts, AUDIT_FILTERED, &port) || has(target, parts, AUDIT_CLOSED, &port)) {
		if (target->own) {
			str_printf(out, _("  -> minato check %u\n"), port);
		} else {
			char endpoint[ENDPOINT_TEXT_BYTES];
			str_printf(out, _("  -> minato check %s\n"),
				   endpoint_format(&target->address, port, endpoint));
		}
	}
}

void audit_add(struct str *out, const struct audit_target *target, const struct audit_parts *parts,
	       const struct context *context)
{
	add_head(out, target);
	add_table(out, target, parts, context);
	for (size_t i = 0; i < parts->count; i++) {
		if (parts->items[i].target == target) {
			add_part(out, &parts->items[i]);
		}
	}
	audit_services_add(out, target, parts, context);
	audit_measures_add(out, target, context);
	audit_last_add(out, target, parts, context);
	add_next(out, target, parts);
}
