/* The environment of the programs inside a harbour. */
#include <errno.h>
#include <stdlib.h>

#include "demo.h"

enum { BYTES_MAX = 16384 };

int demo_environment(struct demo_environment *out, const struct context *context)
{
	/* BPF programs cannot be loaded in a user namespace; without one they would be those of the
	 * whole machine. */
	static const char *const fixed[] = {
		"PATH=/run/harbour/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
		"bin",
		"HOME=/root",
		"USER=root",
		"SHELL=/bin/bash",
		"LC_ALL=C.UTF-8",
		"MINATO_WITHOUT=bpf,btf,iterator,pin",
		"MINATO_GUARD_DIRECTORY=/nonexistent",
		"MINATO_TAP_DIRECTORY=/nonexistent",
	};
	static const char *const passed[] = { "TERM", "NO_COLOR", "COLORTERM", "COLUMNS", "TZ" };
	size_t count = 0;
	bool made = true;
	arena_init(&out->memory, BYTES_MAX);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		out->words[count++] = fixed[i];
	}
	out->words[count++] = context->language == LANGUAGE_JA ? "LANGUAGE=ja" : "LANGUAGE=en";
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		const char *value = getenv(passed[i]);
		if (value != NULL) {
			out->words[count] = arena_printf(&out->memory, "%s=%s", passed[i], value);
			made = made && out->words[count++] != NULL;
		}
	}
	out->words[count] = NULL;
	return made ? 0 : -ENOMEM;
}
