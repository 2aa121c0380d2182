/* How the rules are, for `minato status`. */
#include "rules_state.h"

#include <string.h>
#include <unistd.h>

#include "rules.h"
#include "view/view.h"
#include "words.h"

static usec_t time_of(const json_t *rules, const char *key)
{
	usec_t time = 0;
	const char *value = json_string_value(json_object_get(rules, key));
	return value != NULL && time_parse(&time, value) == 0 ? time : 0;
}

static unsigned number_of(const json_t *rules, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(rules, key));
	return value > 0 && value <= ENFORCE_GENERATION_MAX ? (unsigned)value : 0;
}

static void take_text(char *to, size_t room, const char *text)
{
	(void)str_copy(to, room, text == NULL ? "" : text);
}

bool rules_state_read(struct rules_state *out, const json_t *rules)
{
	if (!json_is_true(json_object_get(rules, "watched"))) {
		return false;
	}
	*out = (struct rules_state){
		.watched = true,
		.verified = true,
		.lost = json_is_true(json_object_get(rules, "lost")),
		.altered = json_is_true(json_object_get(rules, "altered")),
		.state = number_of(rules, "confirmed"),
		.since = time_of(rules, "since"),
		.candidate = number_of(rules, "candidate"),
		.candidate_until = time_of(rules, "candidate_until"),
	};
	take_text(out->user, sizeof(out->user), json_string_value(json_object_get(rules, "user")));
	take_text(out->source, sizeof(out->source),
		  json_string_value(json_object_get(rules, "source")));
	return true;
}

static void take_confirmed(struct rules_state *out, const struct enforce_state *state)
{
	if (state != NULL) {
		out->state = state->number;
		out->since = state->applied;
		take_text(out->user, sizeof(out->user), state->by);
		take_text(out->source, sizeof(out->source), state->from);
	}
}

/* The kernel knows better. libnftables must not meet the TLS library that asking a daemon took. */
static void ask_kernel(struct rules_state *out, const struct enforce_states *states,
		       const struct context *context)
{
	struct enforce_status status;
	if (geteuid() != 0 || enforce_status(&status, NULL) < 0) {
		return;
	}
	out->verified = true;
	out->lost = out->state != 0 && (status.confirmed == 0 || !status.framed);
	if (status.confirmed != 0 && status.confirmed != out->state) {
		out->state = status.confirmed;
		take_confirmed(out, enforce_states_find(states, status.confirmed));
	}
	out->candidate = status.candidate;
	out->candidate_until = status.candidate == 0 ? 0 : context->now + status.candidate_left;
}

/* By the record and the accounts: the kernel need not be asked. */
static bool has_stale_users(const struct enforce_states *states, unsigned number,
			    const struct context *context)
{
	const struct enforce_environment environment = rules_environment(context);
	struct enforce_stale_users users = { 0 };
	struct policy policy = { 0 };
	bool stale = false;
	if (number != 0 && enforce_states_policy(&policy, states, number, NULL) == 0) {
		stale = enforce_state_stale_users(&users, states, number, &policy, &environment,
						  NULL) == 0 &&
			users.count > 0;
	}
	vec_free(&users);
	policy_deinit(&policy);
	return stale;
}

void rules_state_find(struct rules_state *out, const struct context *context,
		      const struct daemon_state *daemon)
{
	struct enforce_states states;
	const bool told = daemon->rules != NULL && rules_state_read(out, daemon->rules);
	if (!told) {
		*out = (struct rules_state){ 0 };
	}
	if (enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		if (!told) {
			take_confirmed(out, enforce_states_confirmed(&states));
		}
		if (!told && strcmp(daemon->name, "stopped") == 0) {
			ask_kernel(out, &states, context);
		}
		out->stale_users = has_stale_users(&states, out->state, context);
	}
	enforce_states_close(&states);
}

static void add_candidate(struct str *out, const struct rules_state *state,
			  const struct context *context)
{
	const usec_t left = state->candidate_until - context->now;
	if (state->candidate != 0) {
		str_printf(out, _("; state %u waits for its confirmation, %u s left"),
			   state->candidate,
			   left <= 0 ? 0 : (unsigned)((left + USEC_PER_SEC - 1) / USEC_PER_SEC));
	}
}

void rules_state_words(struct str *out, const struct rules_state *state,
		       const struct context *context)
{
	struct str line = STR_INIT(4096);
	char time[TIME_TEXT_BYTES];
	str_add(&line, _("Rules: "));
	const size_t indent = text_width(str_text(&line));
	if (state->state == 0) {
		str_add(&line, _("none of minato, every packet is let in"));
	} else {
		time_format(state->since, time);
		time[10] = time[0] == '\0' ? '\0' : ' ';
		str_printf(&line, _("state %u of %.16s UTC by "), state->state, time);
		text_escape(&line, state->user[0] == '\0' ? "?" : state->user);
	}
	add_candidate(&line, state, context);
	if (state->lost) {
		str_add(&line, _("; another tool removed them: sudo minato restore"));
	}
	if (state->altered) {
		str_add(&line, _("; another tool changed them: sudo minato plan"));
	}
	if (state->stale_users) {
		str_add(&line, _("; users of outbound: have other numbers by now: sudo minato "
				 "plan"));
	}
	if (!state->verified && state->state != 0) {
		str_add(&line, _(" (by the record; the kernel was not asked)"));
	}
	text_wrap(out, str_text(&line), context->columns, indent);
	str_add_char(out, '\n');
	str_deinit(&line);
}

static json_t *number_or_null(unsigned number)
{
	return number == 0 ? json_null() : json_integer(number);
}

json_t *rules_state_view(const struct rules_state *state)
{
	return json_pack("{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "watched",
			 state->watched, "verified", state->verified, "confirmed",
			 number_or_null(state->state), "since", view_time(state->since), "user",
			 view_string(state->user), "source", view_string(state->source),
			 "candidate", number_or_null(state->candidate), "candidate_until",
			 view_time(state->candidate_until), "lost", state->lost, "altered",
			 state->altered, "stale_users", state->stale_users);
}
