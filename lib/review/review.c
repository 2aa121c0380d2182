/* Runs the rules and sorts what they found. */
#include "review/review.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "review/rules.h"

static int compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* Port numbers compare as numbers: a shorter one is smaller. */
static int compare_number_fact(const struct finding *a, const struct finding *b, const char *name)
{
	const char *left = finding_fact(a, name);
	const char *right = finding_fact(b, name);
	size_t left_length = left == NULL ? 0 : strlen(left);
	size_t right_length = right == NULL ? 0 : strlen(right);
	if (left_length != right_length) {
		return left_length < right_length ? -1 : 1;
	}
	return compare_text(left, right);
}

static int compare_findings(const void *left, const void *right)
{
	const struct finding *a = left;
	const struct finding *b = right;
	if (a->severity != b->severity) {
		return a->severity > b->severity ? -1 : 1;
	}
	int order = compare_text(a->id, b->id);
	order = order != 0 ? order : compare_number_fact(a, b, "port");
	order = order != 0 ? order
			   : compare_text(finding_fact(a, "protocol"), finding_fact(b, "protocol"));
	order = order != 0 ? order : compare_text(a->declaration, b->declaration);
	if (order != 0) {
		return order;
	}
	/* indexes into a sorted inventory: the order does not depend on qsort */
	order = (a->listener > b->listener) - (a->listener < b->listener);
	return order != 0 ? order : (a->published > b->published) - (a->published < b->published);
}

int review_findings(struct findings *out, const struct review_input *in)
{
	struct review review = { .in = in, .out = out };
	review.error = offerings_find(&review.offerings, in->inventory, in->policy);
	if (review.error == 0) {
		rules_of_sockets(&review);
		rules_of_declarations(&review);
		rules_of_host(&review);
		rules_of_binds(&review);
		rules_of_firewall(&review);
	}
	vec_free(&review.offerings.list);
	if (out->list.count > 1) {
		qsort(out->list.items, out->list.count, sizeof(out->list.items[0]),
		      compare_findings);
	}
	return review.error;
}

enum severity review_worst(const struct findings *findings)
{
	return findings->list.count == 0 ? SEVERITY_NONE : findings->list.items[0].severity;
}

size_t review_count(const struct findings *findings, enum severity at_least)
{
	size_t count = 0;
	while (count < findings->list.count && findings->list.items[count].severity >= at_least) {
		count++;
	}
	return count;
}

struct finding *review_add(struct review *review, const char *id, enum severity severity)
{
	if (review->error < 0) {
		return NULL;
	}
	struct finding *finding = vec_push(&review->out->list);
	if (finding == NULL) {
		review->error = -ENOMEM;
		return NULL;
	}
	finding->id = id;
	finding->severity = severity;
	finding->listener = FINDING_NO_INDEX;
	finding->published = FINDING_NO_INDEX;
	return finding;
}

void review_fact(struct review *review, struct finding *finding, const char *name,
		 const char *value)
{
	if (finding == NULL || value == NULL || value[0] == '\0' || review->error < 0) {
		return;
	}
	review->error = finding_add_fact(review->out, finding, name, value);
}

void review_fact_printf(struct review *review, struct finding *finding, const char *name,
			const char *format, ...)
{
	char value[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	review_fact(review, finding, name, value);
}

const struct listener *review_listener(const struct review *review, const struct offering *offering)
{
	return &review->in->inventory->listeners.items[offering->listener];
}

struct finding *review_add_offering(struct review *review, const char *id, enum severity severity,
				    const struct offering *offering)
{
	struct finding *finding = review_add(review, id, severity);
	const struct listener *listener = review_listener(review, offering);
	char endpoint[ENDPOINT_TEXT_BYTES];
	if (finding == NULL) {
		return NULL;
	}
	finding->listener = offering->listener;
	review_fact_printf(review, finding, "port", "%u", offering->port);
	review_fact(review, finding, "protocol", protocol_name(offering->protocol));
	review_fact(review, finding, "endpoint",
		    endpoint_format(&listener->address, listener->port, endpoint));
	review_fact(review, finding, "exposure", exposure_name(offering->exposure));
	if (offering->process != NULL) {
		review_fact(review, finding, "process", offering->process->name);
		review_fact_printf(review, finding, "pid", "%d", offering->process->pid);
	}
	if (listener->ownership == OWNERSHIP_NONE) {
		review_fact(review, finding, "ownership", "none");
	}
	if (offering->knowledge != NULL) {
		review_fact(review, finding, "service", offering->knowledge->name);
	}
	if (offering->declaration != NULL) {
		finding->declaration =
			arena_strdup(&review->out->arena, offering->declaration->entry.name);
		review_fact(review, finding, "declaration", offering->declaration->entry.name);
	}
	return finding;
}

struct finding *review_add_declaration(struct review *review, const char *id,
				       enum severity severity,
				       const struct policy_declaration *declaration,
				       const struct policy_ports *ports)
{
	struct finding *finding = review_add(review, id, severity);
	if (finding == NULL) {
		return NULL;
	}
	finding->declaration = arena_strdup(&review->out->arena, declaration->entry.name);
	review_fact(review, finding, "declaration", declaration->entry.name);
	review_fact_printf(review, finding, "place", "%s:%u", declaration->entry.place.file,
			   declaration->entry.place.line);
	if (ports != NULL) {
		struct str text = STR_INIT(64);
		review_fact_printf(review, finding, "port", "%u", ports->first);
		review_fact(review, finding, "protocol", protocol_name(ports->protocol));
		policy_ports_format(&text, ports);
		review_fact(review, finding, "numbers", str_text(&text));
		str_deinit(&text);
	}
	return finding;
}

enum severity severity_down(enum severity severity)
{
	return severity > SEVERITY_LOW ? severity - 1 : severity;
}

enum severity danger_of(const struct port_knowledge *knowledge, enum exposure exposure)
{
	if (knowledge == NULL || knowledge->risk < SEVERITY_HIGH || exposure == EXPOSURE_LOOPBACK) {
		return SEVERITY_NONE;
	}
	enum severity severity = knowledge->risk;
	if (knowledge->login == TRISTATE_YES && knowledge->plaintext == TRISTATE_NO) {
		severity = severity_down(severity);
	}
	return exposure == EXPOSURE_PRIVATE ? severity_down(severity) : severity;
}

bool review_is_closed(const struct review *review, enum protocol protocol, uint16_t port)
{
	for (size_t i = 0; i < review->in->closed_count; i++) {
		const struct review_port *closed = &review->in->closed[i];
		if (closed->port == port && closed->protocol == protocol_registry(protocol)) {
			return true;
		}
	}
	return false;
}

bool declared_for_any(const struct policy_declaration *declaration)
{
	for (size_t i = 0; i < declaration->from.count; i++) {
		const struct policy_from *from = &declaration->from.items[i];
		if (from->kind == POLICY_FROM_ANY ||
		    (from->kind == POLICY_FROM_PREFIX && from->prefix.bits == 0)) {
			return true;
		}
	}
	return false;
}
