/* A service is told its port, and looked at whether it heeds it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "base/io/run.h"
#include "base/parse.h"
#include "guard/guard.h"
#include "look.h"
#include "move.h"
#include "observe/observe.h"
#include "words.h"

enum { LOOK_STEP_MS = 100, SAID_BYTES_MAX = 64 * 1024, TOLD_BYTES_MAX = 512 * 1024 };

static const usec_t COMMAND_TIMEOUT = 60 * USEC_PER_SEC;
static const usec_t LISTEN_TIMEOUT = 10 * USEC_PER_SEC;
static const usec_t RELOAD_TIMEOUT = 3 * USEC_PER_SEC;

int moving_complain_of(const struct moving *moving, const char *path, const char *sentence,
		       const char *next)
{
	struct str text = STR_INIT(8192);
	text_escape(&text, path);
	str_printf(&text, ": %s", sentence);
	complain(moving->context, str_text(&text), next);
	str_deinit(&text);
	return EXIT_ERROR;
}

/* ---- files ---- */

static int put(const struct moving *moving, const struct move_file *file, enum move_point point)
{
	struct err e = ERR_INIT;
	int r = move_file_put(file, point, &e);
	if (r == MOVE_PUT_STRANGE) {
		return moving_complain_of(moving, file->path,
					  _("somebody else has changed it since the move began, so "
					    "it is left alone"),
					  NULL);
	}
	if (r < 0) {
		complain(moving->context, err_text(&e), NULL);
		return r == -EACCES || r == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

/* All of them are tried: on the way back one that fails must not keep the others. */
int moving_put(struct moving *moving, enum move_room room, enum move_point point)
{
	int code = EXIT_IN_ORDER;
	for (size_t i = 0; i < moving->move.files.count; i++) {
		const struct move_file *file = &moving->move.files.items[i];
		int one = file->room == room ? put(moving, file, point) : EXIT_IN_ORDER;
		code = code == EXIT_IN_ORDER ? one : code;
	}
	return code;
}

/* ---- reserved ports ---- */

int moving_reserve(struct moving *moving, bool reserve)
{
	struct portset now;
	struct portset mine = { 0 };
	struct port_range ephemeral;
	struct err e = ERR_INIT;
	if (!moving->move.reserved) {
		return EXIT_IN_ORDER;
	}
	portset_add(&mine, moving->move.to);
	int r = guard_reserved_read(&now, &ephemeral, &e);
	if (r == 0 && portset_has(&now, moving->move.to) != reserve) {
		guard_unreserve(&now, &now, &mine);
		if (reserve) {
			portset_add(&now, moving->move.to);
		}
		r = guard_reserved_write(&now, &e);
	}
	if (r < 0) {
		complain(moving->context, err_text(&e), NULL);
	}
	return r < 0 ? EXIT_ERROR : EXIT_IN_ORDER;
}

/* ---- who listens ---- */

struct ports_seen {
	bool from, to;
	bool all; /* each address of the old port has the new one too */
};

static bool same_place(const struct listener *a, const struct listener *b)
{
	return addr_compare(&a->address, &b->address) == 0 && a->interface == b->interface;
}

static bool counts(const struct move *move, const struct listener *l, uint16_t port)
{
	return l->netns == 0 && l->port == port &&
	       protocol_registry(l->protocol) == protocol_registry(move->protocol);
}

static bool has_twin(const struct move *move, const struct inventory *inventory,
		     const struct listener *old)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (counts(move, l, move->to) && same_place(old, l)) {
			return true;
		}
	}
	return false;
}

static void see(struct ports_seen *out, const struct move *move, const struct inventory *inventory)
{
	*out = (struct ports_seen){ .all = true };
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		out->to = out->to || counts(move, l, move->to);
		if (counts(move, l, move->from)) {
			out->from = true;
			out->all = out->all && has_twin(move, inventory, l);
		}
	}
}

static bool look_at_ports(struct ports_seen *out, const struct moving *moving)
{
	struct inventory inventory;
	*out = (struct ports_seen){ 0 };
	if (look(&inventory, moving->context, 0, NULL) < 0) {
		return false;
	}
	see(out, &moving->move, &inventory);
	inventory_deinit(&inventory);
	return true;
}

bool moving_listens(const struct moving *moving, uint16_t port)
{
	struct ports_seen seen;
	return look_at_ports(&seen, moving) && (port == moving->move.to ? seen.to : seen.from);
}

static bool fits(const struct ports_seen *seen, enum move_point point)
{
	switch (point) {
	case MOVE_BEFORE:
		return !seen->to;
	case MOVE_BOTH:
		return seen->from && seen->to && seen->all;
	case MOVE_AFTER:
		return seen->to && !seen->from;
	}
	return false;
}

/* A service that was told opens and closes in its own time. */
static bool comes_to_fit(const struct moving *moving, enum move_point point)
{
	const usec_t end = clock_monotonic() + LISTEN_TIMEOUT;
	struct ports_seen seen;
	while (!look_at_ports(&seen, moving) || !fits(&seen, point)) {
		if (clock_monotonic() > end) {
			return false;
		}
		(void)poll(NULL, 0, LOOK_STEP_MS); /* woken early it merely looks sooner */
	}
	return true;
}

/* ---- sshd ---- */

int moving_sshd_judges(struct moving *moving)
{
	const char *const words[] = { "sshd", "-t",          "-f", moving->move.config,
				      "-E",   "/dev/stdout", NULL };
	struct str said = STR_INIT(SAID_BYTES_MAX);
	int r = run_program(&said, words, COMMAND_TIMEOUT);
	if (r < 0) {
		struct str text = STR_INIT(TOLD_BYTES_MAX);
		str_add(&text, _("sshd does not take its files as they are, so it is not "
				 "reloaded: "));
		text_escape(&text, r == -EIO && said.length > 0 ? str_text(&said) : strerror(-r));
		complain(moving->context, str_text(&text), "sudo sshd -t");
		str_deinit(&text);
	}
	str_deinit(&said);
	return r < 0 ? EXIT_ERROR : EXIT_IN_ORDER;
}

static int fail_to_run(const struct moving *moving, const char *const *words, int r)
{
	struct str text = STR_INIT(4096);
	for (size_t i = 0; words[i] != NULL; i++) {
		text_escape(&text, words[i]);
		str_add_char(&text, ' ');
	}
	str_add(&text, r == -EIO ? _("failed") : strerror(-r));
	complain(moving->context, str_text(&text), "journalctl -xe");
	str_deinit(&text);
	return EXIT_ERROR;
}

static int run_words(const struct moving *moving, const char *const *words)
{
	int r = run_program(NULL, words, COMMAND_TIMEOUT);
	return r < 0 ? fail_to_run(moving, words, r) : EXIT_IN_ORDER;
}

/* Whether systemd runs that process as the main one of that service. */
static bool is_main_of(const char *unit, int32_t pid)
{
	const char *const words[] = { "systemctl", "show", "--property=MainPID", "--value", "--",
				      unit,        NULL };
	const char *dot = unit == NULL ? NULL : strrchr(unit, '.');
	struct str shown = STR_INIT(1024);
	uint64_t main = 0;
	if (dot == NULL || strcmp(dot, ".service") != 0) {
		return false;
	}
	const bool told = run_program(&shown, words, COMMAND_TIMEOUT) == 0;
	const char *text = str_text(&shown);
	const bool is = told &&
			parse_u64_bytes(&main, text, strcspn(text, "\n"), 1, INT32_MAX) == 0 &&
			main == (uint64_t)pid;
	str_deinit(&shown);
	return is;
}

/* The sshd that listens: by its unit, else by the signal that reloads it (sshd(8)). */
static int reload_process(const struct moving *moving, const struct process *process)
{
	const char *const words[] = { "systemctl", "reload", "--", process->unit, NULL };
	if (is_main_of(process->unit, process->pid)) {
		return run_words(moving, words);
	}
	if (kill(process->pid, SIGHUP) < 0) {
		complain(moving->context, strerror(errno), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static const struct process *find_sshd(const struct inventory *inventory, const struct move *move)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const struct process *process = inventory_listener_process(inventory, l);
		const char *program = process_program(process);
		if ((counts(move, l, move->from) || counts(move, l, move->to)) && program != NULL &&
		    strcmp(program, "sshd") == 0) {
			return process;
		}
	}
	return NULL;
}

static int reload_sshd(const struct moving *moving)
{
	struct inventory inventory;
	int code = look_or_complain(&inventory, moving->context, OBSERVE_OWNERS | OBSERVE_DETAILS);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	const struct process *process = find_sshd(&inventory, &moving->move);
	if (process != NULL) {
		code = reload_process(moving, process);
	} else {
		complain(moving->context, _("no sshd listens that could be told"), "minato ports");
		code = EXIT_ERROR;
	}
	inventory_deinit(&inventory);
	return code;
}

/* ---- socket units ---- */

static bool is_active(const char *unit)
{
	const char *const words[] = { "systemctl", "is-active", "--quiet", "--", unit, NULL };
	return unit[0] != '\0' && run_program(NULL, words, COMMAND_TIMEOUT) == 0;
}

/* A socket does not start while its service runs: both in one job, which systemd sets in order. */
static int restart_socket(const struct moving *moving, bool always)
{
	static const char *const reload[] = { "systemctl", "daemon-reload", NULL };
	const struct move *move = &moving->move;
	const char *const restart[] = { "systemctl",
					"restart",
					"--",
					move->unit,
					is_active(move->service) ? move->service : NULL,
					NULL };
	int code = run_words(moving, reload);
	return code == EXIT_IN_ORDER && (always || is_active(move->unit))
		       ? run_words(moving, restart)
		       : code;
}

/* ---- both ways ---- */

static int tell(const struct moving *moving)
{
	switch (moving->move.means) {
	case MOVE_SSHD:
		return reload_sshd(moving);
	case MOVE_SOCKET:
		return restart_socket(moving, true);
	case MOVE_BY_HAND:
		break;
	}
	return EXIT_IN_ORDER;
}

int moving_service(struct moving *moving, enum move_point point)
{
	int code = moving_put(moving, MOVE_ROOM_SERVICE, point);
	if (code == EXIT_IN_ORDER && moving->move.means == MOVE_SSHD) {
		code = moving_sshd_judges(moving);
	}
	if (code == EXIT_IN_ORDER) {
		code = tell(moving);
	}
	if (code != EXIT_IN_ORDER || moving->move.means == MOVE_BY_HAND ||
	    comes_to_fit(moving, point)) {
		return code;
	}
	complain(moving->context,
		 point == MOVE_BOTH
			 ? _("the service was told, but it does not listen on both ports")
			 : _("the service was told, but it does not listen on the new "
			     "port alone"),
		 "minato ports");
	return EXIT_ERROR;
}

/* An sshd that is reloading just then listens nowhere for a moment, and may have read the files
 * that were put back meanwhile. After a start of the host nothing runs yet, and nothing is waited
 * for. */
static void look_settled(struct ports_seen *out, const struct moving *moving)
{
	const usec_t end = clock_monotonic() + RELOAD_TIMEOUT;
	const bool same_boot = moving_same_boot(moving);
	(void)look_at_ports(out, moving); /* unseen: nothing seems to run */
	while (same_boot && !out->from && !out->to && clock_monotonic() < end) {
		(void)poll(NULL, 0, LOOK_STEP_MS); /* woken early it merely looks sooner */
		(void)look_at_ports(out, moving);
	}
}

static int tell_back(struct moving *moving, const struct ports_seen *seen)
{
	int code = EXIT_IN_ORDER;
	if (moving->move.means == MOVE_SOCKET) {
		return restart_socket(moving, false);
	}
	/* Nothing was told yet, or nothing runs: it reads its files when it starts. */
	if (!seen->to) {
		return code;
	}
	code = moving_sshd_judges(moving);
	return code == EXIT_IN_ORDER ? reload_sshd(moving) : code;
}

int moving_service_back(struct moving *moving)
{
	struct ports_seen seen;
	int code = moving_put(moving, MOVE_ROOM_SERVICE, MOVE_BEFORE);
	if (moving->move.means == MOVE_BY_HAND || moving->move.files.count == 0) {
		return code;
	}
	look_settled(&seen, moving);
	int told = tell_back(moving, &seen);
	code = code == EXIT_IN_ORDER ? told : code;
	if (code == EXIT_IN_ORDER && (seen.from || seen.to) && !comes_to_fit(moving, MOVE_BEFORE)) {
		complain(moving->context, _("the service still listens on the new port"),
			 "minato ports");
		code = EXIT_ERROR;
	}
	return code;
}
