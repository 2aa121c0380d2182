/*
 * The policy. The engine may not read it where it lies; the parent opens the file and those beside
 * and below it. Which files are included is known only by reading, so it is read again with what
 * has come until nothing is missing.
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/say.h"
#include "engine.h"

/* ---- files that have come ---- */

static struct engine_file *file_find(struct engine_policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->files.count; i++) {
		if (strcmp(policy->files.items[i].path, path) == 0) {
			return &policy->files.items[i];
		}
	}
	return NULL;
}

static void forget_files(struct engine_policy *policy)
{
	for (size_t i = 0; i < policy->files.count; i++) {
		free(policy->files.items[i].bytes);
	}
	vec_free(&policy->files);
}

static void want(struct engine *engine, const char *path)
{
	struct engine_policy *policy = &engine->policy;
	struct wire_message message = { .type = WIRE_FILE_WANTED };
	struct engine_file *file =
		policy->files.count < POLICY_FILES_MAX ? vec_push(&policy->files) : NULL;
	if (file == NULL || strlen(path) >= sizeof(message.file_wanted.path)) {
		return;
	}
	(void)str_copy(file->path, sizeof(file->path), path);
	(void)str_copy(message.file_wanted.path, sizeof(message.file_wanted.path), path);
	file->error = -EINPROGRESS;
	message.request = ++policy->last_request;
	file->request = message.request;
	if (wire_send(engine->parent.socket, &message, NULL, 0, NULL) < 0) {
		file->error = -EIO;
	}
}

/* struct policy_environment.include: from what has come; what has not is asked for. */
static int include(void *context, char **name, char **bytes, size_t *length, const char *from,
		   const char *path)
{
	struct engine *engine = context;
	char directory[WIRE_TEXT_BYTES];
	char joined[WIRE_TEXT_BYTES];
	(void)str_copy(directory, sizeof(directory), from);
	int n = path[0] == '/'
			? snprintf(joined, sizeof(joined), "%s", path)
			: snprintf(joined, sizeof(joined), "%s/%s", dirname(directory), path);
	if (n < 0 || (size_t)n >= sizeof(joined)) {
		return -ENAMETOOLONG;
	}
	const struct engine_file *file = file_find(&engine->policy, joined);
	if (file == NULL) {
		want(engine, joined);
		return -ENOENT;
	}
	if (file->error < 0) {
		return file->error;
	}
	*name = strdup(joined);
	*bytes = malloc(file->length + 1);
	if (*name == NULL || *bytes == NULL) {
		free(steal(name));
		free(steal(bytes));
		return -ENOMEM;
	}
	memcpy(*bytes, file->bytes, file->length + 1);
	*length = file->length;
	return 0;
}

static bool complete(const struct engine_policy *policy)
{
	for (size_t i = 0; i < policy->files.count; i++) {
		if (policy->files.items[i].error == -EINPROGRESS) {
			return false;
		}
	}
	return true;
}

/* ---- reading ---- */

static void set_fault(struct engine_policy *policy, const char *sentence)
{
	(void)str_copy(policy->fault, sizeof(policy->fault), sentence);
	if (sentence[0] != '\0') {
		say(SAY_WARNING, "policy: %s", sentence);
	}
}

/* The first error stands for all: `minato policy validate` prints them. */
static void explain(struct engine_policy *policy, const struct policy_diagnostics *diagnostics)
{
	struct str text = STR_INIT(1 << 20);
	const struct style plain = { 0 };
	policy_diagnostics_render(&text, diagnostics, LANGUAGE_EN, &plain);
	char line[WIRE_TEXT_BYTES];
	(void)str_copy(line, sizeof(line), str_text(&text));
	line[strcspn(line, "\n")] = '\0';
	set_fault(policy, line);
	str_deinit(&text);
}

static void put(struct engine_policy *policy, bool declared, struct policy *read)
{
	policy_deinit(&policy->policy);
	policy->policy = *read;
	policy->declared = declared;
	*read = (struct policy){ 0 };
}

/* A look that runs reviews against the old one: then it is exchanged afterwards. */
static void take(struct engine *engine, bool declared, struct policy *read)
{
	struct engine_policy *policy = &engine->policy;
	policy->read = clock_now();
	set_fault(policy, "");
	if (engine->sweep.looking) {
		policy_deinit(&policy->next);
		policy->next = *read;
		policy->next_declared = declared;
		policy->next_waits = true;
	} else {
		put(policy, declared, read);
		devices_tell(engine);
		sweep_soon(engine);
	}
}

void policy_after_look(struct engine *engine)
{
	struct engine_policy *policy = &engine->policy;
	if (policy->next_waits) {
		policy->next_waits = false;
		put(policy, policy->next_declared, &policy->next);
		devices_tell(engine);
		engine->sweep.again = true;
	}
}

/* The policy stays as it was when the new one has faults. */
static void read_policy(struct engine *engine)
{
	struct engine_policy *policy = &engine->policy;
	struct policy_environment environment;
	struct portset reserved;
	struct policy_diagnostics diagnostics = { 0 };
	struct policy read = { 0 };
	const struct engine_file *file = &policy->files.items[0];
	policy_environment_read(&environment, &reserved, clock_now());
	environment.include = include;
	environment.context = engine;
	/* The list may grow while it is read: what is used of `file` lives apart. */
	int r = policy_parse(&read, &diagnostics, engine->setup.policy, file->bytes, file->length,
			     &environment);
	if (!complete(policy)) {
		policy_deinit(&read);
	} else if (r == 0) {
		take(engine, true, &read);
	} else if (r == POLICY_INVALID) {
		explain(policy, &diagnostics);
	} else {
		set_fault(policy, strerror(-r));
	}
	policy_diagnostics_deinit(&diagnostics);
	if (complete(policy)) {
		forget_files(policy);
	}
}

static void no_policy(struct engine *engine, int error)
{
	struct engine_policy *policy = &engine->policy;
	if (error == -ENOENT && !engine->setup.policy_given) {
		struct policy none = { 0 };
		take(engine, false, &none);
	} else {
		char sentence[WIRE_TEXT_BYTES];
		(void)snprintf(sentence, sizeof(sentence), "%.200s: %s", engine->setup.policy,
			       strerror(-error));
		set_fault(policy, sentence);
	}
	forget_files(policy);
}

static int read_file(struct engine_file *file, int fd)
{
	file->bytes = calloc(1, POLICY_FILE_BYTES_MAX + 2);
	if (file->bytes == NULL) {
		return -ENOMEM;
	}
	while (file->length <= POLICY_FILE_BYTES_MAX) {
		ssize_t n = read(fd, file->bytes + file->length,
				 POLICY_FILE_BYTES_MAX + 1 - file->length);
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n == 0) {
			return 0;
		}
		file->length += n > 0 ? (size_t)n : 0;
	}
	return -EFBIG;
}

void policy_file(struct engine *engine, uint32_t request, const struct wire_file *answer, int fd)
{
	struct engine_policy *policy = &engine->policy;
	for (size_t i = 0; i < policy->files.count; i++) {
		struct engine_file *file = &policy->files.items[i];
		if (file->request == request && file->error == -EINPROGRESS) {
			file->error = answer->error != 0 ? -(int)answer->error
				      : fd < 0           ? -EBADF
							 : read_file(file, fd);
		}
	}
	if (policy->files.count == 0 || !complete(policy)) {
		return;
	}
	if (policy->files.items[0].error < 0) {
		no_policy(engine, policy->files.items[0].error);
	} else {
		read_policy(engine);
	}
}

void policy_reload(struct engine *engine)
{
	forget_files(&engine->policy);
	if (engine->setup.policy[0] != '\0') {
		want(engine, engine->setup.policy);
	}
}

const struct policy *policy_now(const struct engine *engine)
{
	return engine->policy.declared ? &engine->policy.policy : NULL;
}

void policy_end(struct engine *engine)
{
	forget_files(&engine->policy);
	policy_deinit(&engine->policy.policy);
	policy_deinit(&engine->policy.next);
}
