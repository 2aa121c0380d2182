/* Any bytes as a policy: read, shown, and, when valid, printed, read again and compared. */
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
	*bytes = strdup("minato: 1\nwho: {w: 192.0.2.1}\ninclude: [a, b]\n");
	*length = strlen(*bytes);
	return 0;
}

static const struct policy_environment environment = {
	.today = 20454,
	.ephemeral = { 32768, 60999 },
	.include = include,
};

static void show(const struct policy_diagnostics *diagnostics)
{
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct str text = STR_INIT(16 << 20);
		const struct style style = { .colour = true };
		policy_diagnostics_render(&text, diagnostics, (enum language)language, &style);
		if (text.error != 0 || text_utf8_invalid(str_text(&text), text.length) >= 0) {
			abort(); /* what is shown is always harmless text */
		}
		str_deinit(&text);
	}
}

static void print_and_read(const struct policy *policy)
{
	struct str text = STR_INIT(POLICY_TEXT_BYTES_MAX);
	struct policy again = { 0 };
	struct policy_diagnostics diagnostics;
	struct policy_changes changes;
	if (policy_print(&text, policy) != 0) {
		abort();
	}
	if (text.length <= POLICY_FILE_BYTES_MAX) {
		if (policy_parse(&again, &diagnostics, "a", str_text(&text), text.length,
				 &environment) != 0 ||
		    policy_diff(&changes, policy, &again) != 0 || changes.list.count != 0) {
			abort();
		}
		policy_changes_deinit(&changes);
		policy_diagnostics_deinit(&diagnostics);
		policy_deinit(&again);
	}
	str_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	int r = policy_parse(&policy, &diagnostics, "a", (const char *)bytes, length, &environment);
	if (r < 0 || (r == POLICY_INVALID) != (diagnostics.errors > 0)) {
		abort();
	}
	show(&diagnostics);
	if (r == 0) {
		print_and_read(&policy);
	}
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
	return 0;
}
