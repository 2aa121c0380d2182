/* Which measures are done at the open ports of one's own hosts: asked of the services. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "measures.h"
#include "view/view.h"
#include "words.h"

/* More services than a host of one's own has; what is beyond is not asked. */
enum { SERVICES_MAX = 64 };

/* One port and what came of it. */
struct audit_measured {
	const struct audit_target *target;
	uint16_t port;
	enum protocol protocol;
	const struct port_knowledge *service;
	char program[48]; /* by the name it gives itself, in small letters; "" = not known */
	struct err fault; /* why it could not be asked */
	struct measure_result results[MEASURES];
	size_t count;
};

struct audit_measures {
	VEC(struct audit_measured) list;
};

static void judge_answer(struct audit_measured *m, const struct measure_answer *answer)
{
	char page[MEASURE_DIGEST_BYTES];
	const bool own = m->target->own;
	const bool known = own && measures_page_recall(page, m->port) == 0;
	const struct measure_evidence evidence = { .answer = answer,
						   .page = known ? page : NULL,
						   .own = own };
	for (int id = 0; id < MEASURES; id++) {
		/* Pages are remembered of this host alone. */
		if (measure_at((enum measure_id)id)->asks && (own || id != MEASURE_HTTP_PAGE) &&
		    measure_is_for((enum measure_id)id, m->service)) {
			measure_judge(&m->results[m->count++], (enum measure_id)id, &evidence);
		}
	}
}

static void ask(struct audit_measured *m, const struct identity *identity)
{
	struct measure_answer answer;
	struct addr literal;
	const bool named = !m->target->own && m->target->host == NULL &&
			   addr_parse(&literal, m->target->name) < 0;
	const struct measure_place place = { .protocol = m->protocol,
					     .port = m->port,
					     .address = m->target->address,
					     .host = named ? m->target->name : NULL };
	if (measure_service_ask(&answer, &place, identity, &m->fault) == 0) {
		judge_answer(m, &answer);
	}
}

/* What it turned out to be, else what is usual at the number. */
static const struct port_knowledge *service_at(const struct audit_part *part, uint16_t port,
					       const struct identity *identity)
{
	const struct port_knowledge *found =
		identity == NULL ? NULL : audit_service_knowledge(identity);
	return measure_service_speaks(found) ? found : catalog_port(part->protocol, port);
}

static void take_program(struct audit_measured *m, const struct identity *identity)
{
	const char *product = identity == NULL               ? ""
			      : identity->product[0] != '\0' ? identity->product
							     : identity_service(identity);
	(void)str_copy(m->program, sizeof(m->program), product);
	for (char *c = m->program; *c != '\0'; c++) {
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	}
}

static int ask_part(struct audit_measures *out, const struct audit_part *part)
{
	for (size_t i = 0; i < part->row_count && *audit_stopped() == 0; i++) {
		const struct audit_row *row = &part->rows[i];
		const struct identity *identity = audit_identity(part, row->port);
		const struct port_knowledge *service = service_at(part, row->port, identity);
		if (row->state != SWEEP_OPEN || !measure_service_speaks(service) ||
		    out->list.count == SERVICES_MAX) {
			continue;
		}
		struct audit_measured *m = vec_push(&out->list);
		if (m == NULL) {
			return -1;
		}
		*m = (struct audit_measured){ .target = part->target,
					      .port = row->port,
					      .protocol = part->protocol,
					      .service = service };
		take_program(m, identity);
		ask(m, identity);
	}
	return 0;
}

struct audit_measures *audit_measures_ask(struct audit_targets *targets,
					  const struct audit_parts *parts)
{
	struct audit_measures *out = calloc(1, sizeof(*out));
	for (size_t i = 0; out != NULL && i < parts->count; i++) {
		const struct audit_target *target = parts->items[i].target;
		if ((target->own || target->host != NULL) && ask_part(out, &parts->items[i]) < 0) {
			break; /* what is known is told */
		}
	}
	for (size_t i = 0; i < targets->count; i++) {
		targets->items[i].measures = out;
	}
	return out;
}

void audit_measures_free(struct audit_measures *measures)
{
	if (measures != NULL) {
		vec_free(&measures->list);
		free(measures);
	}
}

/* ---- words ---- */

static void add_wrapped(struct str *out, const struct context *context, const struct str *line,
			size_t indent)
{
	text_wrap(out, str_text(line), context->columns, indent);
	str_add_char(out, '\n');
}

static void add_result(struct str *out, const struct context *context,
		       const struct audit_measured *m, const struct measure_result *result)
{
	struct str line = STR_INIT((size_t)8 * 1024);
	str_printf(&line, "  %u/%s  %s: %s (", m->port, protocol_name(m->protocol),
		   measure_state_words(result->state),
		   text_in(measure_at(result->id)->title, context->language));
	measure_add_reason(&line, result);
	str_add_char(&line, ')');
	add_wrapped(out, context, &line, 4);
	if (result->state == MEASURE_NOT_DONE) {
		str_clear(&line);
		/* Of a program that is not known, what helps all of them is said. */
		str_printf(&line, "    -> %s",
			   text_in(measure_mend_for(result->id, m->program), context->language));
		add_wrapped(out, context, &line, 7);
	}
	str_deinit(&line);
}

static void add_state(struct str *out, const struct context *context,
		      const struct audit_measured *m, enum measure_state state)
{
	for (size_t k = 0; k < m->count; k++) {
		if (m->results[k].state == state) {
			add_result(out, context, m, &m->results[k]);
		}
	}
}

void audit_measures_add(struct str *out, const struct audit_target *target,
			const struct context *context)
{
	const struct audit_measures *measures = target->measures;
	static const enum measure_state order[] = { MEASURE_NOT_DONE, MEASURE_CANNOT_TELL,
						    MEASURE_DONE };
	if (measures == NULL) {
		return;
	}
	if (!target->own && target->host == NULL) {
		str_add(out, _("Measures are asked of hosts that the policy declares.\n"));
		return;
	}
	bool any = false;
	str_printf(out, "%s%s%s\n", style_ink(&context->out_style, INK_BOLD), _("Measures"),
		   style_ink(&context->out_style, INK_PLAIN));
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		for (size_t i = 0; i < measures->list.count; i++) {
			if (measures->list.items[i].target == target) {
				add_state(out, context, &measures->list.items[i], order[o]);
				any = true;
			}
		}
	}
	if (!any) {
		str_add(out, _("  no open port has a service whose measures could be asked\n"));
	}
}

json_t *audit_measures_json(const struct audit_target *target, enum language language)
{
	const struct audit_measures *measures = target->measures;
	json_t *list = json_array();
	for (size_t i = 0; measures != NULL && i < measures->list.count; i++) {
		const struct audit_measured *m = &measures->list.items[i];
		for (size_t k = 0; m->target == target && k < m->count; k++) {
			json_t *row = measure_result_json(&m->results[k], m->service, m->program,
							  language);
			json_object_set_new(row, "protocol",
					    json_string(protocol_name(m->protocol)));
			json_object_set_new(row, "port", json_integer(m->port));
			json_array_append_new(list, row);
		}
	}
	return list;
}
