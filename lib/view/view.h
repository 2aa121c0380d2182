/*
 * The one JSON vocabulary: model -> JSON, the same for the command line, the API and exports.
 * Full words, snake_case, units in names, RFC 3339 times in UTC. Keys are always present; what is
 * not known is null, so that a reader can tell "none" from "never asked". Every function returns a
 * new reference, NULL when out of memory.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/foreign.h"
#include "model/incident.h"
#include "model/inventory.h"
#include "text/text.h"

struct policy;
struct port_knowledge;
struct service;

enum {
	VIEW_SCHEMA = 1, /* grows when a key changes its meaning or goes away */
};

/* What to look names up in. */
struct view {
	enum language language;
	const struct policy *policy; /* NULL = none declared */
};

/* {"schema": 1, "time": "..."}: the head of every document. */
json_t *view_document(usec_t time);

/* A time, or null for 0. */
json_t *view_time(usec_t time);

/* Foreign bytes: as they are when they are UTF-8, escaped otherwise; null for NULL and "". */
json_t *view_string(const char *bytes);

/* A process, its owner and where it belongs (unit, container, package). */
json_t *view_process(const struct process *process);
/* Row `index` of the inventory's listeners, with its owners and what the catalogue knows of it. */
json_t *view_listener(const struct view *view, const struct inventory *inventory, uint32_t index);
/* Row `index` of the ports published by the packet filter, with their target. */
json_t *view_published(const struct view *view, const struct inventory *inventory, uint32_t index);
/* Row `index` of the inventory's connections, with its owner and use. */
json_t *view_connection(const struct view *view, const struct inventory *inventory, uint32_t index);
/* What could not be seen, and why: so that "none" is not read into missing rights. */
json_t *view_coverage(const struct inventory *inventory);
/* One thing that happened. */
json_t *view_event(const struct event *event);

/* The reverse of view_event: what is missing or null stays zero or "". @return 0; -EINVAL without a
 * known kind. */
int view_event_read(struct event *out, const json_t *json);

/* A scan or flood. @param going_on  it has not ended. */
json_t *view_incident(const struct incident *incident, bool going_on);
/* The reverse. @return 0; -EINVAL when it is no such object. */
int view_incident_read(struct incident *out, bool *going_on, const json_t *json);

/* With its text and advice filled in, in the view's language. */
json_t *view_finding(const struct view *view, const struct finding *finding);

/* A rule of another tool against the policy: {"kind", "protocol", "first_port", ...}; and back.
 * @return false when it is no such object. */
json_t *view_contradiction(const struct contradiction *contradiction);
bool view_contradiction_read(struct contradiction *out, const json_t *object);

/* What the catalogue knows of a port. */
json_t *view_service(const struct view *view, enum protocol protocol, uint16_t port);

/* One entry of the overlay, whole. */
json_t *view_knowledge(const struct view *view, const struct port_knowledge *entry);

/* One name of the registry. */
json_t *view_registered(const struct service *service);

/* Appends the document as text with a newline; takes the reference. @return 0 or -ENOMEM, -EFBIG.
 */
int view_print(struct str *out, json_t *document, bool indent);

/*
 * The same document written piece by piece, for lists too long to stand in memory as a tree: begin,
 * members and lists of rows in any order, end. The text is that of view_print(). Values are new
 * references, which are taken; errors stick in the text's `error`. The text may be emptied between
 * two calls, once its bytes have gone out.
 */
struct view_writer {
	struct str *out;
	unsigned depth;
	bool indent;
	bool empty; /* nothing stands in the innermost list or object yet */
};

/* With the head of every document; `text` outlives the writer. */
void view_begin(struct view_writer *out, struct str *text, usec_t time, bool indent);
/* @param key a name of ours: letters and underscores */
void view_member(struct view_writer *writer, const char *key, json_t *value);
void view_list_begin(struct view_writer *writer, const char *key);
void view_row(struct view_writer *writer, json_t *row);
void view_list_end(struct view_writer *writer);
/* With a newline. */
void view_end(struct view_writer *writer);

/* The texts of a finding with its facts filled in. */
void view_finding_text(struct str *out, const struct finding *finding, enum language language);
void view_finding_advice(struct str *out, const struct finding *finding, enum language language);
