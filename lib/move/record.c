/* The record of a move, to JSON and back. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "move/move.h"

static const char *const stage_names[] = {
	[MOVE_PREPARED] = "prepared", [MOVE_WAITING] = "waiting", [MOVE_FINISHING] = "finishing",
	[MOVE_FINISHED] = "finished", [MOVE_UNDONE] = "undone",
};
static const char *const means_names[] = {
	[MOVE_SSHD] = "sshd",
	[MOVE_SOCKET] = "socket",
	[MOVE_BY_HAND] = "by_hand",
};
static const char *const room_names[] = {
	[MOVE_ROOM_SYSCTL] = "sysctl",
	[MOVE_ROOM_POLICY] = "policy",
	[MOVE_ROOM_SERVICE] = "service",
};
static const char *const point_names[] = { "before", "both", "after" };

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

const char *move_stage_name(enum move_stage stage)
{
	return stage_names[stage];
}

const char *move_means_name(enum move_means means)
{
	return means_names[means];
}

/* ---- memory ---- */

static void file_free(struct move_file *file)
{
	for (size_t i = 0; i < MOVE_POINTS; i++) {
		free(file->at[i].bytes);
	}
	free(file->path);
}

void move_deinit(struct move *move)
{
	for (size_t i = 0; i < move->files.count; i++) {
		file_free(&move->files.items[i]);
	}
	vec_free(&move->files);
}

int move_add_file(struct move *move, enum move_room room, const char *path,
		  struct move_content contents[MOVE_POINTS])
{
	struct move_file file = { .room = room, .path = strdup(path) };
	memcpy(file.at, contents, sizeof(file.at));
	struct move_file *to = move->files.count == MOVE_FILES_MAX ? NULL : vec_push(&move->files);
	if (to == NULL || file.path == NULL) {
		file_free(&file);
		if (to != NULL) {
			move->files.count--;
		}
		return move->files.count == MOVE_FILES_MAX ? -E2BIG : -ENOMEM;
	}
	*to = file;
	return 0;
}

/* ---- writing ---- */

/* Foreign bytes that are no UTF-8 cannot stand in JSON. */
static json_t *word(const char *text)
{
	json_t *value = json_string(text);
	return value != NULL ? value : json_string("?");
}

static json_t *files_json(const struct move *move)
{
	json_t *list = json_array();
	for (size_t i = 0; i < move->files.count; i++) {
		const struct move_file *file = &move->files.items[i];
		json_t *item = json_pack("{s:s, s:s, s:b}", "room", room_names[file->room], "path",
					 file->path, "folder", file->folder);
		for (size_t p = 0; p < MOVE_POINTS; p++) {
			json_object_set_new(item, point_names[p],
					    json_boolean(file->at[p].bytes != NULL));
		}
		json_array_append_new(list, item);
	}
	return list;
}

int move_print(struct str *out, const struct move *move)
{
	json_t *root = json_pack(
		"{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:b, s:b, s:i}", "schema", 1,
		"stage", move_stage_name(move->stage), "means", move_means_name(move->means),
		"name", word(move->name), "unit", word(move->unit), "service", word(move->service),
		"config", word(move->config), "protocol", (int)move->protocol, "from",
		(int)move->from, "to", (int)move->to, "login", move->login, "reserved",
		move->reserved, "seconds", (int)move->seconds);
	json_object_set_new(root, "boot", word(move->boot));
	json_object_set_new(root, "begun_us", json_integer(move->begun));
	json_object_set_new(root, "both_since_boot_us", json_integer(move->both_since));
	json_object_set_new(root, "settled_us", json_integer(move->settled));
	json_object_set_new(root, "by", word(move->by));
	json_object_set_new(root, "reason", word(move->reason));
	json_object_set_new(root, "files", files_json(move));
	char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	int r = text == NULL ? -ENOMEM : str_add(out, text);
	free(text);
	return r;
}

/* ---- reading ---- */

static void take_text(char *to, size_t room, const json_t *root, const char *key)
{
	const char *value = json_string_value(json_object_get(root, key));
	(void)str_copy(to, room, value == NULL ? "" : value);
}

static int index_of(const char *const *names, size_t count, const json_t *value)
{
	const char *name = json_string_value(value);
	for (size_t i = 0; name != NULL && i < count; i++) {
		if (strcmp(names[i], name) == 0) {
			return (int)i;
		}
	}
	return -EBADMSG;
}

static int64_t number(const json_t *root, const char *key, int64_t max)
{
	const json_int_t value = json_integer_value(json_object_get(root, key));
	return value < 0 || value > max ? 0 : value;
}

/* A file that is there at a point gets empty bytes: the contents are read after this. */
static int take_file(struct move *move, const json_t *item)
{
	const int room = index_of(room_names, COUNT(room_names), json_object_get(item, "room"));
	const char *path = json_string_value(json_object_get(item, "path"));
	struct move_content contents[MOVE_POINTS] = { 0 };
	if (room < 0 || path == NULL || path[0] != '/') {
		return -EBADMSG;
	}
	for (size_t p = 0; p < MOVE_POINTS; p++) {
		if (json_is_true(json_object_get(item, point_names[p]))) {
			contents[p].bytes = calloc(1, 1);
		}
	}
	int r = move_add_file(move, (enum move_room)room, path, contents);
	if (r == 0) {
		move->files.items[move->files.count - 1].folder =
			json_is_true(json_object_get(item, "folder"));
	}
	return r;
}

static int take_files(struct move *move, const json_t *list)
{
	size_t i;
	const json_t *item;
	json_array_foreach(list, i, item)
	{
		int r = take_file(move, item);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int take_root(struct move *move, const json_t *root)
{
	const int stage = index_of(stage_names, COUNT(stage_names), json_object_get(root, "stage"));
	const int means = index_of(means_names, COUNT(means_names), json_object_get(root, "means"));
	if (stage < 0 || means < 0) {
		return -EBADMSG;
	}
	move->stage = (enum move_stage)stage;
	move->means = (enum move_means)means;
	move->protocol = (enum protocol)number(root, "protocol", UINT8_MAX);
	move->from = (uint16_t)number(root, "from", UINT16_MAX);
	move->to = (uint16_t)number(root, "to", UINT16_MAX);
	move->login = json_is_true(json_object_get(root, "login"));
	move->reserved = json_is_true(json_object_get(root, "reserved"));
	move->seconds = (uint32_t)number(root, "seconds", INT32_MAX);
	move->begun = number(root, "begun_us", INT64_MAX);
	move->both_since = number(root, "both_since_boot_us", INT64_MAX);
	move->settled = number(root, "settled_us", INT64_MAX);
	take_text(move->name, sizeof(move->name), root, "name");
	take_text(move->unit, sizeof(move->unit), root, "unit");
	take_text(move->service, sizeof(move->service), root, "service");
	take_text(move->config, sizeof(move->config), root, "config");
	take_text(move->boot, sizeof(move->boot), root, "boot");
	take_text(move->by, sizeof(move->by), root, "by");
	take_text(move->reason, sizeof(move->reason), root, "reason");
	if (move->from == 0 || move->to == 0) {
		return -EBADMSG;
	}
	return take_files(move, json_object_get(root, "files"));
}

int move_parse(struct move *out, const char *text)
{
	json_t *root = json_loads(text, 0, NULL);
	struct move move = { 0 };
	int r = take_root(&move, root);
	json_decref(root);
	if (r < 0) {
		move_deinit(&move);
		return r;
	}
	*out = move;
	return 0;
}

/* ---- questions ---- */

bool move_is_open(const struct move *move)
{
	return move->stage != MOVE_FINISHED && move->stage != MOVE_UNDONE;
}

bool move_is_over(const struct move *move, const char *boot, usec_t now_boot)
{
	if (!move_is_open(move)) {
		return false;
	}
	if (move->stage != MOVE_WAITING) {
		return true; /* who was at it would hold the lock */
	}
	if (move->seconds == 0) {
		return false;
	}
	if (strcmp(move->boot, boot) != 0) {
		return true;
	}
	return move->both_since != 0 &&
	       now_boot >= move->both_since + (usec_t)move->seconds * USEC_PER_SEC;
}
