/* What the parts of `minato move` share. docs/design/move.md says how they fit together. */
#pragma once

#include <jansson.h>

#include "command.h"
#include "judge.h"
#include "login.h"
#include "model/inventory.h"
#include "move/move.h"

/* The default time for somebody to come in through the new port. */
enum { MOVING_SECONDS = 600, MOVING_SECONDS_MIN = 10, MOVING_SECONDS_MAX = 86400 };

/* A move being planned, done or gone back from. */
struct moving {
	const struct context *context;
	struct context own; /* the context with the policy file of the record */
	int folder;         /* of the record, locked; -1 = not open */
	struct move move;
	struct str notes;   /* what a person should know about the new number */
	struct login login; /* that the command is typed in */
	usec_t boot_offset; /* wall clock minus CLOCK_BOOTTIME */
};

struct moving_wish {
	const char *what; /* "ssh", "22/tcp" */
	const char *to;   /* "50022" */
	unsigned seconds; /* to wait for a login; 0 = MOVING_SECONDS where minato sets the port */
};

/* ---- the record (move_undo.c) ---- */

/*
 * Opens the record and reads it. @param change takes the lock and needs root.
 * @return an exit code after having complained. moving_close in every case; without any move yet
 * `move.from` is 0.
 */
int moving_open(struct moving *out, const struct context *context, bool change);
/* The same for reading and without a word: what cannot be read is as if nothing moved. */
void moving_peek(struct moving *out, const struct context *context);
void moving_close(struct moving *moving);
/* Writes the stage. @return an exit code after having complained. */
int moving_stage(struct moving *moving, enum move_stage stage);
enum { MOVING_BOOT_BYTES = 40 };
/* The kernel's random number of this start of the host; "" when it does not tell. */
void moving_boot_id(char out[MOVING_BOOT_BYTES]);
/* Whether it is to be undone now: see move_is_over(). */
bool moving_is_over(const struct moving *moving);
/* Whether the host still runs as when the move began. */
bool moving_same_boot(const struct moving *moving);

/* ---- planning (move_plan.c, move_settings.c) ---- */

/* Looks, checks, and fills in moving->move with what every file shall hold, and the notes. Changes
 * nothing. @return an exit code after having complained. */
int moving_plan(struct moving *moving, const struct moving_wish *wish);

/* How the service is told its port, and the files of that: `holder` is the listener of the old
 * port. @return as moving_plan. */
int moving_plan_service(struct moving *moving, const struct inventory *inventory,
			const struct listener *holder);
/* The reservation of the new port, where the kernel would choose it by itself. */
int moving_plan_reserved(struct moving *moving, const struct inventory *inventory);

/* MINATO_ETC_DIRECTORY, or /etc: below it lie ssh, systemd and sysctl.d. */
const char *moving_etc(void);

/* ---- doing (move_service.c, move_rules.c, move_finish.c) ---- */

/* Brings the files of a room to that point. @return an exit code after having complained. */
int moving_put(struct moving *moving, enum move_room room, enum move_point point);

/* Puts the service's files, has sshd judge them, reloads, and looks whether the ports listen as
 * they then should. @return as moving_put. */
int moving_service(struct moving *moving, enum move_point point);
/* The same on the way back: without a word where nothing runs that could be told. */
int moving_service_back(struct moving *moving);
/* Whether sshd takes its files as they are. @return as moving_put. */
int moving_sshd_judges(struct moving *moving);
/* Whether somebody listens on that port of this host, whatever the address. */
bool moving_listens(const struct moving *moving, uint16_t port);
/* Adds the new port to those that the kernel does not choose, or takes it out again. */
int moving_reserve(struct moving *moving, bool reserve);

/* Whether the rules that hold are those of the policy file, so that nothing else comes with it. */
int moving_rules_ready(struct moving *moving);
/* Lets both ports in; what would cut anybody off is refused. */
int moving_rules_open(struct moving *moving);
/* Brings the rules back to those before the move. */
int moving_rules_back(struct moving *moving);

/* From the plan to both ports open. @return as moving_plan; on failure everything is undone. */
int moving_begin(struct moving *moving);
/* Closes the old port: what `--finish` does. */
int moving_finish(struct moving *moving);

/* ---- back (move_undo.c) ---- */

/* Undoes everything. @param reason for the record, N_() marked. @return EXIT_IN_ORDER; EXIT_ERROR
 * when a part could not be gone back from: that was told, and the next try goes on there. */
int moving_undo(struct moving *moving, const char *reason);
/* Leaves a process behind that undoes the move when a command ends half-way or nobody comes in
 * time.
 */
void moving_undo_later(const struct moving *moving);
/* For `minato restore`: undoes a move that a start of the host has interrupted. */
void moving_undo_interrupted(const struct context *context);

/* ---- words (move_text.c) ---- */

/* The plan with every change of every file. @param json for machines. */
int moving_print_plan(const struct moving *moving, bool json);
/* How far it is. */
int moving_print_state(const struct moving *moving, bool json);
/* The line of `minato status` about a move that is under way; nothing without one. */
void moving_status_words(struct str *out, const struct moving *moving);
/* As `minato move --json` tells it; null when nothing moves. */
json_t *moving_status_json(const struct moving *moving);
/* What another number is worth, and what it is not. Appends. */
void moving_add_worth(struct str *out, const struct moving *moving);
/* What to type now that both ports are open. */
int moving_print_next(const struct moving *moving);
/* Complains about one file: its path, escaped, stands in front of the sentence. @return EXIT_ERROR.
 */
int moving_complain_of(const struct moving *moving, const char *path, const char *sentence,
		       const char *next);
