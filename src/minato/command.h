/* What a subcommand is: a name, its options as rows of data, and a function. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "base/when.h"
#include "text/text.h"

/* Exit codes of every command. */
enum exit_code {
	EXIT_IN_ORDER = 0,
	EXIT_ERROR = 1,
	EXIT_DIFFERS = 2, /* differs from the policy, or a violation */
	EXIT_USAGE = 3,
	EXIT_RIGHTS = 4, /* needs more rights */
};

/* How a person or a machine reads us; made once in main. */
struct context {
	enum language language;
	struct style out_style; /* of stdout */
	struct style err_style; /* of stderr */
	bool out_terminal;
	bool err_terminal;
	uint16_t columns; /* to fit; 80 when stdout is not a terminal */
	usec_t now;
	const char *policy_path; /* --policy, or the default */
	bool policy_given;       /* --policy was typed, so a missing file is an error */
};

enum option_type {
	OPTION_FLAG,   /* bool: no value */
	OPTION_STRING, /* const char *: points into argv */
	OPTION_PORTS,  /* struct option_ports: "443" or "8000-8100" */
	OPTION_NUMBER, /* uint64_t within [min, max] */
	OPTION_CHOICE, /* int: index into `choices` */
	OPTION_SPAN,   /* usec_t: "90s", "10m", "2h", "7d" */
	OPTION_TIME,   /* usec_t: a date, an RFC 3339 time, or a span back from now */
};

struct option_ports {
	bool given;
	uint16_t first, last;
};

/* One option, bound to a field of the command's typed configuration. */
struct option {
	const char *name; /* without the dashes */
	char letter;      /* 0 = none */
	enum option_type type;
	size_t offset;              /* of the field in the command's configuration */
	const char *argument;       /* word for the value in help; NULL for flags */
	const char *help;           /* N_() marked */
	uint64_t min, max;          /* OPTION_NUMBER */
	const char *const *choices; /* OPTION_CHOICE: NULL-terminated */
};

struct command {
	const char *name;
	const char *const *aliases; /* NULL-terminated, or NULL */
	const char *arguments;      /* "[PORT|NAME]..." for help; NULL = none taken */
	const char *summary;        /* one line, N_() marked */
	const char *description;    /* more for the manual page, N_() marked; NULL = none */
	const char *const
		*examples; /* NULL-terminated pairs: command line, what it does (N_()); or NULL */
	bool common;       /* on the first help screen */
	const struct option *options;
	size_t option_count;
	size_t config_bytes;  /* of the typed configuration, zeroed before parsing; 0 = none */
	const void *defaults; /* initial configuration, or NULL for zeros */
	unsigned min_arguments, max_arguments; /* positional ones; UINT_MAX = any number */
	/* Appends words that a shell may offer as arguments, each behind a space; NULL = none. */
	void (*add_words)(struct str *out);
	/* @return an exit code. `arguments` holds `count` words. */
	int (*run)(const struct context *context, const void *config, const char *const *arguments,
		   unsigned count);
};

/* All commands, in the order of help; defined in commands.c. */
extern const struct command *const commands[];
extern const size_t command_count;

/* By name or alias; NULL when there is none. */
const struct command *command_find(const char *name);

/*
 * Parses the words after the command's name: options anywhere, "--" ends them.
 * @param positional  room for `count` words; receives the words that are no options.
 * @return number of positional words, or -EINVAL with the sentence in `e`.
 */
int options_parse(const struct command *command, void *config, const char **positional,
		  const char *const *words, unsigned count, usec_t now, struct err *e);

/* Prints "minato: sentence" and, if not NULL, the next thing to type, on stderr. */
void complain(const struct context *context, const char *sentence, const char *next);

/* Appends one of two formats that take an unsigned number: "%u port", "%u ports". */
void add_counted(struct str *out, size_t count, const char *one, const char *many);

/* What a library or the daemon gives as a reason, in the reader's language where it is one of those
 * that are met every day; else as it is. */
const char *reason_words(const char *reason);

/* Prints the text on stdout; through a full disk or a closed pipe it returns EXIT_ERROR. */
int print_text(const struct str *text);

/* Writes a drawing as a file, in place of what was there. @return an exit code, after a complaint
 * when it is not EXIT_IN_ORDER. */
int write_figure(const struct context *context, const char *path, const struct str *svg);
