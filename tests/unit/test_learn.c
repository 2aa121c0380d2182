/* learn: the scenes of data/lessons.yaml, and which of their lines stand. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "learn/learn.h"

static const struct learn_scene *scene(size_t index)
{
	size_t count = 0;
	const struct learn_scene *scenes = learn_scenes(&count);
	assert_true(index < count);
	return &scenes[index];
}

/* Every fact known, as its own name. */
static struct learn_facts all_known(void)
{
	struct learn_facts facts = { 0 };
	for (int fact = LEARN_NONE + 1; fact < LEARN_FACTS; fact++) {
		facts.value[fact] = learn_fact_name((enum learn_fact)fact);
	}
	return facts;
}

static void every_scene_is_whole(void **state)
{
	size_t count = 0;
	const struct learn_scene *scenes = learn_scenes(&count);
	(void)state;
	assert_true(count >= 5);
	for (size_t i = 0; i < count; i++) {
		size_t right = 0;
		size_t figures = 0;
		for (size_t k = 0; k < LEARN_ANSWERS; k++) {
			right += scenes[i].answers[k].right;
			assert_true(strlen(scenes[i].answers[k].why.ja) > 0);
		}
		for (size_t k = 0; k < scenes[i].line_count; k++) {
			figures += scenes[i].lines[k].kind == LEARN_FIGURE;
		}
		assert_int_equal(right, 1);
		assert_true(figures >= 1);
		assert_true(scenes[i].try_count >= 1);
	}
}

static void no_brace_is_left_when_all_is_known(void **state)
{
	size_t count = 0;
	const struct learn_scene *scenes = learn_scenes(&count);
	const struct learn_facts facts = all_known();
	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < scenes[i].line_count; k++) {
			struct str en = STR_INIT(4096);
			struct str ja = STR_INIT(4096);
			const struct learn_line *line = &scenes[i].lines[k];
			assert_int_equal(learn_line_fill(&en, line, &facts, LANGUAGE_EN), 0);
			assert_int_equal(learn_line_fill(&ja, line, &facts, LANGUAGE_JA), 0);
			assert_null(strpbrk(str_text(&en), "{}"));
			assert_null(strpbrk(str_text(&ja), "{}"));
			str_deinit(&en);
			str_deinit(&ja);
		}
	}
}

static void facts_fill_their_places(void **state)
{
	struct learn_facts facts = { 0 };
	struct str out = STR_INIT(256);
	const struct learn_line line = { .kind = LEARN_SAY,
					 .text = { "{host}: {tried_port}, {host}", "{host}" } };
	(void)state;
	facts.value[LEARN_HOST] = "{host}"; /* what is filled in is not looked at again */
	facts.value[LEARN_TRIED_PORT] = "80";
	assert_int_equal(learn_line_fill(&out, &line, &facts, LANGUAGE_EN), 0);
	assert_string_equal(str_text(&out), "{host}: 80, {host}");
	str_deinit(&out);
}

static void a_line_stands_only_where_its_facts_are_known(void **state)
{
	struct learn_facts facts = { 0 };
	struct learn_line line = { .kind = LEARN_SAY, .text = { "{host}", "{host}" } };
	(void)state;
	assert_false(learn_line_stands(&line, &facts));
	facts.value[LEARN_HOST] = "x";
	assert_true(learn_line_stands(&line, &facts));
	line.when = LEARN_LISTENERS;
	assert_false(learn_line_stands(&line, &facts));
	facts.value[LEARN_LISTENERS] = "1";
	assert_true(learn_line_stands(&line, &facts));
	line.unless = LEARN_LISTENERS;
	assert_false(learn_line_stands(&line, &facts));
}

static void with_nothing_known_every_scene_still_says_something(void **state)
{
	const struct learn_facts none = { 0 };
	size_t count = 0;
	(void)learn_scenes(&count);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		size_t standing = 0;
		for (size_t k = 0; k < scene(i)->line_count; k++) {
			standing += learn_line_stands(&scene(i)->lines[k], &none);
		}
		assert_true(standing >= 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scene_is_whole),
		cmocka_unit_test(no_brace_is_left_when_all_is_known),
		cmocka_unit_test(facts_fill_their_places),
		cmocka_unit_test(a_line_stands_only_where_its_facts_are_known),
		cmocka_unit_test(with_nothing_known_every_scene_still_says_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
