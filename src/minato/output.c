/* Printing: data on stdout, complaints on stderr. */
#include <errno.h>
#include <string.h>

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
