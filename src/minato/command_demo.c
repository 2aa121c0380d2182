/* minato demo: a harbour to practise in. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "words.h"

static int wait_for(pid_t child)
{
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int at_host(struct harbour_world *world, const char *const *words)
{
	static const int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	const pid_t child = harbour_start(world, harbour_of(world)->host, words, fds);
	return child < 0 ? EXIT_ERROR : wait_for(child);
}

static int draw(const struct harbour_world *world, const struct context *context)
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

/* What happens there is shown until Ctrl-C. */
static int watch_it(struct harbour_world *world, void *data)
{
	static const char *const watch[] = { "minato", "watch", NULL };
	const struct demo *demo = data;
	const int code = draw(world, demo->context);
	complain(demo->context,
		 _("this is what happens at the ports of the host; Ctrl-C removes all"), NULL);
	return code != EXIT_IN_ORDER ? code : at_host(world, watch);
}

static int run_words(struct harbour_world *world, void *data)
{
	const struct demo *demo = data;
	return at_host(world, demo->words);
}

static int read_builtin(struct harbour **out, const struct context *context)
{
	struct str faults = STR_INIT(65536);
	int r = harbour_read(out, &faults, "harbour.yaml", harbour_builtin,
			     strlen(harbour_builtin));
	if (r < 0) {
		complain(context, r == -EINVAL ? str_text(&faults) : strerror(-r), NULL);
	}
	str_deinit(&faults);
	return r;
}

static int run_world(const struct harbour *harbour, struct demo *demo)
{
	struct err e = ERR_INIT;
	struct demo_environment environment;
	int code = EXIT_ERROR;
	int r = demo_environment(&environment, demo->context);
	if (r == 0) {
		const struct harbour_setup setup = { .environment = environment.words };
		r = harbour_run(&code, harbour, &setup,
				demo->words[0] == NULL ? watch_it : run_words, demo, &e);
	}
	arena_deinit(&environment.memory);
	if (r < 0) {
		complain(demo->context, e.code != 0 ? err_text(&e) : strerror(-r), NULL);
		return r == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return code;
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	(void)config, (void)count; /* the words end with NULL */
	struct harbour *harbour = NULL;
	struct demo demo = { .context = context, .words = arguments };
	if (read_builtin(&harbour, context) < 0) {
		return EXIT_ERROR;
	}
	const int code = run_world(harbour, &demo);
	(void)harbour_free(harbour);
	return code;
}

static const char *const examples[] = {
	"minato demo",
	N_("a small world in a sandbox: who is there, and what happens at its ports"),
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
		   "namespaces. Ctrl-C removes everything."),
	.examples = examples,
	.max_arguments = UINT_MAX,
	.run = run,
};
