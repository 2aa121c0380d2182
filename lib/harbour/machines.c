/* Networks, machines and the programs that they run. */
#include <string.h>

#include "base/parse.h"
#include "harbour/parts.h"

static const char *const does_words[] = {
	[HARBOUR_LOGIN] = "login", [HARBOUR_WEB] = "web",   [HARBOUR_TELNET] = "telnet",
	[HARBOUR_REDIS] = "redis", [HARBOUR_GAME] = "game", [HARBOUR_MQTT] = "mqtt",
	[HARBOUR_VISIT] = "visit", [HARBOUR_STAY] = "stay", [HARBOUR_PUBLISH] = "publish",
	[HARBOUR_SCAN] = "scan",
};
enum { DOES_COUNT = sizeof(does_words) / sizeof(does_words[0]) };

const char *harbour_does_word(enum harbour_does does)
{
	return does_words[does];
}

bool harbour_does_listen(enum harbour_does does)
{
	return does < HARBOUR_VISIT;
}

/* ---- networks ---- */

static void take_network(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
			 void *into)
{
	struct harbour *harbour = ((struct chart *)into)->harbour;
	struct harbour_network *network = &harbour->networks[harbour->network_count];
	network->name = paper_name(paper, key);
	const char *text = paper_text(paper, value);
	if (network->name == NULL || text == NULL) {
		return;
	}
	if (prefix_parse(&network->prefix, text) < 0 ||
	    network->prefix.address.family != ADDR_IPV4 || network->prefix.bits < 8 ||
	    network->prefix.bits > 30) {
		paper_fault(paper, value,
			    _("an IPv4 network is needed, such as 192.168.50.0/24 (/8 to /30)"));
		return;
	}
	harbour->network_count++;
}

void chart_networks(struct chart *chart)
{
	paper_pairs(&chart->paper, chart->networks, HARBOUR_NETWORKS_MAX, take_network, chart);
}

static uint32_t find_network(struct chart *chart, const yaml_node_t *node)
{
	const struct harbour *harbour = chart->harbour;
	const char *name = paper_name(&chart->paper, node);
	uint32_t i = 0;
	while (name != NULL && i < harbour->network_count &&
	       strcmp(harbour->networks[i].name, name) != 0) {
		i++;
	}
	if (name != NULL && i == harbour->network_count) {
		paper_fault(&chart->paper, node, _("there is no network \"%s\""), name);
	}
	return name == NULL ? harbour->network_count : i;
}

/* ---- machines ---- */

static struct harbour_machine *machine_of(void *into)
{
	struct chart *chart = into;
	return &chart->harbour->machines[chart->at];
}

static void take_about(struct paper *paper, const yaml_node_t *value, void *into)
{
	machine_of(into)->about = paper_words(paper, value);
}

static bool is_taken(const struct harbour *harbour, const struct harbour_place *place)
{
	for (uint32_t m = 0; m < harbour->machine_count; m++) {
		const struct harbour_machine *other = &harbour->machines[m];
		for (uint32_t i = 0; i < other->place_count; i++) {
			if (addr_compare(&other->places[i].address, &place->address) == 0) {
				return true;
			}
		}
	}
	return false;
}

static void take_place(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
		       void *into)
{
	struct chart *chart = into;
	struct harbour *harbour = chart->harbour;
	struct harbour_machine *machine = machine_of(into);
	struct harbour_place place = { .network = find_network(chart, key) };
	const char *text = paper_text(paper, value);
	if (place.network == harbour->network_count || text == NULL) {
		return;
	}
	const struct harbour_network *network = &harbour->networks[place.network];
	if (addr_parse(&place.address, text) < 0 || !prefix_has(&network->prefix, &place.address)) {
		char in[PREFIX_TEXT_BYTES];
		paper_fault(paper, value, _("an address in %s is needed"),
			    prefix_format(&network->prefix, in));
		return;
	}
	if (is_taken(harbour, &place)) {
		paper_fault(paper, value, _("two machines have the address %s"), text);
		return;
	}
	machine->places[machine->place_count++] = place;
}

static void take_at(struct paper *paper, const yaml_node_t *value, void *into)
{
	paper_pairs(paper, value, HARBOUR_NETWORKS_MAX, take_place, into);
}

static void take_minato(struct paper *paper, const yaml_node_t *value, void *into)
{
	struct chart *chart = into;
	if (!paper_yes(paper, value)) {
		return;
	}
	if (chart->host_named) {
		paper_fault(paper, value, "%s", _("one machine alone can have \"minato: yes\""));
	}
	chart->host_named = true;
	chart->harbour->host = chart->at;
}

static void take_masquerades(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	struct chart *chart = into;
	const uint32_t network = find_network(chart, value);
	machine_of(into)->masquerades = network == chart->harbour->network_count ? 0 : network + 1;
}

static void take_via(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	struct chart *chart = into;
	chart->via[chart->at] = value;
}

static void take_runs(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	struct chart *chart = into;
	chart->runs[chart->at] = value;
}

static void take_machine_name(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
			      void *into)
{
	(void)value;
	struct harbour *harbour = ((struct chart *)into)->harbour;
	const char *name = paper_name(paper, key);
	if (name != NULL && harbour_find(harbour, name) < harbour->machine_count) {
		paper_fault(paper, key, _("\"%s\" stands here twice"), name);
	}
	/* A name without a machine keeps the counting of both passes together. */
	harbour->machines[harbour->machine_count++].name = name == NULL ? "" : name;
}

static void take_machine(struct paper *paper, const yaml_node_t *key, const yaml_node_t *value,
			 void *into)
{
	static const struct paper_key keys[] = {
		{ "about", take_about, false },
		{ "at", take_at, true },
		{ "via", take_via, false },
		{ "minato", take_minato, false },
		{ "masquerades", take_masquerades, false },
		{ "runs", take_runs, false },
	};
	(void)key;
	paper_mapping(paper, value, keys, sizeof(keys) / sizeof(keys[0]), into);
	((struct chart *)into)->at++;
}

/* A gateway has to be in a network of both. */
static void read_via(struct chart *chart)
{
	struct harbour *harbour = chart->harbour;
	const yaml_node_t *node = chart->via[chart->at];
	const uint32_t gateway = chart_machine(chart, node);
	if (gateway == harbour->machine_count) {
		return;
	}
	const struct addr address = harbour_address(harbour, chart->at, gateway);
	const struct harbour_machine *machine = machine_of(chart);
	bool near = false;
	for (uint32_t i = 0; i < machine->place_count && address.family != ADDR_NONE; i++) {
		near = near ||
		       prefix_has(&harbour->networks[machine->places[i].network].prefix, &address);
	}
	if (!near || gateway == chart->at) {
		paper_fault(&chart->paper, node, _("%s is in no network of this machine"),
			    harbour->machines[gateway].name);
		return;
	}
	harbour->machines[chart->at].via = address;
}

/* ---- programs ---- */

struct program_reading {
	struct chart *chart;
	struct harbour_program *program;
	const yaml_node_t *port, *to;
};

static void take_program_name(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct program_reading *)into)->program->name = paper_name(paper, value);
}

static void take_does(struct paper *paper, const yaml_node_t *value, void *into)
{
	struct harbour_program *program = ((struct program_reading *)into)->program;
	const char *word = paper_text(paper, value);
	for (unsigned i = 0; word != NULL && i < DOES_COUNT; i++) {
		if (strcmp(does_words[i], word) == 0) {
			program->does = (enum harbour_does)i;
			return;
		}
	}
	struct str all = STR_INIT(400);
	for (unsigned i = 0; i < DOES_COUNT; i++) {
		str_printf(&all, "%s%s", i == 0 ? "" : ", ", does_words[i]);
	}
	paper_fault(paper, value, _("what it does is one of: %s"), str_text(&all));
	str_deinit(&all);
}

static void take_port(struct paper *paper, const yaml_node_t *value, void *into)
{
	struct program_reading *reading = into;
	reading->port = value;
	reading->program->port = (uint16_t)paper_number(paper, value, 1, UINT16_MAX);
}

static void take_tls(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct program_reading *)into)->program->tls = paper_yes(paper, value);
}

static void take_to(struct paper *paper, const yaml_node_t *value, void *into)
{
	(void)paper;
	struct program_reading *reading = into;
	reading->to = value;
	reading->program->to = chart_machine(reading->chart, value);
}

static void take_after(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct program_reading *)into)->program->after =
		paper_number(paper, value, 0, HARBOUR_SECONDS_MAX);
}

static void take_every(struct paper *paper, const yaml_node_t *value, void *into)
{
	((struct program_reading *)into)->program->every =
		paper_number(paper, value, 1, HARBOUR_SECONDS_MAX);
}

static void check_program(struct program_reading *reading, const yaml_node_t *node)
{
	struct chart *chart = reading->chart;
	struct harbour_program *program = reading->program;
	const char *word = does_words[program->does];
	if (harbour_does_listen(program->does) && reading->port == NULL) {
		paper_fault(&chart->paper, node, _("\"%s\" needs the port that it listens on"),
			    word);
	} else if (!harbour_does_listen(program->does) && reading->to == NULL) {
		paper_fault(&chart->paper, node, _("\"%s\" needs the machine that it goes to"),
			    word);
	} else if (reading->to != NULL && program->to < chart->harbour->machine_count) {
		program->address = harbour_address(chart->harbour, chart->at, program->to);
	}
}

static void take_program(struct paper *paper, const yaml_node_t *item, void *into)
{
	static const struct paper_key keys[] = {
		{ "name", take_program_name, true },
		{ "does", take_does, true },
		{ "port", take_port, false },
		{ "tls", take_tls, false },
		{ "to", take_to, false },
		{ "after_seconds", take_after, false },
		{ "every_seconds", take_every, false },
	};
	struct harbour_machine *machine = machine_of(into);
	struct program_reading reading = { .chart = into,
					   .program =
						   &machine->programs[machine->program_count++] };
	const uint32_t faults = paper->fault_count;
	paper_mapping(paper, item, keys, sizeof(keys) / sizeof(keys[0]), &reading);
	if (paper->fault_count == faults) {
		check_program(&reading, item);
	}
}

static void read_runs(struct chart *chart)
{
	const yaml_node_t *node = chart->runs[chart->at];
	struct harbour_machine *machine = machine_of(chart);
	machine->programs = arena_alloc(&chart->harbour->arena,
					HARBOUR_PROGRAMS_MAX * sizeof(*machine->programs));
	if (machine->programs == NULL) {
		chart->paper.out_of_memory = true;
		return;
	}
	paper_items(&chart->paper, node, HARBOUR_PROGRAMS_MAX, take_program, chart);
}

void chart_machines(struct chart *chart)
{
	const struct harbour *harbour = chart->harbour;
	paper_pairs(&chart->paper, chart->machines, HARBOUR_MACHINES_MAX, take_machine_name, chart);
	paper_pairs(&chart->paper, chart->machines, HARBOUR_MACHINES_MAX, take_machine, chart);
	for (chart->at = 0; chart->at < harbour->machine_count; chart->at++) {
		if (chart->via[chart->at] != NULL) {
			read_via(chart);
		}
		if (chart->runs[chart->at] != NULL) {
			read_runs(chart);
		}
	}
}
