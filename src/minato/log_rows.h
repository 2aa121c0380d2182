/* Stored events as rows for people. */
#pragma once

#include "command.h"
#include "model/event.h"

/* "any", then event_kind_name() of each kind, for an option; NULL at the end. */
extern const char *const event_kind_choices[];

/* The kind of an event in the reader's language. */
const char *event_kind_words(enum event_kind kind);

struct log_rows {
	const struct context *context;
	struct table table;
	unsigned count; /* rows in the table now */
	bool printed;   /* whether any row was ever printed */
};

/* @param rows must be ended with log_rows_end(). */
void log_rows_init(struct log_rows *rows, const struct context *context);
/* Adds a row; now and then the rows so far are printed. @return 0 or negative errno. */
int log_rows_add(struct log_rows *rows, const struct event *event);
/* Prints the rest. @return an exit code. */
int log_rows_end(struct log_rows *rows);

enum { LOG_TIME_BYTES = 32 };

/* "2026-11-22 10:15:02.123" in the local zone. @return out, of LOG_TIME_BYTES. */
const char *log_local_time(usec_t time, char *out);
