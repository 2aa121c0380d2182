/* This host from outside, in words and for machines. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit_self.h"
#include "view/view.h"
#include "words.h"

enum { RUNS_SHOWN = 8 };

/* ---- words ---- */

static const char *program_of(const struct inventory *inventory, const struct reach_port *port,
			      bool *listens)
{
	*listens = false;
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (l->port != port->port || protocol_registry(l->protocol) != port->protocol ||
		    !inventory_is_host(inventory, l->netns) ||
		    addr_exposure(&l->address) == EXPOSURE_LOOPBACK) {
			continue;
		}
		*listens = true;
		const struct process *process = inventory_listener_process(inventory, l);
		return process == NULL ? "" : process->name;
	}
	return "";
}

static enum ink reach_ink(enum reach_kind kind)
{
	return kind == REACH_ANYWHERE  ? INK_WARN
	       : kind == REACH_SOME    ? INK_PLAIN
	       : kind == REACH_DEPENDS ? INK_NOTE
				       : INK_DIM;
}

static void add_table(struct str *out, const struct audit_self *self, const struct context *context)
{
	const struct table_column columns[] = {
		{ _("PORT"), ALIGN_RIGHT, 0, 0 },
		{ _("REACHED BY"), ALIGN_LEFT, 10, 40 },
		{ _("PROGRAM"), ALIGN_LEFT, 8, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < self->reach.ports.count; i++) {
		const struct reach_port *port = &self->reach.ports.items[i];
		bool listens;
		const char *program = program_of(&self->inventory, port, &listens);
		table_printf(&table, INK_BOLD, "%u/%s", port->port, protocol_name(port->protocol));
		table_cell(&table, reach_ink(port->kind), reach_words(port));
		table_cell(&table, listens ? INK_PLAIN : INK_DIM,
			   listens ? program : _("nothing listens here"));
	}
	if (self->reach.ports.count > 0) {
		(void)table_render(out, &table, context->columns, &context->out_style);
	}
	table_deinit(&table);
}

/* "1-21, 23-79 and 12 more": runs of ports. */
static void add_runs(struct str *out, const struct portset *ports)
{
	unsigned shown = 0, more = 0;
	for (int32_t first = portset_next(ports, 1); first >= 0;) {
		const int32_t last = portset_run_end(ports, first);
		if (shown < RUNS_SHOWN) {
			str_printf(out, last == first ? "%s%d" : "%s%d-%d",
				   shown++ == 0 ? "" : ", ", first, last);
		} else {
			more++;
		}
		first = portset_next(ports, (uint32_t)last + 1);
	}
	if (more > 0) {
		str_printf(out, _(" and %u more runs"), more);
	}
}

static void add_outside(struct str *out, const struct audit_outside *o,
			const struct context *context)
{
	char from[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES];
	struct str line = STR_INIT(4096);
	const uint32_t let_in = portset_count(&o->let_in);
	str_printf(&line,
		   o->anywhere
			   ? _("  from anywhere (%s) to %s: the rules let in %u of %u TCP ports")
			   : _("  from a network here (%s) to %s: the rules let in %u of %u TCP "
			       "ports"),
		   addr_format(&o->from, from), addr_format(&o->to, to), let_in, o->asked);
	if (o->unproven > 0) {
		str_printf(&line, _(", and %u are not proven"), o->unproven);
	}
	if (portset_next(&o->unheard, 1) >= 0) {
		str_add(&line, _("; on these nothing listens, and whatever does is reached at "
				 "once: "));
		add_runs(&line, &o->unheard);
	}
	text_wrap(out, str_text(&line), context->columns, 4);
	str_add_char(out, '\n');
	str_deinit(&line);
}

static void add_proof(struct str *out, const struct audit_self *self, const struct context *context)
{
	uint32_t asked = self->reach.asked;
	char span[SPAN_TEXT_BYTES];
	bool whole = true;
	for (size_t i = 0; i < self->count; i++) {
		asked += self->outside[i].asked;
		whole = whole && self->outside[i].asked == self->wanted;
	}
	if (asked == 0) {
		return;
	}
	struct str line = STR_INIT(4096);
	str_printf(
		&line,
		_("  proven by %u packets through a copy of all rules of this host, in %s%s: what "
		  "its kernel does with them. What stands before this host, as a router or a "
		  "provider, is not seen"),
		asked, span_format(self->took, span),
		whole ? "" : _(" (all numbers that the rules name, and a sample of the others)"));
	text_wrap(out, str_text(&line), context->columns, 4);
	str_add_char(out, '\n');
	str_deinit(&line);
}

void audit_self_add(struct str *out, const struct audit_self *self, const struct context *context)
{
	if (self->why.code != 0) {
		struct str line = STR_INIT(4096);
		str_add(&line, _("From outside: not asked, so that only what listens is known, not "
				 "what others reach: "));
		text_escape(&line, err_text(&self->why));
		text_wrap(out, str_text(&line), context->columns, 2);
		str_add_char(out, '\n');
		str_deinit(&line);
		if (geteuid() != 0) {
			str_add(out, _("  -> sudo minato audit self\n"));
		}
		return;
	}
	str_add(out, _("From outside\n"));
	add_table(out, self, context);
	for (size_t i = 0; i < self->count; i++) {
		add_outside(out, &self->outside[i], context);
	}
	if (self->count == 0) {
		str_add(out, _("  no way leads here from any other host\n"));
	}
	add_proof(out, self, context);
	if (self->reach.contradictions.count > 0) {
		str_add(out,
			_("  rules of other tools contradict the policy -> minato findings\n"));
	}
}

/* ---- for machines ---- */

static json_t *runs_json(const struct portset *ports)
{
	json_t *list = json_array();
	for (int32_t first = portset_next(ports, 1); first >= 0;) {
		const int32_t last = portset_run_end(ports, first);
		json_array_append_new(
			list, json_pack("{s:i,s:i}", "first", (int)first, "last", (int)last));
		first = portset_next(ports, (uint32_t)last + 1);
	}
	return list;
}

static json_t *outside_json(const struct audit_outside *o)
{
	char from[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES];
	return json_pack("{s:s,s:s,s:b,s:i,s:i,s:i,s:o,s:o}", "from", addr_format(&o->from, from),
			 "to", addr_format(&o->to, to), "anywhere", (int)o->anywhere, "ports_asked",
			 (int)o->asked, "ports_let_in", (int)portset_count(&o->let_in),
			 "ports_unproven", (int)o->unproven, "let_in", runs_json(&o->let_in),
			 "let_in_unheard", runs_json(&o->unheard));
}

json_t *audit_self_json(const struct audit_self *self)
{
	json_t *ports = json_array(), *outside = json_array();
	for (size_t i = 0; i < self->reach.ports.count; i++) {
		const struct reach_port *port = &self->reach.ports.items[i];
		bool listens;
		const char *program = program_of(&self->inventory, port, &listens);
		json_array_append_new(
			ports, json_pack("{s:s,s:i,s:b,s:o,s:o}", "protocol",
					 protocol_name(port->protocol), "port", (int)port->port,
					 "listening", (int)listens, "process",
					 program[0] == '\0' ? json_null() : view_string(program),
					 "reach", reach_port_json(port)));
	}
	for (size_t i = 0; i < self->count; i++) {
		json_array_append_new(outside, outside_json(&self->outside[i]));
	}
	return json_pack("{s:b,s:o,s:o,s:o,s:I,s:i}", "asked", self->why.code == 0, "error",
			 self->why.code == 0 ? json_null() : view_string(err_text(&self->why)),
			 "ports", ports, "outside", outside, "duration_us", (json_int_t)self->took,
			 "contradictions", (int)self->reach.contradictions.count);
}
