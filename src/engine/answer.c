/* Answers: a question typed by the face, a JSON document back in a sealed memory file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "common/say.h"
#include "engine.h"
#include "incidents.h"
#include "status.h"
#include "view/view.h"

enum {
	ANSWER_BYTES_MAX = 256 << 20,
	EVENTS_LIMIT = 1000, /* without `limit` */
	STATUS_OK = 200,
	STATUS_NOT_FOUND = 404,
	STATUS_FAILED = 500,
	STATUS_UNAVAILABLE = 503,
};

/* ---- sending ---- */

/* The face maps it: nobody may change or shorten it any more. */
static int sealed_file(int *out, const struct str *text, struct err *e)
{
	_cleanup_(close_fdp) int file = memfd_create("answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0) {
		return err_system(e, errno, "cannot make a memory file");
	}
	int r = write_all(file, str_text(text), text->length);
	if (r == 0 && fcntl(file, F_ADD_SEALS,
			    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		r = -errno;
	}
	if (r < 0) {
		return err_system(e, r, "cannot write an answer");
	}
	*out = steal_fd(&file);
	return 0;
}

/* Takes the document. */
static void send_document(struct engine *engine, uint32_t request, uint16_t status,
			  json_t *document)
{
	struct err e = ERR_INIT;
	struct str text = STR_INIT(ANSWER_BYTES_MAX);
	_cleanup_(close_fdp) int file = -1;
	int r = view_print(&text, document, false);
	if (r == 0) {
		r = sealed_file(&file, &text, &e);
	}
	const struct wire_message message = {
		.type = WIRE_ANSWER,
		.request = request,
		.answer = { .status = status, .length = (uint32_t)text.length },
	};
	if (r == 0) {
		r = wire_send(engine->face.socket, &message, &file, 1, &e);
	}
	if (r < 0) { /* the face tells its client after its own time limit */
		say(SAY_WARNING, "no answer: %s", e.code != 0 ? err_text(&e) : strerror(-r));
	}
	str_deinit(&text);
}

static void send_fault(struct engine *engine, uint32_t request, uint16_t status, const char *code,
		       const char *sentence, const char *next)
{
	send_document(engine, request, status,
		      json_pack("{s:{s:s, s:o, s:s}}", "error", "code", code, "message",
				view_string(sentence), "next", next));
}

/* ---- ports ---- */

static json_t *listeners(const struct engine *engine, const struct wire_query *query)
{
	const struct inventory *inventory = &engine->inventory;
	const struct view view = { .language = LANGUAGE_EN, .policy = policy_now(engine) };
	json_t *list = json_array();
	for (uint32_t i = 0; i < inventory->listeners.count; i++) {
		if (filter_takes_listener(query, inventory, &inventory->listeners.items[i])) {
			json_array_append_new(list, view_listener(&view, inventory, i));
		}
	}
	return list;
}

static json_t *connections(const struct engine *engine, const struct wire_query *query)
{
	const struct inventory *inventory = &engine->inventory;
	const struct view view = { .language = LANGUAGE_EN, .policy = policy_now(engine) };
	json_t *list = json_array();
	for (uint32_t i = 0; i < inventory->connections.count; i++) {
		if (filter_takes_connection(query, inventory, &inventory->connections.items[i])) {
			json_array_append_new(list, view_connection(&view, inventory, i));
		}
	}
	return list;
}

static json_t *ports_document(const struct engine *engine, const struct wire_query *query)
{
	const struct inventory *inventory = &engine->inventory;
	json_t *document = view_document(inventory->time);
	json_object_set_new(document, "hostname", view_string(inventory->hostname));
	json_object_set_new(document, "ephemeral",
			    json_pack("{s:i, s:i}", "first", inventory->ephemeral.first, "last",
				      inventory->ephemeral.last));
	json_object_set_new(document, "ports", listeners(engine, query));
	if (query->connections) {
		json_object_set_new(document, "connections", connections(engine, query));
	}
	json_object_set_new(document, "coverage", view_coverage(inventory));
	return document;
}

static json_t *port_document(const struct engine *engine, const struct wire_query *query)
{
	const struct view view = { .language = LANGUAGE_EN };
	const enum protocol protocol =
		query->protocol != PROTOCOL_NONE ? (enum protocol)query->protocol : PROTOCOL_TCP;
	json_t *document = ports_document(engine, query);
	json_object_set_new(document, "knowledge",
			    view_service(&view, protocol, query->first_port));
	return document;
}

/* ---- findings ---- */

static bool takes_finding(const struct wire_query *query, const struct finding *finding)
{
	uint16_t first = 0;
	uint16_t last = 0;
	const char *port = finding_fact(finding, "port");
	if (query->port_given && (port == NULL || parse_port_range(&first, &last, port) < 0 ||
				  first > query->last_port || last < query->first_port)) {
		return false;
	}
	return finding->severity >= (enum severity)query->severity &&
	       (query->finding[0] == '\0' || strcmp(query->finding, finding->id) == 0);
}

static json_t *findings_document(const struct engine *engine, const struct wire_query *query)
{
	const struct view view = { .language = LANGUAGE_EN, .policy = policy_now(engine) };
	json_t *document = view_document(engine->inventory.time);
	json_t *list = json_array();
	for (size_t i = 0; i < engine->findings.list.count; i++) {
		const struct finding *finding = &engine->findings.list.items[i];
		if (takes_finding(query, finding)) {
			json_array_append_new(list, view_finding(&view, finding));
		}
	}
	json_object_set_new(document, "findings", list);
	return document;
}

/* ---- events ---- */

static int add_event(const struct event *event, void *data)
{
	return json_array_append_new(data, view_event(event)) == 0 ? 0 : -ENOMEM;
}

static struct store_filter store_filter_of(const struct wire_query *query)
{
	return (struct store_filter){
		.from = query->since,
		.to = query->until,
		.after_id = query->after,
		.has_ports = query->port_given,
		.first_port = query->first_port,
		.last_port = query->last_port,
		.protocol = (enum protocol)query->protocol,
		.address = query->address,
		.process = query->process[0] != '\0' ? query->process : NULL,
		.kinds = query->kinds,
		.limit = query->limit != 0 ? query->limit : EVENTS_LIMIT,
		/* Who goes on from an id reads forward; who does not wants the latest. */
		.newest_first = query->after == 0 && query->since == 0,
	};
}

static void events_answer(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	const struct store_filter filter = store_filter_of(query);
	struct err e = ERR_INIT;
	json_t *list = json_array();
	int r = store_query(engine->state, &filter, add_event, list, &e);
	if (r < 0 && r != -EBADMSG) { /* one damaged day does not hide the others */
		json_decref(list);
		send_fault(engine, request, STATUS_FAILED, "store_failed", err_text(&e),
			   "look at the daemon's log");
		return;
	}
	json_t *document = view_document(clock_now());
	json_object_set_new(document, "events", list);
	json_object_set_new(document, "order",
			    json_string(filter.newest_first ? "newest_first" : "oldest_first"));
	json_object_set_new(document, "limit", json_integer((json_int_t)filter.limit));
	json_object_set_new(document, "written_id",
			    json_integer((json_int_t)engine->record.state.written_id));
	json_object_set_new(document, "fault", view_string(r < 0 ? err_text(&e) : NULL));
	send_document(engine, request, STATUS_OK, document);
}

/* ---- incidents ---- */

static void incidents_answer(struct engine *engine, uint32_t request,
			     const struct wire_query *query)
{
	const uint32_t limit = query->limit != 0 ? query->limit : EVENTS_LIMIT;
	struct err e = ERR_INIT;
	json_t *list = json_array();
	int r = incidents_list(list, engine, query, limit, &e);
	if (r < 0 && r != -EBADMSG) { /* one damaged day does not hide the others */
		json_decref(list);
		send_fault(engine, request, STATUS_FAILED, "store_failed", err_text(&e),
			   "look at the daemon's log");
		return;
	}
	if (query->incident != 0 && json_array_size(list) == 0) {
		json_decref(list);
		send_fault(engine, request, STATUS_NOT_FOUND, "not_found",
			   "there is no incident with that number",
			   "GET /v1/incidents lists those that are remembered");
		return;
	}
	json_t *document = view_document(clock_now());
	json_object_set_new(document, "incidents", list);
	json_object_set_new(document, "limit", json_integer((json_int_t)limit));
	json_object_set_new(document, "fault", view_string(r < 0 ? err_text(&e) : NULL));
	send_document(engine, request, STATUS_OK, document);
}

/* What is asked of the store. */
static void stored_answer(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	if (query->question == WIRE_QUESTION_INCIDENTS) {
		incidents_answer(engine, request, query);
	} else {
		events_answer(engine, request, query);
	}
}

/* ---- when ---- */

static void answer(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	if (!engine->known) {
		send_fault(engine, request, STATUS_UNAVAILABLE, "not_known_yet",
			   "the sockets of this host could not be listed so far",
			   "GET /v1/status says why");
		return;
	}
	json_t *document = query->question == WIRE_QUESTION_PORTS ? ports_document(engine, query)
			   : query->question == WIRE_QUESTION_PORT
				   ? port_document(engine, query)
				   : findings_document(engine, query);
	send_document(engine, request, STATUS_OK, document);
}

/* Joins the questions that wait for a look taken after they were asked: no answer is older than its
 * question. @return false: too many wait, answer from what is known. */
static bool wait_for_sweep(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	struct engine_question *question = engine->questions.count < ENGINE_QUESTIONS_MAX
						   ? vec_push(&engine->questions)
						   : NULL;
	if (question == NULL) {
		return false;
	}
	*question = (struct engine_question){ request, *query, 0 };
	sweep_for_question(engine, query->connections ? OBSERVE_CONNECTIONS : 0);
	return true;
}

/* No answer leaves out what happened before its question. @return false: all of it is written. */
static bool wait_for_writer(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	const uint64_t id = engine->record.last_id;
	struct engine_question *question =
		record_is_written(engine, id) ||
				engine->event_questions.count >= ENGINE_QUESTIONS_MAX
			? NULL
			: vec_push(&engine->event_questions);
	if (question != NULL) {
		*question = (struct engine_question){ request, *query, id };
	}
	return question != NULL;
}

void answer_written(struct engine *engine)
{
	size_t kept = 0;
	for (size_t i = 0; i < engine->event_questions.count; i++) {
		const struct engine_question question = engine->event_questions.items[i];
		if (record_is_written(engine, question.written)) {
			stored_answer(engine, question.request, &question.query);
		} else {
			engine->event_questions.items[kept++] = question;
		}
	}
	engine->event_questions.count = kept;
}

void answer_waiting(struct engine *engine, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct engine_question *question = &engine->questions.items[i];
		answer(engine, question->request, &question->query);
	}
	engine->questions.count -= count;
	if (engine->questions.count == 0) {
		return;
	}
	memmove(engine->questions.items, engine->questions.items + count,
		engine->questions.count * sizeof(engine->questions.items[0]));
	sweep_for_question(engine, 0); /* what they want beside is kept with the sweep */
}

void answer_question(struct engine *engine, uint32_t request, const struct wire_query *query)
{
	switch (query->question) {
	case WIRE_QUESTION_STATUS:
		send_document(engine, request, STATUS_OK, status_document(engine, clock_now()));
		break;
	case WIRE_QUESTION_EVENTS:
	case WIRE_QUESTION_INCIDENTS:
		if (!wait_for_writer(engine, request, query)) {
			stored_answer(engine, request, query);
		}
		break;
	default:
		if (!wait_for_sweep(engine, request, query)) {
			answer(engine, request, query);
		}
		break;
	}
}
