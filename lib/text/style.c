/* Colours: Okabe-Ito hues through the terminal's own palette, never colour alone. */
#include "text/text.h"

const char *style_ink(const struct style *style, enum ink ink)
{
	static const char *const codes[] = {
		[INK_PLAIN] = "\033[0m",        [INK_BOLD] = "\033[1m",
		[INK_DIM] = "\033[2m",          [INK_GOOD] = "\033[38;5;36m",
		[INK_NOTE] = "\033[38;5;74m",   [INK_WARN] = "\033[38;5;178m",
		[INK_BAD] = "\033[1;38;5;166m",
	};
	return style->colour ? codes[ink] : "";
}
