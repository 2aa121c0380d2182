/* Measures in words, and for machines. */
#include <string.h>

#include "measures.h"
#include "view/view.h"
#include "words.h"

const char *measure_state_words(enum measure_state state)
{
	switch (state) {
	case MEASURE_DONE:
		return _("done");
	case MEASURE_NOT_DONE:
		return _("not done");
	case MEASURE_CANNOT_TELL:
		break;
	}
	return _("cannot tell");
}

enum ink measure_state_ink(enum measure_state state)
{
	return state == MEASURE_DONE ? INK_GOOD : state == MEASURE_NOT_DONE ? INK_WARN : INK_DIM;
}

void measure_add_reason(struct str *out, const struct measure_result *result)
{
	/* %s is the detail. */
	static const char *const sentences[MEASURE_REASONS] = {
		[MEASURE_NO_EVIDENCE] = N_("nothing tells of it"),
		[MEASURE_SETTING] = "%s",
		[MEASURE_DEFAULT] = N_("%s, as nobody says otherwise"),
		[MEASURE_EXCEPTION] = "%s",
		[MEASURE_UNREADABLE] = N_("%s may not be read, try it with sudo"),
		[MEASURE_KEYS] = "%s",
		[MEASURE_WEAK_KEY] = N_("the key %s is weak"),
		[MEASURE_LOOPBACK] = N_("it listens for this host alone"),
		[MEASURE_NOBODY] = N_("nobody gets through the rules"),
		[MEASURE_SOME] = N_("by rules and routes for %s"),
		[MEASURE_ANYONE] = N_("anyone who knows the address gets in"),
		[MEASURE_NOT_ASKED] = N_("only the service can tell"),
		[MEASURE_SILENT] = N_("the answer does not tell: %s"),
		[MEASURE_ANSWERED] = "%s",
		[MEASURE_OWN_NETWORK] =
			N_("this host's network may send, as usual (%s); ask from elsewhere"),
		[MEASURE_PAGE_SAME] = "%s",
		[MEASURE_PAGE_CHANGED] = N_("the page is another one now (%s)"),
		[MEASURE_PAGE_NEW] = N_("none is remembered yet (%s): --remember-page"),
		[MEASURE_UNSEEN] = N_("the program that holds it cannot be seen, try it with sudo"),
	};
	/* Of a digest people compare the beginning. */
	enum { DIGEST_SHOWN = 7 + 16 };
	struct str detail = STR_INIT((size_t)4 * MEASURE_DETAIL_BYTES);
	const char *sentence = sentences[result->reason];
	text_escape(&detail, result->detail);
	if (str_starts(result->detail, "sha256:") && detail.length > DIGEST_SHOWN) {
		str_truncate(&detail, DIGEST_SHOWN);
		str_add(&detail, "..");
	}
	if (result->reason == MEASURE_SILENT && detail.length == 0) {
		sentence = N_("it was asked, and did not answer");
	}
	if (result->reason == MEASURE_NO_EVIDENCE && detail.length > 0) {
		sentence = "%s";
	}
	sentence = strcmp(sentence, "%s") == 0 ? sentence : _(sentence);
	const char *at = strstr(sentence, "%s");
	if (at == NULL) {
		str_add(out, sentence);
	} else {
		str_add_bytes(out, sentence, (size_t)(at - sentence));
		str_add(out, str_text(&detail));
		str_add(out, at + 2);
	}
	str_deinit(&detail);
}

/* ---- status ---- */

void measures_status_words(struct str *out, const struct measures *measures,
			   const struct context *context)
{
	const struct measured *where = NULL;
	const struct measure_result *worst = NULL;
	unsigned count = 0;
	for (size_t i = 0; i < measures->list.count; i++) {
		const struct measured *m = &measures->list.items[i];
		const struct measure_result *here =
			m->reachable ? measure_worst(m->results, m->count) : NULL;
		for (size_t k = 0; m->reachable && k < m->count; k++) {
			count += m->results[k].state == MEASURE_NOT_DONE;
		}
		if (here != NULL && (worst == NULL || measure_at(here->id)->severity >
							      measure_at(worst->id)->severity)) {
			worst = here;
			where = m;
		}
	}
	if (worst == NULL) {
		return;
	}
	struct str line = STR_INIT(4096);
	str_printf(&line, _("Not done: %s at %u/%s"),
		   text_in(measure_at(worst->id)->title, context->language), where->port,
		   protocol_name(where->protocol));
	if (count > 1) {
		str_printf(&line, _(", and %u more"), count - 1);
	}
	str_printf(&line, ": minato explain %u", where->port);
	text_wrap(out, str_text(&line), context->columns, 2);
	str_add_char(out, '\n');
	str_deinit(&line);
}

/* ---- for machines ---- */

json_t *measure_result_json(const struct measure_result *result,
			    const struct port_knowledge *service, const char *program,
			    enum language language)
{
	const struct measure *measure = measure_at(result->id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "service", service->name,
			 "measure", measure->name, "title", text_in(measure->title, language),
			 "state", measure_state_name(result->state), "severity",
			 severity_name(measure->severity), "reason",
			 measure_reason_name(result->reason), "evidence",
			 result->detail[0] == '\0' ? json_null() : view_string(result->detail),
			 "mend", text_in(measure_mend_for(result->id, program), language));
}

static json_t *row(const struct measured *m, const struct measure_result *result,
		   enum language language)
{
	json_t *json = json_pack(
		"{s:s, s:i, s:o, s:b, s:b}", "protocol", protocol_name(m->protocol), "port",
		(int)m->port, "netns",
		m->ns == NULL ? json_null() : json_integer((json_int_t)m->ns->inode), "host",
		m->ns == NULL || m->ns->kind == NETNS_HOST, "reachable", (int)m->reachable);
	json_t *judged = measure_result_json(result, m->service, m->program, language);
	(void)json_object_update(json, judged); /* without memory the row is shorter */
	json_decref(judged);
	return json;
}

json_t *measures_json(const struct measures *measures, enum language language)
{
	json_t *list = json_array();
	for (size_t i = 0; i < measures->list.count; i++) {
		const struct measured *m = &measures->list.items[i];
		for (size_t k = 0; k < m->count; k++) {
			json_array_append_new(list, row(m, &m->results[k], language));
		}
	}
	return list;
}
