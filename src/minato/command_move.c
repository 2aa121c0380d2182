/* minato move: a service goes to another port number, and nobody is locked out. */
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "move.h"
#include "words.h"

struct config {
	bool finish, undo, dry_run, json;
	uint64_t seconds; /* 0 = not said */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "finish", 0, OPTION_FLAG, FIELD(finish), NULL,
	  N_("close the old port: typed in a login through the new one, or by a key at the "
	     "machine") },
	{ "undo", 0, OPTION_FLAG, FIELD(undo), NULL, N_("back to the old port alone") },
	{ "dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
	  N_("show the stages and every change of a file, and do nothing") },
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("until a move that nobody finishes is undone (600)"), MOVING_SECONDS_MIN,
	  MOVING_SECONDS_MAX },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL,
	  N_("how far it is, or the plan of --dry-run, for machines") },
};

static int usage(const struct context *context, const char *sentence)
{
	complain(context, sentence, "minato help move");
	return EXIT_USAGE;
}

static int complain_none(const struct moving *moving)
{
	complain(moving->context, _("no move is under way"), "minato move");
	return EXIT_ERROR;
}

/* Whether the word means the move that is under way. */
static bool is_meant(const struct move *move, const char *word)
{
	uint16_t port = 0;
	return word == NULL || strcmp(word, move->name) == 0 ||
	       (parse_port(&port, word) == 0 && (port == move->from || port == move->to));
}

/* ---- what is under way ---- */

static int finish(struct moving *moving)
{
	if (moving_is_over(moving)) {
		complain(moving->context, _("too late: the time is up, or a step was interrupted"),
			 NULL);
		(void)moving_undo(moving, N_("it could not be finished any more")); /* it tells */
		return EXIT_ERROR;
	}
	return moving_finish(moving);
}

static int go_on(const struct context *context, const struct config *config, const char *word)
{
	struct moving moving;
	int code = moving_open(&moving, context, true);
	if (code == EXIT_IN_ORDER && (moving.move.from == 0 || !move_is_open(&moving.move))) {
		code = complain_none(&moving);
	} else if (code == EXIT_IN_ORDER && !is_meant(&moving.move, word)) {
		code = usage(context, _("another service is moving"));
	} else if (code == EXIT_IN_ORDER) {
		code = config->undo ? moving_undo(&moving, N_("asked for")) : finish(&moving);
	}
	moving_close(&moving);
	return code;
}

static int show(const struct context *context, const struct config *config)
{
	struct moving moving;
	int code = moving_open(&moving, context, false);
	if (code == EXIT_IN_ORDER) {
		code = moving_print_state(&moving, config->json);
	}
	moving_close(&moving);
	return code;
}

/* ---- a new one ---- */

/* What an ended command left is cleared away first; a move that waits is not. */
static int make_room(struct moving *moving)
{
	if (moving->move.from == 0 || !move_is_open(&moving->move)) {
		return EXIT_IN_ORDER;
	}
	if (moving_is_over(moving)) {
		return moving_undo(moving, N_("the command that began it ended early"));
	}
	complain(moving->context, _("a move is under way already"),
		 "minato move --finish, or minato move --undo");
	return EXIT_ERROR;
}

static int begin(const struct context *context, const struct moving_wish *wish)
{
	struct moving moving;
	int code = moving_open(&moving, context, true);
	if (code == EXIT_IN_ORDER) {
		code = make_room(&moving);
	}
	moving.context = context; /* the policy is that of this command */
	if (code == EXIT_IN_ORDER) {
		code = moving_plan(&moving, wish);
	}
	if (code == EXIT_IN_ORDER) {
		code = print_text(&moving.notes);
	}
	if (code == EXIT_IN_ORDER) {
		code = moving_begin(&moving);
	}
	moving_close(&moving);
	return code;
}

static int plan(const struct context *context, const struct config *config,
		const struct moving_wish *wish)
{
	struct moving moving = {
		.context = context, .own = *context, .folder = -1, .notes = STR_INIT(1 << 16)
	};
	int code = moving_plan(&moving, wish);
	if (code == EXIT_IN_ORDER) {
		code = moving_print_plan(&moving, config->json);
	}
	moving_close(&moving);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	const bool flagged = config->finish || config->undo;
	if (flagged && (config->finish == config->undo || config->dry_run || config->json ||
			config->seconds != 0 || count > 1)) {
		return usage(context, _("--finish and --undo stand alone, or behind a name"));
	}
	if (flagged) {
		return go_on(context, config, count == 0 ? NULL : arguments[0]);
	}
	if (count == 1 || (count == 0 && (config->dry_run || config->seconds != 0))) {
		return usage(context, _("say what moves and where to: minato move ssh 50022"));
	}
	if (count == 0) {
		return show(context, config);
	}
	const struct moving_wish wish = { arguments[0], arguments[1], (unsigned)config->seconds };
	if (config->dry_run) {
		return plan(context, config, &wish);
	}
	return config->json ? usage(context, _("--json tells how far a move is, or with --dry-run "
					       "what it would do"))
			    : begin(context, &wish);
}

static const char *const examples[] = {
	"sudo minato move ssh 50022",
	N_("opens 50022 and has sshd listen on both"),
	"ssh -p 50022 HOST sudo minato move --finish",
	N_("whoever came in through the new port closes the old one"),
	"minato move ssh 50022 --dry-run",
	N_("the stages, and what each file would say"),
	NULL,
};

const struct command command_move = {
	.name = "move",
	.arguments = "[NAME|PORT [NEWPORT]]",
	.summary = N_("move a service to another port without locking anybody out"),
	.description =
		N_("Opens the new port beside the old one and has sshd, or a socket unit of "
		   "systemd, listen on both. Only a login through the new port closes the old "
		   "one. If a step fails, or nobody comes in time, every file is put back as it "
		   "was. Of other services you change the port yourself. Without arguments it "
		   "says how far a move is. Another number keeps naive scans away; it is no "
		   "security."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 2,
	.run = run,
};
