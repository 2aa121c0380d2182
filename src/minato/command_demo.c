/* minato demo: a harbour to practise in. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "demo.h"
#include "words.h"

struct config {
	bool shell, tour, print;
	const char *scenario; /* file; NULL = the one that comes with minato */
	const char *record;   /* file; NULL = nothing is kept */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "tour", 0, OPTION_FLAG, FIELD(tour), NULL,
	  N_("be led: what to type, why, and what to see; without a terminal it types by itself") },
	{ "shell", 0, OPTION_FLAG, FIELD(shell), NULL, N_("practise freely: a shell on the host") },
	{ "scenario", 0, OPTION_STRING, FIELD(scenario), "FILE",
	  N_("a world of your own instead of the one that comes with minato") },
	{ "print", 0, OPTION_FLAG, FIELD(print), NULL,
	  N_("the world that comes with minato, as a file to begin one's own with") },
	{ "record", 0, OPTION_STRING, FIELD(record), "FILE",
	  N_("keep what is shown, with its times, for asciinema play (not of --shell)") },
};

static int read_world(struct harbour **out, const struct context *context, const char *name,
		      const char *text, size_t length)
{
	struct str faults = STR_INIT(65536);
	int r = harbour_read(out, &faults, name, text, length);
	if (r == -EINVAL) {
		(void)fprintf(stderr, "%s", str_text(&faults));
	} else if (r < 0) {
		complain(context, strerror(-r), NULL);
	}
	str_deinit(&faults);
	return r;
}

static int read_scenario(struct harbour **out, const struct context *context, const char *path)
{
	if (path == NULL) {
		return read_world(out, context, "harbour.yaml", harbour_builtin,
				  strlen(harbour_builtin));
	}
	struct err e = ERR_INIT;
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	int r = file_read(&text, &length, path, HARBOUR_FILE_BYTES_MAX, &e);
	if (r < 0) {
		complain(context, err_text(&e), NULL);
	} else {
		r = read_world(out, context, path, text, length);
	}
	return r;
}

/* A shell that ended in there leaves the terminal to a group that is gone, a program that was
 * killed perhaps without echo. */
static void take_terminal_back(const struct termios *settings)
{
	void (*before)(int) = signal(SIGTTOU, SIG_IGN);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp()); /* fails where there is no terminal */
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, settings);
	(void)signal(SIGTTOU, before);
}

/* Where no world can be made. */
static int replay(const struct demo *demo, const char *why)
{
	const struct context *context = demo->context;
	struct str sentence = STR_INIT(4096);
	str_printf(&sentence, _("no sandbox can be made here: %s"), why);
	complain(context, str_text(&sentence), geteuid() != 0 ? "sudo minato demo" : NULL);
	str_deinit(&sentence);
	complain(context, _("so this is a recording of the tour, made on another machine"), NULL);
	return demo_replay(context, context->language == LANGUAGE_JA ? demo_tour_ja : demo_tour_en);
}

/* What of harbour_run() says that it is not to be had, not that it went wrong. */
static bool is_impossible(int error)
{
	return error == -EPERM || error == -ENOSYS || error == -EOPNOTSUPP || error == -ENOSPC;
}

static int run_world(const struct harbour *harbour, harbour_inside *inside, struct demo *demo)
{
	struct err e = ERR_INIT;
	struct demo_environment environment;
	int code = EXIT_ERROR;
	struct termios settings = { 0 };
	(void)tcgetattr(STDIN_FILENO, &settings); /* fails as setting them will */
	int r = demo_environment(&environment, demo->context);
	if (r == 0) {
		const struct harbour_setup setup = { .environment = environment.words };
		r = harbour_run(&code, harbour, &setup, inside, demo, &e);
		take_terminal_back(&settings);
	}
	arena_deinit(&environment.memory);
	const char *why = e.code != 0 ? err_text(&e) : strerror(-r);
	if (is_impossible(r) && demo->replays) {
		return replay(demo, why);
	}
	if (r < 0) {
		complain(demo->context, why, NULL);
		return is_impossible(r) ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return code;
}

static int run_recorded(const struct harbour *harbour, harbour_inside *inside, struct demo *demo,
			const char *path)
{
	struct err e = ERR_INIT;
	struct demo_record record;
	if (path == NULL) {
		return run_world(harbour, inside, demo);
	}
	int r = demo_record_begin(&record, path, &e);
	if (r < 0) {
		complain(demo->context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	const int code = run_world(harbour, inside, demo);
	r = demo_record_end(&record);
	if (r < 0) {
		(void)err_system(&e, r, _("cannot write %s"), path);
		complain(demo->context, err_text(&e), NULL);
	}
	return r < 0 ? EXIT_ERROR : code;
}

static int print_world(void)
{
	struct str text = STR_INIT(HARBOUR_FILE_BYTES_MAX + 1);
	str_add(&text, harbour_builtin);
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct harbour *harbour = NULL;
	struct demo demo = { .context = context, .words = arguments }; /* which end with NULL */
	if (config->print) {
		return print_world();
	}
	if (config->shell + config->tour + (count > 0) > 1) {
		complain(context, _("either a tour, a shell or a command"), "minato help demo");
		return EXIT_USAGE;
	}
	if (config->shell && config->record != NULL) {
		complain(context, _("a shell is not recorded"), "minato demo --tour --record FILE");
		return EXIT_USAGE;
	}
	/* A command of one's own cannot be replayed. */
	demo.replays = config->scenario == NULL && count == 0;
	if (read_scenario(&harbour, context, config->scenario) < 0) {
		return EXIT_ERROR;
	}
	if (config->tour && harbour->step_count == 0) {
		complain(context, _("this world has no tour"), "minato demo --shell");
		(void)harbour_free(harbour);
		return EXIT_USAGE;
	}
	harbour_inside *inside = config->tour    ? demo_tour
				 : config->shell ? demo_shell
				 : count > 0     ? demo_words
						 : demo_watch;
	const int code = run_recorded(harbour, inside, &demo, config->record);
	(void)harbour_free(harbour);
	return code;
}

static const char *const examples[] = {
	"minato demo",
	N_("a small world in a sandbox: who is there, and what happens at its ports"),
	"minato demo --tour",
	N_("a quarter of an hour, from the first look to being rescued from a mistake"),
	"minato demo --shell",
	N_("a shell on the host of that world; nothing you do there is for your machine"),
	"minato demo --print >mine.yaml; minato demo --scenario mine.yaml --shell",
	N_("a world of one's own: machines, networks, what they run, and steps of a tour"),
	"minato demo -- minato explain 6379",
	N_("one command on the host of that world"),
	NULL,
};

const struct command command_demo = {
	.name = "demo",
	.arguments = "[-- COMMAND...]",
	.summary = N_("a harbour in a sandbox to practise in"),
	.description =
		N_("Makes a small world of namespaces: a host with services, a router with "
		   "devices behind it, a friend and a scanner. The programs, the packets, the "
		   "daemon and the rules in it are real; of this machine's network, files and "
		   "rules nothing is touched. Needs no root where the kernel allows user "
		   "namespaces. Ctrl-C removes everything. Without a terminal --shell reads "
		   "its lines from the input, and --tour types them itself, with exit code 1 "
		   "where a step does not show what it should. For a world of your own, edit "
		   "what --print shows; faults are told with their place."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = UINT_MAX,
	.run = run,
};
