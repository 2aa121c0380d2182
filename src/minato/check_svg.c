/* The ladder of a check as a file. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "check.h"
#include "words.h"

int check_write_svg(const char *path, const struct check *check, const struct context *context)
{
	struct str svg = STR_INIT(1 << 18);
	int r = check_figure(&svg, check, context, true);
	_cleanup_(close_fdp) int fd =
		r < 0 || svg.length == 0
			? -1
			: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r == 0 && svg.length > 0) {
		r = fd < 0 ? -errno : write_all(fd, str_text(&svg), svg.length);
	}
	const bool nothing = r == 0 && svg.length == 0;
	str_deinit(&svg);
	if (nothing) {
		complain(context, _("there is no figure: nothing was sent"), NULL);
	} else if (r < 0) {
		struct err e = ERR_INIT;
		(void)err_system(&e, r, _("cannot write %s"), path);
		complain(context, err_text(&e), NULL);
	}
	return r < 0 ? EXIT_ERROR : EXIT_IN_ORDER;
}
