/* minato manual: the manual page minato(1), made from the same rows as help. */
#include <string.h>

#include "command.h"
#include "config.h"
#include "words.h"

/* Text for roff: backslashes and hyphens escaped, a leading dot or quote made harmless. */
static void add_roff(struct str *out, const char *text)
{
	bool line_start = true;
	for (; *text != '\0'; text++) {
		if (line_start && (*text == '.' || *text == '\'')) {
			str_add(out, "\\&");
		}
		if (*text == '\\') {
			str_add(out, "\\e");
		} else if (*text == '-') {
			str_add(out, "\\-");
		} else {
			str_add_char(out, *text);
		}
		line_start = *text == '\n';
	}
}

static void add_heading(struct str *out, const char *macro, const char *text)
{
	str_printf(out, "%s \"", macro);
	add_roff(out, text);
	str_add(out, "\"\n");
}

static void add_option(struct str *out, const struct option *option)
{
	str_add(out, ".TP\n\\fB");
	if (option->letter != 0) {
		str_printf(out, "\\-%c, ", option->letter);
	}
	str_add(out, "\\-\\-");
	add_roff(out, option->name);
	str_add(out, "\\fR");
	if (option->argument != NULL) {
		str_add(out, " \\fI");
		add_roff(out, option->argument);
		str_add(out, "\\fR");
	}
	str_add(out, "\n");
	add_roff(out, _(option->help));
	str_add(out, "\n");
}

static void add_command(struct str *out, const struct command *command)
{
	struct str title = STR_INIT(1024);
	str_printf(&title, "minato %s%s%s", command->name, command->arguments != NULL ? " " : "",
		   command->arguments != NULL ? command->arguments : "");
	add_heading(out, ".SS", str_text(&title));
	str_deinit(&title);
	add_roff(out, _(command->summary));
	str_add(out, ".\n");
	if (command->aliases != NULL) {
		str_add(out, ".PP\n");
		add_roff(out, _("Also called:"));
		for (const char *const *alias = command->aliases; *alias != NULL; alias++) {
			str_printf(out, " \\fB%s\\fR", *alias);
		}
		str_add(out, "\n");
	}
	if (command->description != NULL) {
		str_add(out, ".PP\n");
		add_roff(out, _(command->description));
		str_add(out, "\n");
	}
	for (size_t i = 0; i < command->option_count; i++) {
		add_option(out, &command->options[i]);
	}
	const char *const *example = command->examples;
	for (; example != NULL && *example != NULL; example += 2) {
		str_add(out, ".TP\n\\fB");
		add_roff(out, example[0]);
		str_add(out, "\\fR\n");
		add_roff(out, _(example[1]));
		str_add(out, "\n");
	}
}

static void add_exit_codes(struct str *out)
{
	static const struct {
		int code;
		const char *meaning;
	} codes[] = {
		{ EXIT_IN_ORDER, N_("in order") },
		{ EXIT_ERROR, N_("an error") },
		{ EXIT_DIFFERS, N_("differs from the policy, or findings at or above the limit") },
		{ EXIT_USAGE, N_("the words typed are wrong") },
		{ EXIT_RIGHTS, N_("needs more rights") },
	};
	add_heading(out, ".SH", _("EXIT CODES"));
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		str_printf(out, ".TP\n%d\n", codes[i].code);
		add_roff(out, _(codes[i].meaning));
		str_add(out, "\n");
	}
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)context, (void)config, (void)arguments, (void)count; /* nothing to choose */
	struct str out = STR_INIT(1 << 20);
	str_printf(&out, ".TH MINATO 1 \"\" \"minato %s\"\n", MINATO_VERSION);
	add_heading(&out, ".SH", _("NAME"));
	str_add(&out, "minato \\- ");
	add_roff(&out, _("manages and secures the network ports of a host"));
	str_add(&out, "\n");
	add_heading(&out, ".SH", _("SYNOPSIS"));
	str_add(&out, "\\fBminato\\fR [\\fICOMMAND\\fR | \\fIPORT\\fR] ...\n");
	add_heading(&out, ".SH", _("COMMANDS"));
	for (size_t i = 0; i < command_count; i++) {
		add_command(&out, commands[i]);
	}
	add_exit_codes(&out);
	add_heading(&out, ".SH", _("SEE ALSO"));
	str_add(&out, "\\fBminato\\-policy\\fR(5), \\fBss\\fR(8), \\fBnft\\fR(8)\n");
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

const struct command command_manual = {
	.name = "manual",
	.summary = N_("print the manual page minato(1)"),
	.run = run,
};
