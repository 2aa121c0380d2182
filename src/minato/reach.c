/* From where the ports of this host are really reached. */
#include "reach.h"

#include <errno.h>
#include <string.h>

#include "explain_way_text.h"
#include "rules.h"
#include "twin_ask.h"
#include "view/view.h"

enum {
	PACKETS_MAX = 256,
	/* About 3,000 rules: beyond, a screen that should be there at once would wait. */
	RULES_BYTES_MAX = 256 * 1024,
	NAMES_MAX_BYTES = 1024,
	RULE_MAX_BYTES = 4096,
};

struct asking {
	struct reach *reach;
	const struct inventory *inventory;
	const struct policy *policy; /* NULL = none is declared */
	struct policy confirmed;     /* whose rules hold, by the record */
	bool ruled;                  /* there is such */
	struct enforce_environment environment;
};

/* ---- what one answer says of the port ---- */

static struct reach_port *find_port(struct reach *reach, const struct enforce_port *port)
{
	for (size_t i = 0; i < reach->ports.count; i++) {
		if (reach->ports.items[i].port == port->port &&
		    reach->ports.items[i].protocol == port->protocol) {
			return &reach->ports.items[i];
		}
	}
	struct reach_port *added = vec_push(&reach->ports);
	if (added != NULL) {
		*added = (struct reach_port){ .protocol = port->protocol,
					      .port = port->port,
					      .kind = REACH_NOBODY,
					      .names = STR_INIT(NAMES_MAX_BYTES) };
	}
	return added;
}

/* The kind that says more. Names are kept while there is room: whoever is beyond is "...". */
static void raise_kind(struct reach_port *port, enum reach_kind kind)
{
	port->kind = kind > port->kind ? kind : port->kind;
}

/* An entry has addresses of both families, or many: it is named once. */
static void add_name(struct str *names, const char *name)
{
	const size_t length = strlen(name);
	for (const char *at = str_text(names); *at != '\0';) {
		const size_t known = strcspn(at, ",");
		if (known == length && memcmp(at, name, length) == 0) {
			return;
		}
		at += known;
		at += strspn(at, ", ");
	}
	str_printf(names, "%s%s", names->length == 0 ? "" : ", ", name);
}

static int note_reach(struct asking *asking, const struct twin_asked *asked)
{
	const struct twin_answer *answer = asked->answer;
	const enum protocol protocol = asked->question->port.protocol;
	struct reach_port *port = find_port(asking->reach, &asked->question->port);
	if (port == NULL) {
		return -ENOMEM;
	}
	const bool served = answer->outcome == TWIN_FORWARDED ||
			    inventory_listener_at(asking->inventory, protocol, &answer->to,
						  answer->port) != NULL;
	if (twin_is_doubtful(answer)) {
		raise_kind(port, REACH_DEPENDS);
	} else if (twin_gets_in(answer) && served) {
		const bool anywhere = asked->source->place == ENFORCE_PLACE_ANYWHERE;
		raise_kind(port, anywhere ? REACH_ANYWHERE : REACH_SOME);
		if (!anywhere) {
			add_name(&port->names, asked->source->entry);
		}
	}
	return 0;
}

/* ---- what contradicts the policy ---- */

/* What the rules that hold say, where the declared policy is not applied yet. */
static enum enforce_verdict ruled_verdict(const struct asking *asking,
					  const struct twin_asked *asked)
{
	const struct enforce_packet packet = {
		.protocol = asked->question->port.protocol,
		.port = asked->question->port.port,
		.from = asked->packet->from,
		.interface = asked->packet->interface,
	};
	return enforce_decide(&asking->confirmed, &packet, &asking->environment, NULL);
}

/* Before the first `apply` everything gets in: that alone is told elsewhere. What a rule of
 * somebody else lets in will not be closed by looking at the policy. */
static bool is_let_in(const struct asking *asking, const struct twin_asked *asked)
{
	const struct twin_answer *answer = asked->answer;
	if (asked->question->expected != ENFORCE_CLOSED || !twin_gets_in(answer)) {
		return false;
	}
	if (asking->ruled) {
		return ruled_verdict(asking, asked) == ENFORCE_CLOSED;
	}
	return answer->outcome == TWIN_FORWARDED ||
	       (answer->deciding != NULL && !answer->deciding->policy);
}

static bool is_refused(const struct asking *asking, const struct twin_asked *asked)
{
	if (asked->question->expected != ENFORCE_OPEN || !twin_is_kept_out(asked->answer)) {
		return false;
	}
	return !asking->ruled || ruled_verdict(asking, asked) == ENFORCE_OPEN;
}

static const char *keep(struct asking *asking, const struct str *text)
{
	return arena_strdup(&asking->reach->arena, str_text(text));
}

static void describe(struct review_contradiction *c, struct asking *asking,
		     const struct twin_step *step, enum twin_cause cause)
{
	struct str rule = STR_INIT(RULE_MAX_BYTES);
	struct str command = STR_INIT(RULE_MAX_BYTES);
	if (step == NULL) {
		str_add(&rule, way_cause_sentence(cause) ?: twin_cause_name(cause));
	} else {
		way_add_deciding(&rule, step);
		str_printf(&command, "nft -a list chain %s %s %s", step->family, step->table,
			   step->chain);
	}
	c->owner = step == NULL ? "unknown" : step->owner;
	c->rule = keep(asking, &rule);
	c->command = step == NULL ? NULL : keep(asking, &command);
	str_deinit(&rule);
	str_deinit(&command);
}

static int contradict(struct asking *asking, const struct twin_asked *asked, bool let_in)
{
	char source[ADDR_TEXT_BYTES];
	struct arena *arena = &asking->reach->arena;
	const struct enforce_port *port = &asked->question->port;
	const bool anywhere = asked->source->place == ENFORCE_PLACE_ANYWHERE;
	struct review_contradiction *c = vec_push(&asking->reach->contradictions);
	if (c == NULL) {
		return -ENOMEM;
	}
	*c = (struct review_contradiction){
		.protocol = port->protocol,
		.port = port->port,
		.let_in = let_in,
		.source = arena_strdup(arena, addr_format(&asked->packet->from, source)),
		.entry = anywhere ? NULL : arena_strdup(arena, asked->source->entry),
	};
	describe(c, asking, twin_asked_rule(asked), asked->answer->cause);
	return c->source == NULL || c->rule == NULL || (c->entry == NULL && !anywhere) ? -ENOMEM
										       : 0;
}

static int take(void *data, const struct twin_asked *asked)
{
	struct asking *asking = data;
	int r = note_reach(asking, asked);
	asking->reach->asked++;
	if (r < 0 || asking->policy == NULL || twin_is_doubtful(asked->answer)) {
		return r;
	}
	if (is_let_in(asking, asked)) {
		return contradict(asking, asked, true);
	}
	return is_refused(asking, asked) ? contradict(asking, asked, false) : 0;
}

static int doubt(void *data, const struct twin_doubt *of_all)
{
	(void)data, (void)of_all; /* `minato plan` and `explain` tell them */
	return 0;
}

/* ---- all of it ---- */

/* By the record alone: the kernel's own word would need libnftables. */
static void find_confirmed(struct asking *asking)
{
	struct enforce_states states;
	if (enforce_states_open(&states, rules_directory(), false, NULL) == 0) {
		const struct enforce_state *state = enforce_states_confirmed(&states);
		asking->ruled = state != NULL && enforce_states_policy(&asking->confirmed, &states,
								       state->number, NULL) == 0;
	}
	enforce_states_close(&states);
}

static int by_place(const void *left, const void *right)
{
	const struct review_contradiction *a = left;
	const struct review_contradiction *b = right;
	const int order = (a->entry != NULL) - (b->entry != NULL);
	return order != 0 ? order : strcmp(a->source, b->source);
}

static void ask(struct asking *asking)
{
	struct reach *reach = asking->reach;
	struct twin_ports ports = { 0 };
	struct twin_unasked unasked;
	if (twin_ports_find(&ports, asking->inventory) < 0) {
		vec_free(&ports.list);
		return;
	}
	const struct twin_asking questions = {
		.ask = { .policy = asking->policy,
			 .environment = asking->environment,
			 .listening = ports.list.items,
			 .listening_count = ports.list.count,
			 .questions_max = PACKETS_MAX,
			 .reach_only = true },
		.inventory = asking->inventory,
		.rules_bytes_max = RULES_BYTES_MAX,
		.take = take,
		.doubt = doubt,
		.data = asking,
	};
	(void)twin_ask(&unasked, &questions, &reach->why); /* told by reach->why */
	vec_free(&ports.list);
	if (reach->contradictions.count > 1) {
		qsort(reach->contradictions.items, reach->contradictions.count,
		      sizeof(reach->contradictions.items[0]), by_place);
	}
}

static void find_closed(struct reach *reach)
{
	for (size_t i = 0; i < reach->ports.count; i++) {
		const struct reach_port *port = &reach->ports.items[i];
		struct review_port *closed =
			port->kind == REACH_NOBODY ? vec_push(&reach->closed) : NULL;
		if (closed != NULL) {
			*closed = (struct review_port){ port->protocol, port->port };
		}
	}
}

void reach_find(struct reach *out, const struct context *context, const struct inventory *inventory,
		const struct policy *policy)
{
	struct asking asking = { .reach = out,
				 .inventory = inventory,
				 .policy = policy,
				 .environment = rules_environment(context) };
	*out = (struct reach){ .why = ERR_INIT };
	arena_init(&out->arena, 0);
	find_confirmed(&asking);
	ask(&asking);
	if (out->why.code == 0) {
		find_closed(out);
	}
	policy_deinit(&asking.confirmed);
}

void reach_deinit(struct reach *reach)
{
	for (size_t i = 0; i < reach->ports.count; i++) {
		str_deinit(&reach->ports.items[i].names);
	}
	vec_free(&reach->ports);
	vec_free(&reach->contradictions);
	vec_free(&reach->closed);
	arena_deinit(&reach->arena);
}

/* ---- for machines ---- */

static const char *kind_name(enum reach_kind kind)
{
	static const char *const names[] = { "unknown", "nobody", "depends", "some", "anywhere" };
	return names[kind];
}

json_t *reach_port_json(const struct reach_port *port)
{
	json_t *names = json_array();
	if (port == NULL) {
		return json_pack("{s:s, s:o}", "from", kind_name(REACH_UNKNOWN), "names", names);
	}
	for (const char *at = str_text(&port->names); *at != '\0';) {
		const size_t length = strcspn(at, ",");
		json_array_append_new(names, json_stringn(at, length));
		at += length + (at[length] == ',' ? strlen(", ") : 0);
	}
	return json_pack("{s:s, s:o}", "from", kind_name(port->kind), "names", names);
}

json_t *reach_json(const struct reach *reach)
{
	return json_pack("{s:i, s:o}", "packets_asked", (int)reach->asked, "error",
			 reach->why.code == 0 ? json_null() : view_string(err_text(&reach->why)));
}
