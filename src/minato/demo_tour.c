/* The tour of a harbour: step by step, what to type, why, and whether it shows what it should. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/io/run.h"
#include "demo.h"
#include "words.h"

enum {
	SHOWN_MAX_BYTES = 1 << 20,
	LINE_BYTES = 1024,
};

static const struct timespec A_MOMENT = { .tv_nsec = 500L * 1000 * 1000 };

struct tour {
	struct harbour_world *world;
	const struct context *context;
	bool asks; /* somebody sits at a terminal and types */
};

/* ---- words ---- */

static void say(const struct tour *tour, enum ink ink, const char *text)
{
	struct str out = STR_INIT(1 << 16);
	const struct style *style = &tour->context->out_style;
	str_add(&out, style_ink(style, ink));
	text_wrap(&out, text, tour->context->columns, 0);
	str_printf(&out, "%s\n", style_ink(style, INK_PLAIN));
	(void)print_text(&out); /* a closed pipe ends the next program */
	str_deinit(&out);
}

static const char *in(const struct tour *tour, struct text text)
{
	return text_in(text, tour->context->language);
}

static void introduce(const struct tour *tour, const struct harbour_step *step, size_t number)
{
	char line[LINE_BYTES];
	if (step->title.en != NULL) {
		(void)snprintf(line, sizeof(line), "%s%zu. %s", number > 1 ? "\n" : "", number,
			       in(tour, step->title));
		say(tour, INK_BOLD, line);
	}
	(void)printf("\n");
	say(tour, INK_PLAIN, in(tour, step->why));
	(void)printf("\n");
}

/* ---- one command ---- */

static pid_t start(const struct tour *tour, const struct harbour_step *step, const char *line,
		   const int fds[3])
{
	const char *const words[] = { "sh", "-c", line, NULL };
	return step->at == harbour_of(tour->world)->host
		       ? demo_login_start(tour->world, line, fds)
		       : harbour_start(tour->world, step->at, words, fds);
}

/* Runs it, shows what it prints, and keeps that. @return its exit code. */
static int type(struct str *shown, const struct tour *tour, const struct harbour_step *step,
		const char *line)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		return EXIT_ERROR;
	}
	_cleanup_(close_fdp) int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int fds[] = { nothing, ends[1], ends[1] };
	const pid_t child = start(tour, step, line, fds);
	close_fdp(&ends[1]);
	/* Of many only the last one is shown. */
	const int code = demo_collect(shown, ends[0], child, step->within == 0);
	return code < 0 ? EXIT_ERROR : code;
}

static bool shows_all(const struct tour *tour, const struct harbour_step *step, const char *text)
{
	for (uint32_t i = 0; i < step->shown_count; i++) {
		if (strstr(text, in(tour, step->shows[i])) == NULL) {
			return false;
		}
	}
	return true;
}

static void complain_of_step(const struct tour *tour, const struct harbour_step *step,
			     const char *text, int code)
{
	struct str sentence = STR_INIT(8192);
	if (code != (int)step->code) {
		str_printf(&sentence, _("this step ended with exit code %d, not %u: %s"), code,
			   step->code, step->type);
	} else {
		uint32_t i = 0;
		while (strstr(text, in(tour, step->shows[i])) != NULL) {
			i++;
		}
		str_printf(&sentence, _("this step did not show \"%s\": %s"),
			   in(tour, step->shows[i]), step->type);
	}
	complain(tour->context, str_text(&sentence), NULL);
	str_deinit(&sentence);
}

/* Types it, again within its time where what it waits for comes by itself. @return whether it
 * showed what it should. */
static bool carry_out(const struct tour *tour, const struct harbour_step *step)
{
	const usec_t until = clock_monotonic() + (usec_t)step->within * USEC_PER_SEC;
	struct str shown = STR_INIT(SHOWN_MAX_BYTES);
	int code = type(&shown, tour, step, step->type);
	bool good = code == (int)step->code && shows_all(tour, step, str_text(&shown));
	while (!good && clock_monotonic() < until) {
		(void)nanosleep(&A_MOMENT, NULL);
		str_clear(&shown);
		code = type(&shown, tour, step, step->type);
		good = code == (int)step->code && shows_all(tour, step, str_text(&shown));
	}
	if (step->within > 0) {
		(void)print_text(&shown); /* a closed pipe ends the next program */
	}
	if (!good) {
		complain_of_step(tour, step, str_text(&shown), code);
	}
	str_deinit(&shown);
	return good;
}

/* ---- the reader ---- */

enum reply { REPLY_STEP, REPLY_OTHER, REPLY_QUIT };

static enum reply judge(char *line, const char *wanted)
{
	char *begin = line + strspn(line, " \t");
	size_t length = strlen(begin);
	while (length > 0 && isspace((unsigned char)begin[length - 1])) {
		begin[--length] = '\0';
	}
	(void)memmove(line, begin, length + 1);
	if (strcmp(line, "q") == 0 || strcmp(line, "quit") == 0 || strcmp(line, "exit") == 0) {
		return REPLY_QUIT;
	}
	return line[0] == '\0' || strcmp(line, wanted) == 0 ? REPLY_STEP : REPLY_OTHER;
}

/* Until the step is typed, by hand or by Enter. Anything else is done too. @return whether to go
 * on. */
static bool let_type(const struct tour *tour, const struct harbour_step *step)
{
	static char line[LINE_BYTES];
	const struct style *style = &tour->context->out_style;
	for (;;) {
		(void)printf(_("type: %s%s%s   (Enter types it for you, q ends)\n$ "),
			     style_ink(style, INK_BOLD), step->type, style_ink(style, INK_PLAIN));
		(void)fflush(stdout);
		const enum reply reply = fgets(line, sizeof(line), stdin) == NULL
						 ? REPLY_QUIT
						 : judge(line, step->type);
		if (reply != REPLY_OTHER) {
			return reply == REPLY_STEP;
		}
		(void)demo_login(tour->world, line); /* what it says it says itself */
	}
}

/* ---- all steps ---- */

static bool take_step(const struct tour *tour, const struct harbour_step *step)
{
	if (!tour->asks) {
		(void)printf("$ %s\n", step->type);
		(void)fflush(stdout);
	}
	const bool good = carry_out(tour, step);
	if (good && step->see.en != NULL) {
		(void)printf("\n");
		say(tour, INK_GOOD, in(tour, step->see));
	}
	return good;
}

int demo_tour(struct harbour_world *world, void *data)
{
	const struct context *context = ((struct demo *)data)->context;
	const struct harbour *harbour = harbour_of(world);
	const struct tour tour = { world, context,
				   context->out_terminal && isatty(STDIN_FILENO) == 1 };
	size_t number = 0;
	int code = demo_draw(world, context);
	for (uint32_t i = 0; code == EXIT_IN_ORDER && i < harbour->step_count; i++) {
		const struct harbour_step *step = &harbour->steps[i];
		number += step->title.en != NULL;
		introduce(&tour, step, number);
		if (tour.asks && !let_type(&tour, step)) {
			return EXIT_IN_ORDER;
		}
		/* A reader who tried something else has another world than the step expects. */
		code = take_step(&tour, step) || tour.asks ? EXIT_IN_ORDER : EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		(void)printf("\n");
		say(&tour, INK_BOLD,
		    _("That was the tour. minato demo --shell is the same harbour, to do in what "
		      "you like."));
	}
	return code;
}
