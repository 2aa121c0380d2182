/* What differs in the defence: it is no rule of the packet filter, but holds with the same state.
 */
#include <string.h>

#include "rules.h"
#include "view/view.h"
#include "words.h"

/* Only what the defence is made of, so that a long policy costs nothing. */
static struct policy part_of(const struct policy *policy)
{
	struct policy part = { .version = 1 };
	if (policy != NULL) {
		part.who = policy->who;
		part.never_cut = policy->never_cut;
		part.defend = policy->defend;
	}
	return part;
}

static bool is_never(const struct policy *policy, const char *name, size_t length)
{
	const struct policy_from *lists[] = { policy->never_cut.items, policy->defend.never.items };
	const size_t counts[] = { policy->never_cut.count, policy->defend.never.count };
	for (unsigned l = 0; l < 2; l++) {
		for (size_t i = 0; i < counts[l]; i++) {
			const struct policy_from *item = &lists[l][i];
			const char *who = item->kind == POLICY_FROM_WHO
						  ? policy->who.items[item->who].entry.name
						  : "";
			if (strlen(who) == length && memcmp(who, name, length) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* A who counts only where it says whom never to keep out. */
static bool concerns(const char *path, const struct policy *after)
{
	static const char who[] = "who.";
	if (str_starts(path, who)) {
		const char *name = path + strlen(who);
		return is_never(after, name, strcspn(name, "."));
	}
	return str_starts(path, "defend") || str_starts(path, "never_cut");
}

int rules_compare_defend(struct rules *rules, struct err *e)
{
	const struct policy before = part_of(rules_before(rules));
	const struct policy after = part_of(&rules->wanted.policy);
	struct policy_changes changes;
	str_clear(&rules->defend);
	int r = policy_diff(&changes, &before, &after);
	if (r < 0) {
		return err_system(e, r, "cannot compare the defence");
	}
	for (size_t i = 0; i < changes.list.count; i++) {
		const struct policy_change *change = &changes.list.items[i];
		if (concerns(change->path, &after)) {
			str_printf(&rules->defend, "%s: %s -> %s\n", change->path,
				   change->before == NULL ? "-" : change->before,
				   change->after == NULL ? "-" : change->after);
		}
	}
	policy_changes_deinit(&changes);
	return rules->defend.error;
}

void rules_add_defend(struct str *out, const struct rules *rules)
{
	const char *text = str_text(&rules->defend);
	while (*text != '\0') {
		const size_t length = strcspn(text, "\n");
		str_add(out, "  ~ ");
		str_add_bytes(out, text, length);
		str_add_char(out, '\n');
		text += length + (text[length] == '\n' ? 1 : 0);
	}
}

void rules_add_defend_summary(struct str *out, const struct rules *rules)
{
	if (rules->defend.length > 0) {
		str_printf(out, "%sdefence changed", out->length > 0 ? "; " : "");
	}
}

json_t *rules_defend_json(const struct rules *rules)
{
	json_t *list = json_array();
	const char *text = str_text(&rules->defend);
	while (*text != '\0') {
		const size_t length = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, length));
		text += length + (text[length] == '\n' ? 1 : 0);
	}
	return list;
}
