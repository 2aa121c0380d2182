/* What the keeper does when it looks: record and kernel, side by side. */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/say.h"
#include "keeper.h"

static const usec_t SLOW_USEC = 30 * USEC_PER_SEC; /* also when nothing is told */
static const usec_t BUSY_USEC = 100000;            /* another minato changes the rules */
static const usec_t BUSY_LONG_USEC = 500000;       /* so long that the host must not stay open */
static const usec_t AGAIN_USEC = USEC_PER_SEC;     /* after a failure */
static const usec_t MINUTE_USEC = 60 * USEC_PER_SEC;

/* One look. */
struct look {
	struct keeper *keeper;
	struct enforce_states states;
	struct enforce_status status;
	struct enforce_news news; /* what led to it */
	usec_t now;
};

/* Whether record and kernel are apart. */
static bool is_lost(const struct look *look)
{
	const struct enforce_state *state = enforce_states_confirmed(&look->states);
	return state != NULL && (look->status.confirmed != state->number || !look->status.framed);
}

/* ---- telling ---- */

static void tell_at(const struct look *look, usec_t time, enum event_kind kind, unsigned number,
		    bool who, const char *detail)
{
	struct event news = { .time = time, .kind = kind, .uid = UINT32_MAX, .count = number };
	if (who && look->news.foreign) {
		news.pid = look->news.pid;
		(void)str_copy(news.process, sizeof(news.process), look->news.name);
	}
	(void)str_copy(news.detail, sizeof(news.detail), detail);
	(void)keeper_tell_news(look->keeper, &news); /* a parent so late restarts us */
}

static void tell(const struct look *look, enum event_kind kind, unsigned number, bool who,
		 const char *detail)
{
	tell_at(look, clock_now(), kind, number, who, detail);
	say(SAY_NOTICE, "%s: state %u %s", event_kind_name(kind), number, detail);
}

/* @param late  it is in the record since before we looked: told as of then. */
static void tell_state(const struct look *look, const struct enforce_state *state, bool late)
{
	static const enum event_kind kinds[] = {
		[ENFORCE_PENDING] = EVENT_RULES_TRIED,
		[ENFORCE_CONFIRMED] = EVENT_RULES_CONFIRMED,
		[ENFORCE_REVERTED] = EVENT_RULES_REVERTED,
		[ENFORCE_OFF] = EVENT_RULES_OFF,
	};
	const usec_t time = state->settled > state->applied ? state->settled : state->applied;
	char text[TIME_TEXT_BYTES];
	struct str detail = STR_INIT(4096);
	str_printf(&detail, "by %s%s%s", state->by, state->from[0] == '\0' ? "" : " from ",
		   state->from);
	if (late) {
		str_printf(&detail, " at %.19sZ", time_format(time, text));
	}
	str_printf(&detail, ": %s", state->summary);
	if (late) {
		tell_at(look, time, kinds[state->kind], state->number, false, str_text(&detail));
	} else {
		tell(look, kinds[state->kind], state->number, false, str_text(&detail));
	}
	str_deinit(&detail);
}

static bool was_told(const struct keeper *keeper, const struct enforce_state *state)
{
	for (size_t i = 0; i < keeper->told.count; i++) {
		if (keeper->told.items[i].number == state->number) {
			return keeper->told.items[i].kind == state->kind;
		}
	}
	return false;
}

/*
 * What the commands wrote since the last look. The first look tells of the whole record: the engine
 * knows what the store has of it.
 */
static void tell_record(const struct look *look)
{
	struct keeper *keeper = look->keeper;
	for (size_t i = 0; i < look->states.count; i++) {
		const struct enforce_state *state = &look->states.items[i];
		if (!was_told(keeper, state)) {
			tell_state(look, state, !keeper->recorded);
		}
	}
	keeper->recorded = true;
	keeper->told.count = 0;
	for (size_t i = 0; i < look->states.count; i++) {
		struct keeper_told *told = vec_push(&keeper->told);
		if (told != NULL) {
			*told = (struct keeper_told){ look->states.items[i].number,
						      look->states.items[i].kind };
		}
	}
}

/* How it is, for `status`. */
static void tell_rules(const struct look *look)
{
	const struct enforce_status *status = &look->status;
	const struct enforce_state *state =
		status->confirmed == 0 ? NULL
				       : enforce_states_find(&look->states, status->confirmed);
	struct wire_rules rules = look->keeper->rules;
	rules.watched = true;
	rules.reason[0] = '\0';
	rules.state = status->confirmed;
	rules.since = state == NULL ? 0 : state->applied;
	(void)str_copy(rules.user, sizeof(rules.user), state == NULL ? "" : state->by);
	(void)str_copy(rules.source, sizeof(rules.source), state == NULL ? "" : state->from);
	if (rules.candidate != status->candidate) {
		rules.candidate = status->candidate;
		rules.candidate_until =
			status->candidate == 0 ? 0 : look->now + status->candidate_left;
	}
	rules.lost = is_lost(look);
	rules.altered = look->keeper->drift.length > 0;
	rules.restored = look->keeper->restored;
	keeper_tell(look->keeper, &rules);
}

static void tell_fault(struct keeper *keeper, const struct err *e)
{
	struct wire_rules rules = keeper->rules;
	rules.watched = false;
	(void)str_copy(rules.reason, sizeof(rules.reason), err_text(e));
	keeper_say(keeper, err_text(e));
	keeper_tell(keeper, &rules);
}

/* ---- putting back ---- */

static void look_soon(struct keeper *keeper, usec_t wait)
{
	const usec_t then = clock_monotonic() + wait;
	keeper->look_at = keeper->look_at < then ? keeper->look_at : then;
}

/* Whether it may be done now; otherwise when. */
static bool has_turn(struct keeper *keeper, usec_t *later)
{
	const usec_t now = clock_monotonic();
	const usec_t first = keeper->restores[keeper->restore_count % KEEPER_RESTORES_MAX];
	if (keeper->restore_count >= KEEPER_RESTORES_MAX && now - first < MINUTE_USEC) {
		*later = first + MINUTE_USEC;
		return false;
	}
	keeper->restores[keeper->restore_count++ % KEEPER_RESTORES_MAX] = now;
	return true;
}

static void leave_alone(const struct look *look, enum event_kind kind, unsigned number,
			usec_t later)
{
	struct keeper *keeper = look->keeper;
	if (!keeper->left_alone) {
		keeper->left_alone = true;
		tell(look, kind, number, true,
		     kind == EVENT_RULES_LOST
			     ? "removed again and again; left alone until a minute is over"
			     : "changed again and again; left alone until a minute is over");
	}
	keeper->look_at = later;
}

/* What is lost. @return 0, also when it is left alone; negative errno. */
static int restore(struct look *look, struct err *e)
{
	struct keeper *keeper = look->keeper;
	const struct enforce_environment environment = enforce_environment_at(look->now);
	unsigned number = 0;
	usec_t later = 0;
	if (!has_turn(keeper, &later)) {
		leave_alone(look, EVENT_RULES_LOST, enforce_states_confirmed(&look->states)->number,
			    later);
		return 0;
	}
	const bool gone = !look->status.present;
	const unsigned before = look->status.confirmed;
	int r = enforce_restore(&look->states, &look->status, &environment, &number, e);
	if (r != 0) {
		return r == ENFORCE_IN_PLACE ? 0 : r;
	}
	keeper->left_alone = false;
	keeper->restored++;
	if (before != number) { /* the table is a new one */
		keeper_counts_anew(keeper);
	}
	tell(look, EVENT_RULES_LOST, number, true,
	     !keeper->looked ? "missing when the daemon began to look"
	     : gone          ? "the table was removed"
			     : "the way to them was taken away");
	tell(look, EVENT_RULES_RESTORED, number, false, "");
	return enforce_status(&look->status, e);
}

/* ---- what another tool changed ---- */

/* The lines that are new against the last look, joined to one. */
static void add_new_lines(struct str *out, const char *now, const char *before)
{
	struct str lines = STR_INIT(1 << 17);
	enforce_difference(&lines, now, before, 2 * KEEPER_LINES_MAX);
	for (const char *line = str_text(&lines); *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		if (line[0] == '+') {
			const char *text = line + 2;
			const size_t indent = strspn(text + 2, "\t");
			str_printf(out, "%s%.2s%.*s", out->length > 0 ? "; " : "", text,
				   (int)(length - 4 - indent), text + 2 + indent);
		}
		line += length + (line[length] == '\n');
	}
	str_deinit(&lines);
}

/* With the record locked. */
static int undo(struct look *look, unsigned number, struct err *e)
{
	struct keeper *keeper = look->keeper;
	const struct enforce_environment environment = enforce_environment_at(look->now);
	keeper_counts_look(keeper); /* what was counted goes with the table */
	int r = enforce_repair(&look->states, number, &environment, e);
	if (r < 0) {
		return r;
	}
	keeper_counts_anew(keeper);
	keeper->left_alone = false;
	keeper->restored++;
	str_clear(&keeper->drift);
	tell(look, EVENT_RULES_RESTORED, number, false, "what was changed in them was undone");
	return enforce_status(&look->status, e);
}

/*
 * What another tool changed is undone where the policy wants it so. Not while a candidate waits: it
 * would be lost. @return 0, also when it is left for later; negative errno.
 */
static int repair(struct look *look, struct err *e)
{
	struct keeper *keeper = look->keeper;
	struct err busy = ERR_INIT;
	const unsigned number = look->status.confirmed;
	usec_t later = 0;
	if (!keeper->policy.repair || keeper->drift.length == 0 || look->status.candidate != 0) {
		return 0;
	}
	enforce_states_close(&look->states);
	int r = enforce_states_open(&look->states, keeper->directory, true, &busy);
	if (r == -EBUSY) {
		enforce_states_close(&look->states);
		look_soon(keeper, BUSY_USEC);
		return enforce_states_open(&look->states, keeper->directory, false, e);
	}
	if (r < 0) {
		return err_set(e, r, "%s", err_text(&busy));
	}
	/* Commands may have gone on since the kernel was asked. */
	r = enforce_status(&look->status, e);
	if (r < 0) {
		return r;
	}
	if (look->status.confirmed != number || look->status.candidate != 0) {
		look_soon(keeper, BUSY_USEC);
		return 0;
	}
	if (!has_turn(keeper, &later)) {
		leave_alone(look, EVENT_RULES_CHANGED, number, later);
		return 0;
	}
	return undo(look, number, e);
}

static int compare(struct look *look, struct err *e)
{
	struct keeper *keeper = look->keeper;
	struct str drift = STR_INIT(1 << 16);
	struct str detail = STR_INIT(1 << 17);
	const unsigned number = look->status.confirmed;
	int r = number == 0 ? 0 : enforce_drift(&drift, &look->states, number, KEEPER_LINES_MAX, e);
	if (r == 0 || r == -EFBIG) {
		add_new_lines(&detail, str_text(&drift), str_text(&keeper->drift));
		/* What our own commands are in the middle of is nobody else's doing. */
		const bool own = look->news.touched && !look->news.foreign && !look->news.missed;
		if (detail.length > 0 && !own && (keeper->looked || !keeper->rules.altered)) {
			tell(look, EVENT_RULES_CHANGED, number, true, str_text(&detail));
		}
		str_clear(&keeper->drift);
		str_add(&keeper->drift, str_text(&drift));
		r = own ? 0 : repair(look, e);
		if (own && keeper->policy.repair && keeper->drift.length > 0 &&
		    look->status.candidate == 0) {
			look_soon(keeper, AGAIN_USEC); /* when our own command is done */
		}
	}
	str_deinit(&drift);
	str_deinit(&detail);
	return r;
}

/* ---- looking ---- */

static bool something_waits(const struct look *look)
{
	for (size_t i = 0; i < look->states.count; i++) {
		if (look->states.items[i].kind == ENFORCE_PENDING &&
		    look->states.items[i].number != look->status.candidate) {
			return true;
		}
	}
	return false;
}

/* With the record locked: commands may have gone on since it was read. */
static int mend(struct look *look, struct err *e)
{
	int r = enforce_status(&look->status, e);
	if (r == 0 && something_waits(look)) {
		r = enforce_settle(&look->states, &look->status, look->now, e);
	}
	return r == 0 && is_lost(look) ? restore(look, e) : r;
}

/*
 * Another minato holds the record, perhaps for as long as somebody thinks before pressing a key.
 * Rules that are gone altogether come again also then: what the other does fails as a whole.
 */
static int mend_beside(struct look *look, struct err *e)
{
	struct keeper *keeper = look->keeper;
	const usec_t now = clock_monotonic();
	int r = enforce_states_open(&look->states, keeper->directory, false, e);
	keeper->busy_since = keeper->busy_since == 0 ? now : keeper->busy_since;
	if (r == 0 && now - keeper->busy_since > BUSY_LONG_USEC && !look->status.present &&
	    is_lost(look)) {
		r = restore(look, e);
	}
	/* Who changed what is still to be told when the record is free. */
	keeper->news = look->news;
	look_soon(keeper, now - keeper->busy_since > USEC_PER_SEC ? USEC_PER_SEC : BUSY_USEC);
	return r;
}

/* The lock is taken only when something is to be done: else commands would find it taken. */
static int lock_and_mend(struct look *look, struct err *e)
{
	struct err busy = ERR_INIT;
	enforce_states_close(&look->states);
	int r = enforce_states_open(&look->states, look->keeper->directory, true, &busy);
	if (r == -EBUSY) {
		enforce_states_close(&look->states);
		return mend_beside(look, e);
	}
	look->keeper->busy_since = 0;
	return r == 0 ? mend(look, e) : err_set(e, r, "%s", err_text(&busy));
}

/* What the kernel does, unless it is known to do the same as before. */
static int ask_kernel(struct look *look, bool same, struct err *e)
{
	look->status = look->keeper->status;
	return same ? 0 : enforce_status(&look->status, e);
}

static int look_at_both(struct look *look, bool same, struct err *e)
{
	struct keeper *keeper = look->keeper;
	int r = ask_kernel(look, same, e);
	const bool apart = r == 0 && (something_waits(look) || is_lost(look));
	if (apart) {
		r = lock_and_mend(look, e);
	} else {
		keeper->busy_since = 0;
	}
	if (r == 0) {
		keeper_policy_take(keeper, &look->states,
				   look->status.framed ? look->status.confirmed : 0, look->now);
	}
	if (r == 0 && keeper->busy_since == 0 && !same) {
		r = compare(look, e);
	}
	if (r < 0) {
		return r;
	}
	keeper->status = look->status;
	if (look->status.candidate != 0) {
		/* The kernel counts whole seconds and collects a little later. */
		look_soon(keeper, look->status.candidate_left + USEC_PER_SEC + USEC_PER_SEC / 2);
	}
	return 0;
}

/* @return 0, also when nothing was ever applied here; negative errno. */
static int look_whole(struct look *look, bool same, struct err *e)
{
	struct err mine = ERR_INIT;
	int r = enforce_states_open(&look->states, look->keeper->directory, false, &mine);
	if (r == -ENOENT) {
		keeper_policy_take(look->keeper, &look->states, 0, look->now);
		r = 0;
	} else if (r == 0) {
		r = look_at_both(look, same, &mine);
	}
	if (r < 0) {
		return err_set(e, r, "%s", err_text(&mine));
	}
	tell_record(look);
	tell_rules(look);
	keeper_say(look->keeper, "");
	look->keeper->looked = true;
	return 0;
}

void keeper_look(struct keeper *keeper)
{
	struct err e = ERR_INIT;
	struct look look = { .keeper = keeper,
			     .states = { .directory = -1, .lock = -1 },
			     .news = keeper->news,
			     .now = clock_now() };
	uint32_t generation = 0;
	keeper->news = (struct enforce_news){ .open = look.news.open,
					      .others_open = look.news.others_open };
	keeper->look_at = clock_monotonic() + SLOW_USEC;
	int r = enforce_ruleset_id(&generation, &e);
	/* A candidate leaves without a change of rules. */
	const bool same = keeper->looked && generation == keeper->generation &&
			  !look.news.touched && keeper->status.candidate == 0 &&
			  !(keeper->policy.repair && keeper->drift.length > 0);
	if (r == 0) {
		r = look_whole(&look, same, &e);
	}
	keeper->generation = r == 0 ? generation : 0; /* after a failure all is looked at again */
	enforce_states_close(&look.states);
	if (r < 0) {
		tell_fault(keeper, &e);
	}
	/* What is not installed, or not in the kernel, does not come within a second. */
	if (r < 0 && r != -ENOPKG && generation != 0) {
		look_soon(keeper, AGAIN_USEC);
	}
	(void)malloc_trim(0); /* a large listing is not needed until the next one */
}
