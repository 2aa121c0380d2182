/* What a process of the daemon says to whoever runs it: one line each on stderr. */
#pragma once

enum say_level {
	SAY_ERROR = 3, /* syslog's numbers: the journal understands them as "<3>" */
	SAY_WARNING = 4,
	SAY_NOTICE = 5,
	SAY_INFO = 6,
	SAY_DEBUG = 7,
};

/* Names the process (prctl, log) and finds out whether stderr is the journal. `name` is a static
 * string of at most 15 bytes. */
void say_init(const char *name);

/* Writes "name: sentence"; debug only when the environment has MINATO_DEBUG. */
void say(enum say_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
