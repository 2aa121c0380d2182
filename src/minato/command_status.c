/* minato status, and what `minato` alone prints: this host's ports on one screen. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "devices_words.h"
#include "findings_rows.h"
#include "look.h"
#include "overview.h"
#include "ports_rows.h"
#include "review/review.h"
#include "sentry_state.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json;
	int fail_on; /* enum severity */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
	{ "fail-on", 'f', OPTION_CHOICE, FIELD(fail_on), "low|medium|high|critical",
	  N_("exit with 2 when a finding is at least that bad (high)"),
	  .choices = severity_choices },
};

enum { LINE_MAX_BYTES = 1024 };

static void add_head(struct str *out, const struct overview *overview)
{
	const struct context *context = overview->context;
	char now[TIME_TEXT_BYTES];
	time_format(context->now, now);
	now[strlen("2026-11-22T10:00")] = '\0';
	now[10] = ' ';
	str_printf(out, "%sminato%s  ", style_ink(&context->out_style, INK_BOLD),
		   style_ink(&context->out_style, INK_PLAIN));
	text_escape(out, overview->inventory.hostname == NULL ? "?" : overview->inventory.hostname);
	str_printf(out, "  %s UTC  ", now);
	if (overview->judgement.declared) {
		add_counted(out, overview->judgement.policy.declarations.count,
			    _("policy: %u declaration"), _("policy: %u declarations"));
	} else {
		str_add(out, _("policy: none yet"));
	}
	str_add(out, "  ");
	daemon_state_words(out, &overview->daemon);
	str_add_char(out, '\n');
	if (overview->daemon.reason[0] != '\0') {
		str_add(out, _("no kernel events: "));
		text_escape(out, reason_words(overview->daemon.reason));
		str_add_char(out, '\n');
	}
	add_counted(out, overview->inventory.listeners.count, _("%u listening socket, "),
		    _("%u listening sockets, "));
	add_counted(out, overview->listeners[0] + overview->listeners[1] + overview->listeners[2],
		    _("%u service, "), _("%u services, "));
	str_printf(out, _("%u reachable from outside\n\n"), overview->exposed);
}

static void add_classes(struct str *out, const struct overview *overview)
{
	const struct table_column columns[] = {
		{ _("CLASS"), ALIGN_LEFT, 0, 0 },
		{ _("NUMBERS"), ALIGN_RIGHT, 0, 0 },
		{ _("SERVICES HERE"), ALIGN_RIGHT, 0, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (int c = 0; c < PORT_CLASS_COUNT; c++) {
		table_cell(
			&table, INK_PLAIN,
			text_in(port_class_title((enum port_class)c), overview->context->language));
		table_printf(&table, INK_PLAIN, "%u-%u", port_class_first((enum port_class)c),
			     port_class_last((enum port_class)c));
		table_printf(&table, INK_BOLD, "%u", overview->listeners[c]);
	}
	(void)table_render(out, &table, overview->context->columns,
			   &overview->context->out_style); /* kept in out->error */
	table_deinit(&table);
	str_add_char(out, '\n');
}

static void add_high_ports(struct str *out, const struct overview *overview)
{
	const struct clients *clients = &overview->clients;
	struct str line = STR_INIT(LINE_MAX_BYTES);
	str_add(&line, _("High ports: "));
	size_t indent = text_width(str_text(&line));
	add_counted(&line, overview->high_services, _("%u service, "), _("%u services, "));
	add_counted(&line, clients->connections, _("%u client connection"),
		    _("%u client connections"));
	if (clients->groups.count > 0 && clients->groups.items[0].program != NULL) {
		str_add(&line, " (");
		text_escape(&line, clients->groups.items[0].program);
		str_printf(&line, " %u)", clients->groups.items[0].connections);
	}
	str_printf(&line, _(", %.1f %% of the ephemeral range %u-%u"),
		   overview_ephemeral_percent(overview), overview->inventory.ephemeral.first,
		   overview->inventory.ephemeral.last);
	text_wrap(out, str_text(&line), overview->context->columns, indent);
	str_add(out, "\n\n");
	str_deinit(&line);
}

static void add_listeners(struct str *out, const struct overview *overview)
{
	static const struct ports_filter everything = { 0 };
	enum { ROWS = 12 };
	int count = rows_ports(out, overview->context, &overview->inventory, &everything,
			       &overview->judgement.reach, false, ROWS);
	if (count == 0) {
		str_add(out, _("Nothing listens on this host: no port is open.\n"));
	} else if (count > ROWS) {
		str_printf(out, _("... and %d more, none more dangerous: minato ports\n"),
			   count - ROWS);
	}
	if (count > 0) {
		reach_add(out, &overview->judgement.reach, overview->context);
	}
	str_add_char(out, '\n');
}

static void add_findings(struct str *out, const struct overview *overview)
{
	const struct findings *findings = &overview->judgement.findings;
	enum { WORST = 3 };
	str_printf(out, "%s%s%s ", style_ink(&overview->context->out_style, INK_BOLD),
		   _("Findings:"), style_ink(&overview->context->out_style, INK_PLAIN));
	findings_count_words(out, findings);
	str_add_char(out, '\n');
	rows_findings(out, overview->context, findings, WORST);
	if (findings->list.count > WORST) {
		str_printf(out, _("... and %zu more: minato findings\n"),
			   findings->list.count - WORST);
	}
}

static int print_screen(const struct overview *overview)
{
	struct str out = STR_INIT(1 << 26);
	add_head(&out, overview);
	add_classes(&out, overview);
	add_listeners(&out, overview);
	add_high_ports(&out, overview);
	rules_state_words(&out, &overview->rules, overview->context);
	moving_status_words(&out, &overview->moving);
	sentry_state_words(&out, overview->daemon.sentry, overview->context);
	devices_status_words(&out, overview->daemon.devices);
	measures_status_words(&out, &overview->measures, overview->context);
	add_findings(&out, overview);
	int code = print_text(&out);
	str_deinit(&out);
	complain_of_coverage(overview->context, &overview->inventory);
	return code;
}

static json_t *class_list(const struct overview *overview)
{
	json_t *list = json_array();
	for (int c = 0; c < PORT_CLASS_COUNT; c++) {
		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:I}", "class",
						      port_class_name((enum port_class)c), "first",
						      port_class_first((enum port_class)c), "last",
						      port_class_last((enum port_class)c),
						      "service_count",
						      (json_int_t)overview->listeners[c]));
	}
	return list;
}

static json_t *port_json(const struct overview *overview, const struct view *view, uint32_t index)
{
	const struct inventory *inventory = &overview->inventory;
	const struct listener *l = &inventory->listeners.items[index];
	json_t *row = view_listener(view, inventory, index);
	if (addr_exposure(&l->address) == EXPOSURE_LOOPBACK) {
		json_object_set_new(row, "reached",
				    json_pack("{s:s, s:[]}", "from", "this_machine", "names"));
	} else {
		json_object_set_new(row, "reached",
				    reach_port_json(overview_reached(overview, l->netns,
								     l->protocol, l->port)));
	}
	return row;
}

static json_t *published_list(const struct overview *overview, const struct view *view)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < overview->inventory.published.count; i++) {
		const struct published *p = &overview->inventory.published.items[i];
		json_t *row = view_published(view, &overview->inventory, i);
		json_object_set_new(row, "reached",
				    reach_port_json(overview_reached(overview, p->netns,
								     p->protocol, p->first_port)));
		json_array_append_new(list, row);
	}
	return list;
}

static int print_json(const struct overview *overview)
{
	const struct inventory *inventory = &overview->inventory;
	const struct view view = { .language = overview->context->language,
				   .policy = judgement_policy(&overview->judgement) };
	json_t *document = view_document(inventory->time);
	json_t *ports = json_array();
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		json_array_append_new(ports, port_json(overview, &view, i));
	}
	json_t *findings = json_array();
	for (size_t i = 0; i < overview->judgement.findings.list.count; i++) {
		json_array_append_new(
			findings, view_finding(&view, &overview->judgement.findings.list.items[i]));
	}
	json_object_set_new(document, "hostname", view_string(inventory->hostname));
	json_object_set_new(document, "daemon", daemon_state_view(&overview->daemon));
	json_object_set_new(document, "rules", rules_state_view(&overview->rules));
	json_object_set_new(document, "move", moving_status_json(&overview->moving));
	json_object_set(document, "sentry",
			overview->daemon.sentry != NULL ? overview->daemon.sentry : json_null());
	json_object_set(document, "devices",
			overview->daemon.devices != NULL ? overview->daemon.devices : json_null());
	json_object_set_new(document, "policy_declared",
			    json_boolean(overview->judgement.declared));
	json_object_set_new(document, "classes", class_list(overview));
	json_object_set_new(
		document, "high_ports",
		json_pack("{s:I, s:I, s:i, s:i, s:I, s:f}", "service_count",
			  (json_int_t)overview->high_services, "client_connection_count",
			  (json_int_t)overview->clients.connections, "ephemeral_first",
			  inventory->ephemeral.first, "ephemeral_last", inventory->ephemeral.last,
			  "ephemeral_used", (json_int_t)overview->clients.ephemeral_ports,
			  "ephemeral_used_percent", overview_ephemeral_percent(overview)));
	json_object_set_new(document, "services_exposed", json_integer(overview->exposed));
	json_object_set_new(document, "ports", ports);
	json_object_set_new(document, "published", published_list(overview, &view));
	json_object_set_new(document, "reach", reach_json(&overview->judgement.reach));
	json_object_set_new(document, "findings", findings);
	json_object_set_new(document, "measures",
			    measures_json(&overview->measures, overview->context->language));
	json_object_set_new(document, "coverage", view_coverage(inventory));
	struct str out = STR_INIT(1 << 28);
	(void)view_print(&out, document, overview->context->out_terminal); /* kept in out.error */
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	const struct config *config = given;
	struct overview overview;
	int code = overview_find(&overview, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = config->json ? print_json(&overview) : print_screen(&overview);
	if (code == EXIT_IN_ORDER) {
		code = judgement_exit(&overview.judgement, (enum severity)config->fail_on);
	}
	overview_deinit(&overview);
	return code;
}

static const struct config defaults = { .fail_on = SEVERITY_HIGH };
static const char *const examples[] = {
	"minato",
	N_("this host's ports on one screen"),
	"minato status --fail-on medium",
	N_("for a check in a script: exit code 2 when something is wrong"),
	NULL,
};

const struct command command_status = {
	.name = "status",
	.summary = N_("one screen about this host; also what minato alone prints"),
	.description =
		N_("Exit code 0 when nothing is wrong, 2 when a finding is at least as bad as "
		   "--fail-on says (none never fails)."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
