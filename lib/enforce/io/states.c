/* The record of states: N.json says what happened, N.yaml holds the policy of the rules, N.rules
 * how they were listed when loaded. Each file is written whole, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "base/vec.h"
#include "enforce/enforce.h"

enum { MARK_BYTES = 128, NAME_BYTES = 64, ENTRY_BYTES_MAX = 64 * 1024, STATES_MAX = 4096 };

static const char *const kind_names[] = {
	[ENFORCE_PENDING] = "pending",
	[ENFORCE_CONFIRMED] = "confirmed",
	[ENFORCE_REVERTED] = "reverted",
	[ENFORCE_OFF] = "off",
};

const char *enforce_state_name(enum enforce_state_kind kind)
{
	return kind_names[kind];
}

/* ---- reading ---- */

static const char *text_of(struct arena *arena, const json_t *entry, const char *key)
{
	const char *value = json_string_value(json_object_get(entry, key));
	return arena_strdup(arena, value == NULL ? "" : value);
}

static usec_t time_of(const json_t *entry, const char *key)
{
	usec_t time = 0;
	const char *value = json_string_value(json_object_get(entry, key));
	return value != NULL && time_parse(&time, value) == 0 ? time : 0;
}

static int kind_of(enum enforce_state_kind *out, const char *name)
{
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*out = (enum enforce_state_kind)i;
			return 0;
		}
	}
	return -EBADMSG;
}

static int parse_entry(struct enforce_state *out, struct arena *arena, unsigned number,
		       const char *text)
{
	json_t *entry = json_loads(text, 0, NULL);
	struct enforce_state state = {
		.number = number,
		.applied = time_of(entry, "time"),
		.settled = time_of(entry, "settled"),
		.applied_boot = json_integer_value(json_object_get(entry, "since_boot_us")),
		.by = text_of(arena, entry, "user"),
		.from = text_of(arena, entry, "source"),
		.command = text_of(arena, entry, "command"),
		.summary = text_of(arena, entry, "summary"),
	};
	int r = kind_of(&state.kind, text_of(arena, entry, "state"));
	json_decref(entry);
	if (r == 0) {
		*out = state;
	}
	return r;
}

/* "N.json" -> N; 0 for any other file. */
static unsigned number_of(const char *name)
{
	char digits[16];
	uint64_t number = 0;
	size_t length = strcspn(name, ".");
	if (length == 0 || length >= sizeof(digits) || strcmp(name + length, ".json") != 0) {
		return 0;
	}
	memcpy(digits, name, length);
	digits[length] = '\0';
	return parse_u64(&number, digits, 1, ENFORCE_GENERATION_MAX) == 0 ? (unsigned)number : 0;
}

static int read_entry(struct enforce_state *out, struct enforce_states *states, const char *name)
{
	_cleanup_(freep) char *text = NULL;
	int r = file_read_at(&text, NULL, states->directory, name, ENTRY_BYTES_MAX, NULL);
	return r < 0 ? r : parse_entry(out, &states->arena, number_of(name), text);
}

static int compare_states(const void *pa, const void *pb)
{
	const struct enforce_state *a = pa;
	const struct enforce_state *b = pb;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void closedirp(DIR **dir)
{
	if (*dir != NULL) {
		(void)closedir(*dir); /* read only */
	}
}

/* An entry that does not read any more is left out: the others are still the way back. */
static int read_all(struct enforce_states *states)
{
	int fd = openat(states->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		return -errno;
	}
	VEC(struct enforce_state) list = { 0 };
	for (const struct dirent *file; (file = readdir(dir)) != NULL && list.count < STATES_MAX;) {
		struct enforce_state state;
		if (number_of(file->d_name) == 0 || read_entry(&state, states, file->d_name) < 0) {
			continue;
		}
		struct enforce_state *item = vec_push(&list);
		if (item == NULL) {
			vec_free(&list);
			return -ENOMEM;
		}
		*item = state;
	}
	if (list.count > 0) {
		qsort(list.items, list.count, sizeof(*list.items), compare_states);
	}
	free(states->items);
	states->items = list.items;
	states->count = list.count;
	return 0;
}

/* ---- opening ---- */

static int check_owner(const struct enforce_states *states, const char *path, struct err *e)
{
	struct stat status;
	if (fstat(states->directory, &status) < 0) {
		return err_system(e, errno, "%s", path);
	}
	bool ours = status.st_uid == 0 || status.st_uid == geteuid();
	if (!ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return err_set(e, EPERM,
			       "%s may be written by others than root: what is in it would become "
			       "rules",
			       path);
	}
	return 0;
}

static int lock(struct enforce_states *states, struct err *e)
{
	states->lock = openat(states->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (states->lock < 0) {
		return err_system(e, errno, "the record of rules cannot be locked");
	}
	if (flock(states->lock, LOCK_EX | LOCK_NB) < 0) {
		return errno == EWOULDBLOCK
			       ? err_set(e, EBUSY, "another minato is changing the rules just now")
			       : err_system(e, errno, "the record of rules cannot be locked");
	}
	return 0;
}

int enforce_states_open(struct enforce_states *out, const char *path, bool change, struct err *e)
{
	*out = (struct enforce_states){ .directory = -1, .lock = -1 };
	arena_init(&out->arena, 0);
	if (change && mkdir(path, 0755) < 0 && errno != EEXIST) {
		return err_system(e, errno, "%s cannot be made", path);
	}
	out->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (out->directory < 0) {
		return err_system(e, errno, "%s", path);
	}
	int r = check_owner(out, path, e);
	if (r == 0 && change) {
		r = lock(out, e);
	}
	if (r == 0) {
		r = read_all(out);
		r = r < 0 ? err_system(e, r, "%s", path) : 0;
	}
	return r;
}

void enforce_states_close(struct enforce_states *states)
{
	close_fdp(&states->lock);
	close_fdp(&states->directory);
	free(states->items);
	states->items = NULL;
	states->count = 0;
	arena_deinit(&states->arena);
}

void enforce_states_pause(struct enforce_states *states)
{
	(void)flock(states->lock, LOCK_UN); /* cannot fail for a lock of ours */
}

int enforce_states_resume(struct enforce_states *states, struct err *e)
{
	/* Others hold it for moments only: they pause while they ask, too. */
	while (flock(states->lock, LOCK_EX) < 0) {
		if (errno != EINTR) {
			return err_system(e, errno, "the record of rules cannot be locked");
		}
	}
	int r = read_all(states);
	return r < 0 ? err_system(e, r, "the record of rules cannot be read") : 0;
}

/* ---- questions ---- */

const struct enforce_state *enforce_states_find(const struct enforce_states *states,
						unsigned number)
{
	for (size_t i = 0; i < states->count; i++) {
		if (states->items[i].number == number) {
			return &states->items[i];
		}
	}
	return NULL;
}

const struct enforce_state *enforce_states_confirmed(const struct enforce_states *states)
{
	for (size_t i = states->count; i-- > 0;) {
		const struct enforce_state *state = &states->items[i];
		if (state->kind == ENFORCE_CONFIRMED || state->kind == ENFORCE_OFF) {
			return state->kind == ENFORCE_CONFIRMED ? state : NULL;
		}
	}
	return NULL;
}

unsigned enforce_states_next(const struct enforce_states *states,
			     const struct enforce_status *status)
{
	unsigned last = states->count == 0 ? 0 : states->items[states->count - 1].number;
	last = status->confirmed > last ? status->confirmed : last;
	last = status->candidate > last ? status->candidate : last;
	return last + 1;
}

/* ---- writing ---- */

static const char *file_name(char out[NAME_BYTES], unsigned number, const char *suffix)
{
	(void)snprintf(out, NAME_BYTES, "%u.%s", number, suffix);
	return out;
}

static int write_new(int directory, const char *name, const char *bytes, size_t length,
		     bool durable)
{
	_cleanup_(close_fdp) int fd = openat(
		directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -errno : write_all(fd, bytes, length);
	return r == 0 && durable && fsync(fd) < 0 ? -errno : r;
}

/* All of it or nothing. @param durable  also when the power fails. */
static int replace_file(const struct enforce_states *states, unsigned number, const char *suffix,
			const char *bytes, bool durable, struct err *e)
{
	char name[NAME_BYTES];
	char temporary[NAME_BYTES];
	(void)file_name(name, number, suffix);
	/* Processes that keep the listings of two states may be at it together. */
	(void)snprintf(temporary, sizeof(temporary), ".new-%u-%s", number, suffix);
	int r = write_new(states->directory, temporary, bytes, strlen(bytes), durable);
	if (r == 0 && renameat(states->directory, temporary, states->directory, name) < 0) {
		r = -errno;
	}
	if (r < 0) {
		(void)unlinkat(states->directory, temporary, 0); /* the reason is told */
		return err_system(e, r, "the record of rules cannot be written");
	}
	return 0;
}

static int sync_directory(const struct enforce_states *states, struct err *e)
{
	return fsync(states->directory) < 0
		       ? err_system(e, errno, "the record of rules cannot be written")
		       : 0;
}

static json_t *json_time(usec_t time)
{
	char text[TIME_TEXT_BYTES];
	return time == 0 ? json_null() : json_string(time_format(time, text));
}

/* Foreign words may be no UTF-8: then they are left out. */
static json_t *json_word(const char *text)
{
	json_t *value = json_string(text == NULL ? "" : text);
	return value != NULL ? value : json_string("?");
}

static int write_entry(struct enforce_states *states, const struct enforce_state *state,
		       struct err *e)
{
	json_t *entry =
		json_pack("{s:i, s:i, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "schema", 1,
			  "number", (int)state->number, "state", enforce_state_name(state->kind),
			  "time", json_time(state->applied), "since_boot_us",
			  (json_int_t)state->applied_boot, "settled", json_time(state->settled),
			  "user", json_word(state->by), "source", json_word(state->from), "command",
			  json_word(state->command), "summary", json_word(state->summary));
	_cleanup_(freep) char *text = entry == NULL ? NULL : json_dumps(entry, JSON_INDENT(2));
	json_decref(entry);
	int r = text == NULL ? -ENOMEM : replace_file(states, state->number, "json", text, true, e);
	return r < 0 ? r : sync_directory(states, e);
}

int enforce_states_add(struct enforce_states *states, const struct enforce_state *state,
		       const char *policy, struct err *e)
{
	int r = replace_file(states, state->number, "yaml", policy, true, e);
	if (r == 0) {
		r = write_entry(states, state, e);
	}
	return r < 0 ? r : read_all(states);
}

static void forget(struct enforce_states *states, unsigned number)
{
	static const char *const suffixes[] = { "json", "yaml", "rules", "id" };
	char name[NAME_BYTES];
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		/* What stays is tried again the next time. */
		(void)unlinkat(states->directory, file_name(name, number, suffixes[i]), 0);
	}
}

/* Old confirmed states go, and with them what was reverted before them. */
static void forget_old(struct enforce_states *states)
{
	unsigned confirmed = 0;
	for (size_t i = states->count; i-- > 0;) {
		const struct enforce_state *state = &states->items[i];
		confirmed += state->kind == ENFORCE_CONFIRMED;
		if (confirmed > ENFORCE_STATES_KEPT) {
			forget(states, state->number);
		}
	}
}

int enforce_states_settle(struct enforce_states *states, unsigned number,
			  enum enforce_state_kind kind, usec_t now, struct err *e)
{
	const struct enforce_state *known = enforce_states_find(states, number);
	if (known == NULL) {
		return err_set(e, ENOENT, "the record has no state %u", number);
	}
	struct enforce_state state = *known;
	state.kind = kind;
	state.settled = now;
	int r = write_entry(states, &state, e);
	if (r == 0) {
		r = read_all(states);
		forget_old(states);
	}
	return r < 0 ? r : read_all(states);
}

/* "BOOT NETNS ID": an id says something only of the kernel and the namespace that counts it. */
static int mark_of(char out[MARK_BYTES], const struct enforce_moment *when)
{
	char boot[40] = "";
	struct stat netns;
	if (!when->known ||
	    file_read_into(boot, sizeof(boot), AT_FDCWD, "/proc/sys/kernel/random/boot_id") <= 0 ||
	    stat("/proc/thread-self/ns/net", &netns) < 0) {
		return -ENOENT;
	}
	boot[strcspn(boot, "\n")] = '\0';
	(void)snprintf(out, MARK_BYTES, "%s %llu %u\n", boot, (unsigned long long)netns.st_ino,
		       when->id);
	return 0;
}

/* Neither mark nor listing is synced: after a power failure both are written anew. */
void enforce_states_mark(const struct enforce_states *states, unsigned number,
			 const struct enforce_moment *when)
{
	char mark[MARK_BYTES];
	char name[NAME_BYTES];
	if (mark_of(mark, when) < 0 || replace_file(states, number, "id", mark, false, NULL) < 0) {
		(void)unlinkat(states->directory, file_name(name, number, "id"), 0);
	}
}

struct enforce_moment enforce_states_moment(const struct enforce_states *states, unsigned number)
{
	struct enforce_moment now = enforce_now();
	char name[NAME_BYTES];
	char mark[MARK_BYTES];
	char kept[MARK_BYTES];
	now.known = mark_of(mark, &now) == 0 &&
		    file_read_into(kept, sizeof(kept), states->directory,
				   file_name(name, number, "id")) > 0 &&
		    strcmp(mark, kept) == 0;
	return now;
}

bool enforce_states_unchanged(const struct enforce_states *states, unsigned number)
{
	return enforce_states_moment(states, number).known;
}

int enforce_states_keep_listing(const struct enforce_states *states, unsigned number,
				const char *listing, struct err *e)
{
	return replace_file(states, number, "rules", listing, false, e);
}

int enforce_states_listing(struct str *out, const struct enforce_states *states, unsigned number,
			   struct err *e)
{
	char name[NAME_BYTES];
	_cleanup_(freep) char *text = NULL;
	int r = file_read_at(&text, NULL, states->directory, file_name(name, number, "rules"),
			     ENFORCE_TEXT_BYTES_MAX, e);
	return r < 0 ? r : str_add(out, text);
}

int enforce_states_policy(struct policy *out, const struct enforce_states *states, unsigned number,
			  struct err *e)
{
	char name[NAME_BYTES];
	size_t length = 0;
	_cleanup_(freep) char *text = NULL;
	int r = file_read_at(&text, &length, states->directory, file_name(name, number, "yaml"),
			     POLICY_TEXT_BYTES_MAX, e);
	if (r < 0) {
		return r;
	}
	/* It was judged when it was applied: only what it means is asked for. */
	const struct policy_environment environment = { .bytes_max = POLICY_TEXT_BYTES_MAX,
							.frozen = true };
	struct policy_diagnostics diagnostics;
	r = policy_parse(out, &diagnostics, name, text, length, &environment);
	policy_diagnostics_deinit(&diagnostics);
	if (r == POLICY_INVALID) {
		return err_set(e, EBADMSG, "the record of state %u does not read as a policy",
			       number);
	}
	return r;
}

bool enforce_states_has_text(const struct enforce_states *states, unsigned number, const char *text)
{
	char name[NAME_BYTES];
	_cleanup_(freep) char *kept = NULL;
	return file_read_at(&kept, NULL, states->directory, file_name(name, number, "yaml"),
			    POLICY_TEXT_BYTES_MAX, NULL) == 0 &&
	       strcmp(kept, text) == 0;
}
