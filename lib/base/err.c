/* Recording the first failure in the caller's memory. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int negative(int code)
{
	return code > 0 ? -code : code;
}

static void record(struct err *e, int code, const char *function, const char *format, va_list args)
{
	e->code = negative(code);
	e->function = function;
	(void)vsnprintf(e->text, sizeof(e->text), format, args); /* cutting is acceptable here */
}

int err_set_at(struct err *e, int code, const char *function, const char *format, ...)
{
	if (e != NULL && e->code == 0) {
		va_list args;
		va_start(args, format);
		record(e, code, function, format, args);
		va_end(args);
	}
	return negative(code);
}

int err_system_at(struct err *e, int code, const char *function, const char *format, ...)
{
	if (e != NULL && e->code == 0) {
		va_list args;
		va_start(args, format);
		record(e, code, function, format, args);
		va_end(args);
		size_t used = strlen(e->text);
		(void)snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(abs(code)));
	}
	return negative(code);
}

const char *err_text(const struct err *e)
{
	return e->text[0] != '\0' ? e->text : strerror(abs(e->code));
}
