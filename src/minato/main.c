/* minato: the command line. Finds the command, parses its words, runs it. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/parse.h"
#include "command.h"
#include "config.h"
#include "explain.h"
#include "words.h"

/* Options that every command takes; they may stand anywhere. */
struct global {
	bool ascii, no_color, help, version;
	const char *policy;
};

static uint16_t terminal_columns(void)
{
	struct winsize size = { 0 };
	uint64_t columns = 0;
	const char *text = getenv("COLUMNS");
	if (text != NULL && parse_u64(&columns, text, 20, 1000) == 0) {
		return (uint16_t)columns;
	}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) {
		return size.ws_col;
	}
	return 80;
}

static bool colour_wanted(bool terminal, bool refused)
{
	const char *term = getenv("TERM");
	const char *none = getenv("NO_COLOR"); /* no-color.org: set and not empty */
	return terminal && !refused && (none == NULL || none[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static struct context make_context(enum language language, const struct global *global)
{
	struct context context = {
		.language = language,
		.out_terminal = isatty(STDOUT_FILENO) == 1,
		.err_terminal = isatty(STDERR_FILENO) == 1,
		.columns = terminal_columns(),
		.now = clock_now(),
		.policy_given = global->policy != NULL,
		.policy_path = global->policy != NULL ? global->policy : MINATO_POLICY_PATH,
	};
	context.out_style.colour = colour_wanted(context.out_terminal, global->no_color);
	context.err_style.colour = colour_wanted(context.err_terminal, global->no_color);
	context.out_style.ascii = context.err_style.ascii = global->ascii;
	return context;
}

/* Takes the global options out of the words. @return how many words are left, or -EINVAL. */
static int take_globals(struct global *global, const char **words, int count, struct err *e)
{
	int kept = 0;
	for (int i = 0; i < count; i++) {
		const char *word = words[i];
		if (strcmp(word, "--") == 0) {
			while (i < count) {
				words[kept++] = words[i++];
			}
		} else if (strcmp(word, "--ascii") == 0) {
			global->ascii = true;
		} else if (strcmp(word, "--no-color") == 0 || strcmp(word, "--no-colour") == 0) {
			global->no_color = true;
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			global->help = true;
		} else if (strcmp(word, "--version") == 0) {
			global->version = true;
		} else if (str_starts(word, "--policy=")) {
			global->policy = word + strlen("--policy=");
		} else if (strcmp(word, "--policy") == 0) {
			if (i + 1 == count) {
				return err_set(e, EINVAL, _("--policy needs a value: %s"), "FILE");
			}
			global->policy = words[++i];
		} else {
			words[kept++] = word;
		}
	}
	return kept;
}

static int run_command(const struct context *context, const struct command *command,
		       const char *const *words, unsigned count)
{
	_cleanup_(freep) void *config = calloc(1, command->config_bytes + 1);
	_cleanup_(freep) const char **positional = calloc(count + 1, sizeof(*positional));
	if (config == NULL || positional == NULL) {
		complain(context, strerror(ENOMEM), NULL);
		return EXIT_ERROR;
	}
	if (command->defaults != NULL) {
		memcpy(config, command->defaults, command->config_bytes);
	}
	struct err e = ERR_INIT;
	int found = options_parse(command, config, positional, words, count, context->now, &e);
	if (found < 0) {
		char next[64];
		(void)snprintf(next, sizeof(next), "minato help %s", command->name);
		complain(context, err_text(&e), next);
		return EXIT_USAGE;
	}
	return command->run(context, config, positional, (unsigned)found);
}

static int unknown_command(const struct context *context, const char *word)
{
	const char *names[128];
	size_t count = 0;
	for (size_t i = 0; i < command_count && count < 128; i++) {
		names[count++] = commands[i]->name;
	}
	const char *near = text_nearest(word, names, count);
	struct str sentence = STR_INIT(4096);
	struct str safe = STR_INIT(2048);
	text_escape(&safe, word);
	str_printf(&sentence, _("there is no command \"%s\""), str_text(&safe));
	char next[128] = "minato help";
	if (near != NULL) {
		(void)snprintf(next, sizeof(next), "minato %s", near);
	}
	complain(context, str_text(&sentence), next);
	str_deinit(&sentence);
	str_deinit(&safe);
	return EXIT_USAGE;
}

static int dispatch(const struct context *context, const struct global *global,
		    const char *const *words, unsigned count)
{
	if (global->version) {
		return run_command(context, command_find("version"), NULL, 0);
	}
	const struct command *command = count > 0 ? command_find(words[0]) : NULL;
	if (global->help) {
		return run_command(context, command_find("help"), words, command != NULL ? 1 : 0);
	}
	if (command != NULL) {
		return run_command(context, command, words + 1, count - 1);
	}
	if (count == 0 || words[0][0] == '-') {
		return run_command(context, command_find("status"), words, count);
	}
	struct catalog_match match;
	bool known = catalog_by_word(&match, 1, words[0]) > 0 && match.knowledge != NULL;
	if (known || catalog_term(words[0]) != NULL ||
	    isdigit((unsigned char)words[0][0])) { /* minato 6379, minato https */
		return run_command(context, command_find("explain"), words, count);
	}
	return unknown_command(context, words[0]);
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN); /* `minato ports | head` is no error worth a death */
	enum language language = language_init();
	struct global global = { 0 };
	struct err e = ERR_INIT;
	_cleanup_(freep) const char **words = calloc((size_t)argc + 1, sizeof(*words));
	if (words == NULL) {
		return EXIT_ERROR;
	}
	for (int i = 1; i < argc; i++) {
		words[i - 1] = argv[i];
	}
	int count = take_globals(&global, words, argc > 0 ? argc - 1 : 0, &e);
	struct context context = make_context(language, &global);
	if (count < 0) {
		complain(&context, err_text(&e), "minato help");
		return EXIT_USAGE;
	}
	return dispatch(&context, &global, words, (unsigned)count);
}
