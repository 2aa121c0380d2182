/* The report's numbers and states: what minato status tells, as HTML. */
#include <string.h>

#include "config.h"
#include "devices_words.h"
#include "findings_rows.h"
#include "look.h"
#include "report.h"
#include "sentry_state.h"
#include "words.h"

enum { LINES_MAX_BYTES = 16384, HOST_COLUMNS = 64, PROGRAM_COLUMNS = 32, CLIENTS_MAX = 12 };

void report_host(struct str *out, struct report *report)
{
	const char *name = report->overview->inventory.hostname;
	html_foreign(out, name != NULL ? name : "?", HOST_COLUMNS);
}

void report_time(struct str *out, struct report *report)
{
	char now[TIME_TEXT_BYTES];
	time_format(report->context.now, now);
	if (strlen(now) > strlen("2026-11-22T10:00")) {
		now[strlen("2026-11-22T10:00")] = '\0';
		now[10] = ' ';
	}
	(void)str_printf(out, "<time datetime=\"%.10sT%sZ\">%s</time>", now, now + 11, now);
}

void report_version(struct str *out, struct report *report)
{
	(void)report; /* the same in every report */
	(void)str_add(out, MINATO_VERSION);
}

/* ---- tiles ---- */

static void number_tile(struct str *out, const char *title, uint32_t number)
{
	(void)str_add(out, "<div><dt>");
	html_words(out, title);
	(void)str_printf(out, "</dt><dd>%u</dd></div>", number);
}

static void words_tile(struct str *out, const char *title, const char *words)
{
	(void)str_add(out, "<div><dt>");
	html_words(out, title);
	(void)str_add(out, "</dt><dd class=\"words\">");
	html_words(out, words);
	(void)str_add(out, "</dd></div>");
}

static uint32_t undeclared(const struct report *report)
{
	uint32_t count = 0;
	for (size_t i = 0; i < report->facts.marks.count; i++) {
		count += report->facts.marks.items[i].kind == FIGURE_MARK_UNDECLARED;
	}
	return count;
}

void report_tiles(struct str *out, struct report *report)
{
	const struct overview *overview = report->overview;
	struct str words = STR_INIT(LINES_MAX_BYTES);
	number_tile(out, _("open ports"),
		    overview->listeners[0] + overview->listeners[1] + overview->listeners[2]);
	number_tile(out, _("reachable from outside"), overview->exposed);
	if (overview->judgement.declared) {
		number_tile(out, _("not in the policy"), undeclared(report));
	} else {
		words_tile(out, _("policy"), _("none yet"));
	}
	findings_count_words(&words, &overview->judgement.findings);
	words_tile(out, _("findings"), str_text(&words));
	str_deinit(&words);
}

/* ---- states ---- */

/* Each line of a text as an item. */
static void add_items(struct str *out, const struct str *lines)
{
	const char *at = str_text(lines);
	while (*at != '\0') {
		const size_t length = strcspn(at, "\n");
		struct str line = STR_INIT(LINES_MAX_BYTES);
		(void)str_add_bytes(&line, at, length);
		if (length > 0) {
			(void)str_add(out, "<li>");
			html_words(out, str_text(&line));
			(void)str_add(out, "</li>\n");
		}
		str_deinit(&line);
		at += length + (at[length] == '\n');
	}
}

static void add_policy(struct str *out, const struct overview *overview)
{
	if (overview->judgement.declared) {
		add_counted(out, overview->judgement.policy.declarations.count,
			    _("policy: %u declaration"), _("policy: %u declarations"));
	} else {
		(void)str_add(out, _("policy: none yet"));
	}
	(void)str_add_char(out, '\n');
}

void report_state(struct str *out, struct report *report)
{
	const struct overview *overview = report->overview;
	const struct context *context = &report->context;
	struct str lines = STR_INIT(LINES_MAX_BYTES);
	add_policy(&lines, overview);
	daemon_state_words(&lines, &overview->daemon);
	(void)str_add_char(&lines, '\n');
	reach_add(&lines, &overview->judgement.reach, context);
	(void)str_add_char(&lines, '\n');
	rules_state_words(&lines, &overview->rules, context);
	moving_status_words(&lines, &overview->moving);
	sentry_state_words(&lines, overview->daemon.sentry, context);
	devices_status_words(&lines, overview->daemon.devices);
	if (coverage_words(&lines, &overview->inventory)) {
		(void)str_add_char(&lines, '\n');
	}
	add_items(out, &lines);
	str_deinit(&lines);
}

/* ---- ranges and clients ---- */

void report_classes(struct str *out, struct report *report)
{
	for (int c = 0; c < PORT_CLASS_COUNT; c++) {
		const enum port_class class = (enum port_class)c;
		(void)str_add(out, "<tr><th scope=\"row\">");
		html_words(out, text_in(port_class_title(class), report->context.language));
		(void)str_printf(out,
				 "</th><td class=\"count\">%u-%u</td>"
				 "<td class=\"count\">%u</td></tr>\n",
				 port_class_first(class), port_class_last(class),
				 report->overview->listeners[c]);
	}
}

void report_ephemeral(struct str *out, struct report *report)
{
	const struct overview *overview = report->overview;
	const struct port_range *range = &overview->inventory.ephemeral;
	struct str words = STR_INIT(LINES_MAX_BYTES);
	(void)str_printf(&words,
			 _("This host's own connections get their ports from %u-%u; %u of them "
			   "are in use (%.1f %%)."),
			 range->first, range->last, overview->clients.ephemeral_ports,
			 overview_ephemeral_percent(overview));
	html_words(out, str_text(&words));
	str_deinit(&words);
}

static void client_row(struct str *out, const struct report *report,
		       const struct client_group *group)
{
	(void)str_add(out, "<tr><th scope=\"row\">");
	if (group->program != NULL) {
		html_foreign(out, group->program, PROGRAM_COLUMNS);
	} else {
		html_words(out, _("(not visible)"));
	}
	(void)str_add(out, "</th><td>");
	html_words(out, text_in(group->use->title, report->context.language));
	(void)str_printf(out, "</td><td class=\"count\">%u</td><td>", group->connections);
	for (uint32_t i = 0; i < group->port_count; i++) {
		(void)str_printf(out, "%s%u", i > 0 ? ", " : "", group->ports[i].port);
	}
	(void)str_add(out, "</td></tr>\n");
}

void report_clients(struct str *out, struct report *report)
{
	const struct clients *clients = &report->overview->clients;
	const size_t count = clients->groups.count;
	for (size_t i = 0; i < count && i < CLIENTS_MAX; i++) {
		client_row(out, report, &clients->groups.items[i]);
	}
	if (count == 0 || count > CLIENTS_MAX) {
		struct str words = STR_INIT(LINES_MAX_BYTES);
		(void)str_add(out, "<tr><td colspan=\"4\">");
		if (count == 0) {
			(void)str_add(&words, _("no connection of its own at the moment"));
		} else {
			(void)str_printf(&words, _("... and %zu more: minato ports --all"),
					 count - CLIENTS_MAX);
		}
		html_words(out, str_text(&words));
		(void)str_add(out, "</td></tr>\n");
		str_deinit(&words);
	}
}
