/* The report's table of open ports: number, use, program, who reaches it, risk, measure, purpose.
 */
#include <stdlib.h>

#include "cells.h"
#include "report.h"
#include "words.h"

enum { ADDRESS_COLUMNS = 80, NAME_COLUMNS = 40, PURPOSE_COLUMNS = 200, DATE_BYTES = 16 };

/* One row of the page. */
struct line {
	const struct ports_row *row;
	size_t letter; /* FIGURE_MAP_LETTERS = none */
};

/* What both kinds of rows have. */
struct facts {
	enum protocol protocol;
	uint16_t first, last;
	const struct port_knowledge *known;
	bool doubted;
	bool host; /* in the host's own network namespace */
	uint32_t netns;
	const char *interface;
};

static struct facts facts_of(const struct report *report, const struct ports_row *row)
{
	const struct inventory *inventory = &report->overview->inventory;
	const struct published *p = row->published;
	const struct listener *l = row->group.first;
	struct facts facts = { 0 };
	if (p != NULL) {
		facts = (struct facts){ .protocol = p->protocol,
					.first = p->first_port,
					.last = p->last_port,
					.known = catalog_published(p),
					.netns = p->netns };
	} else {
		facts = (struct facts){ .protocol = l->protocol,
					.first = l->port,
					.last = l->port,
					.netns = l->netns,
					.interface = l->interface_name };
		facts.known = catalog_listener(&facts.doubted, inventory, l);
	}
	facts.host = inventory_is_host(inventory, facts.netns);
	return facts;
}

/* ---- cells ---- */

static void add_kind(struct str *out, const struct report *report, const struct line *line,
		     const struct facts *facts)
{
	char letter[3];
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		const struct figure_mark *mark = &report->facts.marks.items[i];
		if (line->letter < FIGURE_MAP_LETTERS && mark->port == facts->first &&
		    mark->protocol == protocol_registry(facts->protocol)) {
			report_mark(out, mark->kind, figure_letter(letter, line->letter));
			(void)str_add_char(out, ' ');
			return;
		}
	}
}

static void port_cell(struct str *out, const struct report *report, const struct line *line,
		      const struct facts *facts)
{
	const struct published *p = line->row->published;
	char address[ADDR_TEXT_BYTES];
	add_kind(out, report, line, facts);
	(void)str_printf(out, "%u", facts->first);
	if (facts->last != facts->first) {
		(void)str_printf(out, "-%u", facts->last);
	}
	(void)str_printf(out, "/%s<small>", protocol_name(facts->protocol));
	if (p == NULL) {
		html_foreign(out, str_text(&line->row->group.addresses), ADDRESS_COLUMNS);
	} else {
		const bool any = p->address.family == ADDR_NONE || addr_is_any(&p->address);
		html_words(out, any ? "*" : addr_format(&p->address, address));
	}
	(void)str_add(out, "</small>");
}

static void use_cell(struct str *out, const struct report *report, const struct facts *facts)
{
	const enum language language = report->context.language;
	const struct service *registered = catalog_registry(facts->protocol, facts->first);
	if (facts->known != NULL) {
		html_words(out, facts->doubted ? "? " : "");
		html_words(out, text_in(facts->known->title, language));
		html_small(out, text_in(facts->known->use, language));
	} else {
		html_words(out, registered != NULL ? registered->name : "-");
	}
}

static void process_words(struct str *out, const struct listener *l, const struct process *process)
{
	html_foreign(out, process->name, NAME_COLUMNS);
	(void)str_printf(out, " <small>pid %d", process->pid);
	if (l->owner_count > 1) {
		(void)str_printf(out, " +%u", l->owner_count - 1);
	}
	(void)str_add(out, "</small>");
	struct str name = STR_INIT(4096);
	html_small_foreign(out, _("user"), process->user);
	add_short_id(&name, process->unit);
	html_small_foreign(out, "", str_text(&name));
	str_clear(&name);
	add_short_id(&name, process->container_name != NULL ? process->container_name
							    : process->container_id);
	html_small_foreign(out, _("container"), str_text(&name));
	str_deinit(&name);
}

static void program_cell(struct str *out, const struct ports_row *row)
{
	const struct listener *l = row->group.first;
	const struct published *p = row->published;
	char target[ENDPOINT_TEXT_BYTES];
	if (p != NULL) {
		(void)str_add(out, "→ ");
		html_foreign(out,
			     p->container_name != NULL
				     ? p->container_name
				     : endpoint_format(&p->target, p->target_port, target),
			     NAME_COLUMNS);
		html_small_foreign(out, "", p->owner);
	} else if (row->group.process != NULL) {
		process_words(out, l, row->group.process);
	} else {
		html_words(out,
			   l->ownership == OWNERSHIP_NONE ? _("(no process)") : _("(not visible)"));
	}
}

static void reach_cell(struct str *out, const struct report *report, const struct ports_row *row,
		       const struct facts *facts)
{
	const struct inventory *inventory = &report->overview->inventory;
	if (!facts->host) {
		struct str words = STR_INIT(4096);
		struct str name = STR_INIT(2048);
		const char *netns = ports_netns_name(inventory, facts->netns);
		text_escape(&name, netns != NULL ? netns : "");
		(void)str_printf(&words, _("in %s"),
				 netns != NULL ? str_text(&name) : _("a namespace"));
		html_words(out, str_text(&words));
		str_deinit(&name);
		str_deinit(&words);
		return;
	}
	html_foreign(out, ports_reach_words(inventory, &report->overview->judgement.reach, row),
		     PURPOSE_COLUMNS);
}

static void risk_cells(struct str *out, const struct report *report, const struct facts *facts)
{
	const enum language language = report->context.language;
	if (facts->known == NULL) {
		(void)str_add(out, "-</td><td role=\"cell\">-");
		return;
	}
	html_badge(out, facts->known->risk);
	html_small(out, text_in(facts->known->reason, language));
	(void)str_add(out, "</td><td role=\"cell\">");
	html_words(out, text_in(facts->known->measure, language));
}

static void date_small(struct str *out, const char *format, int32_t day)
{
	if (day == POLICY_NO_DATE) {
		return;
	}
	char date[DATE_BYTES];
	struct str words = STR_INIT(256);
	(void)str_printf(&words, format, policy_date_format(day, date));
	html_small(out, str_text(&words));
	str_deinit(&words);
}

static void purpose_cell(struct str *out, const struct report *report, const struct facts *facts)
{
	const struct policy *policy = judgement_policy(&report->overview->judgement);
	const struct policy_declaration *declaration =
		policy == NULL || !facts->host
			? NULL
			: policy_declaration_for(policy, facts->protocol, facts->first,
						 facts->interface, NULL);
	if (declaration == NULL) {
		html_words(out, !facts->host     ? "-"
				: policy == NULL ? _("none on record")
						 : _("not in the policy"));
		return;
	}
	html_foreign(out, declaration->purpose != NULL ? declaration->purpose : "-",
		     PURPOSE_COLUMNS);
	html_small_foreign(out, _("owner"), declaration->owner);
	date_small(out, _("open until %s"), declaration->until);
	date_small(out, _("review by %s"), declaration->review);
}

static void add_line(struct str *out, const struct report *report, const struct line *line,
		     bool linked)
{
	static const char next[] = "</td><td role=\"cell\">";
	const struct facts facts = facts_of(report, line->row);
	char letter[3];
	(void)str_add(out, "<tr role=\"row\"");
	if (linked) {
		(void)str_printf(out, " id=\"port-%s\"", figure_letter(letter, line->letter));
	}
	(void)str_add(out, "><th scope=\"row\" role=\"rowheader\">");
	port_cell(out, report, line, &facts);
	(void)str_add(out, "</th><td role=\"cell\">");
	use_cell(out, report, &facts);
	(void)str_add(out, next);
	program_cell(out, line->row);
	(void)str_add(out, next);
	reach_cell(out, report, line->row, &facts);
	(void)str_add(out, next);
	risk_cells(out, report, &facts);
	(void)str_add(out, next);
	purpose_cell(out, report, &facts);
	(void)str_add(out, "</td></tr>\n");
}

/* ---- the table ---- */

static int by_letter(const void *pa, const void *pb)
{
	const struct line *a = pa;
	const struct line *b = pb;
	if (a->letter != b->letter) {
		return a->letter < b->letter ? -1 : 1;
	}
	/* Rows of one letter, and those without, as the list has them: the most dangerous first. */
	return a->row < b->row ? -1 : a->row > b->row;
}

static struct line *ordered(struct report *report)
{
	const size_t count = report->ports.rows.count;
	struct line *lines = calloc(count + 1, sizeof(*lines));
	ports_list_worst_first(&report->ports);
	for (size_t i = 0; lines != NULL && i < count; i++) {
		const struct ports_row *row = &report->ports.rows.items[i];
		const struct facts facts = facts_of(report, row);
		lines[i] = (struct line){ row, facts.host ? report_letter(report, facts.first)
							  : FIGURE_MAP_LETTERS };
	}
	if (lines != NULL && count > 1) {
		qsort(lines, count, sizeof(*lines), by_letter);
	}
	return lines;
}

/* @return whether the row found room. */
static bool try_line(struct str *out, struct report *report, const struct line *line)
{
	const bool lettered = line->letter < FIGURE_MAP_LETTERS;
	const bool linked = lettered && !report->linked[line->letter];
	struct str piece = STR_INIT(REPORT_ROW_BYTES);
	add_line(&piece, report, line, linked);
	const bool fits = piece.error == 0 && out->length + piece.length <= report->room;
	if (fits) {
		(void)str_add(out, str_text(&piece));
	}
	if (fits && linked) {
		report->linked[line->letter] = true;
	}
	str_deinit(&piece);
	return fits;
}

void report_ports(struct str *out, struct report *report)
{
	const size_t count = report->ports.rows.count;
	struct line *lines = ordered(report);
	size_t shown = 0;
	while (lines != NULL && shown < count && try_line(out, report, &lines[shown])) {
		shown++;
	}
	report->left_out = count - shown;
	free(lines);
	if (count == 0) {
		(void)str_add(out, "<tr role=\"row\"><td role=\"cell\" colspan=\"7\">");
		html_words(out, _("Nothing listens on this host: no port is open."));
		(void)str_add(out, "</td></tr>\n");
	}
}

void report_left_out(struct str *out, struct report *report)
{
	if (report->left_out > 0) {
		struct str words = STR_INIT(1024);
		(void)str_printf(
			&words,
			_("%zu more rows are left out, none more dangerous, so that the page stays "
			  "small. All of them: minato ports"),
			report->left_out);
		(void)str_add(out, "<p>");
		html_words(out, str_text(&words));
		(void)str_add(out, "</p>\n");
		str_deinit(&words);
	}
}
