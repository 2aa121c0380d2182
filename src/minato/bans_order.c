/* An order about a ban: to the daemon's keeper, or done at once where no daemon runs. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "bans.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "control.h"
#include "look.h"
#include "rules.h"
#include "words.h"

enum { ANSWER_SECONDS = 10 };

static const char *why_words(uint64_t why)
{
	static const char *const words[DEFEND_WHYS] = {
		[DEFEND_WHY_BLIND] = N_("refused: this host's own people could not be read"),
		[DEFEND_WHY_NOBODY] = N_("refused: nobody has that address, or too many do"),
		[DEFEND_WHY_OWN] = N_("refused: that is an address of this host"),
		[DEFEND_WHY_GATEWAY] = N_("refused: that is a gateway of this host"),
		[DEFEND_WHY_DNS] = N_("refused: that is a name server of this host"),
		[DEFEND_WHY_ADMIN] = N_("refused: somebody is logged in from there"),
		[DEFEND_WHY_NEVER] = N_("refused: never: or never_cut: of the policy names it"),
		[DEFEND_WHY_FULL] = N_("refused: there are too many bans already"),
	};
	return why < DEFEND_WHYS && words[why] != NULL ? _(words[why]) : _("refused");
}

/* ---- the daemon ---- */

/* @return 0; -ENOENT no daemon runs; -ETIMEDOUT; -ECONNRESET. */
static int ask_daemon(char answer[BANS_ANSWER_BYTES], const struct bans_order *order)
{
	char text[BANS_ORDER_BYTES];
	const int length = bans_order_write(text, order);
	if (length < 0) {
		return length;
	}
	const ssize_t r = control_order(answer, BANS_ANSWER_BYTES, text, -1, ANSWER_SECONDS);
	return r > 0                        ? 0
	       : r == 0 || r == -ECONNRESET ? -ECONNRESET
	       : r == -ETIMEDOUT            ? -ETIMEDOUT
					    : -ENOENT;
}

/* ---- without a daemon ---- */

/* That of the rules that hold: without one nobody is named in it. */
static void read_policy(struct policy *out)
{
	struct enforce_states states = { .directory = -1, .lock = -1 };
	if (enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		const struct enforce_state *state = enforce_states_confirmed(&states);
		if (state != NULL) {
			(void)enforce_states_policy(out, &states, state->number, NULL);
		}
	}
	enforce_states_close(&states);
}

/* @return 0 it is held; -ENOENT no tap is loaded. */
static int tell_kernel(const struct bans_order *order, const struct defend_ban *ban,
		       const struct policy *policy, const struct defend_facts *facts, struct err *e)
{
	const struct tap_place place = bans_tap_place();
	const struct tap_ban held = bans_for_kernel(ban);
	struct tap *tap = NULL;
	int r = tap_open(&tap, &place, NULL);
	if (r < 0) {
		return -ENOENT;
	}
	if (order->remove) {
		r = tap_bans_remove(tap, &order->prefix, e);
		r = r == -ENOENT ? 0 : r;
	} else {
		r = bans_spare(tap, policy, facts, e);
		r = r < 0 ? r : tap_bans_set(tap, &held, 1, e);
	}
	tap = tap_free(tap);
	return r;
}

static int change_record(struct defend_ban *ban, const struct bans_order *order,
			 const struct policy *policy, const struct defend_facts *facts,
			 struct err *e)
{
	struct defend_file file = DEFEND_FILE_INIT;
	struct defend_table table = { 0 };
	struct defend_stamp now;
	int r = defend_stamp_now(&now, e);
	r = r < 0 ? r : defend_file_open(&file, rules_directory(), true, e);
	if (r == 0) {
		r = defend_file_read(&table, &file, &now, e);
	}
	if (r == 0) {
		r = bans_order_do(ban, &table, order, policy, facts, &now);
	}
	if (r == 0) {
		r = defend_file_write(&file, &table, &now, e);
	}
	defend_file_close(&file);
	defend_table_deinit(&table);
	return r;
}

/* The same answers as the keeper's. @return 0; negative errno of a fault. */
static int do_it(char answer[BANS_ANSWER_BYTES], const struct bans_order *order, bool *held)
{
	struct policy policy = { 0 };
	struct defend_facts facts = { 0 };
	struct defend_ban ban = { 0 };
	struct err e = ERR_INIT;
	read_policy(&policy);
	(void)bans_read_facts(&facts, 0, NULL); /* not complete: then it is refused */
	int r = change_record(&ban, order, &policy, &facts, &e);
	if (r == 0) {
		const int told = tell_kernel(order, &ban, &policy, &facts, &e);
		*held = told == 0;
		r = told == -ENOENT ? 0 : told;
	}
	bans_answer(answer, r, &e);
	policy_deinit(&policy);
	defend_facts_deinit(&facts);
	return r < 0 ? r : 0;
}

/* ---- what came of it ---- */

/* @param fault_here  negative errno of what was done here, 0 = none, or the daemon did it. */
static int tell(const struct context *context, const struct bans_order *order, const char *answer,
		bool held, int fault_here)
{
	static const char fault[] = "fault ";
	static const char why[] = "why ";
	uint64_t number = 0;
	char prefix[PREFIX_TEXT_BYTES];
	char left[SPAN_TEXT_BYTES];
	struct str text = STR_INIT(4096);
	prefix_format(&order->prefix, prefix);
	if (strcmp(answer, "done") != 0) {
		if (strcmp(answer, "none") == 0) {
			str_printf(&text, _("%s is not kept out"), prefix);
		} else if (str_starts(answer, why)) {
			(void)parse_u64(&number, answer + strlen(why), 0, UINT32_MAX);
			str_printf(&text, "%s: %s", prefix, why_words(number));
		} else {
			str_add(&text, str_starts(answer, fault) ? answer + strlen(fault) : answer);
		}
		char next[2 * PATH_MAX + 64];
		bans_record_next(next, sizeof(next), fault_here);
		complain(context, str_text(&text), next[0] != '\0' ? next : "minato bans");
		str_deinit(&text);
		return EXIT_ERROR;
	}
	if (order->remove) {
		str_printf(&text, _("%s is let in again\n"), prefix);
	} else {
		str_printf(&text, _("%s: %s for %s\n"), prefix, bans_verdict_words(order->verdict),
			   span_format(order->span, left));
		if (!held) {
			str_add(&text, _("no daemon runs that could hold it: it counts from when "
					 "minatod is started\n"));
		}
	}
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

int bans_order(const struct context *context, const struct bans_order *order)
{
	char answer[BANS_ANSWER_BYTES] = "";
	bool held = true;
	int fault = 0;
	int r = ask_daemon(answer, order);
	if (r == -ENOENT) {
		fault = do_it(answer, order, &held);
	} else if (r < 0) {
		struct err e = ERR_INIT;
		(void)err_system(&e, r, _("the daemon did not answer"));
		complain(context, err_text(&e), "minato status");
		return EXIT_ERROR;
	}
	return tell(context, order, answer, held, fault);
}
