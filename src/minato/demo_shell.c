/* What is typed in a harbour: one command, or a shell. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io/run.h"
#include "demo.h"
#include "words.h"

int demo_at(struct harbour_world *world, uint32_t machine, const char *const *words)
{
	static const int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	const pid_t child = harbour_start(world, machine, words, fds);
	return child < 0 ? EXIT_ERROR : run_wait(child);
}

bool demo_has_login(const struct harbour *harbour)
{
	const struct harbour_machine *host = &harbour->machines[harbour->host];
	for (uint32_t i = 0; i < host->program_count; i++) {
		if (host->programs[i].does == HARBOUR_LOGIN && host->programs[i].port == 22) {
			return harbour->desk != harbour->host;
		}
	}
	return false;
}

int demo_login(struct harbour_world *world, const char *line)
{
	const struct harbour *harbour = harbour_of(world);
	const char *const far[] = { "ssh", harbour->machines[harbour->host].name, line, NULL };
	const char *const near[] = { "bash", "-c", line, NULL };
	const char *const shell[] = { "bash", "--noprofile", "--rcfile", "/run/harbour/shellrc",
				      NULL };
	if (demo_has_login(harbour)) {
		return demo_at(world, harbour->desk, far);
	}
	return demo_at(world, harbour->host, line != NULL ? near : shell);
}

int demo_draw(const struct harbour_world *world, const struct context *context)
{
	struct str text = STR_INIT(65536);
	const struct harbour *harbour = harbour_of(world);
	str_printf(&text, "%s\n\n", text_in(harbour->title, context->language));
	harbour_draw(&text, harbour, context->language, &context->out_style, context->columns);
	str_add(&text, "\n");
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* Where something is typed once that does not fit a row of the next table, the terminal breaks it.
 */
static void add_hint(struct str *out, const struct context *context, const char *command,
		     const char *what)
{
	str_printf(out, "  %s%s%s\n      ", style_ink(&context->out_style, INK_BOLD), command,
		   style_ink(&context->out_style, INK_PLAIN));
	text_wrap(out, what, context->columns - 6U, 6);
	str_add(out, "\n");
}

static int print_hints(const struct context *context)
{
	struct str text = STR_INIT(8192);
	text_wrap(&text,
		  _("You are logged in on the host. Every command of minato is for this harbour:"),
		  context->columns, 0);
	str_add(&text, "\n");
	add_hint(&text, context, "minato", _("what is open, and what is wrong with it"));
	add_hint(&text, context, "at friend minato check harbour:25565",
		 _("a command at another machine: here the friend asks whether the game answers"));
	add_hint(&text, context, "at scanner scan harbour",
		 _("a scan of ten thousand ports; behind the name a number of seconds makes it "
		   "slow"));
	add_hint(&text, context, "minato incidents", _("who scanned"));
	add_hint(&text, context, "exit", _("removes the harbour"));
	text_wrap(
		&text,
		_("Not shown in a sandbox: bind guard, bans and events told by the kernel at once; "
		  "they need BPF, which belongs to the whole machine."),
		context->columns, 0);
	str_add(&text, "\n\n");
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* @return whether a line came. */
static bool wait_for_enter(void)
{
	char c = '\0';
	ssize_t length;
	while ((length = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
	}
	return length == 1;
}

int demo_shell(struct harbour_world *world, void *data)
{
	const struct context *context = ((struct demo *)data)->context;
	const bool terminal = isatty(STDIN_FILENO) == 1;
	int code = terminal ? demo_draw(world, context) : EXIT_IN_ORDER;
	if (code == EXIT_IN_ORDER && terminal) {
		code = print_hints(context);
	}
	while (code == EXIT_IN_ORDER) {
		code = demo_login(world, NULL);
		if (code != DEMO_CUT || !terminal) {
			return code;
		}
		complain(context,
			 _("your connection to the host was cut; Enter logs in again, Ctrl-D ends"),
			 NULL);
		code = wait_for_enter() ? EXIT_IN_ORDER : EXIT_ERROR;
	}
	return code;
}

int demo_words(struct harbour_world *world, void *data)
{
	const struct demo *demo = data;
	return demo_at(world, harbour_of(world)->host, demo->words);
}

int demo_watch(struct harbour_world *world, void *data)
{
	static const char *const watch[] = { "minato", "watch", NULL };
	const struct demo *demo = data;
	const int code = demo_draw(world, demo->context);
	complain(demo->context,
		 _("this is what happens at the ports of the host; Ctrl-C removes all"),
		 "minato demo --shell");
	return code != EXIT_IN_ORDER ? code : demo_at(world, harbour_of(world)->host, watch);
}
