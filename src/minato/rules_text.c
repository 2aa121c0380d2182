/* Changes of rules in words, and as JSON. */
#include <pwd.h>
#include <string.h>

#include "rules.h"
#include "view/view.h"
#include "words.h"

static const char *verb(enum enforce_change_kind kind)
{
	static const char *const verbs[] = {
		[ENFORCE_OPENED] = N_("open"),    [ENFORCE_SHUT] = N_("close"),
		[ENFORCE_WIDENED] = N_("widen"),  [ENFORCE_NARROWED] = N_("narrow"),
		[ENFORCE_ALTERED] = N_("change"),
	};
	return _(verbs[kind]);
}

static char mark_of(enum enforce_change_kind kind)
{
	static const char marks[] = { '+', '-', '+', '-', '~' };
	return marks[kind];
}

static enum ink ink_of(enum enforce_change_kind kind)
{
	static const enum ink inks[] = { INK_GOOD, INK_BAD, INK_GOOD, INK_WARN, INK_WARN };
	return inks[kind];
}

static const char *who(const char *words)
{
	return words == NULL ? _("nobody") : words[0] == '\0' ? _("this machine") : words;
}

static void add_limits(struct str *out, const struct enforce_change *change)
{
	char date[POLICY_DATE_TEXT_BYTES];
	char span[SPAN_TEXT_BYTES];
	if (change->until != POLICY_NO_DATE) {
		str_printf(out, _(", until %s"), policy_date_format(change->until, date));
	}
	if (change->cut_after) {
		str_add(out, _(", live connections of others are cut"));
	} else if (change->cut_before && change->kind != ENFORCE_OPENED) {
		str_add(out, _(", live connections of others stay"));
	}
	if (change->rate_count > 0) {
		str_printf(out, _(", at most %u new connections per source in %s"),
			   change->rate_count, span_format(change->rate_per, span));
	}
}

/* Who gets in, or whom this host may connect to. */
static void add_way(struct str *out, const struct enforce_change *change)
{
	if (change->direction != ENFORCE_INBOUND) {
		const bool passes = change->direction == ENFORCE_FORWARD;
		str_printf(out, passes ? _("forwarded %s: ") : _("connections to %s: "),
			   change->ports);
		str_printf(out, "%s -> %s", who(change->before), who(change->after));
		return;
	}
	str_printf(out, "%s ", change->ports);
	switch (change->kind) {
	case ENFORCE_OPENED:
		str_printf(out, _("to %s"), who(change->after));
		break;
	case ENFORCE_SHUT:
		str_printf(out, _("to all (was: %s)"), who(change->before));
		break;
	default:
		str_printf(out, "%s -> %s", who(change->before), who(change->after));
		break;
	}
}

/* "+ open     25565/tcp to friends (minecraft: Minecraft), until 2027-01-01" */
static void add_change(struct str *out, const struct enforce_change *change,
		       const struct style *style)
{
	const char *word = verb(change->kind);
	size_t width = text_width(word);
	str_printf(out, "  %s%c %s%s%*s  ", style_ink(style, ink_of(change->kind)),
		   mark_of(change->kind), word, style_ink(style, INK_PLAIN),
		   width < 7 ? (int)(7 - width) : 0, "");
	add_way(out, change);
	if (change->name != NULL) {
		str_printf(out, " (%s: ", change->name);
		text_escape(out, change->purpose ?: "");
		str_add_char(out, ')');
	}
	add_limits(out, change);
	str_add_char(out, '\n');
}

static const char *verdict_words(int verdict)
{
	static const char *const words[] = { N_("dropped"), N_("rejected"), N_("let through") };
	return _(words[verdict]);
}

static void add_defaults(struct str *out, const struct enforce_changes *changes)
{
	static const char *const words[] = {
		[ENFORCE_INBOUND] = N_("  ~ what nobody declared: %s -> %s\n"),
		[ENFORCE_FORWARD] = N_("  ~ what this host passes on between others: %s -> %s\n"),
		[ENFORCE_OUTBOUND] = N_("  ~ connections that this host makes: %s -> %s\n"),
	};
	for (size_t i = 0; i < ENFORCE_DIRECTIONS; i++) {
		if (changes->before[i] != changes->after[i]) {
			str_printf(out, _(words[i]), verdict_words(changes->before[i]),
				   verdict_words(changes->after[i]));
		}
	}
	if (changes->ping_before != changes->ping_after) {
		str_add(out,
			changes->ping_after ? _("  + answer pings\n") : _("  - answer no pings\n"));
	}
	if (changes->cut_before != changes->cut_after) {
		str_add(out,
			changes->cut_after
				? _("  ~ live connections to ports that nobody declared: cut\n")
				: _("  ~ live connections to ports that nobody declared: stay\n"));
	}
	if (changes->repair_before != changes->repair_after) {
		str_add(out, changes->repair_after ? _("  ~ what another tool changes in "
						       "these rules is undone\n")
						   : _("  ~ what another tool changes in "
						       "these rules is only told\n"));
	}
}

/* A user who is not known here is nobody: the declaration lets nobody connect. */
static bool lacks_user(const struct policy_declaration *d,
		       const struct enforce_environment *environment)
{
	uint32_t uid = 0;
	return d->program.user != NULL && environment->user(&uid, d->program.user) < 0;
}

static void add_unknown_users(struct str *out, const struct policy *policy,
			      const struct context *context)
{
	const struct enforce_environment environment = rules_environment(context);
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		if (lacks_user(d, &environment)) {
			str_printf(out,
				   _("  ! outbound: %s: there is no user %s here, so nobody may "
				     "connect by it\n"),
				   d->entry.name, d->program.user);
		}
	}
}

static json_t *json_unknown_users(const struct policy *policy, const struct context *context)
{
	const struct enforce_environment environment = rules_environment(context);
	json_t *list = json_array();
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		if (lacks_user(d, &environment)) {
			json_array_append_new(list,
					      json_pack("{s:s, s:s}", "declaration", d->entry.name,
							"user", d->program.user));
		}
	}
	return list;
}

/* ---- users whose number is another one by now ---- */

/* "user postfix was 105 and is 110 now; 105 is mallory now" */
static void add_stale_user(struct str *out, const struct enforce_stale_user *user)
{
	const char *name = user->declaration->program.user;
	const struct passwd *other = user->was_known ? getpwuid(user->was) : NULL;
	str_printf(out, "  ! outbound: %s: ", user->declaration->entry.name);
	if (user->was_known && user->is_known) {
		str_printf(out, _("user %s was number %u and is %u now"), name, user->was,
			   user->is);
	} else if (user->is_known) {
		str_printf(out, _("user %s exists now, and the rules let nobody go for him"), name);
	} else {
		str_printf(out, _("there is no user %s any more, and the rules let number %u go"),
			   name, user->was);
	}
	if (other != NULL && strcmp(other->pw_name, name) != 0) {
		str_printf(out, _("; that number is user %s now"), other->pw_name);
	}
	str_add_char(out, '\n');
}

static json_t *json_stale_users(const struct rules *rules)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rules->stale_users.count; i++) {
		const struct enforce_stale_user *user = &rules->stale_users.items[i];
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:o}", "declaration",
				  user->declaration->entry.name, "user",
				  user->declaration->program.user, "before",
				  user->was_known ? json_integer(user->was) : json_null(), "after",
				  user->is_known ? json_integer(user->is) : json_null()));
	}
	return list;
}

void rules_add_state(struct str *out, const struct rules *rules, unsigned number)
{
	char text[TIME_TEXT_BYTES];
	const struct enforce_state *state =
		rules->recorded ? enforce_states_find(&rules->states, number) : NULL;
	if (number == 0) {
		str_add(out, _("no rules of minato: every packet is let in"));
	} else if (state == NULL) {
		str_printf(out, _("state %u"), number);
	} else {
		str_printf(out, _("state %u of %.16s UTC by %s"), number,
			   time_format(state->applied, text), state->by);
	}
}

void rules_add_changes(struct str *out, const struct rules *rules, const struct context *context)
{
	const struct enforce_changes *changes = &rules->changes;
	for (size_t i = 0; i < changes->count; i++) {
		add_change(out, &changes->items[i], &context->out_style);
	}
	add_defaults(out, changes);
	add_unknown_users(out, &rules->wanted.policy, context);
	for (size_t i = 0; i < rules->stale_users.count; i++) {
		add_stale_user(out, &rules->stale_users.items[i]);
	}
	programs_add(out, &rules->wanted.policy, context);
	rules_add_guard(out, rules, context);
	if (rules->verified && rules->status.confirmed == 0 && !enforce_changes_any(changes)) {
		str_add(out, _("  + the rules of the policy, which refuse nobody\n"));
	}
	if (rules->missing) {
		str_add(out, _("  ! somebody removed the rules; they are put back\n"));
	}
	if (rules->drift.length > 0) {
		str_add(out, _("  ! another tool changed the table of minato; this is put "
			       "right:\n"));
		str_add(out, str_text(&rules->drift));
	} else if (rules->before != NULL && rules->verified && !rules->status.framed) {
		str_add(out, _("  ! another tool took the way to the rules away; it is put "
			       "back\n"));
	}
}

void rules_add_summary(struct str *out, const struct enforce_changes *changes)
{
	enum { TOLD_MAX = 8 };
	static const char *const prefixes[] = { [ENFORCE_INBOUND] = "",
						[ENFORCE_FORWARD] = "forwarded ",
						[ENFORCE_OUTBOUND] = "out to " };
	for (size_t i = 0; i < changes->count && i < TOLD_MAX; i++) {
		const struct enforce_change *change = &changes->items[i];
		str_printf(out, "%s%s %s%.200s", out->length > 0 ? "; " : "",
			   enforce_change_name(change->kind), prefixes[change->direction],
			   change->ports);
	}
	if (changes->count > TOLD_MAX) {
		str_printf(out, "; %zu more", changes->count - TOLD_MAX);
	}
	for (size_t i = 0; i < ENFORCE_DIRECTIONS; i++) {
		if (changes->before[i] != changes->after[i]) {
			str_printf(out, "%s%s %s", out->length > 0 ? "; " : "",
				   enforce_direction_name(i),
				   policy_verdict_name(changes->after[i]));
		}
	}
	if (changes->cut_before != changes->cut_after) {
		str_printf(out, "%scut %s", out->length > 0 ? "; " : "",
			   changes->cut_after ? "yes" : "no");
	}
}

/* ---- JSON ---- */

static json_t *json_who(const char *words)
{
	return words == NULL ? json_null() : json_string(words[0] == '\0' ? "host" : words);
}

static json_t *json_change(const struct enforce_change *change)
{
	char date[POLICY_DATE_TEXT_BYTES];
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "change",
			 enforce_change_name(change->kind), "direction",
			 enforce_direction_name(change->direction), "ports", change->ports,
			 "declaration", view_string(change->name), "purpose",
			 view_string(change->purpose), "before", json_who(change->before), "after",
			 json_who(change->after), "until",
			 view_string(policy_date_format(change->until, date)), "rate_count",
			 change->rate_count == 0 ? json_null() : json_integer(change->rate_count),
			 "cut_before", change->cut_before, "cut_after", change->cut_after);
}

json_t *rules_json(const struct rules *rules, const struct context *context)
{
	const struct enforce_changes *changes = &rules->changes;
	json_t *document = view_document(context->now);
	json_t *list = json_array();
	for (size_t i = 0; i < changes->count; i++) {
		json_array_append_new(list, json_change(&changes->items[i]));
	}
	json_object_set_new(document, "policy", view_string(context->policy_path));
	json_object_set_new(document, "verified", json_boolean(rules->verified));
	json_object_set_new(document, "state",
			    rules->status.confirmed == 0 ? json_null()
							 : json_integer(rules->status.confirmed));
	json_object_set_new(document, "candidate",
			    rules->status.candidate == 0 ? json_null()
							 : json_integer(rules->status.candidate));
	json_object_set_new(document, "differs", json_boolean(rules_differ(rules)));
	json_object_set_new(document, "changes", list);
	json_object_set_new(document, "guard", rules_guard_json(rules));
	json_object_set_new(document, "names", rules_names_json(rules));
	for (size_t i = 0; i < ENFORCE_DIRECTIONS; i++) {
		json_object_set_new(document, enforce_direction_name(i),
				    json_pack("{s:s, s:s}", "before",
					      policy_verdict_name(changes->before[i]), "after",
					      policy_verdict_name(changes->after[i])));
	}
	json_object_set_new(document, "cut_undeclared",
			    json_pack("{s:b, s:b}", "before", changes->cut_before, "after",
				      changes->cut_after));
	json_object_set_new(document, "outbound_users_unknown",
			    json_unknown_users(&rules->wanted.policy, context));
	json_object_set_new(document, "outbound_users_stale", json_stale_users(rules));
	json_object_set_new(document, "outbound_programs",
			    programs_json(&rules->wanted.policy, context));
	json_object_set_new(document, "frees_only", json_boolean(changes->frees_only));
	json_object_set_new(document, "missing", json_boolean(rules->missing));
	json_object_set_new(document, "drift", view_string(str_text(&rules->drift)));
	return document;
}
