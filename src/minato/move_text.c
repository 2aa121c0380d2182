/* What a move says to people and machines. */
#include <string.h>

#include "enforce/enforce.h"
#include "move.h"
#include "view/view.h"
#include "words.h"

enum { DIFFERENCE_LINES_MAX = 200 };

static const char *text_at(const struct move_file *file, enum move_point point)
{
	return file->at[point].bytes == NULL ? "" : file->at[point].bytes;
}

static bool differs(const struct move_file *file, enum move_point from, enum move_point to)
{
	return (file->at[from].bytes == NULL) != (file->at[to].bytes == NULL) ||
	       strcmp(text_at(file, from), text_at(file, to)) != 0;
}

/* ---- the plan ---- */

static void add_escaped_lines(struct str *out, const char *lines)
{
	while (*lines != '\0') {
		const size_t length = strcspn(lines, "\n");
		struct str line = STR_INIT(MOVE_FILE_BYTES_MAX);
		str_add_bytes(&line, lines, length);
		str_add(out, "    ");
		text_escape(out, str_text(&line));
		str_add_char(out, '\n');
		str_deinit(&line);
		lines += length + (lines[length] == '\n' ? 1 : 0);
	}
}

static void add_files(struct str *out, const struct move *move, enum move_point from,
		      enum move_point to)
{
	for (size_t i = 0; i < move->files.count; i++) {
		const struct move_file *file = &move->files.items[i];
		struct str lines = STR_INIT(1 << 20);
		if (!differs(file, from, to)) {
			continue;
		}
		enforce_difference(&lines, text_at(file, to), text_at(file, from),
				   DIFFERENCE_LINES_MAX);
		str_add(out, "  ");
		text_escape(out, file->path);
		str_add(out, file->at[from].bytes == NULL ? _(" (new)\n") : "\n");
		add_escaped_lines(out, str_text(&lines));
		str_deinit(&lines);
	}
}

static void add_telling(struct str *out, const struct move *move)
{
	switch (move->means) {
	case MOVE_SSHD:
		str_add(out, _("  sshd checks its files and is reloaded; sessions go on\n"));
		break;
	case MOVE_SOCKET:
		str_add(out, _("  systemd is reloaded and restarts "));
		text_escape(out, move->unit);
		if (move->service[0] != '\0') {
			str_add(out, _(", and if it runs "));
			text_escape(out, move->service);
		}
		str_add_char(out, '\n');
		break;
	case MOVE_BY_HAND:
		str_add(out, _("  minato cannot set its port: you change its settings, restart it "
			       "yourself"));
		if (move->unit[0] != '\0') {
			str_add(out, ": sudo systemctl restart ");
			text_escape(out, move->unit);
		}
		str_add_char(out, '\n');
		break;
	}
}

static void add_plan(struct str *out, const struct moving *moving)
{
	const struct move *move = &moving->move;
	str_printf(out, _("%s: from %u/%s to %u/%s\n"), move->name, move->from,
		   protocol_name(move->protocol), move->to, protocol_name(move->protocol));
	str_add(out, str_text(&moving->notes));
	str_printf(out, _("1. Both ports are open:\n"));
	add_files(out, move, MOVE_BEFORE, MOVE_BOTH);
	add_telling(out, move);
	if (move->login) {
		str_printf(out, _("2. You log in through %u and type: minato move --finish\n"),
			   move->to);
	} else {
		str_printf(out, _("2. You see that %u serves, and type: minato move --finish\n"),
			   move->to);
	}
	if (move->seconds != 0) {
		str_printf(out, _("   Without that everything is undone after %u s.\n"),
			   move->seconds);
	}
	str_printf(out, _("3. Port %u is closed:\n"), move->from);
	add_files(out, move, MOVE_BOTH, MOVE_AFTER);
	moving_add_worth(out, moving);
}

void moving_add_worth(struct str *out, const struct moving *moving)
{
	const struct move *move = &moving->move;
	str_add(out, _("What it is worth: IANA assigns the standard number, but your server may "
		       "listen elsewhere (RFC 6335 section 6).\n"));
	if (move->means == MOVE_SSHD || move->login) {
		str_printf(out,
			   _("Clients must name the port: ssh -p %u HOST, or \"Port %u\" in "
			     "~/.ssh/config.\n"),
			   move->to, move->to);
	} else {
		str_add(out, _("Clients must name the new port.\n"));
	}
	str_add(out, _("Fewer naive scans meet it; that is quiet, not security: keep keys, "
		       "updates and limits.\n"));
}

/* ---- JSON ---- */

static json_t *content_json(const struct move_file *file, enum move_point point)
{
	return file->at[point].bytes == NULL ? json_null() : view_string(text_at(file, point));
}

static json_t *files_json(const struct move *move, bool contents)
{
	json_t *list = json_array();
	for (size_t i = 0; i < move->files.count; i++) {
		const struct move_file *file = &move->files.items[i];
		json_t *item = json_pack("{s:o}", "path", view_string(file->path));
		if (contents) {
			json_object_set_new(item, "before", content_json(file, MOVE_BEFORE));
			json_object_set_new(item, "both", content_json(file, MOVE_BOTH));
			json_object_set_new(item, "after", content_json(file, MOVE_AFTER));
		}
		json_array_append_new(list, item);
	}
	return list;
}

static usec_t deadline(const struct move *move, usec_t boot_offset)
{
	return move->stage != MOVE_WAITING || move->seconds == 0
		       ? 0
		       : move->both_since + boot_offset + (usec_t)move->seconds * USEC_PER_SEC;
}

static json_t *move_json(const struct moving *moving, bool contents)
{
	const struct move *move = &moving->move;
	if (move->from == 0) {
		return json_null();
	}
	json_t *value =
		json_pack("{s:s, s:o, s:s, s:i, s:i, s:s, s:o, s:b, s:i, s:o, s:o, s:o, s:o}",
			  "stage", contents ? "planned" : move_stage_name(move->stage), "name",
			  view_string(move->name), "protocol", protocol_name(move->protocol),
			  "old_port", (int)move->from, "new_port", (int)move->to, "means",
			  move_means_name(move->means), "unit", view_string(move->unit),
			  "needs_login", move->login, "timeout_seconds", (int)move->seconds,
			  "begun", view_time(move->begun), "settled", view_time(move->settled),
			  "reason", view_string(move->reason), "files", files_json(move, contents));
	json_object_set_new(value, "undone_at", view_time(deadline(move, moving->boot_offset)));
	return value;
}

static int print_json(const struct moving *moving, bool contents)
{
	struct str out = STR_INIT(1 << 26);
	json_t *document = view_document(moving->context->now);
	json_object_set_new(document, "move", move_json(moving, contents));
	(void)view_print(&out, document, moving->context->out_terminal); /* kept in out.error */
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static bool is_under_way(const struct moving *moving)
{
	return moving->move.from != 0 && move_is_open(&moving->move);
}

json_t *moving_status_json(const struct moving *moving)
{
	return is_under_way(moving) ? move_json(moving, false) : json_null();
}

void moving_status_words(struct str *out, const struct moving *moving)
{
	const struct move *move = &moving->move;
	const usec_t end = deadline(move, moving->boot_offset);
	const usec_t left = end - moving->context->now;
	if (!is_under_way(moving)) {
		return;
	}
	struct str line = STR_INIT(4096);
	str_add(&line, _("Move: "));
	const size_t indent = text_width(str_text(&line));
	if (move->stage == MOVE_WAITING && !moving_is_over(moving)) {
		str_printf(&line, _("%s from port %u to %u, both are open"), move->name, move->from,
			   move->to);
		if (end != 0) {
			str_printf(&line, _(", undone in %u s"),
				   left <= 0 ? 0 : (unsigned)(left / USEC_PER_SEC));
		}
		str_add(&line, move->login ? _("; in a login through the new one: sudo minato move "
					       "--finish")
					   : _("; when the new one listens: sudo minato move "
					       "--finish"));
	} else {
		str_printf(&line,
			   _("%s from port %u to %u is at work, or was interrupted: sudo minato "
			     "move --undo"),
			   move->name, move->from, move->to);
	}
	text_wrap(out, str_text(&line), moving->context->columns, indent);
	str_add_char(out, '\n');
	str_deinit(&line);
}

int moving_print_plan(const struct moving *moving, bool json)
{
	if (json) {
		return print_json(moving, true);
	}
	struct str out = STR_INIT(1 << 24);
	add_plan(&out, moving);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

/* ---- the state ---- */

static void add_ended(struct str *out, const struct move *move)
{
	char time[TIME_TEXT_BYTES];
	time_format(move->settled, time);
	time[10] = time[0] == '\0' ? '\0' : ' ';
	str_printf(out,
		   move->stage == MOVE_FINISHED ? _("%s moved from %u to %u, %.16s UTC\n")
						: _("%s did not move from %u to %u: undone %.16s "
						    "UTC\n"),
		   move->name, move->from, move->to, time);
	if (move->stage == MOVE_UNDONE && move->reason[0] != '\0') {
		str_add(out, _("reason: "));
		text_escape(out, _(move->reason));
		str_add_char(out, '\n');
	}
}

static void add_waiting(struct str *out, const struct moving *moving)
{
	const struct move *move = &moving->move;
	const usec_t end = deadline(move, moving->boot_offset);
	const usec_t left = end - moving->context->now;
	str_printf(out, _("%s is moving from %u to %u: both ports are open\n"), move->name,
		   move->from, move->to);
	if (end != 0) {
		str_printf(out, _("it is undone in %u s, unless somebody finishes it\n"),
			   left <= 0 ? 0 : (unsigned)(left / USEC_PER_SEC));
	}
	str_add(out, "  minato move --finish\n  minato move --undo\n");
}

int moving_print_state(const struct moving *moving, bool json)
{
	const struct move *move = &moving->move;
	struct str out = STR_INIT(1 << 16);
	if (json) {
		return print_json(moving, false);
	}
	if (move->from == 0) {
		str_add(&out, _("nothing moves, and nothing has moved yet\n"));
	} else if (!move_is_open(move)) {
		add_ended(&out, move);
	} else if (move->stage == MOVE_WAITING) {
		add_waiting(&out, moving);
	} else {
		str_printf(&out, _("the move of %s from %u to %u is at work, or was interrupted\n"),
			   move->name, move->from, move->to);
		str_add(&out, "  minato move --undo\n");
	}
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

int moving_print_next(const struct moving *moving)
{
	const struct move *move = &moving->move;
	struct str out = STR_INIT(1 << 16);
	if (move->means == MOVE_BY_HAND) {
		str_printf(&out, _("port %u is open beside %u\n"), move->to, move->from);
		add_telling(&out, move);
	} else {
		str_printf(&out, _("%s listens on %u and %u\n"), move->name, move->from, move->to);
	}
	if (move->login) {
		str_add(&out, _("Leave this session as it is. From another terminal:\n"));
		str_printf(&out, "  ssh -S none -p %u HOST\n", move->to);
		str_add(&out, _("and there, to close the old port:\n"));
	} else {
		str_add(&out, _("When the new port serves, to close the old one:\n"));
	}
	str_add(&out, "  sudo minato move --finish\n");
	if (move->seconds != 0) {
		str_printf(&out, _("Without that everything is undone after %u s.\n"),
			   move->seconds);
	}
	moving_add_worth(&out, moving);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}
