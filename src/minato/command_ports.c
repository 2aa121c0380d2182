/* minato ports: every listener, published port and connection. */
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "base/parse.h"
#include "command.h"
#include "look.h"
#include "observe/observe.h"
#include "ports_filter.h"
#include "ports_json.h"
#include "ports_rows.h"
#include "ports_use.h"
#include "words.h"

static const char *const outputs[] = { "table", "wide", "json", NULL };
enum output { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON };

struct config {
	bool all, brief, json, watch;
	int output; /* enum output */
	const char *use;
	uint64_t interval_s;
	struct ports_filter filter;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "all", 'a', OPTION_FLAG, FIELD(all), NULL, N_("connections too") },
	{ "output", 'o', OPTION_CHOICE, FIELD(output), "table|wide|json",
	  N_("how much, and for whom"), .choices = outputs },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
	{ "brief", 'b', OPTION_FLAG, FIELD(brief), NULL,
	  N_("only what ss prints, as fast as it goes") },
	{ "use", 'u', OPTION_STRING, FIELD(use), "USE",
	  N_("client connections of a use: p2p, vpn, game, remote-access, iot, streaming, all "
	     "...") },
	{ "port", 'p', OPTION_PORTS, FIELD(filter.ports), "PORT[-PORT]", N_("these numbers only") },
	{ "class", 'c', OPTION_CHOICE, FIELD(filter.class), "system|user|dynamic",
	  N_("one class of numbers only"), .choices = filter_classes },
	{ "protocol", 'P', OPTION_CHOICE, FIELD(filter.protocol), "tcp|udp|...",
	  N_("one protocol only"), .choices = filter_protocols },
	{ "exposure", 'e', OPTION_CHOICE, FIELD(filter.exposure), "loopback|private|public|any",
	  N_("only what is bound to such an address"), .choices = filter_exposures },
	{ "process", 0, OPTION_STRING, FIELD(filter.process), "NAME",
	  N_("part of a program's name") },
	{ "pid", 0, OPTION_NUMBER, FIELD(filter.pid), "PID", N_("one process only"), 1, INT_MAX },
	{ "user", 0, OPTION_STRING, FIELD(filter.user), "USER", N_("one user only") },
	{ "unit", 0, OPTION_STRING, FIELD(filter.unit), "UNIT", N_("one systemd unit only") },
	{ "container", 0, OPTION_STRING, FIELD(filter.container), "NAME|ID",
	  N_("one container only") },
	{ "netns", 0, OPTION_STRING, FIELD(filter.netns), "NAME",
	  N_("one network namespace only; host is the host's own") },
	{ "watch", 'w', OPTION_FLAG, FIELD(watch), NULL, N_("again and again until Ctrl-C") },
	{ "interval", 'i', OPTION_NUMBER, FIELD(interval_s), "SECONDS", N_("between two looks (2)"),
	  1, 3600 },
};

static unsigned flags_for(const struct config *config)
{
	unsigned flags = OBSERVE_OWNERS | OBSERVE_ALL_NETNS;
	if (config->brief) {
		return flags | (filter_needs_details(&config->filter) ? OBSERVE_DETAILS : 0);
	}
	flags |= OBSERVE_PUBLISHED | OBSERVE_DETAILS;
	if (config->output == OUTPUT_WIDE || config->output == OUTPUT_JSON) {
		flags |= OBSERVE_PACKAGES | OBSERVE_COUNTS;
	}
	if (config->all || config->use != NULL) {
		flags |= OBSERVE_CONNECTIONS;
	}
	return flags;
}

static int print_rows(const struct context *context, const struct config *config,
		      const struct inventory *inventory)
{
	struct str out = STR_INIT(1 << 28);
	int rows = rows_ports(&out, context, inventory, &config->filter, NULL,
			      config->output == OUTPUT_WIDE, 0);
	if (rows == 0) {
		str_add(&out, _("no port is open that fits\n"));
	}
	if (config->all && rows >= 0) {
		str_add_char(&out, '\n');
		rows = rows_connections(&out, context, inventory, &config->filter);
	}
	if (rows == 0 && config->all) {
		str_add(&out, _("no connection fits\n"));
	}
	int code = print_text(&out);
	str_deinit(&out);
	complain_of_coverage(context, inventory);
	return rows < 0 ? EXIT_ERROR : code;
}

static int print_brief(const struct config *config, const struct inventory *inventory)
{
	struct str out = STR_INIT(1 << 28);
	rows_brief(&out, inventory, &config->filter);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int look_and_print(const struct context *context, const struct config *config)
{
	struct inventory inventory;
	int code = look_or_complain(&inventory, context, flags_for(config));
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (config->use != NULL) {
		code = print_use(context, &inventory, config->use, config->output == OUTPUT_JSON);
	} else if (config->output == OUTPUT_JSON) {
		code = ports_json(context, &inventory, &config->filter, config->all);
	} else if (config->brief) {
		code = print_brief(config, &inventory);
	} else {
		code = print_rows(context, config, &inventory);
	}
	inventory_deinit(&inventory);
	return code;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number; /* one handler for SIGINT alone */
	interrupted = 1;
}

static int watch(const struct context *start, const struct config *config)
{
	struct context context = *start;
	const struct sigaction action = { .sa_handler = interrupt };
	(void)sigaction(SIGINT, &action, NULL); /* cannot fail for a valid signal */
	int code = EXIT_IN_ORDER;
	while (interrupted == 0 && code == EXIT_IN_ORDER) {
		char text[TIME_TEXT_BYTES];
		context.now = clock_now();
		if (context.out_terminal) {
			(void)fputs("\033[H\033[2J", stdout); /* checked by print_text's flush */
		}
		if (config->output != OUTPUT_JSON) {
			(void)printf("%s\n", time_format(context.now, text)); /* likewise */
		}
		code = look_and_print(&context, config);
		struct timespec pause = { .tv_sec = (time_t)config->interval_s };
		if (interrupted == 0 && code == EXIT_IN_ORDER) {
			(void)nanosleep(&pause, NULL); /* Ctrl-C ends it early, as wanted */
		}
	}
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	struct config config = *(const struct config *)given;
	if (config.json) {
		config.output = OUTPUT_JSON;
	}
	if (count == 1) {
		struct option_ports *ports = &config.filter.ports;
		if (ports->given ||
		    parse_port_range(&ports->first, &ports->last, arguments[0]) < 0) {
			complain(context, _("one port (443) or one range (8000-8100), please"),
				 "minato help ports");
			return EXIT_USAGE;
		}
		ports->given = true;
	}
	if (config.use != NULL && !use_is_known(config.use)) {
		complain_of_use(context, config.use);
		return EXIT_USAGE;
	}
	if (config.watch) {
		return watch(context, &config);
	}
	return look_and_print(context, &config);
}

static const char *const aliases[] = { "ls", "netstat", NULL };
static const struct config defaults = { .interval_s = 2 };
static const char *const examples[] = {
	"minato ports",
	N_("what listens, for whom, and how dangerous that is"),
	"minato ports 8000-8100 -o wide",
	N_("every detail of a range"),
	"minato ports --exposure any",
	N_("what every address of this host answers"),
	"minato ports --use p2p",
	N_("which programs talk to peers"),
	NULL,
};

const struct command command_ports = {
	.name = "ports",
	.aliases = aliases,
	.arguments = "[PORT|RANGE]",
	.summary = N_("every open port: program, who can reach it, risk"),
	.description = N_(
		"A question mark before a service: the number is known for it, the program is not. "
		"Ports of another network namespace have its name in place of their reach."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.max_arguments = 1,
	.run = run,
};
