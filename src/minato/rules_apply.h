/* From a compared pair of policies to rules in the kernel: the way that every change goes. */
#pragma once

#include "rules.h"

/* The help of --keep-names. */
#define KEEP_NAMES_HELP                                                                            \
	N_("host names of who: stand for what they did in the rules that hold; nobody is asked")

enum { APPLY_SECONDS = 60, APPLY_SECONDS_MIN = 10, APPLY_SECONDS_MAX = 3600 };

struct apply {
	unsigned seconds;      /* until the kernel takes unconfirmed rules back */
	bool even_if;          /* also when it cuts the caller or a never_cut one */
	bool unproven;         /* without asking the twin */
	bool brief;            /* the twin is asked above all for what changes, where little does */
	bool refuse_disproved; /* when the twin shows that other rules contradict the policy */
	bool keep_names;       /* host names are not asked for */
	bool at_once;          /* holds without being tried: the caller knows that nobody needs what
				* goes */
	bool hold;           /* returns while it is tried: the caller has a proof, see rules_keep */
	const char *command; /* what was typed, for the record */
};

/*
 * Shows what changes, refuses what would lock out, tries it with the kernel's time limit, and asks
 * for confirmation where a terminal of this machine is at hand. Changes that only let more in are
 * confirmed at once.
 * @param rules opened for change, compared and looked. @return an exit code.
 */
int rules_apply(struct rules *rules, const struct context *context, const struct apply *apply);

/*
 * The same for the policy file, from opening the record to closing it.
 * @param known   a policy that is likely the one that holds; NULL = none.
 * @param wanted  what the file reads as, taken over; NULL = it is read.
 * @return an exit code.
 */
int rules_apply_policy(const struct context *context, const struct apply *apply,
		       const struct policy *known, struct policy *wanted);

/* Keeps what rules_apply() with `hold` tries; nothing when nothing had to be tried. @return an exit
 * code. */
int rules_keep(struct rules *rules, const struct context *context);

/* Asks for one key on the terminal, without Return. What was typed before does not count.
 * @param question to print. @return it; 0 when the time is over or there is no terminal. */
char rules_ask_key(const char *question, unsigned seconds);

/* Ends the candidate, of that number, at once, and writes it down. @return 0 or negative errno. */
int rules_cancel(struct rules *rules, const struct context *context, unsigned number,
		 struct err *e);

/*
 * Confirms the candidate when the login proves that one still gets in. @return an exit code.
 * @param rules opened for change and looked.
 */
int rules_confirm(struct rules *rules, const struct context *context);
