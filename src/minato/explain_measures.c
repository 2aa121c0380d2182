/* Which measures are done at a port of this host. */
#include "explain.h"
#include "measures.h"
#include "words.h"

enum { LINE_MAX_BYTES = 8 * 1024 };

static void measure_row(struct str *out, const struct explain *explain, const struct measured *m,
			const struct measure_result *result)
{
	const enum language language = explain->context->language;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_add(&line, ": ");
	measure_add_reason(&line, result);
	explain_row_inked(out, explain, measure_state_words(result->state),
			  measure_state_ink(result->state),
			  text_in(measure_at(result->id)->title, language), str_text(&line));
	if (result->state == MEASURE_NOT_DONE) {
		str_clear(&line);
		str_printf(&line, "-> %s",
			   text_in(measure_mend_for(result->id, m->program), language));
		explain_row(out, explain, "", str_text(&line));
	}
	str_deinit(&line);
}

/* What nobody asked, in one row with what asks. */
static void unasked_row(struct str *out, const struct explain *explain, const struct measured *m)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < m->count; i++) {
		if (m->results[i].reason == MEASURE_NOT_ASKED) {
			str_printf(&line, "%s%s", line.length > 0 ? "; " : "",
				   text_in(measure_at(m->results[i].id)->title,
					   explain->context->language));
		}
	}
	const bool own = m->ns == NULL || m->ns->kind == NETNS_HOST;
	const bool any = line.length > 0;
	explain_row(out, explain, _("not asked"), str_text(&line));
	if (any && own && m->listens && measure_service_speaks(m->service)) {
		str_clear(&line);
		str_printf(&line, "-> minato explain %u --measures", m->port);
		explain_row(out, explain, "", str_text(&line));
	}
	str_deinit(&line);
}

/* What is not done comes first. */
static void measured_rows(struct str *out, const struct explain *explain, const struct measured *m)
{
	static const enum measure_state order[] = { MEASURE_NOT_DONE, MEASURE_CANNOT_TELL,
						    MEASURE_DONE };
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		for (size_t i = 0; i < m->count; i++) {
			if (m->results[i].state == order[o] &&
			    m->results[i].reason != MEASURE_NOT_ASKED) {
				measure_row(out, explain, m, &m->results[i]);
			}
		}
	}
}

void explain_measures(struct str *out, const struct explain *explain, enum protocol protocol,
		      uint16_t port)
{
	struct str title = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; explain->measures != NULL && i < explain->measures->list.count; i++) {
		const struct measured *m = &explain->measures->list.items[i];
		if (m->port != port || !explain_same_protocol(protocol, m->protocol)) {
			continue;
		}
		str_clear(&title);
		str_printf(&title, _("Measures at %u/%s"), m->port, protocol_name(m->protocol));
		if (m->ns != NULL && m->ns->kind != NETNS_HOST) {
			str_add(&title, _(", network namespace "));
			text_escape(&title, m->ns->name != NULL ? m->ns->name : "-");
		}
		explain_heading(out, explain, str_text(&title));
		measured_rows(out, explain, m);
		unasked_row(out, explain, m);
	}
	str_deinit(&title);
}
