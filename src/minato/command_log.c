/* minato log: what happened to the ports of this host. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempts.h"
#include "base/cleanup.h"
#include "command.h"
#include "log_remote.h"
#include "log_rows.h"
#include "ports_filter.h"
#include "store/store.h"
#include "store_directory.h"
#include "view/view.h"
#include "words.h"

enum { LIMIT_DEFAULT = 100 };

struct config {
	usec_t from, to;
	struct option_ports ports;
	int protocol; /* 0 = any, else an index into filter_protocols */
	const char *address;
	const char *process;
	int kind; /* 0 = any, else an index into event_kind_choices */
	uint64_t limit;
	bool newest_first, json, jsonl;
	const char *state_directory;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "from", 'f', OPTION_TIME, FIELD(from), "TIME", N_("not earlier: a time, or 2h back") },
	{ "to", 't', OPTION_TIME, FIELD(to), "TIME", N_("earlier than this") },
	{ "port", 'p', OPTION_PORTS, FIELD(ports), "PORT[-PORT]", N_("these numbers only") },
	{ "protocol", 'P', OPTION_CHOICE, FIELD(protocol), "tcp|udp|...", N_("one protocol only"),
	  .choices = filter_protocols },
	{ "address", 'a', OPTION_STRING, FIELD(address), "ADDRESS[/BITS]",
	  N_("this local address or network only") },
	{ "process", 0, OPTION_STRING, FIELD(process), "NAME",
	  N_("one program only, by its name") },
	{ "kind", 'k', OPTION_CHOICE, FIELD(kind), "KIND", N_("one kind of event only"),
	  .choices = event_kind_choices },
	{ "limit", 'n', OPTION_NUMBER, FIELD(limit), "N",
	  N_("the newest N only (100); 0 shows all"), 0, UINT32_MAX },
	{ "newest-first", 'r', OPTION_FLAG, FIELD(newest_first), NULL, N_("the newest on top") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
	{ "jsonl", 0, OPTION_FLAG, FIELD(jsonl), NULL, N_("one JSON object on each line") },
	{ "state-directory", 0, OPTION_STRING, FIELD(state_directory), "DIRECTORY",
	  N_("where the daemon keeps its events") },
};

static const struct config defaults = { .limit = LIMIT_DEFAULT };

static int make_filter(struct store_filter *out, const struct config *config, struct err *e)
{
	struct store_filter filter = {
		.from = config->from,
		.to = config->to,
		.has_ports = config->ports.given,
		.first_port = config->ports.first,
		.last_port = config->ports.last,
		.process = config->process,
		.newest_first = true,
		.limit = config->limit,
	};
	if (config->to > 0 && config->from >= config->to) {
		return err_set(e, EINVAL, _("--from must be before --to"));
	}
	if (config->protocol != 0) {
		int r = protocol_parse(&filter.protocol, filter_protocols[config->protocol]);
		if (r < 0) {
			return r;
		}
	}
	enum event_kind kind = EVENT_NONE;
	if (config->kind != 0 && event_kind_parse(&kind, event_kind_choices[config->kind]) == 0) {
		filter.kinds = EVENT_BIT(kind);
	}
	if (config->address != NULL && prefix_parse(&filter.address, config->address) < 0) {
		return err_set(e, EINVAL, _("--address: \"%s\" is no address or network"),
			       config->address);
	}
	*out = filter;
	return 0;
}

/* ---- the order ---- */

static int keep_id(const struct event *event, void *data)
{
	*(uint64_t *)data = event->id;
	return 0;
}

/* The newest N are wanted, shown with the oldest on top: a first pass finds where they begin, so
 * that no number of events is ever held in memory. */
static int begin_at_oldest(struct store_filter *filter, int directory, struct err *e)
{
	uint64_t oldest = 0;
	if (filter->limit > 0) {
		int r = store_query(directory, filter, keep_id, &oldest, e);
		if (r < 0 && r != -EBADMSG) {
			return r;
		}
		filter->after_id = oldest > 0 ? oldest - 1 : 0;
	}
	filter->newest_first = false;
	return 0;
}

/* ---- three ways to show ---- */

static int add_row(const struct event *event, void *data)
{
	return log_rows_add(data, event);
}

static int print_line(const struct event *event, void *data)
{
	struct str line = STR_INIT(1 << 16);
	(void)view_print(&line, view_event(event), false); /* kept in line.error */
	*(int *)data = print_text(&line);
	str_deinit(&line);
	return *(int *)data == EXIT_IN_ORDER ? 0 : -EPIPE;
}

static int add_object(const struct event *event, void *data)
{
	return json_array_append_new(data, view_event(event)) == 0 ? 0 : -ENOMEM;
}

static int print_document(const struct context *context, json_t *events)
{
	json_t *document = view_document(context->now);
	json_object_set_new(document, "events", events);
	struct str out = STR_INIT(1 << 30);
	(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static void say_no_events(const struct context *context)
{
	complain(context,
		 _("no events yet: the daemon writes down what opens and closes while it runs"),
		 "systemctl start minatod");
}

/* Says what is kept when nothing was found: the next step is not the same. */
static void say_nothing_found(const struct context *context, int directory)
{
	struct store_summary summary = { 0 };
	char first[TIME_TEXT_BYTES];
	char last[TIME_TEXT_BYTES];
	if (store_summary(&summary, directory, NULL) < 0 || summary.days == 0) {
		say_no_events(context);
		return;
	}
	time_format(summary.first_day * USEC_PER_DAY, first);
	time_format(summary.last_day * USEC_PER_DAY, last);
	struct str sentence = STR_INIT(1024);
	str_printf(&sentence, _("no event fits; kept are the days from %.10s to %.10s (UTC)"),
		   first, last);
	complain(context, str_text(&sentence), "minato log");
	str_deinit(&sentence);
}

/* What was asked for reaches back further than what is kept. */
static void say_what_is_gone(const struct context *context, const struct config *config,
			     int directory)
{
	struct store_summary summary = { 0 };
	char first[TIME_TEXT_BYTES];
	if (config->from == 0 || store_summary(&summary, directory, NULL) < 0 ||
	    summary.days == 0 || config->from >= summary.first_day * USEC_PER_DAY) {
		return;
	}
	struct str sentence = STR_INIT(1024);
	str_printf(&sentence, _("nothing is kept from before %.10s (UTC)"),
		   time_format(summary.first_day * USEC_PER_DAY, first));
	complain(context, str_text(&sentence), NULL);
	str_deinit(&sentence);
}

static int show_rows(const struct context *context, const struct config *config, int directory,
		     const struct store_filter *filter, int *query, struct err *e)
{
	struct log_rows rows;
	log_rows_init(&rows, context);
	*query = store_query(directory, filter, add_row, &rows, e);
	int code = log_rows_end(&rows);
	if (*query == 0 && !rows.printed) {
		say_nothing_found(context, directory);
	} else if (*query == 0) {
		say_what_is_gone(context, config, directory);
	}
	return code;
}

static int show(const struct context *context, const struct config *config, int directory,
		const struct store_filter *filter, int *query, struct err *e)
{
	int code = EXIT_IN_ORDER;
	if (config->jsonl) {
		*query = store_query(directory, filter, print_line, &code, e);
		return code;
	}
	if (config->json) {
		json_t *events = json_array();
		*query = store_query(directory, filter, add_object, events, e);
		return print_document(context, events);
	}
	return show_rows(context, config, directory, filter, query, e);
}

/* A day that is damaged is told after the others were shown. */
static int show_directory(const struct context *context, const struct config *config, int directory,
			  struct store_filter *filter)
{
	struct err e = ERR_INIT;
	int query = config->newest_first ? 0 : begin_at_oldest(filter, directory, &e);
	int code = EXIT_IN_ORDER;
	if (query == 0) {
		e = ERR_INIT;
		code = show(context, config, directory, filter, &query, &e);
	}
	if (query < 0 && code == EXIT_IN_ORDER) {
		complain(context, err_text(&e), NULL);
		code = query == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return code;
}

/* ---- by the daemon, for users who may not read its files ---- */

static int show_fetched(const struct context *context, const struct config *config,
			const struct log_events *events)
{
	struct log_rows rows;
	json_t *list = json_array();
	int code = EXIT_IN_ORDER;
	int r = 0;
	size_t count = events->list.count;
	log_rows_init(&rows, context);
	for (size_t i = 0; i < count && r == 0; i++) {
		const struct event *event =
			&events->list.items[config->newest_first ? count - 1 - i : i];
		if (config->jsonl) {
			r = print_line(event, &code);
		} else {
			r = config->json ? add_object(event, list) : add_row(event, &rows);
		}
	}
	int rows_code = log_rows_end(&rows);
	if (config->json) {
		return print_document(context, list);
	}
	json_decref(list);
	if (count == 0 && !config->jsonl) {
		complain(context, _("no event fits"), "minato log");
	}
	return code != EXIT_IN_ORDER ? code : rows_code;
}

static int ask_daemon(const struct context *context, const struct config *config,
		      const struct store_filter *filter, const char *path)
{
	struct log_events events = { 0 };
	struct err e = ERR_INIT;
	int code = EXIT_RIGHTS;
	if (log_fetch(&events, filter, &e) == 0) {
		code = show_fetched(context, config, &events);
	} else {
		struct str sentence = STR_INIT(8192);
		str_printf(&sentence, _("cannot read the events in %s: %s"), path,
			   strerror(EACCES));
		complain(context, str_text(&sentence), geteuid() != 0 ? "sudo minato log" : NULL);
		str_deinit(&sentence);
	}
	vec_free(&events.list);
	return code;
}

static int cannot_open(const struct context *context, const struct config *config,
		       const struct store_filter *filter, const char *path, int error)
{
	if (error == ENOENT) {
		say_no_events(context);
		return config->json ? print_document(context, json_array()) : EXIT_IN_ORDER;
	}
	if (error == EACCES) {
		return ask_daemon(context, config, filter, path);
	}
	struct str sentence = STR_INIT(8192);
	str_printf(&sentence, _("cannot read the events in %s: %s"), path, strerror(error));
	complain(context, str_text(&sentence), NULL);
	str_deinit(&sentence);
	return EXIT_ERROR;
}

static int run(const struct context *context, const void *raw_config, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = raw_config;
	struct store_filter filter = { 0 };
	struct err e = ERR_INIT;
	(void)arguments, (void)count; /* none are taken */
	if (make_filter(&filter, config, &e) < 0) {
		complain(context, err_text(&e), "minato help log");
		return EXIT_USAGE;
	}
	const char *path = store_directory(config->state_directory);
	_cleanup_(close_fdp) int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		return cannot_open(context, config, &filter, path, errno);
	}
	return show_directory(context, config, directory, &filter);
}

static const char *const examples[] = {
	"minato log",
	N_("the last hundred events"),
	"minato log --from 2h --port 22",
	N_("what happened to port 22 in the last two hours"),
	"minato log --kind finding_raised --jsonl",
	N_("every finding that came up, for a program"),
	NULL,
};

const struct command command_log = {
	.name = "log",
	.summary = N_("what opened and closed, when, by which program"),
	.description = N_("Events that the daemon has stored, the oldest of them on top. Times are "
			  "shown in the local zone; JSON has them in UTC."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
