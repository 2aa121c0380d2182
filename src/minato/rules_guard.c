/* What a policy changes for the bind guard, beside its rules. */
#include <errno.h>
#include <unistd.h>

#include "guard_follow.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

/* ---- comparing ---- */

/* What stands in the kernel against the policy of the file; without root nobody can tell. */
static int compare_kernel(struct rules *rules, const struct context *context, struct err *e)
{
	const struct guard_place place = guard_place();
	const struct policy *policy = &rules->wanted.policy;
	const struct guard_options options = guard_options_of(policy);
	struct guard_table table = { 0 };
	bool holds = false;
	int r = guard_table_here(&table, context, policy, &options, e);
	if (r == 0) {
		r = guard_holds(&holds, &place, &table, e);
	}
	rules->guard_differs = r == 0 && !holds;
	guard_table_deinit(&table);
	return r;
}

int rules_compare_guard(struct rules *rules, const struct context *context, struct err *e)
{
	const struct guard_place place = guard_place();
	struct guard_status status;
	struct err fault = ERR_INIT;
	guard_changes_deinit(&rules->guard_changes);
	int r = guard_changes(&rules->guard_changes, rules_before(rules), &rules->wanted.policy, e);
	if (r < 0 || !rules->verified) {
		return r;
	}
	rules->guard_differs = false;
	if (guard_is_wanted(&rules->wanted.policy)) {
		r = guard_possible(&place, &fault);
		if (r == 0) {
			r = compare_kernel(rules, context, &fault);
		}
		(void)str_copy(rules->guard_fault, sizeof(rules->guard_fault),
			       r < 0 ? err_text(&fault) : "");
	} else {
		rules->guard_differs =
			guard_status(&status, &place, NULL) == 0 && status.loaded && status.here;
	}
	return 0; /* rules do not depend on the guard */
}

bool rules_guard_differs(const struct rules *rules)
{
	return rules->guard_changes.list.count > 0 || rules->guard_differs;
}

/* ---- words ---- */

static const char *what_others_get(bool refused)
{
	return refused ? _("others are refused") : _("others are only told of");
}

/* "+ keep     5432/tcp for unit: postgres.service; others are refused" */
static void add_change(struct str *out, const struct guard_change *change,
		       const struct style *style)
{
	static const struct {
		enum ink ink;
		char mark;
		const char *word;
	} kinds[] = { [GUARD_KEPT] = { INK_GOOD, '+', N_("keep") },
		      [GUARD_FREED] = { INK_WARN, '-', N_("free") },
		      [GUARD_ALTERED] = { INK_WARN, '~', N_("keep") } };
	const char *word = _(kinds[change->kind].word);
	const size_t width = text_width(word);
	str_printf(out, "  %s%c %s%s%*s  %s ", style_ink(style, kinds[change->kind].ink),
		   kinds[change->kind].mark, word, style_ink(style, INK_PLAIN),
		   width < 7 ? (int)(7 - width) : 0, "", change->ports);
	struct str before = STR_INIT(1 << 16);
	struct str after = STR_INIT(1 << 16);
	text_escape(&before, change->before);
	text_escape(&after, change->after);
	switch (change->kind) {
	case GUARD_FREED:
		str_printf(out, _("for every program (was: %s)"), str_text(&before));
		break;
	case GUARD_KEPT:
		str_printf(out, _("for %s; %s"), str_text(&after),
			   what_others_get(change->refused_after));
		break;
	case GUARD_ALTERED:
		str_printf(out, _("for %s; %s (was: %s; %s)"), str_text(&after),
			   what_others_get(change->refused_after), str_text(&before),
			   what_others_get(change->refused_before));
		break;
	}
	str_deinit(&before);
	str_deinit(&after);
	str_add_char(out, '\n');
}

void rules_add_guard(struct str *out, const struct rules *rules, const struct context *context)
{
	const struct guard_changes *changes = &rules->guard_changes;
	for (size_t i = 0; i < changes->list.count; i++) {
		add_change(out, &changes->list.items[i], &context->out_style);
	}
	if (changes->list.count == 0 && rules->guard_differs) {
		str_add(out, _("  ! the bind guard is not what the policy says; this is put "
			       "right\n"));
	}
	if (rules->guard_fault[0] != '\0') {
		str_printf(out, _("  ! no bind guard: %s\n"), reason_words(rules->guard_fault));
	}
}

void rules_add_guard_summary(struct str *out, const struct rules *rules)
{
	enum { TOLD_MAX = 4 };
	const struct guard_changes *changes = &rules->guard_changes;
	for (size_t i = 0; i < changes->list.count && i < TOLD_MAX; i++) {
		str_printf(out, "%sguard %s %.200s", out->length > 0 ? "; " : "",
			   guard_change_name(changes->list.items[i].kind),
			   changes->list.items[i].ports);
	}
	if (changes->list.count > TOLD_MAX) {
		str_printf(out, "; %zu more", changes->list.count - TOLD_MAX);
	}
}

/* ---- JSON ---- */

static json_t *json_side(const char *programs, bool refused)
{
	return programs[0] == '\0'
		       ? json_null()
		       : json_pack("{s:s, s:b}", "programs", programs, "refuses", refused);
}

json_t *rules_guard_json(const struct rules *rules)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rules->guard_changes.list.count; i++) {
		const struct guard_change *change = &rules->guard_changes.list.items[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o}", "change",
					guard_change_name(change->kind), "ports", change->ports,
					"before", json_side(change->before, change->refused_before),
					"after", json_side(change->after, change->refused_after)));
	}
	return json_pack("{s:s, s:o, s:b, s:o}", "mode",
			 policy_guard_name(rules->wanted.policy.defaults.guard), "changes", list,
			 "differs", rules_guard_differs(rules), "fault",
			 view_string(rules->guard_fault));
}

/* ---- doing it ---- */

void rules_follow_guard(const struct rules *rules, const struct context *context)
{
	guard_follow(context, &rules->wanted.policy, false);
}
