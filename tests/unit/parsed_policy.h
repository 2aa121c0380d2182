/* A policy out of a text that must be one: the test fails with its faults. */
#pragma once

#include <string.h>

#include "check.h"
#include "policy/policy.h"

enum { TODAY = 20785 }; /* 2026-11-28 */

static inline struct policy parsed_policy(const char *text)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	const struct policy_environment today = { .today = TODAY };
	int r = policy_parse(&policy, &diagnostics, "p", text, strlen(text), &today);
	if (r != 0) {
		struct str faults = STR_INIT(1 << 20);
		const struct style style = { 0 };
		policy_diagnostics_render(&faults, &diagnostics, LANGUAGE_EN, &style);
		fail_msg("%s", str_text(&faults));
	}
	policy_diagnostics_deinit(&diagnostics);
	return policy;
}
