/* minato completion: scripts for the shells, made from the same rows as help. */
#include <string.h>

#include "command.h"
#include "words.h"

static void add_names(struct str *out, const char *separator)
{
	for (size_t i = 0; i < command_count; i++) {
		str_printf(out, "%s%s", i == 0 ? "" : separator, commands[i]->name);
		const char *const *alias = commands[i]->aliases;
		for (; alias != NULL && *alias != NULL; alias++) {
			str_printf(out, "%s%s", separator, *alias);
		}
	}
}

/* The pattern of a case branch: the name and its aliases. */
static void add_pattern(struct str *out, const struct command *command)
{
	str_add(out, command->name);
	const char *const *alias = command->aliases;
	for (; alias != NULL && *alias != NULL; alias++) {
		str_printf(out, "|%s", *alias);
	}
}

static void add_option_words(struct str *out, const struct command *command)
{
	for (size_t i = 0; i < command->option_count; i++) {
		str_printf(out, " --%s", command->options[i].name);
	}
	str_add(out, " --policy --ascii --no-color --help");
}

static void bash(struct str *out)
{
	str_add(out, "# bash completion for minato\n_minato()\n{\n"
		     "\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n"
		     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	add_names(out, " ");
	str_add(out, "\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < command_count; i++) {
		str_add(out, "\t\t");
		add_pattern(out, commands[i]);
		str_add(out, ") words=\"");
		add_option_words(out, commands[i]);
		if (commands[i]->add_words != NULL) {
			commands[i]->add_words(out);
		}
		str_add(out, "\" ;;\n");
	}
	str_add(out, "\t\tesac\n\tfi\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
		     "\t[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "
		     "\"$word\")\n"
		     "}\ncomplete -F _minato minato\n");
}

/* Single quotes inside single quotes, for both zsh and fish words. */
static void add_quoted(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			str_add(out, "'\\''");
		} else if (*text == '[' || *text == ']' || *text == ':') {
			str_printf(out, "\\%c", *text);
		} else {
			str_add_char(out, *text);
		}
	}
}

static void zsh(struct str *out)
{
	str_add(out,
		"#compdef minato\n_minato() {\n\tlocal -a names\n\tif (( CURRENT == 2 )); then\n"
		"\t\tnames=(\n");
	for (size_t i = 0; i < command_count; i++) {
		str_printf(out, "\t\t\t'%s:", commands[i]->name);
		add_quoted(out, _(commands[i]->summary));
		str_add(out, "'\n");
	}
	str_add(out, "\t\t)\n\t\t_describe command names\n\t\treturn\n\tfi\n\tcase $words[2] in\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = commands[i];
		str_add(out, "\t");
		add_pattern(out, command);
		str_add(out, ") _arguments");
		for (size_t k = 0; k < command->option_count; k++) {
			const struct option *option = &command->options[k];
			str_printf(out, " '--%s%s[", option->name,
				   option->type == OPTION_FLAG ? "" : "=");
			add_quoted(out, _(option->help));
			str_add(out, option->type == OPTION_FLAG ? "]'" : "]:value:_files'");
		}
		if (command->add_words != NULL) {
			str_add(out, " '*:word:(");
			command->add_words(out);
			str_add(out, ")' ;;\n");
		} else {
			str_add(out, " '*:word:_files' ;;\n");
		}
	}
	str_add(out, "\tesac\n}\n_minato \"$@\"\n");
}

static void fish_quoted(struct str *out, const char *text)
{
	str_add_char(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\') {
			str_add_char(out, '\\');
		}
		str_add_char(out, *text);
	}
	str_add_char(out, '\'');
}

static void fish(struct str *out)
{
	str_add(out, "# fish completion for minato\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = commands[i];
		str_printf(out, "complete -c minato -n __fish_use_subcommand -f -a %s -d ",
			   command->name);
		fish_quoted(out, _(command->summary));
		str_add(out, "\n");
		for (size_t k = 0; k < command->option_count; k++) {
			const struct option *option = &command->options[k];
			str_printf(out,
				   "complete -c minato -n '__fish_seen_subcommand_from %s' -l %s%s "
				   "-d ",
				   command->name, option->name,
				   option->type == OPTION_FLAG ? "" : " -r");
			fish_quoted(out, _(option->help));
			str_add(out, "\n");
		}
		if (command->add_words != NULL) {
			str_printf(out,
				   "complete -c minato -n '__fish_seen_subcommand_from %s' -f -a '",
				   command->name);
			command->add_words(out);
			str_add(out, "'\n");
		}
	}
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)config, (void)count; /* exactly one word, checked by the frame */
	static const struct {
		const char *name;
		void (*write)(struct str *out);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, arguments[0]) == 0) {
			struct str out = STR_INIT(1 << 20);
			shells[i].write(&out);
			int code = print_text(&out);
			str_deinit(&out);
			return code;
		}
	}
	complain(context, _("completions exist for bash, zsh and fish"), "minato completion bash");
	return EXIT_USAGE;
}

static const char *const examples[] = {
	"minato completion bash > /etc/bash_completion.d/minato",
	N_("complete commands and options in bash"),
	NULL,
};

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.summary = N_("print the completion script of a shell"),
	.examples = examples,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
