/* The report as a whole: the template's pieces, and what stands in its slots. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "report.h"
#include "words.h"

struct slot {
	const char *name;
	void (*write)(struct str *out, struct report *report);
};

/* In the order in which they are made: the table of ports gets what room the others leave, and what
 * points into it comes last. */
static const struct slot slots[] = {
	{ "host", report_host },         { "time", report_time },
	{ "tiles", report_tiles },       { "state", report_state },
	{ "findings", report_findings }, { "measures", report_measures },
	{ "map", report_map },           { "signs", report_signs },
	{ "classes", report_classes },   { "ephemeral", report_ephemeral },
	{ "clients", report_clients },   { "figure", report_figure },
	{ "version", report_version },   { "ports", report_ports },
	{ "left_out", report_left_out }, { "letters", report_letters },
};

enum {
	SLOTS = sizeof(slots) / sizeof(slots[0]),
	LAST_BYTES = 16384, /* room for the two slots behind the table of ports */
	COLUMNS = 10000,
};

static const struct page_piece *template(const struct report *report)
{
	return report->context.language == LANGUAGE_JA ? report_page_ja : report_page_en;
}

static size_t slot_index(const char *name)
{
	size_t index = 0;
	while (index < SLOTS && strcmp(slots[index].name, name) != 0) {
		index++;
	}
	assert(index < SLOTS); /* tools/make-page and this table belong together */
	return index;
}

static size_t template_bytes(const struct report *report)
{
	size_t bytes = 0;
	for (const struct page_piece *piece = template(report);; piece++) {
		bytes += strlen(piece->text);
		if (piece->slot == NULL) {
			return bytes;
		}
	}
}

void report_page(struct str *out, struct report *report)
{
	struct str contents[SLOTS];
	size_t used = template_bytes(report) + LAST_BYTES;
	for (size_t i = 0; i < SLOTS; i++) {
		contents[i] = STR_INIT(REPORT_PAGE_BYTES);
		report->room = used < REPORT_PAGE_BYTES ? REPORT_PAGE_BYTES - used : 0;
		slots[i].write(&contents[i], report);
		used += contents[i].length;
	}
	for (const struct page_piece *piece = template(report);; piece++) {
		(void)str_add(out, piece->text);
		if (piece->slot == NULL) {
			break;
		}
		const struct str *content = &contents[slot_index(piece->slot)];
		out->error = out->error != 0 ? out->error : content->error;
		(void)str_add(out, str_text(content));
	}
	for (size_t i = 0; i < SLOTS; i++) {
		str_deinit(&contents[i]);
	}
}

int report_init(struct report *out, const struct overview *overview)
{
	static const struct ports_filter everything = { 0 };
	*out = (struct report){ .overview = overview, .context = *overview->context };
	out->context.out_style = (struct style){ 0 };
	out->context.columns = COLUMNS;
	int r = map_facts_find(&out->facts, &overview->inventory, &overview->judgement);
	if (r == 0) {
		r = ports_list_gather(&out->ports, &overview->inventory, &everything);
	}
	if (r < 0) {
		complain(overview->context, strerror(-r), NULL);
		return EXIT_ERROR;
	}
	out->map =
		map_figure(&out->facts, &out->context, &overview->inventory, &overview->judgement);
	out->map.bare = true;
	out->letter_count = figure_map_letters(out->letters, &out->map);
	return EXIT_IN_ORDER;
}

void report_deinit(struct report *report)
{
	map_facts_deinit(&report->facts);
	ports_list_deinit(&report->ports);
}
