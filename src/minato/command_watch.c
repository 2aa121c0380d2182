/* minato watch: what opens and closes, as it happens. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "log_rows.h"
#include "ports_filter.h"
#include "view/view.h"
#include "words.h"

struct config {
	struct option_ports ports;
	int protocol; /* 0 = any, else an index into filter_protocols */
	const char *process;
	int kind; /* enum event_kind; 0 = any */
	uint64_t pid, count;
	bool jsonl;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "port", 'p', OPTION_PORTS, FIELD(ports), "PORT[-PORT]", N_("these numbers only") },
	{ "protocol", 'P', OPTION_CHOICE, FIELD(protocol), "tcp|udp|...", N_("one protocol only"),
	  .choices = filter_protocols },
	{ "process", 0, OPTION_STRING, FIELD(process), "NAME",
	  N_("one program only, by its name") },
	{ "kind", 'k', OPTION_CHOICE, FIELD(kind), "KIND", N_("one kind of event only"),
	  .choices = event_kind_choices },
	{ "pid", 0, OPTION_NUMBER, FIELD(pid), "PID", N_("one process only"), 1, INT_MAX },
	{ "count", 'n', OPTION_NUMBER, FIELD(count), "N", N_("end after N events"), 1, UINT32_MAX },
	{ "json", 'j', OPTION_FLAG, FIELD(jsonl), NULL, N_("one JSON object on each line") },
	{ "jsonl", 0, OPTION_FLAG, FIELD(jsonl), NULL, N_("one JSON object on each line") },
};

struct watch {
	const struct context *context;
	const struct config *config;
	uint64_t seen;
	int code;
};

static int print_row(const struct watch *watch, const struct event *event)
{
	struct log_rows rows;
	log_rows_init(&rows, watch->context);
	int r = log_rows_add(&rows, event);
	int code = log_rows_end(&rows);
	return r < 0 ? EXIT_ERROR : code;
}

static int print_line(const char *data)
{
	struct str line = STR_INIT(CLIENT_FRAME_BYTES_MAX + 2);
	str_printf(&line, "%s\n", data);
	int code = print_text(&line);
	str_deinit(&line);
	return code;
}

/* Words for what the stream says beside events. */
static void take_note(const struct watch *watch, const struct client_frame *frame)
{
	if (strcmp(frame->name, "lost") == 0 || strcmp(frame->name, "gap") == 0 ||
	    strcmp(frame->name, "dropped") == 0) {
		complain(watch->context, _("some events are missing here; all that is stored:"),
			 "minato log");
	}
}

static int take_frame(const struct client_frame *frame, void *data)
{
	struct watch *watch = data;
	struct event event;
	json_t *json = json_loads(frame->data, 0, NULL);
	bool known = json != NULL && view_event_read(&event, json) == 0;
	json_decref(json);
	if (!known) {
		take_note(watch, frame);
		return 0;
	}
	watch->code = watch->config->jsonl ? print_line(frame->data) : print_row(watch, &event);
	watch->seen++;
	bool enough = watch->config->count != 0 && watch->seen >= watch->config->count;
	return watch->code != EXIT_IN_ORDER || enough;
}

static void add_conditions(struct str *target, const struct config *config)
{
	char text[16];
	if (config->ports.given) {
		(void)snprintf(text, sizeof(text), "%u-%u", config->ports.first,
			       config->ports.last);
		client_add_parameter(target, "port", text);
	}
	if (config->protocol != 0) {
		client_add_parameter(target, "protocol", filter_protocols[config->protocol]);
	}
	if (config->kind != EVENT_NONE) {
		client_add_parameter(target, "kind", event_kind_choices[config->kind]);
	}
	if (config->process != NULL) {
		client_add_parameter(target, "process", config->process);
	}
	if (config->pid != 0) {
		(void)snprintf(text, sizeof(text), "%u", (unsigned)config->pid);
		client_add_parameter(target, "pid", text);
	}
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	struct watch watch = { .context = context, .config = config };
	struct str target = STR_INIT(8192);
	struct err e = ERR_INIT;
	str_add(&target, "/v1/events/stream");
	add_conditions(&target, config);
	int r = target.error != 0 ? target.error
				  : client_follow(str_text(&target), take_frame, &watch, &e);
	str_deinit(&target);
	if (r < 0) {
		return complain_of_daemon(context, r, &e);
	}
	if (watch.code == EXIT_IN_ORDER && watch.seen < watch.config->count) {
		complain(context, _("the daemon has ended the stream"), "minato watch");
		return EXIT_ERROR;
	}
	return watch.code;
}

static const char *const examples[] = {
	"minato watch",
	N_("every port that opens or closes from now on"),
	"minato watch --port 1024-65535 --jsonl",
	N_("the high ports, for a program"),
	"minato watch --kind scan_started",
	N_("whoever begins to scan this host"),
	NULL,
};

const struct command command_watch = {
	.name = "watch",
	.summary = N_("live: what opens and closes, by which program"),
	.description = N_("Follows the daemon until Ctrl-C."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
