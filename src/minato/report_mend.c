/* What the report says is to be mended: findings, and measures that are not done. */
#include <stdlib.h>

#include "report.h"
#include "review/review.h"
#include "words.h"

/* Adds a piece if it leaves room for the words that say how much is missing. @return whether. */
static bool add_piece(struct str *out, const struct str *piece, size_t room)
{
	if (out->length + piece->length > room) {
		return false;
	}
	(void)str_add(out, str_text(piece));
	return true;
}

static void say_more(struct str *out, const char *format, size_t count)
{
	struct str words = STR_INIT(1024);
	(void)str_printf(&words, format, count);
	(void)str_add(out, "<p>");
	html_words(out, str_text(&words));
	(void)str_add(out, "</p>\n");
	str_deinit(&words);
}

/* ---- findings ---- */

static void add_finding(struct str *out, const struct finding *finding, enum language language)
{
	struct str text = STR_INIT(REPORT_ROW_BYTES / 4);
	struct str advice = STR_INIT(REPORT_ROW_BYTES / 4);
	(void)review_text(&text, finding, language);     /* cut text still reads */
	(void)review_advice(&advice, finding, language); /* likewise */
	(void)str_printf(out, "<li class=\"%s\"><p>", severity_name(finding->severity));
	html_badge(out, finding->severity);
	(void)str_add_char(out, ' ');
	html_words(out, str_text(&text));
	(void)str_add(out, "</p>");
	if (advice.length > 0) {
		(void)str_add(out, "<p class=\"mend\">");
		html_words(out, str_text(&advice));
		(void)str_add(out, "</p>");
	}
	(void)str_add(out, "</li>\n");
	str_deinit(&text);
	str_deinit(&advice);
}

void report_findings(struct str *out, struct report *report)
{
	const struct findings *findings = &report->overview->judgement.findings;
	size_t shown = 0;
	if (findings->list.count == 0) {
		say_more(out, _("Nothing to mend was found."), 0);
		return;
	}
	(void)str_add(out, "<ul class=\"findings\">\n");
	for (; shown < findings->list.count; shown++) {
		struct str piece = STR_INIT(REPORT_ROW_BYTES);
		add_finding(&piece, &findings->list.items[shown], report->context.language);
		const bool fits = add_piece(out, &piece, REPORT_FINDINGS_BYTES);
		str_deinit(&piece);
		if (!fits) {
			break;
		}
	}
	(void)str_add(out, "</ul>\n");
	if (shown < findings->list.count) {
		say_more(out, _("%zu more are not shown here, none worse: minato findings"),
			 findings->list.count - shown);
	}
}

/* ---- measures ---- */

struct undone {
	const struct measured *where;
	const struct measure_result *result;
};

struct undones {
	VEC(struct undone) list;
};

/* What others reach first, then by severity. */
static int by_need(const void *pa, const void *pb)
{
	const struct undone *a = pa;
	const struct undone *b = pb;
	if (a->where->reachable != b->where->reachable) {
		return a->where->reachable ? -1 : 1;
	}
	const enum severity of_a = measure_at(a->result->id)->severity;
	const enum severity of_b = measure_at(b->result->id)->severity;
	if (of_a != of_b) {
		return of_a > of_b ? -1 : 1;
	}
	return (int)a->where->port - (int)b->where->port;
}

static void gather(struct undones *out, const struct measures *measures)
{
	for (size_t i = 0; i < measures->list.count; i++) {
		const struct measured *m = &measures->list.items[i];
		for (size_t k = 0; k < m->count; k++) {
			struct undone *undone = m->results[k].state == MEASURE_NOT_DONE
							? vec_push(&out->list)
							: NULL;
			if (undone != NULL) {
				*undone = (struct undone){ m, &m->results[k] };
			}
		}
	}
	if (out->list.count > 1) {
		qsort(out->list.items, out->list.count, sizeof(struct undone), by_need);
	}
}

static void add_undone(struct str *out, const struct undone *undone, enum language language)
{
	const struct measure *measure = measure_at(undone->result->id);
	struct str reason = STR_INIT(REPORT_ROW_BYTES / 4);
	measure_add_reason(&reason, undone->result);
	(void)str_printf(out, "<li class=\"%s\"><p>", severity_name(measure->severity));
	html_badge(out, measure->severity);
	(void)str_printf(out, " %u/%s ", undone->where->port,
			 protocol_name(undone->where->protocol));
	html_words(out, text_in(measure->title, language));
	html_words(out, ": ");
	html_words(out, str_text(&reason));
	(void)str_add(out, "</p><p class=\"mend\">");
	html_words(out,
		   text_in(measure_mend_for(undone->result->id, undone->where->program), language));
	(void)str_add(out, "</p></li>\n");
	str_deinit(&reason);
}

void report_measures(struct str *out, struct report *report)
{
	struct undones undones = { 0 };
	size_t shown = 0;
	gather(&undones, &report->overview->measures);
	if (undones.list.count > 0) {
		(void)str_add(out, "<h3>");
		html_words(out, _("Measures that are not done"));
		(void)str_add(out, "</h3>\n<ul class=\"findings\">\n");
		for (; shown < undones.list.count; shown++) {
			struct str piece = STR_INIT(REPORT_ROW_BYTES);
			add_undone(&piece, &undones.list.items[shown], report->context.language);
			const bool fits = add_piece(out, &piece, REPORT_MEASURES_BYTES);
			str_deinit(&piece);
			if (!fits) {
				break;
			}
		}
		(void)str_add(out, "</ul>\n");
	}
	if (shown < undones.list.count) {
		say_more(out, _("%zu more are not shown here: minato explain PORT --measures"),
			 undones.list.count - shown);
	}
	vec_free(&undones.list);
}
