/*
 * Golden test of the policy's diagnostics. Every file NAME.yaml (or NAME.repeat: a number, then a
 * text that is repeated so often) is read; what a person is shown has to be NAME.en.txt and
 * NAME.ja.txt. Every diagnostic id has a case of that name that shows it; notes have to be shown by
 * some case.
 *
 * Usage: golden-policy FOLDER [--update]
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "policy/policy.h"

enum { OUTPUT_BYTES_MAX = 1 << 20, INPUT_BYTES_MAX = 2 << 20 };

struct run {
	const char *folder;
	bool update;
	unsigned cases, failures;
	struct str all; /* every English output */
};

static void failed(struct run *run, const char *name, const char *sentence)
{
	run->failures++;
	(void)fprintf(stderr, "%s: %s\n", name, sentence);
}

/* Included files come from FOLDER/include; three kinds are made up. */
static int include(void *context, char **name, char **bytes, size_t *length, const char *from,
		   const char *path)
{
	const struct run *run = context;
	(void)from; /* all lie in one folder */
	struct str text = STR_INIT(4096);
	uint64_t number = 0;
	if (strcmp(path, "forbidden.yaml") == 0) {
		return -EACCES;
	}
	if (strcmp(path, "big.yaml") == 0) {
		return -EFBIG;
	}
	if (str_starts(path, "deep-") && parse_u64(&number, path + 5, 0, 99) == 0) {
		str_printf(&text, "minato: 1\ninclude: deep-%u\n", (unsigned)number + 1);
	} else if (str_starts(path, "many-")) {
		str_add(&text, "minato: 1\n");
	} else {
		char full[PATH_MAX];
		(void)snprintf(full, sizeof(full), "%s/include/%s", run->folder, path);
		int r = file_read(bytes, length, full, POLICY_FILE_BYTES_MAX, NULL);
		*name = r < 0 ? NULL : strdup(path);
		return r;
	}
	*length = text.length;
	*bytes = text.text;
	*name = strdup(path);
	return 0;
}

static void compare(struct run *run, const char *name, const char *language, const struct str *out)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s.%s.txt", run->folder, name, language);
	if (run->update) {
		FILE *file = fopen(path, "we");
		if (file == NULL || fwrite(str_text(out), 1, out->length, file) != out->length ||
		    fclose(file) != 0) {
			failed(run, path, strerror(errno));
		}
		return;
	}
	_cleanup_(freep) char *expected = NULL;
	if (file_read(&expected, NULL, path, OUTPUT_BYTES_MAX, NULL) < 0) {
		failed(run, path, "is missing; run the target update-golden and read the result");
	} else if (strcmp(expected, str_text(out)) != 0) {
		failed(run, path, "differs; this is shown now:");
		(void)fputs(str_text(out), stderr);
	}
}

static void render(struct run *run, const char *name, const struct policy_diagnostics *diagnostics)
{
	const struct style plain = { 0 };
	struct str en = STR_INIT(OUTPUT_BYTES_MAX);
	struct str ja = STR_INIT(OUTPUT_BYTES_MAX);
	policy_diagnostics_render(&en, diagnostics, LANGUAGE_EN, &plain);
	policy_diagnostics_render(&ja, diagnostics, LANGUAGE_JA, &plain);
	compare(run, name, "en", &en);
	compare(run, name, "ja", &ja);
	char id[128];
	(void)snprintf(id, sizeof(id), "[%s]", name);
	if (message_find(name) != NULL && strstr(str_text(&en), id) == NULL) {
		failed(run, name, "the case of this name does not show this diagnostic");
	}
	str_add(&run->all, str_text(&en));
	str_deinit(&en);
	str_deinit(&ja);
}

static void run_case(struct run *run, const char *name, const char *bytes, size_t length)
{
	static struct portset reserved;
	portset_add(&reserved, 40000);
	/* 2026-01-01 */
	const struct policy_environment environment = {
		.today = 20454,
		.ephemeral = { 32768, 60999 },
		.reserved = &reserved,
		.include = include,
		.context = run,
	};
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	int r = policy_parse(&policy, &diagnostics, "policy.yaml", bytes, length, &environment);
	if (r < 0 || (r == POLICY_INVALID) != (diagnostics.errors > 0)) {
		failed(run, name, "the outcome does not fit the diagnostics");
	}
	render(run, name, &diagnostics);
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
	run->cases++;
}

static void repeat(struct run *run, const char *name, const char *text)
{
	uint64_t count = 0;
	size_t digits = strcspn(text, "\n");
	struct str bytes = STR_INIT(INPUT_BYTES_MAX);
	if (parse_u64_bytes(&count, text, digits, 1, 1000000) < 0) {
		failed(run, name, "begins with no number");
	}
	for (uint64_t i = 0; i < count; i++) {
		str_add(&bytes, text + digits + 1);
	}
	run_case(run, name, str_text(&bytes), bytes.length);
	str_deinit(&bytes);
}

static void run_file(struct run *run, const char *file)
{
	const char *dot = strrchr(file, '.');
	char name[NAME_MAX + 1];
	char path[PATH_MAX];
	if (dot == NULL || (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".repeat") != 0)) {
		return;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)(dot - file), file);
	(void)snprintf(path, sizeof(path), "%s/%s", run->folder, file);
	_cleanup_(freep) char *bytes = NULL;
	size_t length = 0;
	if (file_read(&bytes, &length, path, INPUT_BYTES_MAX, NULL) < 0) {
		failed(run, path, "cannot be read");
	} else if (strcmp(dot, ".repeat") == 0) {
		repeat(run, name, bytes);
	} else {
		run_case(run, name, bytes, length);
	}
}

/* A note's words up to its first argument. */
static bool note_shown(const struct run *run, const struct message *message)
{
	char words[128];
	size_t length = strcspn(message->text.en, "{");
	(void)snprintf(words, sizeof(words), "%.*s", (int)length, message->text.en);
	return strstr(str_text(&run->all), words) != NULL;
}

static void every_id_has_a_case(struct run *run)
{
	size_t count = 0;
	const struct message *messages = message_all(&count);
	for (size_t i = 0; i < count; i++) {
		char path[PATH_MAX];
		const char *id = messages[i].id;
		(void)snprintf(path, sizeof(path), "%s/%s.en.txt", run->folder, id);
		if (str_starts(id, "policy-") && access(path, R_OK) != 0) {
			failed(run, id, "has no golden case");
		} else if (str_starts(id, "note-") && !note_shown(run, &messages[i])) {
			failed(run, id, "is shown by no golden case");
		}
	}
}

int main(int argc, char **argv)
{
	struct run run = { .folder = argc > 1 ? argv[1] : ".",
			   .update = argc > 2 && strcmp(argv[2], "--update") == 0,
			   .all = STR_INIT(16 << 20) };
	struct dirent **files = NULL;
	int count = scandir(run.folder, &files, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		run_file(&run, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	every_id_has_a_case(&run);
	str_deinit(&run.all);
	(void)printf("%u cases, %u failures\n", run.cases, run.failures);
	return run.cases > 0 && run.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
