/* A move forward: to both ports, and, with a proof, to the new one alone. */
#include <poll.h>
#include <string.h>

#include "base/io/clock.h"
#include "look.h"
#include "move.h"
#include "observe/observe.h"
#include "rules_apply.h"
#include "words.h"

enum { KEY_SECONDS = 60, TICKS_MS = 20 };

/* ---- both ---- */

static int open_both(struct moving *moving)
{
	int code = moving_reserve(moving, true);
	if (code == EXIT_IN_ORDER) {
		code = moving_put(moving, MOVE_ROOM_SYSCTL, MOVE_BOTH);
	}
	if (code == EXIT_IN_ORDER) {
		code = moving_put(moving, MOVE_ROOM_POLICY, MOVE_BOTH);
	}
	if (code == EXIT_IN_ORDER) {
		code = moving_rules_open(moving);
	}
	return code == EXIT_IN_ORDER ? moving_service(moving, MOVE_BOTH) : code;
}

int moving_begin(struct moving *moving)
{
	struct err e = ERR_INIT;
	if (move_record_begin(moving->folder, &moving->move, &e) < 0) {
		complain(moving->context, err_text(&e), NULL);
		return EXIT_ERROR; /* nothing was touched */
	}
	moving_undo_later(moving);
	int code = open_both(moving);
	if (code == EXIT_IN_ORDER) {
		moving->move.both_since = clock_now() - clock_boot_offset();
		code = moving_stage(moving, MOVE_WAITING);
	}
	if (code != EXIT_IN_ORDER) {
		(void)moving_undo(moving, N_("a step failed")); /* the first reason counts */
		return code;
	}
	/* Starts of processes are counted in clock ticks: a login made from now on is newer. */
	(void)poll(NULL, 0, TICKS_MS);
	return moving_print_next(moving);
}

/* ---- the proof ---- */

static int refuse(const struct moving *moving, const char *sentence)
{
	struct str next = STR_INIT(256);
	str_printf(&next, "ssh -S none -p %u HOST sudo minato move --finish", moving->move.to);
	complain(moving->context, sentence, str_text(&next));
	str_deinit(&next);
	return EXIT_ERROR;
}

static int prove_network(const struct moving *moving)
{
	const struct login *login = &moving->login;
	if (login->local_port != moving->move.to) {
		struct str text = STR_INIT(512);
		str_printf(&text, _("this login came in through port %u, so it proves nothing"),
			   login->local_port);
		int code = refuse(moving, str_text(&text));
		str_deinit(&text);
		return code;
	}
	return login->since_boot > moving->move.both_since
		       ? EXIT_IN_ORDER
		       : refuse(moving, _("this connection is older than the move, so it proves "
					  "nothing"));
}

static int prove_by_key(const struct moving *moving)
{
	char question[512];
	(void)snprintf(question, sizeof(question),
		       _("Close port %u? y closes it, any other key leaves both open: "),
		       moving->move.from);
	const char key = rules_ask_key(question, KEY_SECONDS);
	if (key == 'y' || key == 'Y') {
		return EXIT_IN_ORDER;
	}
	complain(moving->context, _("both ports stay open"), "minato move");
	return EXIT_ERROR;
}

/* Only who came in through the new port shows that one can; at the machine itself a key is enough.
 */
static int prove(const struct moving *moving)
{
	if (!moving->move.login) {
		return EXIT_IN_ORDER;
	}
	switch (moving->login.kind) {
	case LOGIN_NETWORK:
		return prove_network(moving);
	case LOGIN_DETACHED:
		return refuse(moving, _("typed inside a session that outlives its connection "
					"(tmux, screen), this proves nothing"));
	case LOGIN_TERMINAL:
		return prove_by_key(moving);
	case LOGIN_NONE:
		break;
	}
	return refuse(moving, _("this is neither a login from the network nor a terminal, so it "
				"proves nothing"));
}

static int check(struct moving *moving)
{
	struct inventory inventory;
	int code =
		look_or_complain(&inventory, moving->context, OBSERVE_OWNERS | OBSERVE_CONNECTIONS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	login_find(&moving->login, &inventory);
	inventory_deinit(&inventory);
	if (!moving_listens(moving, moving->move.to)) {
		complain(moving->context,
			 _("nothing listens on the new port yet, so the old one is not closed"),
			 "minato ports");
		return EXIT_ERROR;
	}
	return prove(moving);
}

/* ---- the new one alone ---- */

/* The rules are tried while the service is told; with a proof at hand it confirms them. */
static int close_with(struct moving *moving, struct rules *rules, const struct apply *apply)
{
	int code = rules_want(rules, moving->context, NULL);
	if (code == EXIT_IN_ORDER) {
		code = rules_open(rules, moving->context, true);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_compare(rules, moving->context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_look(rules, moving->context);
	}
	if (code == EXIT_IN_ORDER) {
		code = rules_apply(rules, moving->context, apply);
	}
	if (code == EXIT_IN_ORDER) {
		code = moving_service(moving, MOVE_AFTER);
	}
	return code == EXIT_IN_ORDER && apply->hold ? rules_keep(rules, moving->context) : code;
}

static int close_old(struct moving *moving)
{
	struct rules rules = { RULES_INIT, .keep_names = true };
	char command[MOVE_NAME_BYTES + 32];
	(void)snprintf(command, sizeof(command), "move %s %u --finish", moving->move.name,
		       moving->move.to);
	/* Whoever is cut comes in at the new port: it lets in whom the old one let in. */
	const struct apply apply = { .seconds = APPLY_SECONDS,
				     .even_if = true,
				     .hold = moving->move.login,
				     .command = command };
	int code = moving_put(moving, MOVE_ROOM_POLICY, MOVE_AFTER);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = close_with(moving, &rules, &apply);
	rules_close(&rules);
	return code;
}

static int tell_finished(const struct moving *moving)
{
	const struct move *move = &moving->move;
	struct str text = STR_INIT(1024);
	str_printf(&text, _("%s has moved from %u to %u; live connections go on\n"), move->name,
		   move->from, move->to);
	if (moving_listens(moving, move->from)) {
		str_printf(&text, _("something still listens on %u, behind the closed door\n"),
			   move->from);
	}
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

int moving_finish(struct moving *moving)
{
	int code = check(moving);
	if (code == EXIT_IN_ORDER) {
		code = moving_stage(moving, MOVE_FINISHING);
	}
	if (code != EXIT_IN_ORDER) {
		return code; /* both stay open */
	}
	code = close_old(moving);
	if (code != EXIT_IN_ORDER) {
		(void)moving_undo(moving, N_("closing the old port failed")); /* the first counts */
		return code;
	}
	code = moving_stage(moving, MOVE_FINISHED);
	return code == EXIT_IN_ORDER ? tell_finished(moving) : code;
}
