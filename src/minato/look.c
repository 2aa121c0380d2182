/* One look at the host. */
#include "look.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "observe/observe.h"
#include "words.h"

const char *runtime_directory(void)
{
	const char *directory = getenv("MINATO_RUNTIME_DIRECTORY");
	return directory != NULL && directory[0] == '/' ? directory : MINATO_RUNTIME_DIRECTORY;
}

int look(struct inventory *out, const struct context *context, unsigned flags, struct err *e)
{
	char pins[PATH_MAX];
	(void)snprintf(pins, sizeof(pins), "%s/bpf",
		       runtime_directory()); /* too long: no pins there */
	struct observe_request request = {
		.flags = flags,
		.without = observe_without_parse(getenv("MINATO_WITHOUT")),
		.now = context->now,
		.bpf_directory = pins,
	};
	return observe_inventory(out, &request, e);
}

int look_or_complain(struct inventory *out, const struct context *context, unsigned flags)
{
	struct err e = ERR_INIT;
	int r = look(out, context, flags, &e);
	if (r < 0) {
		complain(context, err_text(&e), NULL);
		return r == -EPERM || r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

bool coverage_words(struct str *out, const struct inventory *inventory)
{
	const struct coverage *c = &inventory->coverage;
	if (c->listeners_hidden == 0 && c->netns_hidden == 0) {
		return false;
	}
	str_add(out, geteuid() == 0 ? _("out of sight, perhaps outside this container: ")
				    : _("out of sight without more rights: "));
	if (c->listeners_hidden > 0) {
		add_counted(out, c->listeners_hidden, _("the program of %u port"),
			    _("the programs of %u ports"));
	}
	if (c->netns_hidden > 0) {
		str_add(out, c->listeners_hidden > 0 ? _(", ") : "");
		add_counted(out, c->netns_hidden, _("%u network namespace"),
			    _("%u network namespaces"));
	}
	return true;
}

void complain_of_coverage(const struct context *context, const struct inventory *inventory)
{
	struct str line = STR_INIT(1024);
	if (coverage_words(&line, inventory)) {
		complain(context, str_text(&line), geteuid() == 0 ? NULL : "sudo minato");
	}
	str_deinit(&line);
}
