/* What the commands that change rules share. */
#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io/clock.h"
#include "config.h"
#include "look.h"
#include "observe/observe.h"
#include "words.h"

enum { DRIFT_LINES_MAX = 100 };

const char *rules_directory(void)
{
	const char *directory = getenv("MINATO_RULES_DIRECTORY");
	return directory != NULL && directory[0] == '/' ? directory : MINATO_RULES_DIRECTORY;
}

usec_t rules_day_end(int32_t day)
{
	/* mktime brings the date and the hour that summer time moved into order. */
	struct tm local = { .tm_year = 70, .tm_mday = day + 2, .tm_isdst = -1 };
	time_t end = mktime(&local);
	return end == (time_t)-1 ? (day + (usec_t)1) * USEC_PER_DAY : (usec_t)end * USEC_PER_SEC;
}

struct enforce_environment rules_environment(const struct context *context)
{
	return (struct enforce_environment){ .now = context->now, .day_end = rules_day_end };
}

static int complain_of(const struct context *context, const struct err *e, int r)
{
	const char *next = NULL;
	if (r == -ENOPKG) {
		next = "sudo apt-get install libnftables1";
	} else if (r == -EBUSY) {
		next = "minato plan";
	}
	complain(context, err_text(e), next);
	return r == -EPERM || r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* The record may be missing where nothing was ever applied; without root the kernel is not asked.
 */
static int open_both(struct rules *rules, bool change, struct err *e)
{
	int r = enforce_states_open(&rules->states, rules_directory(), change, e);
	rules->recorded = r == 0;
	if (r == -ENOENT && !change) {
		*e = ERR_INIT;
		r = 0;
	}
	if (r < 0) {
		return r;
	}
	r = enforce_status(&rules->status, e);
	rules->verified = r == 0;
	if (r == -EPERM && !change && geteuid() != 0) {
		*e = ERR_INIT;
		r = 0;
	}
	return r;
}

/* The number of the rules that hold, by the kernel or else by the record; 0 = none. */
static unsigned number_before(const struct rules *rules)
{
	if (rules->verified) {
		return rules->status.confirmed;
	}
	const struct enforce_state *state =
		rules->recorded ? enforce_states_confirmed(&rules->states) : NULL;
	return state == NULL ? 0 : state->number;
}

static int find_before(struct rules *rules, struct err *e)
{
	const unsigned number = number_before(rules);
	rules->missing = rules->verified && number == 0 && rules->recorded &&
			 enforce_states_confirmed(&rules->states) != NULL;
	if (number == 0) {
		return 0;
	}
	if (!rules->recorded) {
		return err_set(e, ENOENT,
			       "the kernel has rules of minato (state %u) that %s does not know",
			       number, rules_directory());
	}
	int r = enforce_states_policy(&rules->before, &rules->states, number, e);
	rules->ruled = r == 0;
	return r;
}

int rules_open(struct rules *out, const struct context *context, bool change)
{
	*out = (struct rules){ .states = { .directory = -1, .lock = -1 },
			       .drift = STR_INIT(1 << 24) };
	inventory_init(&out->inventory, 0);
	if (change && geteuid() != 0) {
		complain(context, _("changing the rules of the packet filter needs root"),
			 "sudo minato apply");
		return EXIT_RIGHTS;
	}
	struct err e = ERR_INIT;
	int r = open_both(out, change, &e);
	if (r == 0 && change) {
		r = rules_settle(out, context->now, &e);
	}
	if (r == 0) {
		r = find_before(out, &e);
	}
	return r < 0 ? complain_of(context, &e, r) : EXIT_IN_ORDER;
}

void rules_close(struct rules *rules)
{
	enforce_states_close(&rules->states);
	judgement_deinit(&rules->wanted);
	policy_deinit(&rules->before);
	str_deinit(&rules->drift);
	enforce_changes_deinit(&rules->changes);
	inventory_deinit(&rules->inventory);
}

const struct policy *rules_before(const struct rules *rules)
{
	return rules->ruled ? &rules->before : NULL;
}

bool rules_differ(const struct rules *rules)
{
	return enforce_changes_any(&rules->changes) || rules->missing || rules->drift.length > 0 ||
	       (rules->verified && rules->status.confirmed == 0) ||
	       (rules->ruled && rules->verified && !rules->status.framed);
}

/* ---- what another tool did to our table ---- */

/* Where that line stands in the text; NULL. */
static const char *find_line(const char *text, const char *line, size_t length)
{
	while (*text != '\0') {
		const size_t other = strcspn(text, "\n");
		if (other == length && strncmp(text, line, length) == 0) {
			return text;
		}
		text += other + (text[other] == '\n');
	}
	return NULL;
}

/* The lines of `a` that `b` does not have, each marked. Both are in nft's order. */
static void add_missing(struct str *out, const char *a, const char *b, char mark)
{
	for (unsigned told = 0; *a != '\0' && told < DRIFT_LINES_MAX;) {
		const size_t length = strcspn(a, "\n");
		const char *found = find_line(b, a, length);
		if (found == NULL) {
			(void)str_printf(out, "%c %.*s\n", mark, (int)length, a);
			told++;
		} else {
			b = found + length + (found[length] == '\n');
		}
		a += length + (a[length] == '\n');
	}
}

static int find_drift(struct rules *rules, struct err *e)
{
	uint32_t id = 0;
	if (!rules->ruled || !rules->verified ||
	    (enforce_ruleset_id(&id, NULL) == 0 &&
	     enforce_states_unchanged(&rules->states, rules->status.confirmed, id))) {
		return 0;
	}
	struct str now = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	struct str then = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	int r = enforce_states_listing(&then, &rules->states, rules->status.confirmed, NULL);
	bool kept = r == 0;
	r = r == -ENOENT ? 0 : r;
	if (kept) {
		r = enforce_listing(&now, rules->status.confirmed, e);
	}
	if (r == 0 && kept && strcmp(str_text(&now), str_text(&then)) != 0) {
		add_missing(&rules->drift, str_text(&now), str_text(&then), '+');
		add_missing(&rules->drift, str_text(&then), str_text(&now), '-');
	}
	str_deinit(&now);
	str_deinit(&then);
	return r;
}

int rules_compare(struct rules *rules, const struct context *context)
{
	int code = judge_policy(&rules->wanted, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (!rules->wanted.declared) {
		complain(context, _("there is no policy yet"), "minato init");
		return EXIT_ERROR;
	}
	struct err e = ERR_INIT;
	const struct enforce_environment environment = rules_environment(context);
	int r = enforce_changes(&rules->changes, rules_before(rules), &rules->wanted.policy,
				&environment, &e);
	if (r == 0) {
		r = find_drift(rules, &e);
	}
	return r < 0 ? complain_of(context, &e, r) : EXIT_IN_ORDER;
}

int rules_look(struct rules *rules, const struct context *context)
{
	inventory_deinit(&rules->inventory);
	int code =
		look_or_complain(&rules->inventory, context, OBSERVE_OWNERS | OBSERVE_CONNECTIONS);
	rules->looked = code == EXIT_IN_ORDER;
	if (!rules->looked) {
		inventory_init(&rules->inventory, 0);
		return code;
	}
	login_find(&rules->login, &rules->inventory);
	return EXIT_IN_ORDER;
}

void rules_order(struct enforce_state *out, const struct rules *rules,
		 const struct context *context, unsigned number, const char *command,
		 const char *summary)
{
	*out = (struct enforce_state){ .number = number,
				       .kind = ENFORCE_PENDING,
				       .applied = context->now,
				       .applied_boot = clock_now() - clock_boot_offset(),
				       .by = rules->login.who,
				       .from = rules->login.from,
				       .command = command,
				       .summary = summary };
}
