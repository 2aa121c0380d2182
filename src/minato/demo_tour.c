/* The tour: what to type, why, and what to see. Without a terminal it types by itself. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "demo.h"
#include "words.h"

enum {
	LINE_BYTES = 4096,
	SHOWN_BYTES_MAX = 4 << 20,
	TEXT_BYTES_MAX = 1 << 16,
	AGAIN_MS = 300, /* between two tries of what needs a while */
};

struct tour {
	const struct context *context;
	struct harbour_world *world;
	const struct harbour *harbour;
	bool led; /* nobody types */
};

enum move { MOVE_ON, MOVE_STAY, MOVE_BACK, MOVE_END };

/* ---- texts ---- */

static const char *ink(const struct tour *tour, enum ink ink)
{
	return style_ink(&tour->context->out_style, ink);
}

static const char *in(const struct tour *tour, struct text text)
{
	const char *words = text_in(text, tour->context->language);
	return words == NULL ? "" : words;
}

static void print(struct str *text)
{
	(void)print_text(text); /* a reader who left does not see that he did */
	str_deinit(text);
}

static void print_wrapped(const struct tour *tour, enum ink colour, const char *words)
{
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	if (words[0] == '\0') {
		return;
	}
	str_add(&text, ink(tour, colour));
	text_wrap(&text, words, tour->context->columns, 0);
	str_printf(&text, "%s\n", ink(tour, INK_PLAIN));
	print(&text);
}

/* Which chapter a step belongs to, from 1, or with the last step how many there are. */
static unsigned chapter_of(const struct harbour *harbour, uint32_t step)
{
	unsigned chapter = 0;
	for (uint32_t i = 0; i <= step; i++) {
		chapter += harbour->steps[i].title.en != NULL ? 1 : 0;
	}
	return chapter;
}

static void print_step(const struct tour *tour, uint32_t number)
{
	const struct harbour_step *step = &tour->harbour->steps[number];
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	if (step->title.en != NULL) {
		str_printf(&text, "\n%s%u/%u  %s%s\n", ink(tour, INK_BOLD),
			   chapter_of(tour->harbour, number),
			   chapter_of(tour->harbour, tour->harbour->step_count - 1),
			   in(tour, step->title), ink(tour, INK_PLAIN));
	}
	str_add(&text, "\n");
	print(&text);
	print_wrapped(tour, INK_PLAIN, in(tour, step->why));
	if (!tour->led) {
		text = STR_INIT(TEXT_BYTES_MAX);
		str_printf(&text, "  %s%s%s\n", ink(tour, INK_NOTE), step->type,
			   ink(tour, INK_PLAIN));
		print(&text);
	}
}

static void print_prompt(const struct tour *tour, const struct harbour_step *step)
{
	struct str text = STR_INIT(TEXT_BYTES_MAX);
	str_printf(&text, "%s%s$%s ", ink(tour, INK_BOLD), tour->harbour->machines[step->at].name,
		   ink(tour, INK_PLAIN));
	if (tour->led) {
		str_printf(&text, "%s\n", step->type);
	}
	print(&text);
}

/* ---- typing ---- */

/* On the host in a login of its own, so that each is a new one. */
static int type_line(const struct tour *tour, uint32_t machine, const char *line, bool quiet,
		     struct str *shown)
{
	const struct harbour *harbour = tour->harbour;
	const char *const login[] = { "ssh", harbour->machines[harbour->host].name, line, NULL };
	const char *const here[] = { "sh", "-c", line, NULL };
	const bool far = machine == harbour->host && demo_has_login(harbour);
	str_clear(shown);
	return demo_captured(shown, quiet, tour->world, far ? harbour->desk : machine,
			     far ? login : here);
}

/* @return whether it showed what it should; else `why` says what it lacks. */
static bool judge(struct str *why, const struct tour *tour, const struct harbour_step *step,
		  int code, const struct str *shown)
{
	for (uint32_t i = 0; i < step->shown_count; i++) {
		if (!demo_has(str_text(shown), in(tour, step->shows[i]))) {
			str_printf(why, _("this step did not show \"%s\": %s"),
				   in(tour, step->shows[i]), step->type);
			return false;
		}
	}
	if (code != (int)step->code) {
		str_printf(why, _("this step ended with exit code %d, not %u: %s"), code,
			   step->code, step->type);
	}
	return code == (int)step->code;
}

/* What needs a while is tried unseen, and shown when it is so, or when time is up. */
static bool do_step(struct str *why, const struct tour *tour, const struct harbour_step *step)
{
	struct str shown = STR_INIT(SHOWN_BYTES_MAX);
	const usec_t until = clock_monotonic() + step->within * USEC_PER_SEC;
	const bool wait = step->within > 0;
	bool good = false;
	for (;;) {
		const int code = type_line(tour, step->at, step->type, wait, &shown);
		str_clear(why);
		good = judge(why, tour, step, code, &shown);
		if (!wait || good || clock_monotonic() >= until) {
			break;
		}
		(void)poll(NULL, 0, AGAIN_MS);
	}
	if (wait) {
		(void)print_text(&shown); /* a reader may have left */
	}
	str_deinit(&shown);
	return good;
}

static enum move do_suggested(const struct tour *tour, const struct harbour_step *step)
{
	struct str why = STR_INIT(TEXT_BYTES_MAX);
	const bool good = do_step(&why, tour, step);
	if (!good) {
		complain(tour->context, str_text(&why), NULL);
	} else if (step->see.en != NULL) {
		(void)fputs("\n", stdout);
		print_wrapped(tour, INK_GOOD, in(tour, step->see));
	}
	str_deinit(&why);
	return good ? MOVE_ON : tour->led ? MOVE_END : MOVE_STAY;
}

static enum move do_typed(const struct tour *tour, const struct harbour_step *step,
			  const char *line)
{
	struct str shown = STR_INIT(SHOWN_BYTES_MAX);
	(void)type_line(tour, step->at, line, false, &shown); /* whatever comes of it is seen */
	str_deinit(&shown);
	return MOVE_STAY;
}

/* ---- keys ---- */

static enum move take_line(const struct tour *tour, const struct harbour_step *step)
{
	char line[LINE_BYTES];
	if (fgets(line, sizeof(line), stdin) == NULL) {
		return MOVE_END;
	}
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0' || strcmp(line, step->type) == 0) {
		return do_suggested(tour, step);
	}
	if (strcmp(line, "q") == 0 || strcmp(line, "exit") == 0) {
		return MOVE_END;
	}
	if (strcmp(line, "b") == 0) {
		return MOVE_BACK;
	}
	return strcmp(line, "n") == 0 ? MOVE_ON : do_typed(tour, step, line);
}

static enum move walk_step(const struct tour *tour, uint32_t number)
{
	const struct harbour_step *step = &tour->harbour->steps[number];
	enum move move = MOVE_STAY;
	print_step(tour, number);
	if (tour->led) {
		print_prompt(tour, step);
		return do_suggested(tour, step);
	}
	while (move == MOVE_STAY) {
		print_prompt(tour, step);
		move = take_line(tour, step);
	}
	return move;
}

int demo_tour(struct harbour_world *world, void *data)
{
	const struct context *context = ((struct demo *)data)->context;
	const struct harbour *harbour = harbour_of(world);
	const struct tour tour = { .context = context,
				   .world = world,
				   .harbour = harbour,
				   .led = isatty(STDIN_FILENO) != 1 };
	uint32_t step = 0;
	(void)demo_draw(world, context); /* the steps can be read without it */
	if (!tour.led) {
		print_wrapped(&tour, INK_PLAIN,
			      _("Enter types the line for you. Whatever else you type is done too. "
				"b goes back, n goes on without doing it, q ends."));
	}
	while (step < harbour->step_count) {
		const enum move move = walk_step(&tour, step);
		if (move == MOVE_END) {
			return tour.led ? EXIT_ERROR : EXIT_IN_ORDER;
		}
		step = move == MOVE_BACK ? step - (step > 0 ? 1 : 0) : step + 1;
	}
	(void)fputs("\n", stdout);
	print_wrapped(&tour, INK_BOLD,
		      _("That was the tour. minato demo --shell is the same harbour, to do in what "
			"you like."));
	return EXIT_IN_ORDER;
}
