/* The ladder of a check as a file. */
#include "check.h"
#include "words.h"

int check_write_svg(const char *path, const struct check *check, const struct context *context)
{
	struct str svg = STR_INIT(1 << 18);
	int code = EXIT_IN_ORDER;
	(void)check_figure(&svg, check, context, true); /* kept in its error */
	if (svg.error == 0 && svg.length == 0) {
		complain(context, _("there is no figure: nothing was sent"), NULL);
	} else {
		code = write_figure(context, path, &svg);
	}
	str_deinit(&svg);
	return code;
}
