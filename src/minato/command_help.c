/* minato help: the commands people need first, then all, then one in detail. */
#include <limits.h>
#include <string.h>

#include "command.h"
#include "words.h"

static int finish(struct str *out)
{
	int code = print_text(out);
	str_deinit(out);
	return code;
}

static void add_commands(struct str *out, const struct context *context, bool all)
{
	static const struct table_column columns[] = {
		{ NULL, ALIGN_LEFT, 0, 0 },
		{ NULL, ALIGN_LEFT, 0, 0 },
	};
	struct table table;
	table_init(&table, columns, 2);
	for (size_t i = 0; i < command_count; i++) {
		if (all || commands[i]->common) {
			table_printf(&table, INK_BOLD, "  %s", commands[i]->name);
			table_cell(&table, INK_PLAIN, _(commands[i]->summary));
		}
	}
	(void)table_render(out, &table, context->columns,
			   &context->out_style); /* kept in out->error */
	table_deinit(&table);
}

static int general(const struct context *context, bool all)
{
	struct str out = STR_INIT(1 << 16);
	str_add(&out,
		_("minato: what is open here, should it be, who can reach it, what to type\n"));
	str_add(&out, "\n");
	str_add(&out, _("  minato              one screen about this host\n"));
	str_add(&out, _("  minato 6379         everything about a port (number or name)\n"));
	str_add(&out, "\n");
	add_commands(&out, context, all);
	str_add(&out, "\n");
	str_add(&out, _("Facts: --json for machines. Everywhere: --policy FILE, --ascii, --no-color.\n"));
	str_add(&out, all ? _("One command in detail: minato help COMMAND\n")
			  : _("More: minato help COMMAND, minato help all\n"));
	return finish(&out);
}

static void add_options(struct str *out, const struct context *context,
			const struct command *command)
{
	static const struct table_column columns[] = {
		{ NULL, ALIGN_LEFT, 0, 0 },
		{ NULL, ALIGN_LEFT, 0, 0 },
	};
	struct table table;
	table_init(&table, columns, 2);
	for (size_t i = 0; i < command->option_count; i++) {
		const struct option *option = &command->options[i];
		char letter[8] = "    ";
		if (option->letter != 0) {
			(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		}
		table_printf(&table, INK_BOLD, "  %s--%s%s%s", letter, option->name,
			     option->argument != NULL ? " " : "",
			     option->argument != NULL ? option->argument : "");
		table_cell(&table, INK_PLAIN, _(option->help));
	}
	(void)table_render(out, &table, 0, &context->out_style); /* kept in out->error */
	table_deinit(&table);
}

static int detail(const struct context *context, const struct command *command)
{
	struct str out = STR_INIT(1 << 16);
	str_printf(&out, "minato %s%s%s%s\n", command->name,
		   command->option_count > 0 ? " [OPTION]..." : "",
		   command->arguments != NULL ? " " : "",
		   command->arguments != NULL ? command->arguments : "");
	str_printf(&out, "  %s\n", _(command->summary));
	if (command->description != NULL) {
		str_add(&out, "\n");
		text_wrap(&out, _(command->description), context->columns, 0);
		str_add(&out, "\n");
	}
	if (command->option_count > 0) {
		str_add(&out, "\n");
		add_options(&out, context, command);
	}
	for (const char *const *example = command->examples; example != NULL && *example != NULL;
	     example += 2) {
		str_printf(&out, "%s  %s\n      %s\n", example == command->examples ? "\n" : "",
			   example[0], _(example[1]));
	}
	return finish(&out);
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)config; /* no options */
	if (count == 0) {
		return general(context, false);
	}
	if (strcmp(arguments[0], "all") == 0) {
		return general(context, true);
	}
	const struct command *command = command_find(arguments[0]);
	if (command == NULL) {
		complain(context, _("there is no such command"), "minato help all");
		return EXIT_USAGE;
	}
	return detail(context, command);
}

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND|all]",
	.summary = N_("the commands, or one of them in detail"),
	.max_arguments = 1,
	.run = run,
};
