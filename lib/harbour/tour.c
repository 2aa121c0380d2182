/* The steps of a tour. */
#include "harbour/parts.h"

struct step_reading {
	struct chart *chart;
	struct harbour_step *step;
};

static struct harbour_step *step_of(void *into)
{
	return ((struct step_reading *)into)->step;
}

static void take_title(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->title = paper_words(paper, value);
}

static void take_why(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->why = paper_words(paper, value);
}

static void take_see(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->see = paper_words(paper, value);
}

static void take_type(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->type = paper_text(paper, value);
}

static void take_at(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	step_of(into)->at = chart_machine(((struct step_reading *)into)->chart, value);
}

static void take_code(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->code = paper_number(paper, value, 0, 255);
}

static void take_within(struct paper *paper, const yaml_node_t *value, void *into)
{
	step_of(into)->within = paper_number(paper, value, 1, HARBOUR_SECONDS_MAX);
}

static void take_shown(struct paper *paper, const yaml_node_t *item, void *into)
{
	struct harbour_step *step = step_of(into);
	step->shows[step->shown_count++] = paper_words(paper, item);
}

static void take_shows(struct paper *paper, const yaml_node_t *value, void *into)
{
	paper_items(paper, value, HARBOUR_SHOWN_MAX, take_shown, into);
}

static void take_step(struct paper *paper, const yaml_node_t *item, void *into)
{
	static const struct paper_key keys[] = {
		{ "title", take_title, false },    { "why", take_why, true },
		{ "at", take_at, false },          { "type", take_type, true },
		{ "exit_code", take_code, false }, { "within_seconds", take_within, false },
		{ "shows", take_shows, true }, /* a step that shows nothing cannot fail */
		{ "see", take_see, false },
	};
	struct chart *chart = into;
	struct harbour *harbour = chart->harbour;
	struct step_reading reading = { chart, &harbour->steps[harbour->step_count++] };
	reading.step->at = harbour->host;
	paper_mapping(paper, item, keys, sizeof(keys) / sizeof(keys[0]), &reading);
}

void chart_tour(struct chart *chart)
{
	struct harbour *harbour = chart->harbour;
	harbour->steps = arena_alloc(&harbour->arena, HARBOUR_STEPS_MAX * sizeof(*harbour->steps));
	if (harbour->steps == NULL) {
		chart->paper.out_of_memory = true;
		return;
	}
	paper_items(&chart->paper, chart->tour, HARBOUR_STEPS_MAX, take_step, chart);
}
