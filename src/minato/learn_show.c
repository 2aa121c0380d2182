/* How the scenes of the lesson look, and the dialogue at a terminal. */
#include <stdlib.h>
#include <string.h>

#include "learn.h"
#include "rules_apply.h"
#include "words.h"

enum {
	SCENE_MAX_BYTES = 1 << 18,
	WIDTH_MAX = 80, /* longer lines are hard to read */
	PAUSE_SECONDS = 3600,
	KEY_ESCAPE = 27,
	KEY_BACKSPACE = 127,
};

static size_t width(const struct lesson *lesson)
{
	const size_t columns = lesson->context->columns;
	return columns > WIDTH_MAX ? WIDTH_MAX : columns < 20 ? 20 : columns;
}

static void add_line(struct str *out, const struct lesson *lesson, const struct learn_line *line)
{
	const struct style *style = &lesson->context->out_style;
	const bool asks = line->kind == LEARN_ASK;
	struct str text = STR_INIT(1 << 14);
	(void)learn_line_fill(&text, line, &lesson->facts, lesson->context->language);
	str_printf(out, "%s%s%s ", style_ink(style, asks ? INK_NOTE : INK_GOOD), asks ? "?" : ">",
		   style_ink(style, INK_PLAIN));
	str_add(out, style_ink(style, asks ? INK_BOLD : INK_PLAIN));
	text_wrap_behind(out, str_text(&text), width(lesson), 2);
	str_printf(out, "%s\n\n", asks ? style_ink(style, INK_PLAIN) : "");
	str_deinit(&text);
}

static void add_figure(struct str *out, const struct lesson *lesson, enum learn_figure figure)
{
	struct str drawn = STR_INIT(SCENE_MAX_BYTES);
	if (lesson_figure(&drawn, lesson, figure, false) == 0 && drawn.length > 0) {
		str_add(out, str_text(&drawn));
		str_add_char(out, '\n');
	}
	str_deinit(&drawn);
}

void lesson_show(struct str *out, const struct lesson *lesson, const struct learn_scene *scene,
		 size_t number)
{
	const enum language language = lesson->context->language;
	const struct style *style = &lesson->context->out_style;
	str_printf(out, "%s%zu. %s%s\n\n", style_ink(style, INK_BOLD), number,
		   text_in(scene->title, language), style_ink(style, INK_PLAIN));
	for (size_t i = 0; i < scene->line_count; i++) {
		const struct learn_line *line = &scene->lines[i];
		if (!learn_line_stands(line, &lesson->facts)) {
			continue;
		}
		if (line->kind == LEARN_FIGURE) {
			add_figure(out, lesson, line->figure);
		} else {
			add_line(out, lesson, line);
		}
	}
	str_printf(out, "%s\n", _("Try it:"));
	for (size_t i = 0; i < scene->try_count; i++) {
		str_printf(out, "  %s%s%s  %s\n", style_ink(style, INK_BOLD),
			   scene->tries[i].command, style_ink(style, INK_PLAIN),
			   text_in(scene->tries[i].what, language));
	}
}

void lesson_show_question(struct str *out, const struct lesson *lesson,
			  const struct learn_scene *scene)
{
	const enum language language = lesson->context->language;
	const struct style *style = &lesson->context->out_style;
	str_printf(out, "\n%s", style_ink(style, INK_BOLD));
	text_wrap(out, text_in(scene->question, language), width(lesson), 0);
	str_printf(out, "%s\n", style_ink(style, INK_PLAIN));
	for (size_t i = 0; i < LEARN_ANSWERS; i++) {
		str_printf(out, "  %c  ", (char)('1' + i));
		text_wrap_behind(out, text_in(scene->answers[i].text, language), width(lesson), 5);
		str_add_char(out, '\n');
	}
}

void lesson_show_answer(struct str *out, const struct lesson *lesson,
			const struct learn_scene *scene, size_t index)
{
	const struct style *style = &lesson->context->out_style;
	const struct learn_answer *answer = &scene->answers[index];
	str_printf(out, "  %s%c%s  ", style_ink(style, answer->right ? INK_GOOD : INK_WARN),
		   (char)('1' + index), style_ink(style, INK_PLAIN));
	text_wrap_behind(out, text_in(answer->why, lesson->context->language), width(lesson), 5);
	str_add_char(out, '\n');
}

/* ---- the dialogue ---- */

enum turn { TURN_ON, TURN_BACK, TURN_QUIT };

static bool is_back(char key)
{
	return key == 'b' || key == 'B' || key == KEY_BACKSPACE || key == '\b';
}

static int say(struct str *text)
{
	const int code = print_text(text);
	str_deinit(text);
	return code;
}

/* Until the right answer is given, or somebody goes on. */
static enum turn quiz(const struct lesson *lesson, const struct learn_scene *scene)
{
	struct str question = STR_INIT(SCENE_MAX_BYTES);
	lesson_show_question(&question, lesson, scene);
	if (say(&question) != EXIT_IN_ORDER) {
		return TURN_QUIT;
	}
	for (;;) {
		const char key = rules_ask_key(_("[1-3] answer  [Enter] on  [b] back  [q] quit "),
					       PAUSE_SECONDS);
		if (key >= '1' && key < '1' + LEARN_ANSWERS) {
			struct str why = STR_INIT(SCENE_MAX_BYTES);
			lesson_show_answer(&why, lesson, scene, (size_t)(key - '1'));
			if (say(&why) != EXIT_IN_ORDER) {
				return TURN_QUIT;
			}
		} else if (is_back(key)) {
			return TURN_BACK;
		} else if (key == '\n' || key == ' ' || key == 'n') {
			return TURN_ON;
		} else if (key == 'q' || key == 'Q' || key == KEY_ESCAPE || key == 0) {
			return TURN_QUIT;
		}
	}
}

int lesson_dialogue(struct lesson *lesson, size_t first)
{
	size_t count = 0;
	const struct learn_scene *scenes = learn_scenes(&count);
	for (size_t at = first; at < count;) {
		struct str text = STR_INIT(SCENE_MAX_BYTES);
		lesson_prepare_scene(lesson, &scenes[at]);
		lesson_show(&text, lesson, &scenes[at], at + 1);
		if (say(&text) != EXIT_IN_ORDER) {
			return EXIT_ERROR;
		}
		const enum turn turn = quiz(lesson, &scenes[at]);
		if (turn == TURN_QUIT) {
			return EXIT_IN_ORDER;
		}
		at = turn == TURN_ON ? at + 1 : at > 0 ? at - 1 : 0;
	}
	return EXIT_IN_ORDER;
}
