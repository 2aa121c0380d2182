/* minato report: one page of HTML about this host's ports. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "command.h"
#include "look.h"
#include "page_file.h"
#include "report.h"
#include "words.h"

struct config {
	const char *output;
};

static const struct option options[] = {
	{ "output", 'o', OPTION_STRING, offsetof(struct config, output), "FILE",
	  N_("where to write it (ports.html), - is standard output") },
};

/* Says where it is, so that a browser can be pointed at it. */
static int say_where(const char *path)
{
	_cleanup_(freep) char *whole = realpath(path, NULL);
	struct str out = STR_INIT((size_t)4 * PATH_MAX + 64);
	struct str safe = STR_INIT((size_t)4 * PATH_MAX);
	text_escape(&safe, whole != NULL ? whole : path);
	str_printf(&out, _("written: %s\n"), str_text(&safe));
	int code = print_text(&out);
	str_deinit(&safe);
	str_deinit(&out);
	return code;
}

static int write_page(const struct context *context, const struct config *config,
		      const struct overview *overview)
{
	struct str page = STR_INIT((size_t)2 * REPORT_PAGE_BYTES);
	struct report report;
	int code = report_init(&report, overview);
	if (code == EXIT_IN_ORDER) {
		report_page(&page, &report);
		code = page_file_write(context, config->output, &page);
	}
	report_deinit(&report);
	str_deinit(&page);
	if (code == EXIT_IN_ORDER && strcmp(config->output, "-") != 0) {
		code = say_where(config->output);
	}
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	(void)arguments, (void)count; /* none are taken */
	struct overview overview;
	int code = overview_find(&overview, context);
	if (code == EXIT_IN_ORDER) {
		code = write_page(context, given, &overview);
		complain_of_coverage(context, &overview.inventory);
		overview_deinit(&overview);
	}
	return code;
}

static const struct config defaults = { .output = "ports.html" };
static const char *const examples[] = {
	"minato report",
	N_("a page about this host in ports.html, for any browser"),
	"minato report -o - | ssh desk 'cat > ports.html'",
	N_("the page of a host without a screen"),
	"LANGUAGE=ja minato report -o ports.ja.html",
	N_("the same in Japanese"),
	NULL,
};

const struct command command_report = {
	.name = "report",
	.summary = N_("one page to look at: map, table, findings, figures"),
	.description = N_(
		"The page holds everything by itself: it loads nothing from elsewhere, needs no "
		"script, is light or dark as the reader likes it, and prints on A4. It stays below "
		"300 kB; what is left out for that is said in it, and is never the most dangerous. "
		"The file is replaced as a whole and has mode 0600, since it tells what is weak "
		"about a host; made with sudo it belongs to whoever typed sudo."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.run = run,
};
