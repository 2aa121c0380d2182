/*
 * Edits of any bytes. What comes out is a valid policy that differs as asked; the lines before the
 * first change and after the last one are the old ones by construction, so meaning is what is
 * looked at.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/policy.h"

static int include(void *context, char **name, char **bytes, size_t *length, const char *from,
		   const char *path)
{
	(void)context, (void)from; /* every file but one is missing */
	if (strcmp(path, "b") != 0) {
		return -2; /* ENOENT */
	}
	*name = strdup("b");
	*bytes = strdup("minato: 1\n"
			"ports: {smb: {port: 445/tcp, for: a, owner: b, from: any}}\n");
	*length = strlen(*bytes);
	return 0;
}

static const struct policy_environment environment = { .today = 20454, .include = include };

/* The text up to a NUL, which no policy holds, and what follows it: it chooses the edit. */
struct input {
	struct policy_text text;
	uint8_t choice[4];
};

/* @return whether the input chooses. */
static bool split(struct input *input, const uint8_t *bytes, size_t length)
{
	const uint8_t *end = length == 0 ? NULL : memchr(bytes, '\0', length);
	size_t text = end == NULL ? length : (size_t)(end - bytes);
	size_t rest = end == NULL ? 0 : length - text - 1;
	*input = (struct input){ { "a", (const char *)bytes, text }, { 0 } };
	if (rest > 0) {
		memcpy(input->choice, end + 1, rest < 4 ? rest : 4);
	}
	return end != NULL;
}

static int add(struct policy_edit *edit, const struct input *input)
{
	static const char *const from[] = { "any", "2001:db8::/32" };
	const struct policy_ports port = { PROTOCOL_SCTP, 7, 7 };
	const struct policy_addition addition = {
		.name = input->choice[1] % 2 == 0 ? NULL : "a",
		.ports = &port,
		.port_count = 1,
		.purpose = "a: b # c",
		.owner = "yes",
		.from = from + input->choice[1] % 2,
		.from_count = 1,
	};
	return policy_edit_add(edit, &input->text, &addition, &environment);
}

static int close_some(struct policy_edit *edit, const struct input *input)
{
	uint16_t first = (uint16_t)(input->choice[1] + 1);
	const struct policy_ports ports = { PROTOCOL_TCP, first,
					    (uint16_t)(first + input->choice[2]) };
	return policy_edit_close(edit, &input->text, &ports, 1, &environment);
}

static int set(struct policy_edit *edit, const struct input *input)
{
	static const char *const keys[] = { "port",    "for",  "owner", "from",   "encryption",
					    "because", "rate", "until", "review", "interface" };
	static const char *const values[] = { "any",   "9/tcp",      "- x: #",       "own",
					      "1/day", "2030-01-01", "192.0.2.0/24", "host" };
	const char *name = input->choice[1] % 2 == 0 ? "a" : "ssh";
	size_t key = input->choice[2] % (sizeof(keys) / sizeof(keys[0]));
	size_t most = strcmp(keys[key], "port") == 0 || strcmp(keys[key], "from") == 0 ? 3 : 2;
	const struct policy_setting setting = {
		keys[key],
		values + input->choice[3] % 6,
		input->choice[3] / 8 % most,
	};
	return policy_edit_set(edit, &input->text, name, &setting, 1, &environment);
}

/* What is handed out has to be a policy, and different from what it was. */
static void check(const struct policy_edit *edit)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	if (edit->changes.list.count == 0 || edit->parts.count == 0 ||
	    policy_parse(&policy, &diagnostics, "a", edit->text, edit->length, &environment) != 0) {
		abort();
	}
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
}

static void edit(const struct input *input)
{
	struct policy_edit edit;
	int r = input->choice[0] % 3 == 0   ? add(&edit, input)
		: input->choice[0] % 3 == 1 ? close_some(&edit, input)
					    : set(&edit, input);
	bool faults = r == POLICY_EDIT_INVALID || r == POLICY_EDIT_REFUSED;
	if (r < 0 || (r == 0) != (edit.text != NULL) ||
	    (r != 0 && faults != (edit.diagnostics.errors > 0))) {
		abort();
	}
	if (r == 0) {
		check(&edit);
	}
	policy_edit_deinit(&edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input;
	if (split(&input, bytes, length)) {
		edit(&input);
		return 0;
	}
	for (uint8_t kind = 0; kind < 3; kind++) {
		memcpy(input.choice, (const uint8_t[]){ kind, 21, 7, 13 }, 4);
		edit(&input);
	}
	return 0;
}
