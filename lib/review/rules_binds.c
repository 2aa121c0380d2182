/* Programs that tried to take a port that is declared for another one, or to connect to one. */
#include <string.h>

#include "review/rules.h"

/* Of several attempts at a port the last one speaks. */
static bool is_last(const struct review_input *in, size_t index)
{
	const struct event *event = &in->attempts[index];
	for (size_t i = index + 1; i < in->attempt_count; i++) {
		const struct event *later = &in->attempts[i];
		if (later->kind == event->kind && later->port == event->port &&
		    later->protocol == event->protocol) {
			return false;
		}
	}
	return true;
}

static bool is_outgoing(const struct event *event)
{
	return event->kind == EVENT_CONNECT_REFUSED || event->kind == EVENT_CONNECT_WATCHED;
}

static const struct policy_declaration *declared_outbound(const struct policy *policy,
							  const struct event *event)
{
	for (size_t i = 0; i < policy->outbound.count; i++) {
		const struct policy_declaration *d = &policy->outbound.items[i];
		if (policy_names_program(&d->program) &&
		    policy_names_port(d, event->protocol, event->port)) {
			return d;
		}
	}
	return NULL;
}

/* Declared meanwhile for nobody: then anybody may. */
static const struct policy_declaration *declared(const struct review_input *in,
						 const struct event *event)
{
	const struct policy_declaration *declaration = NULL;
	if (in->policy != NULL && is_outgoing(event)) {
		return declared_outbound(in->policy, event);
	}
	while (in->policy != NULL &&
	       (declaration = policy_declaration_for(in->policy, event->protocol, event->port, NULL,
						     declaration)) != NULL) {
		const struct policy_program *program = &declaration->program;
		if (program->unit != NULL || program->executable != NULL || program->user != NULL ||
		    program->container != NULL) {
			return declaration;
		}
	}
	return NULL;
}

static const char *finding_of(const struct event *event)
{
	switch (event->kind) {
	case EVENT_CONNECT_REFUSED:
		return "connect-refused";
	case EVENT_CONNECT_WATCHED:
		return "connect-watched";
	case EVENT_BIND_REFUSED:
		return "bind-refused";
	default:
		return "bind-watched";
	}
}

static void add_who(struct review *review, struct finding *finding, const struct event *event)
{
	review_fact(review, finding, "process", event->process);
	review_fact_printf(review, finding, "pid", "%d", event->pid);
	review_fact_printf(review, finding, "uid", "%u", event->uid);
	review_fact(review, finding, "executable", event->executable);
	review_fact(review, finding, "unit",
		    event->container[0] != '\0' ? event->container
		    : event->unit[0] != '\0'    ? event->unit
						: "-");
}

void rules_of_binds(struct review *review)
{
	const struct review_input *in = review->in;
	for (size_t i = 0; i < in->attempt_count; i++) {
		const struct event *event = &in->attempts[i];
		const struct policy_declaration *declaration = declared(in, event);
		if (declaration == NULL || event->process[0] == '\0' || !is_last(in, i)) {
			continue;
		}
		struct finding *finding = review_add(review, finding_of(event), SEVERITY_MEDIUM);
		if (finding == NULL) {
			return;
		}
		finding->declaration = arena_strdup(&review->out->arena, declaration->entry.name);
		review_fact(review, finding, "declaration", declaration->entry.name);
		review_fact_printf(review, finding, "port", "%u", event->port);
		review_fact(review, finding, "protocol", protocol_name(event->protocol));
		review_fact(review, finding, "program", event->detail);
		if (is_outgoing(event)) {
			char address[ADDR_TEXT_BYTES];
			review_fact(review, finding, "address",
				    addr_format(&event->address, address));
		}
		add_who(review, finding, event);
	}
}
