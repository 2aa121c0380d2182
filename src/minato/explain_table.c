/* Ranges and words that name several services. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/portset.h"
#include "explain.h"
#include "ports_filter.h"
#include "ports_rows.h"
#include "words.h"

enum {
	LINE_MAX_BYTES = 8 * 1024,
	REGISTRY_SHOWN_MAX = 20, /* names of the registry told for a range */
};

enum { COLUMNS_MAX = 5 };

/* A row of the table: an entry of the overlay, or a name of the registry. */
struct row {
	const struct port_knowledge *knowledge;
	const struct service *service;
	struct port_span span; /* the first of its numbers that was asked for */
	uint32_t more;         /* further ones */
	const char *holder;    /* program that has it here, NULL = none */
};

struct rows {
	VEC(struct row) list;
	bool held; /* any of them has a holder */
	int error;
};

static void add_row(struct rows *rows, const struct explain *explain, struct row row)
{
	const struct process *holder = explain_holder(explain, row.span.protocol, row.span.first);
	/* The program decides which of several services of one number this is. */
	bool its = holder != NULL && (row.service != NULL ||
				      catalog_port_held(NULL, row.span.protocol, row.span.first,
							holder, false) == row.knowledge);
	row.holder = its ? holder->name : NULL;
	struct row *added = vec_push(&rows->list);
	if (added == NULL) {
		rows->error = -ENOMEM;
		return;
	}
	*added = row;
	rows->held |= its;
}

static size_t set_columns(struct table_column columns[COLUMNS_MAX], bool held)
{
	size_t count = 0;
	columns[count++] = (struct table_column){ _("PORT"), ALIGN_LEFT, 0, 0 };
	columns[count++] = (struct table_column){ _("SERVICE"), ALIGN_LEFT, 12, 28 };
	columns[count++] = (struct table_column){ _("RISK"), ALIGN_LEFT, 0, 0 };
	if (held) {
		columns[count++] = (struct table_column){ _("HERE"), ALIGN_LEFT, 4, 15 };
	}
	columns[count++] = (struct table_column){ _("USE"), ALIGN_LEFT, 16, 0 };
	return count;
}

static void port_cell(struct table *table, const struct row *row)
{
	struct str text = STR_INIT(LINE_MAX_BYTES);
	str_printf(&text, "%u", row->span.first);
	if (row->span.last != row->span.first) {
		str_printf(&text, "-%u", row->span.last);
	}
	str_printf(&text, "/%s", protocol_name(row->span.protocol));
	if (row->more > 0) {
		str_printf(&text, " +%u", row->more);
	}
	table_cell(table, INK_PLAIN, str_text(&text));
	str_deinit(&text);
}

static void row_cells(struct table *table, const struct explain *explain, const struct row *row,
		      bool held)
{
	enum language language = explain->context->language;
	const struct port_knowledge *entry = row->knowledge;
	port_cell(table, row);
	table_cell(table, INK_PLAIN,
		   entry != NULL ? text_in(entry->title, language) : row->service->name);
	table_cell(table, entry != NULL ? severity_ink(entry->risk) : INK_DIM,
		   entry != NULL ? severity_words(entry->risk) : NULL);
	if (held) {
		table_cell(table, INK_BOLD, row->holder);
	}
	table_cell(table, INK_PLAIN,
		   entry != NULL ? text_in(entry->use, language)
				 : service_description(row->service));
}

/* Appends the table and frees the rows. */
static void write_rows(struct str *out, const struct explain *explain, struct rows *rows)
{
	struct table_column columns[COLUMNS_MAX];
	struct table table;
	table_init(&table, columns, set_columns(columns, rows->held));
	for (size_t i = 0; i < rows->list.count; i++) {
		row_cells(&table, explain, &rows->list.items[i], rows->held);
	}
	if (rows->list.count > 0) {
		(void)table_render(out, &table, explain->context->columns,
				   &explain->context->out_style); /* kept in out->error */
	}
	if (rows->error != 0) {
		out->error = rows->error;
	}
	table_deinit(&table);
	vec_free(&rows->list);
}

void explain_match_table(struct str *out, const struct explain *explain,
			 const struct catalog_match *matches, size_t count)
{
	struct rows rows = { 0 };
	for (size_t i = 0; i < count; i++) {
		const struct port_knowledge *entry = matches[i].knowledge;
		const struct service *service = matches[i].service;
		struct row row = { .knowledge = entry, .service = service };
		row.span = entry != NULL ? entry->ports[0]
					 : (struct port_span){ service->protocol, service->port,
							       service->port };
		row.more = entry != NULL ? (uint32_t)entry->port_count - 1 : 0;
		add_row(&rows, explain, row);
	}
	write_rows(out, explain, &rows);
}

void explain_matches(struct str *out, const struct explain *explain, const struct subject *subject)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	struct str word = STR_INIT(LINE_MAX_BYTES);
	text_escape(&word, subject->word);
	str_printf(&line,
		   subject->match_count == 1 ? _("%zu service answers to \"%s\"")
					     : _("%zu services answer to \"%s\""),
		   subject->match_count, str_text(&word));
	explain_heading(out, explain, str_text(&line));
	explain_match_table(out, explain, subject->matches,
			    subject->match_count < EXPLAIN_MATCHES_MAX ? subject->match_count
								       : EXPLAIN_MATCHES_MAX);
	if (subject->match_count > EXPLAIN_MATCHES_MAX) {
		str_printf(out, _("and %zu more: add a word\n"),
			   subject->match_count - EXPLAIN_MATCHES_MAX);
	}
	str_add(out, _("One of them in full: minato explain NUMBER\n"));
	str_deinit(&line);
	str_deinit(&word);
}

/* Adds the entry if any of its numbers is in the range. */
static void add_if_in_range(struct rows *rows, const struct explain *explain,
			    const struct subject *subject, const struct port_knowledge *entry)
{
	struct row row = { .knowledge = entry };
	uint32_t found = 0;
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->first <= subject->last && subject->first <= span->last &&
		    explain_same_protocol(subject->protocol, span->protocol)) {
			row.span = found++ == 0 ? *span : row.span;
		}
	}
	if (found > 0) {
		row.more = found - 1;
		add_row(rows, explain, row);
	}
}

/* By number; the catalogue's order, the most common first, among equals. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa;
	const struct row *b = pb;
	if (a->span.first != b->span.first) {
		return (int)a->span.first - (int)b->span.first;
	}
	return a->knowledge < b->knowledge ? -1 : a->knowledge > b->knowledge;
}

static void range_classes(struct str *out, const struct explain *explain,
			  const struct subject *subject)
{
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (int class = port_class(subject->first); class <= (int)port_class(subject->last);
	     class ++) {
		str_printf(&line, "%s%s (%u-%u)", line.length > 0 ? _(", ") : "",
			   text_in(port_class_title(class), explain->context->language),
			   port_class_first(class), port_class_last(class));
	}
	explain_row(out, explain, _("class"), str_text(&line));
	str_deinit(&line);
}

/* How many numbers of the range have a name in the registry. */
static void range_registry(struct str *out, const struct explain *explain,
			   const struct subject *subject)
{
	size_t count;
	size_t named = 0;
	const struct service *all = catalog_registry_all(&count);
	struct portset seen = { 0 };
	struct str line = STR_INIT(LINE_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		bool wanted = all[i].port >= subject->first && all[i].port <= subject->last &&
			      explain_same_protocol(subject->protocol, all[i].protocol) &&
			      !portset_has(&seen, all[i].port);
		if (!wanted) {
			continue;
		}
		portset_add(&seen, all[i].port);
		if (named++ < REGISTRY_SHOWN_MAX) {
			str_printf(&line, "%s%u %s", line.length > 0 ? _(", ") : "", all[i].port,
				   all[i].name);
		}
	}
	if (named > REGISTRY_SHOWN_MAX) {
		str_printf(&line, _(" and %zu more names"), named - REGISTRY_SHOWN_MAX);
	}
	explain_row(out, explain, _("registry"), str_text(&line));
	str_deinit(&line);
}

static void range_ephemeral(struct str *out, const struct explain *explain,
			    const struct subject *subject)
{
	const struct port_range *range = &explain->inventory->ephemeral;
	uint16_t first = subject->first > range->first ? subject->first : range->first;
	uint16_t last = subject->last < range->last ? subject->last : range->last;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	if (range->last == 0) {
		return;
	}
	if (first > last) {
		str_printf(&line, _("outside %u-%u, the ports of outgoing connections here"),
			   range->first, range->last);
	} else {
		str_printf(&line, _("%u-%u belong to the ports of outgoing connections here"),
			   first, last);
	}
	explain_row(out, explain, _("assignment"), str_text(&line));
	str_deinit(&line);
}

static void range_host(struct str *out, const struct explain *explain,
		       const struct subject *subject)
{
	if (explain->inventory == NULL) {
		return;
	}
	explain_heading(out, explain, _("On this host"));
	struct ports_filter filter = { .ports = { true, subject->first, subject->last } };
	for (int i = 1; subject->protocol != PROTOCOL_NONE && filter_protocols[i] != NULL; i++) {
		if (strcmp(filter_protocols[i], protocol_name(subject->protocol)) == 0) {
			filter.protocol = i;
		}
	}
	struct str rows = STR_INIT(1 << 20);
	if (rows_ports(&rows, explain->context, explain->inventory, &filter, NULL, false, 0) > 0) {
		str_add(out, str_text(&rows));
	} else {
		explain_row(out, explain, _("listens"), _("nothing listens there now"));
	}
	str_deinit(&rows);
	range_ephemeral(out, explain, subject);
}

void explain_range(struct str *out, const struct explain *explain, const struct subject *subject)
{
	struct rows rows = { 0 };
	size_t count;
	const struct port_knowledge *all = catalog_ports(&count);
	char heading[64];
	(void)snprintf(heading, sizeof(heading), "%u-%u%s%s", subject->first, subject->last,
		       subject->protocol != PROTOCOL_NONE ? "/" : "",
		       subject->protocol != PROTOCOL_NONE ? protocol_name(subject->protocol) : "");
	explain_heading(out, explain, heading);
	range_classes(out, explain, subject);
	for (size_t i = 0; i < count; i++) {
		add_if_in_range(&rows, explain, subject, &all[i]);
	}
	if (rows.list.count > 0) {
		qsort(rows.list.items, rows.list.count, sizeof(rows.list.items[0]), compare_rows);
	}
	write_rows(out, explain, &rows);
	range_registry(out, explain, subject);
	range_host(out, explain, subject);
}
