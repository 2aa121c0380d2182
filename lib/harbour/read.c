/* A world from its file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "harbour/parts.h"

enum { ARENA_BYTES_MAX = 4 << 20, VERSION = 1 };

static void take_version(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)into;
	(void)paper_number(paper, value, VERSION, VERSION);
}

static void take_title(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct chart *)into)->harbour->title = paper_words(paper, value);
}

static void take_networks(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	((struct chart *)into)->networks = value;
}

static void take_machines(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	((struct chart *)into)->machines = value;
}

static void take_desk(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	((struct chart *)into)->desk = value;
}

static void take_tour(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	((struct chart *)into)->tour = value;
}

uint32_t chart_machine(struct chart *chart, const yaml_node_t *node)
{
	const char *names[HARBOUR_MACHINES_MAX];
	struct harbour *harbour = chart->harbour;
	const char *name = paper_name(&chart->paper, node);
	const uint32_t found = name == NULL ? harbour->machine_count : harbour_find(harbour, name);
	if (name == NULL || found < harbour->machine_count) {
		return found;
	}
	for (uint32_t i = 0; i < harbour->machine_count; i++) {
		names[i] = harbour->machines[i].name;
	}
	const char *near = text_nearest(name, names, harbour->machine_count);
	if (near != NULL) {
		paper_fault(&chart->paper, node, _("there is no machine \"%s\"; is %s meant?"),
			    name, near);
	} else {
		paper_fault(&chart->paper, node, _("there is no machine \"%s\""), name);
	}
	return found;
}

static void read_parts(struct chart *chart)
{
	static const struct paper_key keys[] = {
		{ "harbour", take_version, true },   { "title", take_title, true },
		{ "networks", take_networks, true }, { "machines", take_machines, true },
		{ "desk", take_desk, true },         { "tour", take_tour, false },
	};
	struct paper *paper = &chart->paper;
	const yaml_node_t *root = yaml_document_get_root_node(&paper->document);
	paper_mapping(paper, root, keys, sizeof(keys) / sizeof(keys[0]), chart);
	if (chart->networks != NULL && chart->machines != NULL) {
		chart_networks(chart);
		chart_machines(chart);
	}
	if (chart->desk != NULL) {
		chart->harbour->desk = chart_machine(chart, chart->desk);
	}
	if (chart->machines != NULL && !chart->host_named) {
		paper_fault(paper, chart->machines, "%s",
			    _("no machine has \"minato: yes\", so nobody would watch its ports"));
	}
	if (chart->tour != NULL) {
		chart_tour(chart);
	}
}

static void harbour_freep(struct harbour **harbour)
{
	*harbour = harbour_free(*harbour);
}

int harbour_read(struct harbour **out, struct str *faults, const char *name, const char *bytes,
		 size_t length)
{
	if (length > HARBOUR_FILE_BYTES_MAX) {
		return -EFBIG;
	}
	_cleanup_(harbour_freep) struct harbour *harbour = calloc(1, sizeof(*harbour));
	if (harbour == NULL) {
		return -ENOMEM;
	}
	arena_init(&harbour->arena, ARENA_BYTES_MAX);
	struct chart chart = {
		.paper = { .name = name,
			   .bytes = bytes,
			   .length = length,
			   .faults = faults,
			   .arena = &harbour->arena },
		.harbour = harbour,
	};
	int r = paper_open(&chart.paper);
	if (r == 0) {
		read_parts(&chart);
		paper_close(&chart.paper);
		r = chart.paper.out_of_memory || faults->error != 0 ? -ENOMEM
		    : chart.paper.fault_count > 0                   ? -EINVAL
								    : 0;
	}
	if (r == 0) {
		*out = steal(&harbour);
	}
	return r;
}

struct harbour *harbour_free(struct harbour *harbour)
{
	if (harbour != NULL) {
		arena_deinit(&harbour->arena);
		free(harbour);
	}
	return NULL;
}

uint32_t harbour_find(const struct harbour *harbour, const char *name)
{
	uint32_t i = 0;
	while (i < harbour->machine_count && strcmp(harbour->machines[i].name, name) != 0) {
		i++;
	}
	return i;
}

/* The address of `far` in a network that `near` is in too. */
static struct addr shared_address(const struct harbour_machine *near,
				  const struct harbour_machine *far)
{
	for (uint32_t i = 0; i < far->place_count; i++) {
		for (uint32_t j = 0; j < near->place_count; j++) {
			if (far->places[i].network == near->places[j].network) {
				return far->places[i].address;
			}
		}
	}
	return (struct addr){ 0 };
}

static const struct harbour_machine *gateway_of(const struct harbour *harbour,
						const struct harbour_machine *machine)
{
	for (uint32_t m = 0; m < harbour->machine_count; m++) {
		for (uint32_t i = 0; i < harbour->machines[m].place_count; i++) {
			if (machine->via.family != ADDR_NONE &&
			    addr_compare(&harbour->machines[m].places[i].address, &machine->via) ==
				    0) {
				return &harbour->machines[m];
			}
		}
	}
	return machine;
}

struct addr harbour_address(const struct harbour *harbour, uint32_t from, uint32_t to)
{
	const struct harbour_machine *near = &harbour->machines[from];
	const struct harbour_machine *far = &harbour->machines[to];
	struct addr address = shared_address(near, far);
	if (address.family == ADDR_NONE) {
		address = shared_address(gateway_of(harbour, near), far);
	}
	return address.family == ADDR_NONE && far->place_count > 0 ? far->places[0].address
								   : address;
}
