/* Printing: data on stdout, complaints on stderr. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "command.h"
#include "words.h"

void complain(const struct context *context, const char *sentence, const char *next)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "minato: %s\n", sentence);
	if (next != NULL) {
		(void)fprintf(stderr, "  %s%s%s\n", style_ink(&context->err_style, INK_BOLD), next,
			      style_ink(&context->err_style, INK_PLAIN));
	}
}

void add_counted(struct str *out, size_t count, const char *one, const char *many)
{
	str_printf(out, count == 1 ? one : many, (unsigned)count);
}

const char *reason_words(const char *reason)
{
	static const char *const usual[][2] = {
		{ "no BPF here (MINATO_WITHOUT)", N_("no BPF here (MINATO_WITHOUT)") },
		{ "no BPF here (MINATO_WITHOUT): no port is kept for its program",
		  N_("no BPF here (MINATO_WITHOUT): no port is kept for its program") },
		/* The one that everybody meets who asks at once after the start. */
		{ "no sentry has been heard of", N_("the daemon has just started") },
	};
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(usual[i][0], reason) == 0) {
			return _(usual[i][1]);
		}
	}
	return reason;
}

int print_text(const struct str *text)
{
	if (text->error != 0) {
		(void)fprintf(stderr, "minato: %s\n", strerror(-text->error));
		return EXIT_ERROR;
	}
	if (fwrite(str_text(text), 1, text->length, stdout) != text->length ||
	    fflush(stdout) != 0) {
		if (errno != EPIPE) {
			(void)fprintf(stderr, _("minato: cannot write the output: %s\n"),
				      strerror(errno));
		}
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

int write_figure(const struct context *context, const char *path, const struct str *svg)
{
	int r = svg->error;
	_cleanup_(close_fdp) int fd =
		r < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r == 0) {
		r = fd < 0 ? -errno : write_all(fd, str_text(svg), svg->length);
	}
	if (r < 0) {
		struct err e = ERR_INIT;
		(void)err_system(&e, r, _("cannot write %s"), path);
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}
