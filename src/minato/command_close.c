/* minato close: declarations go, and the rules with them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "look.h"
#include "observe/observe.h"
#include "rules_apply.h"
#include "words.h"

struct config {
	bool dry_run, even_if, keep_names;
	uint64_t seconds;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
	  N_("show the change of the file and write nothing") },
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("until unconfirmed rules are taken back (60)"), APPLY_SECONDS_MIN, APPLY_SECONDS_MAX },
	{ "even-if-it-cuts-me", 0, OPTION_FLAG, FIELD(even_if), NULL,
	  N_("also when you or a never_cut: one could not come in again") },
	{ "keep-names", 0, OPTION_FLAG, FIELD(keep_names), NULL, KEEP_NAMES_HELP },
};

/* A number, else the name of a declaration, else what the catalogue knows under the word. */
static int take_word(struct port_list *out, const struct context *context,
		     const struct policy *policy, const char *word)
{
	int r = edit_ports_number(out, word);
	const struct policy_declaration *d = r == 0 ? policy_declaration_named(policy, word) : NULL;
	for (size_t i = 0; d != NULL && i < d->ports.count; i++) {
		struct policy_ports *ports = vec_push(&out->list);
		if (ports != NULL) {
			*ports = d->ports.items[i];
		}
	}
	if (r == 0 && d == NULL) {
		r = edit_ports_word(out, word);
	}
	if (r < 0 || out->list.count == 0) {
		complain(context, _("neither a port nor a declaration nor a use that is known"),
			 "minato policy print");
		return EXIT_USAGE;
	}
	return EXIT_IN_ORDER;
}

static bool has_port(const struct port_list *ports, const struct listener *l)
{
	for (size_t i = 0; i < ports->list.count; i++) {
		const struct policy_ports *p = &ports->list.items[i];
		if (p->protocol == protocol_registry(l->protocol) && p->first <= l->port &&
		    l->port <= p->last) {
			return true;
		}
	}
	return false;
}

/* A closed door with somebody behind it: what would stop him, once for each. */
static int tell_of_programs(const struct context *context, const struct port_list *ports)
{
	struct inventory inventory;
	int code = look_or_complain(&inventory, context, OBSERVE_OWNERS | OBSERVE_DETAILS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct str text = STR_INIT(1 << 16);
	const struct process *last = NULL;
	for (size_t i = 0; i < inventory.listeners.count; i++) {
		const struct listener *l = &inventory.listeners.items[i];
		const struct process *process = inventory_listener_process(&inventory, l);
		if (process == NULL || process == last || !has_port(ports, l)) {
			continue;
		}
		last = process;
		str_printf(&text, _("%u/%s still listens: "), l->port, protocol_name(l->protocol));
		text_escape(&text, process->name ?: "?");
		if (process->unit != NULL) {
			str_add(&text, "\n  sudo systemctl disable --now ");
			text_escape(&text, process->unit);
		}
		str_add_char(&text, '\n');
	}
	code = print_text(&text);
	str_deinit(&text);
	inventory_deinit(&inventory);
	return code;
}

static void tell_of_includes(const struct context *context, const struct policy_edit *edit)
{
	for (size_t i = 0; i < edit->parts.count; i++) {
		const struct policy_part *part = &edit->parts.items[i];
		if (part->kind == POLICY_PART_ELSEWHERE) {
			struct str text = STR_INIT(8192);
			str_printf(&text,
				   _("\"%s\" stands in an included file, which is left alone: "),
				   part->entry.name);
			text_escape(&text, part->entry.place.file);
			str_printf(&text, ":%u", part->entry.place.line);
			complain(context, str_text(&text), NULL);
			str_deinit(&text);
		}
	}
}

static int carry_out(const struct config *config, struct edit_file *file,
		     const struct port_list *ports, const char *word)
{
	struct policy_edit edit = { 0 };
	char command[128];
	(void)snprintf(command, sizeof(command), "close %.100s", word);
	const struct edit_way way = { .dry_run = config->dry_run,
				      .even_if = config->even_if,
				      .keep_names = config->keep_names,
				      .seconds = (unsigned)config->seconds,
				      .command = command };
	const struct policy_text text = edit_text(file);
	int outcome = policy_edit_close(&edit, &text, ports->list.items, ports->list.count,
					&file->environment);
	int code = EXIT_IN_ORDER;
	tell_of_includes(file->context, &edit);
	if (outcome == POLICY_EDIT_UNCHANGED) {
		struct str line = STR_INIT(256);
		str_add(&line, _("no declaration of this file opens it\n"));
		code = print_text(&line);
		str_deinit(&line);
		if (edit.parts.count > 0) {
			code = EXIT_ERROR;
		}
	} else {
		code = edit_carry_out(file, &edit, outcome, &way);
	}
	policy_edit_deinit(&edit);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	struct edit_file file;
	struct port_list ports = { 0 };
	(void)count; /* one: its row says so */
	int code = edit_file_open(&file, context);
	if (code == EXIT_IN_ORDER) {
		code = take_word(&ports, context, edit_policy(&file), arguments[0]);
	}
	if (code == EXIT_IN_ORDER) {
		code = carry_out(given, &file, &ports, arguments[0]);
	}
	if (code == EXIT_IN_ORDER) {
		code = tell_of_programs(context, &ports);
	}
	edit_file_close(&file);
	vec_free(&ports.list);
	return code;
}

static const struct config defaults = { .seconds = APPLY_SECONDS };
static const char *const examples[] = {
	"sudo minato close smb",
	N_("445, 139, 137 and 138, and what would stop the service behind them"),
	"sudo minato close 8005/tcp",
	N_("one number out of a declared range"),
	NULL,
};

const struct command command_close = {
	.name = "close",
	.arguments = "PORT|NAME|USE",
	.summary = N_("close a port: take it out of the policy and apply that"),
	.description =
		N_("Takes the ports out of the policy file, whose other lines stay as they are, "
		   "and applies it as minato apply does. Names what still listens behind the "
		   "closed door, and how to stop it."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
