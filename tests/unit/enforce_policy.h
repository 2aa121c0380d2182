/* Policies for the tests of enforce, and what is asked of them. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "enforce/enforce.h"
#include "golden.h"
#include "parsed_policy.h"

static inline usec_t day_end(int32_t day)
{
	return (day + (usec_t)1) * USEC_PER_DAY;
}

static const struct enforce_environment environment = {
	.now = TODAY * USEC_PER_DAY,
	.day_end = day_end,
};

/* The ports of a policy, behind what every test shares. */
static inline struct policy policy_of(const char *ports)
{
	static const char head[] = "minato: 1\n"
				   "who:\n"
				   "  office: [192.0.2.0/24, \"2001:db8:10::/48\"]\n"
				   "  home: 198.51.100.7\n"
				   "  vpn: {interface: wg0}\n"
				   "  printer: {mac: \"00:11:22:33:44:55\", address: 192.0.2.9}\n"
				   "  alice: {certificate: {name: alice}}\n";
	struct str text = STR_INIT(1 << 20);
	str_add(&text, head);
	str_add(&text, ports);
	struct policy policy = parsed_policy(str_text(&text));
	str_deinit(&text);
	return policy;
}

#define D(name, port, more) name ": {port: " port ", for: test, owner: o, " more "}\n  "

#define W(name, more) name ": {for: test, owner: o, " more "}\n  "

static inline void check_golden(const char *ports, const char *name)
{
	struct policy policy = policy_of(ports);
	struct str text = STR_INIT(1 << 20);
	assert_int_equal(enforce_rules(&text, &policy, 7, &environment, NULL), 0);
	golden_check(name, &text);
	str_deinit(&text);
	policy_deinit(&policy);
}

static inline const char *changes_text(const char *before, const char *after, bool *frees)
{
	static char text[4096];
	struct policy a = policy_of(before == NULL ? "" : before);
	struct policy b = policy_of(after);
	struct enforce_changes changes;
	assert_int_equal(
		enforce_changes(&changes, before == NULL ? NULL : &a, &b, &environment, NULL), 0);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < changes.count; i++) {
		const struct enforce_change *c = &changes.items[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s%s: %s -> %s%s; ",
					 enforce_change_name(c->kind),
					 c->direction == ENFORCE_FORWARD ? "forwarded " : "",
					 c->ports, c->before ?: "nobody", c->after ?: "nobody",
					 c->cut_after    ? c->cut_before ? " (cuts)" : " (now cuts)"
					 : c->cut_before ? " (cut)"
							 : "");
	}
	*frees = changes.frees_only;
	enforce_changes_deinit(&changes);
	policy_deinit(&a);
	policy_deinit(&b);
	return text;
}

/* A pair of policies, and what changes from one to the other. */
struct changed {
	const char *before, *after, *text;
	bool frees;
};

static inline void check_changes(const struct changed *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool frees = false;
		assert_string_equal(changes_text(cases[i].before, cases[i].after, &frees),
				    cases[i].text);
		if (frees != cases[i].frees) {
			fail_msg("case %zu: frees %d", i, frees);
		}
	}
}
