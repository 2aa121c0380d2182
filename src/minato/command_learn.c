/* minato learn: ports in ten minutes, shown on this very host. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "learn.h"
#include "words.h"

enum { LEARN_MAX_BYTES = 1 << 20 };

struct config {
	bool all;
	const char *svg; /* directory; NULL = none */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "all", 'a', OPTION_FLAG, FIELD(all), NULL, N_("print every scene, quizzes answered") },
	{ "svg", 0, OPTION_STRING, FIELD(svg), "DIRECTORY",
	  N_("write the figures of this host as SVG files there") },
};

void lesson_prepare(struct lesson *lesson, const struct context *context)
{
	*lesson = (struct lesson){ .context = context };
	arena_init(&lesson->arena, LEARN_MAX_BYTES);
	inventory_init(&lesson->inventory, 0);
	lesson_know_host(lesson);
	lesson_try_two_programs(lesson);
	lesson_know_connection(lesson);
}

static void announce_harbour(const struct context *context)
{
	if (context->err_terminal) {
		(void)fputs(_("building a small harbour to show it in ...\n"), stderr);
	}
}

static void prepare_figure(struct lesson *lesson, enum learn_figure figure)
{
	if (lesson->prepared[figure]) {
		return;
	}
	lesson->prepared[figure] = true;
	if (figure == LEARN_FIGURE_TCP) { /* the one of UDP comes along */
		lesson_exchange(lesson);
	} else if (figure == LEARN_FIGURE_RISKS) {
		lesson_know_risks(lesson);
	} else if (figure == LEARN_FIGURE_NAT) {
		announce_harbour(lesson->context);
		lesson_know_nat(lesson);
	} else if (figure == LEARN_FIGURE_SCAN) {
		announce_harbour(lesson->context);
		lesson_sandbox(lesson, LEARN_FIGURE_SCAN);
	}
}

void lesson_prepare_scene(struct lesson *lesson, const struct learn_scene *scene)
{
	for (size_t i = 0; i < scene->line_count; i++) {
		prepare_figure(lesson, scene->lines[i].figure);
	}
}

void lesson_deinit(struct lesson *lesson)
{
	str_deinit(&lesson->tcp.text);
	str_deinit(&lesson->tcp.svg);
	str_deinit(&lesson->udp.text);
	str_deinit(&lesson->udp.svg);
	vec_free(&lesson->risks);
	inventory_deinit(&lesson->inventory);
	arena_deinit(&lesson->arena);
}

/* @return from 0; or -1 after a complaint. */
static int scene_of(const struct context *context, const char *word)
{
	size_t count = 0;
	uint64_t number = 0;
	char next[32];
	const struct learn_scene *scenes = learn_scenes(&count);
	if (parse_u64(&number, word, 1, count) == 0) {
		return (int)number - 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(scenes[i].id, word) == 0) {
			return (int)i;
		}
	}
	struct str sentence = STR_INIT(4096);
	struct str safe = STR_INIT(2048);
	text_escape(&safe, word);
	str_printf(&sentence, _("there is no scene \"%s\"; there are 1 to %zu"), str_text(&safe),
		   count);
	(void)snprintf(next, sizeof(next), "minato learn --all");
	complain(context, str_text(&sentence), next);
	str_deinit(&sentence);
	str_deinit(&safe);
	return -1;
}

static void add_answered(struct str *out, const struct lesson *lesson,
			 const struct learn_scene *scene)
{
	lesson_show_question(out, lesson, scene);
	str_add_char(out, '\n');
	for (size_t i = 0; i < LEARN_ANSWERS; i++) {
		lesson_show_answer(out, lesson, scene, i);
	}
	str_add_char(out, '\n');
}

/* Without a terminal: one scene or all of them. */
static int print_scenes(struct lesson *lesson, size_t first, size_t last)
{
	size_t count = 0;
	struct str out = STR_INIT(LEARN_MAX_BYTES);
	const struct learn_scene *scenes = learn_scenes(&count);
	for (size_t i = first; i <= last && i < count; i++) {
		lesson_prepare_scene(lesson, &scenes[i]);
		lesson_show(&out, lesson, &scenes[i], i + 1);
		add_answered(&out, lesson, &scenes[i]);
	}
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int write_figures(struct lesson *lesson, const char *directory)
{
	size_t written = 0;
	size_t scenes = 0;
	const struct learn_scene *all = learn_scenes(&scenes);
	for (size_t i = 0; i < scenes; i++) {
		lesson_prepare_scene(lesson, &all[i]);
	}
	const int code = lesson_write_figures(lesson, directory, &written);
	if (code == EXIT_IN_ORDER) {
		struct str safe = STR_INIT(8192);
		text_escape(&safe, directory);
		(void)printf(ngettext("%zu figure is in %s\n", "%zu figures are in %s\n", written),
			     written, str_text(&safe));
		str_deinit(&safe);
	}
	return code;
}

static int run(const struct context *context, const void *configuration,
	       const char *const *arguments, unsigned count)
{
	const struct config *config = configuration;
	struct lesson lesson;
	size_t scenes = 0;
	const int scene = count > 0 ? scene_of(context, arguments[0]) : 0;
	if (scene < 0) {
		return EXIT_USAGE;
	}
	(void)learn_scenes(&scenes);
	lesson_prepare(&lesson, context);
	int code = EXIT_IN_ORDER;
	if (config->svg != NULL) {
		code = write_figures(&lesson, config->svg);
	} else if (config->all) {
		code = print_scenes(&lesson, 0, scenes - 1);
	} else if (context->out_terminal && isatty(STDIN_FILENO)) {
		code = lesson_dialogue(&lesson, (size_t)scene);
	} else {
		code = print_scenes(&lesson, (size_t)scene, count > 0 ? (size_t)scene : scenes - 1);
	}
	lesson_deinit(&lesson);
	return code;
}

static const char *const examples[] = {
	"minato learn",
	N_("from the first scene on; keys lead through it"),
	"minato learn 3",
	N_("the third scene"),
	"minato learn --all",
	N_("everything, to read or print"),
	NULL,
};

const struct command command_learn = {
	.name = "learn",
	.arguments = "[SCENE]",
	.summary = N_("what ports are, in ten minutes, shown on this host"),
	.description = N_("A dialogue in scenes. Each has a figure made from this host at this "
			  "moment, something to try and a short quiz. No root, no network: packets "
			  "pass loopback alone. Without a terminal the scenes are printed with the "
			  "answers."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 1,
	.run = run,
};
