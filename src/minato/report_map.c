/* The report's drawings, and what their letters mean. */
#include "explain.h"
#include "report.h"
#include "words.h"

size_t report_letter(const struct report *report, uint16_t port)
{
	size_t index = 0;
	while (index < report->letter_count && report->letters[index] != port) {
		index++;
	}
	return index < report->letter_count ? index : FIGURE_MAP_LETTERS;
}

void report_mark(struct str *out, enum figure_mark_kind kind, const char *letter)
{
	static const char *const classes[] = {
		[FIGURE_MARK_PLAIN] = "mark",
		[FIGURE_MARK_DECLARED] = "mark declared",
		[FIGURE_MARK_UNDECLARED] = "mark undeclared",
	};
	(void)str_printf(out, "<span class=\"%s\">%s</span>", classes[kind], letter);
}

void report_map(struct str *out, struct report *report)
{
	(void)figure_map_svg(out, &report->map); /* kept in out->error */
}

/* ---- what the shapes mean ---- */

static void add_sign(struct str *out, enum figure_mark_kind kind, const char *words)
{
	(void)str_add(out, "<li>");
	report_mark(out, kind, "A");
	html_words(out, words);
	(void)str_add(out, "</li>\n");
}

static void add_shape(struct str *out, const char *class, const char *words)
{
	(void)str_printf(out, "<li><span class=\"mark %s\"></span>", class);
	html_words(out, words);
	(void)str_add(out, "</li>\n");
}

void report_signs(struct str *out, struct report *report)
{
	bool plain = false;
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		plain |= report->facts.marks.items[i].kind == FIGURE_MARK_PLAIN;
	}
	if (report->overview->judgement.declared) {
		add_sign(out, FIGURE_MARK_DECLARED, _("listens, in the policy"));
		add_sign(out, FIGURE_MARK_UNDECLARED, _("listens, not in the policy"));
		add_shape(out, "ring", _("in the policy, nothing listens"));
		if (plain) {
			add_sign(out, FIGURE_MARK_PLAIN, _("listens, needs no declaration"));
		}
	} else {
		add_sign(out, FIGURE_MARK_PLAIN, _("listens"));
	}
	if (report->map.ephemeral.last != 0) {
		add_shape(out, "hatched", _("where this host's own connections get their ports"));
	}
}

/* ---- the letters ---- */

static const struct figure_mark *mark_of(const struct report *report, uint16_t port)
{
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		if (report->facts.marks.items[i].port == port) {
			return &report->facts.marks.items[i];
		}
	}
	return NULL; /* no letter is given without one */
}

static enum figure_mark_kind kind_of(const struct report *report, uint16_t port)
{
	enum figure_mark_kind worst = FIGURE_MARK_PLAIN;
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		const struct figure_mark *mark = &report->facts.marks.items[i];
		worst = mark->port == port && mark->kind > worst ? mark->kind : worst;
	}
	return worst;
}

static void add_letter(struct str *out, const struct report *report, size_t index)
{
	enum { NAME_COLUMNS = 24 };
	char letter[3];
	const struct figure_mark *mark = mark_of(report, report->letters[index]);
	const char *text = figure_letter(letter, index);
	(void)str_add(out, "<li>");
	report_mark(out, kind_of(report, report->letters[index]), text);
	if (report->linked[index]) {
		(void)str_printf(out, " <a href=\"#port-%s\">%u/%s</a> ", text, mark->port,
				 protocol_name(mark->protocol));
	} else {
		(void)str_printf(out, " %u/%s ", mark->port, protocol_name(mark->protocol));
	}
	html_foreign(out, mark->name, NAME_COLUMNS);
	(void)str_add(out, "</li>\n");
}

void report_letters(struct str *out, struct report *report)
{
	struct portset listening = { 0 };
	if (report->letter_count > 0) {
		(void)str_add(out, "<ul class=\"letters\">\n");
		for (size_t i = 0; i < report->letter_count; i++) {
			add_letter(out, report, i);
		}
		(void)str_add(out, "</ul>\n");
	}
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		portset_add(&listening, report->facts.marks.items[i].port);
	}
	const uint32_t count = portset_count(&listening);
	if (count > report->letter_count) {
		struct str words = STR_INIT(1024);
		(void)str_printf(&words,
				 _("%u more ports listen than there are letters; they are drawn "
				   "without one, as far as there is room."),
				 (unsigned)(count - report->letter_count));
		(void)str_add(out, "<p>");
		html_words(out, str_text(&words));
		(void)str_add(out, "</p>\n");
		str_deinit(&words);
	}
}

/* ---- one port in a packet ---- */

void report_figure(struct str *out, struct report *report)
{
	enum { USUAL = 443 };
	const struct explain explain = { .context = &report->context,
					 .inventory = &report->overview->inventory };
	const bool any = report->facts.marks.count > 0;
	const uint16_t port = any ? report->facts.marks.items[0].port : USUAL;
	const struct subject subject = {
		.kind = SUBJECT_PORTS,
		.protocol = any ? report->facts.marks.items[0].protocol : PROTOCOL_TCP,
		.first = port,
		.last = port,
	};
	(void)explain_figure(out, &explain, &subject, true); /* kept in out->error */
}
