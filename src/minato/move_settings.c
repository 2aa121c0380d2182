/* What the files of a service say at each point of a move. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/run.h"
#include "guard/guard.h"
#include "move.h"
#include "words.h"

enum { SHOWN_BYTES_MAX = 1024 * 1024 };

static const usec_t SYSTEMCTL_TIMEOUT = 20 * USEC_PER_SEC;
static const char drop_in[] = "minato-port.conf";

const char *moving_etc(void)
{
	const char *directory = getenv("MINATO_ETC_DIRECTORY");
	return directory != NULL && directory[0] == '/' ? directory : "/etc";
}

static int fail(const struct moving *moving, const struct err *e)
{
	complain(moving->context, err_text(e), NULL);
	return e->code == -EACCES || e->code == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
}

/* Gives the text away as a content. */
static int content_of(struct move_content *out, struct str *text)
{
	const int error = text->error;
	*out = (struct move_content){ error == 0 ? strdup(str_text(text)) : NULL, text->length };
	str_deinit(text);
	return error != 0 ? error : out->bytes == NULL ? -ENOMEM : 0;
}

static int copy_of(struct move_content *out, const struct move_content *from)
{
	out->bytes = from->bytes == NULL ? NULL : strdup(from->bytes);
	out->length = from->length;
	return from->bytes != NULL && out->bytes == NULL ? -ENOMEM : 0;
}

static void contents_free(struct move_content contents[MOVE_POINTS])
{
	for (size_t i = 0; i < MOVE_POINTS; i++) {
		free(contents[i].bytes);
	}
}

/* Takes the contents in every case. @param r of having made them. */
static int add_file(struct moving *moving, enum move_room room, const char *path, bool folder,
		    struct move_content contents[MOVE_POINTS], int r)
{
	if (r < 0) {
		contents_free(contents);
		return r;
	}
	r = move_add_file(&moving->move, room, path, contents);
	if (r == 0) {
		moving->move.files.items[moving->move.files.count - 1].folder = folder;
	}
	return r;
}

static void add_heading(struct str *out, const struct move *move)
{
	str_printf(out, "# minato move %s %u\n", move->name, move->to);
}

/* ---- reserved ports ---- */

static int reserved_contents(struct move_content contents[MOVE_POINTS], const struct moving *moving,
			     const char *path, const struct inventory *inventory, struct err *e)
{
	struct portset wanted = inventory->reserved;
	struct str text = STR_INIT(MOVE_FILE_BYTES_MAX);
	int r = move_content_read(&contents[MOVE_BEFORE], path, e);
	portset_add(&wanted, moving->move.to);
	add_heading(&text, &moving->move);
	str_add(&text, "# The kernel gives none of these to an outgoing connection.\n"
		       "net.ipv4.ip_local_reserved_ports = ");
	guard_ports_format(&text, &wanted);
	str_add_char(&text, '\n');
	int made = content_of(&contents[MOVE_BOTH], &text);
	r = r < 0 ? r : made;
	return r < 0 ? r : copy_of(&contents[MOVE_AFTER], &contents[MOVE_BOTH]);
}

int moving_plan_reserved(struct moving *moving, const struct inventory *inventory)
{
	struct move *move = &moving->move;
	struct move_content contents[MOVE_POINTS] = { 0 };
	struct stat status;
	char folder[PATH_MAX];
	char path[PATH_MAX];
	struct err e = ERR_INIT;
	if (!inventory_is_ephemeral(inventory, move->to)) {
		return EXIT_IN_ORDER;
	}
	(void)snprintf(folder, sizeof(folder), "%.1000s/sysctl.d", moving_etc());
	(void)snprintf(path, sizeof(path), "%.1100s/99-minato-ports.conf", folder);
	move->reserved = true;
	str_printf(&moving->notes,
		   _("note: outgoing connections take their ports from %u-%u, %u among them: it is "
		     "reserved, now and at each start\n"),
		   inventory->ephemeral.first, inventory->ephemeral.last, move->to);
	int r = reserved_contents(contents, moving, path, inventory, &e);
	r = add_file(moving, MOVE_ROOM_SYSCTL, path, stat(folder, &status) < 0, contents, r);
	if (r < 0) {
		(void)err_system(&e, r, "%s", path);
		return fail(moving, &e);
	}
	return EXIT_IN_ORDER;
}

/* ---- sshd ---- */

/* The file that the running sshd was started with: "-f FILE" in the line that it shows. */
static void config_of(char out[1024], const struct process *process)
{
	const char *arguments = process->arguments ?: "";
	const char *option = strstr(arguments, " -f");
	(void)snprintf(out, 1024, "%.900s/ssh/sshd_config", moving_etc());
	if (option == NULL) {
		return;
	}
	const char *path = option + strlen(" -f");
	path += strspn(path, " ");
	const size_t length = strcspn(path, " ");
	if (path[0] == '/' && length < 1024) {
		(void)snprintf(out, 1024, "%.*s", (int)length, path);
	}
}

static const struct move_content *file_at(const struct move_sshd_files *files, const char *path)
{
	static const struct move_content none = { 0 };
	for (size_t i = 0; i < files->list.count; i++) {
		if (strcmp(files->list.items[i].path, path) == 0) {
			return &files->list.items[i].at[MOVE_BEFORE];
		}
	}
	return &none;
}

/* The file of ours: the lines below what it says already, or in front of all others in the file
 * that sshd begins with, because nothing may stand behind a Match. */
static int own_file(struct moving *moving, const struct move_sshd_files *files, const char *lines)
{
	const bool own = files->place[0] != '\0';
	const char *path = own ? files->place : moving->move.config;
	const struct move_content *now = file_at(files, path);
	const char *old = now->bytes ?: "";
	struct move_content contents[MOVE_POINTS] = { 0 };
	struct str both = STR_INIT(MOVE_FILE_BYTES_MAX);
	struct str after = STR_INIT(MOVE_FILE_BYTES_MAX);
	str_add(&both, own ? old : "");
	str_add(&both, own && now->length > 0 && old[now->length - 1] != '\n' ? "\n" : "");
	add_heading(&both, &moving->move);
	str_add(&both, lines);
	str_add(&both, own ? "" : old);
	int r = move_sshd_without(&after, str_text(&both), moving->move.from, own);
	r = r < 0 ? r : copy_of(&contents[MOVE_BEFORE], now);
	int made = content_of(&contents[MOVE_BOTH], &both);
	r = r < 0 ? r : made;
	made = content_of(&contents[MOVE_AFTER], &after);
	r = r < 0 ? r : made;
	return add_file(moving, MOVE_ROOM_SERVICE, path, false, contents, r);
}

/* A file that names the old port says so no more at the end. */
static int other_file(struct moving *moving, const struct move_file *file)
{
	const struct move_content *now = &file->at[MOVE_BEFORE];
	struct move_content contents[MOVE_POINTS] = { 0 };
	struct str after = STR_INIT(MOVE_FILE_BYTES_MAX);
	int r = move_sshd_without(&after, now->bytes, moving->move.from, false);
	if (r <= 0) {
		str_deinit(&after);
		return r;
	}
	r = content_of(&contents[MOVE_AFTER], &after);
	r = r < 0 ? r : copy_of(&contents[MOVE_BEFORE], now);
	r = r < 0 ? r : copy_of(&contents[MOVE_BOTH], now);
	return add_file(moving, MOVE_ROOM_SERVICE, file->path, false, contents, r);
}

static int sshd_lines(struct str *out, const struct moving *moving,
		      const struct move_sshd_files *files)
{
	struct move_text texts[MOVE_FILES_MAX];
	for (size_t i = 0; i < files->list.count; i++) {
		texts[i] = (struct move_text){ files->list.items[i].path,
					       files->list.items[i].at[MOVE_BEFORE].bytes };
	}
	return move_sshd_add(out, texts, files->list.count, moving->move.from, moving->move.to);
}

static int sshd_files(struct moving *moving, const struct move_sshd_files *files)
{
	struct str lines = STR_INIT(MOVE_FILE_BYTES_MAX);
	const char *own = files->place[0] != '\0' ? files->place : moving->move.config;
	int r = sshd_lines(&lines, moving, files);
	if (r == -ENOENT) {
		str_deinit(&lines);
		return moving_complain_of(
			moving, moving->move.config,
			_("sshd listens on the old port, but its files do not say "
			  "so: an option of its command line may"),
			"systemctl cat ssh");
	}
	r = r == 0 ? own_file(moving, files, str_text(&lines)) : r;
	for (size_t i = 0; r == 0 && i < files->list.count; i++) {
		const struct move_file *file = &files->list.items[i];
		r = strcmp(file->path, own) == 0 ? 0 : other_file(moving, file);
	}
	str_deinit(&lines);
	if (r < 0) {
		struct err e = ERR_INIT;
		(void)err_system(&e, r, "%s", moving->move.config);
		return fail(moving, &e);
	}
	return EXIT_IN_ORDER;
}

static int plan_sshd(struct moving *moving, const struct process *process)
{
	struct move_sshd_files files;
	struct err e = ERR_INIT;
	char folder[PATH_MAX];
	config_of(moving->move.config, process);
	(void)snprintf(folder, sizeof(folder), "%.1000s/ssh", moving_etc());
	if (move_sshd_read(&files, moving->move.config, folder, drop_in, &e) < 0) {
		return fail(moving, &e);
	}
	int code = sshd_files(moving, &files);
	move_sshd_files_deinit(&files);
	/* It wants to read the keys of the host. */
	return code == EXIT_IN_ORDER && geteuid() == 0 ? moving_sshd_judges(moving) : code;
}

/* ---- socket units ---- */

static int socket_contents(struct move_content contents[MOVE_POINTS], const struct moving *moving,
			   const struct move_socket *socket, const char *path, struct err *e)
{
	const struct move *move = &moving->move;
	int r = move_content_read(&contents[MOVE_BEFORE], path, e);
	for (size_t p = MOVE_BOTH; r == 0 && p <= MOVE_AFTER; p++) {
		struct str text = STR_INIT(MOVE_FILE_BYTES_MAX);
		add_heading(&text, move);
		(void)move_socket_text(&text, socket, move->protocol, move->from, move->to,
				       p == MOVE_BOTH); /* kept in text.error */
		r = content_of(&contents[p], &text);
	}
	return r;
}

static int plan_socket(struct moving *moving, const struct move_socket *socket)
{
	struct move *move = &moving->move;
	struct move_content contents[MOVE_POINTS] = { 0 };
	struct stat status;
	char folder[PATH_MAX];
	char path[PATH_MAX];
	struct err e = ERR_INIT;
	(void)snprintf(folder, sizeof(folder), "%.1000s/systemd/system/%.250s.d", moving_etc(),
		       socket->unit);
	(void)snprintf(path, sizeof(path), "%.2000s/%s", folder, drop_in);
	move->means = MOVE_SOCKET;
	(void)str_copy(move->unit, sizeof(move->unit), socket->unit);
	(void)str_copy(move->service, sizeof(move->service), socket->service);
	int r = socket_contents(contents, moving, socket, path, &e);
	r = add_file(moving, MOVE_ROOM_SERVICE, path, stat(folder, &status) < 0, contents, r);
	if (r < 0) {
		(void)err_system(&e, r, "%s", path);
		return fail(moving, &e);
	}
	return EXIT_IN_ORDER;
}

/* The socket unit of the old port, if systemd knows one. */
static bool find_socket(struct move_socket *out, const struct move *move)
{
	static const char *const words[] = {
		"systemctl", "show",     "--property=Id,Listen,Accept,Triggers,ActiveState",
		"--",        "*.socket", NULL
	};
	struct str shown = STR_INIT(SHOWN_BYTES_MAX);
	const bool found =
		run_program(&shown, words, SYSTEMCTL_TIMEOUT) == 0 &&
		move_socket_find(out, str_text(&shown), move->protocol, move->from) == 0 &&
		strchr(out->unit, '/') == NULL && out->unit[0] != '.';
	str_deinit(&shown);
	return found;
}

int moving_plan_service(struct moving *moving, const struct inventory *inventory,
			const struct listener *holder)
{
	struct move *move = &moving->move;
	const struct process *process = inventory_listener_process(inventory, holder);
	const char *program = process_program(process);
	if (holder->ownership == OWNERSHIP_HIDDEN) {
		complain(moving->context, _("who listens on the old port is only shown to root"),
			 "sudo minato move");
		return EXIT_RIGHTS;
	}
	_cleanup_(freep) struct move_socket *socket = calloc(1, sizeof(*socket));
	/* In another network namespace than systemd's its units say nothing of this port. */
	if (holder->socket_activated && socket != NULL && find_socket(socket, move)) {
		return plan_socket(moving, socket);
	}
	/* What another user's sshd reads may lead anywhere: root does not write there. */
	if (program != NULL && strcmp(program, "sshd") == 0 && process->uid == 0) {
		move->means = MOVE_SSHD;
		return plan_sshd(moving, process);
	}
	move->means = MOVE_BY_HAND;
	(void)str_copy(move->unit, sizeof(move->unit), process == NULL ? "" : process->unit ?: "");
	return EXIT_IN_ORDER;
}
