/* minato check --watch: a line for each change, and at the end how it was. */
#include <errno.h>
#include <time.h>

#include "check.h"
#include "log_rows.h"
#include "words.h"

void check_pause(uint64_t seconds)
{
	const struct timespec time = { .tv_sec = (time_t)seconds };
	(void)nanosleep(&time, NULL); /* a signal may end it, and shall */
}

int check_complain_of_crew(const struct context *context, int error)
{
	struct err e = ERR_INIT;
	(void)err_system(&e, error, "cannot start minato-probe");
	complain(context, err_text(&e), NULL);
	return EXIT_ERROR;
}

enum { SPARKS = 60 };

struct watching {
	const struct check_watch *asked_for;
	int code;
	uint64_t asked, answered;
	usec_t times[SPARKS]; /* of the last ones, in a ring; -1 = no answer */
	enum probe_cause last;
};

/* Eight heights, from the quickest to the slowest of those that are shown. */
static void add_sparks(struct str *out, const struct watching *w)
{
	static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const uint64_t count = w->asked < SPARKS ? w->asked : SPARKS;
	usec_t most = 1;
	for (uint64_t i = 0; i < count; i++) {
		most = w->times[i] > most ? w->times[i] : most;
	}
	for (uint64_t i = 0; i < count; i++) {
		const usec_t time = w->times[(w->asked - count + i) % SPARKS];
		str_add(out, time < 0 ? "x" : heights[time * 7 / most]);
	}
}

static int add_change(const struct watching *w, const struct check *check)
{
	const struct context *context = w->asked_for->context;
	struct str text = STR_INIT(1 << 12);
	char when[LOG_TIME_BYTES];
	if (w->asked > 0 && w->last == check->cause) {
		return EXIT_IN_ORDER;
	}
	str_printf(&text, "%s  ", log_local_time(check->began, when));
	check_add_target(&text, &check->target);
	str_add(&text, "  ");
	check_add_cause(&text, check, context);
	str_add_char(&text, '\n');
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int end_watching(const struct watching *w)
{
	struct str text = STR_INIT(1 << 12);
	str_printf(&text, _("%llu of %llu answered (%.1f %%)  "), (unsigned long long)w->answered,
		   (unsigned long long)w->asked,
		   w->asked == 0 ? 0.0 : 100.0 * (double)w->answered / (double)w->asked);
	add_sparks(&text, w);
	str_add_char(&text, '\n');
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* check_ask_function. */
static int ask_watched(struct check *check, const struct probe_target *target, const void *data)
{
	const struct watching *w = data;
	return w->asked_for->ask(check, target, w->asked_for->data);
}

/* check_tell_function. */
static bool tell_watched(const struct check *check, int code, void *data)
{
	struct watching *w = data;
	w->code = code == EXIT_IN_ORDER ? add_change(w, check) : code;
	if (w->code == EXIT_IN_ORDER) {
		w->times[w->asked++ % SPARKS] = check->cause == PROBE_ANSWERS ? check->took : -1;
		w->answered += check->cause == PROBE_ANSWERS;
		w->last = check->cause;
	}
	return true;
}

int check_watch(const struct check_watch *watch, const struct probe_target *target)
{
	struct watching w = { .asked_for = watch };
	const struct check_crew crew = { ask_watched, tell_watched, &w, watch->stopped };
	while (w.code == EXIT_IN_ORDER && *watch->stopped == 0) {
		int r = check_crew(&crew, target, 1);
		if (r < 0) {
			w.code = check_complain_of_crew(watch->context, r);
		}
		if (w.code == EXIT_IN_ORDER && *watch->stopped == 0) {
			check_pause(watch->every);
		}
	}
	if (w.code == EXIT_IN_ORDER) {
		w.code = end_watching(&w);
	}
	/* How it stood at the end: Ctrl-C is how a watch ends, and says nothing about it. */
	return w.code == EXIT_IN_ORDER && w.asked > 0 ? probe_cause_exit(w.last) : w.code;
}
