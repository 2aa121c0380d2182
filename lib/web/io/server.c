/* HTTP by libmicrohttpd, single-threaded on an epoll descriptor that the program's loop watches. */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "web/web.h"

enum {
	POOL_BYTES = 64 * 1024, /* of one connection: headers, and a chunk of a stream */
	CONNECTION_TIMEOUT_SECONDS = 30,
	TIMER_MS = 1000, /* while somebody waits or listens */
};

static const usec_t QUESTION_USEC = 15 * USEC_PER_SEC;
static const usec_t HEARTBEAT_USEC = 15 * USEC_PER_SEC;

enum ticket_state {
	TICKET_NEW,
	TICKET_WAITING,  /* for the engine; suspended */
	TICKET_ANSWERED, /* resumed, `answer` or `fault` is to be sent */
	TICKET_STREAMING,
	TICKET_DONE,
};

/* One request, from its first line to its end. */
struct ticket {
	struct web_server *server;
	struct MHD_Connection *connection;
	struct ticket *next, *previous;
	enum ticket_state state;
	char *target;
	size_t length;
	uint32_t request;
	usec_t asked;
	struct wire_answer answer;
	int file;
	struct web_fault fault; /* status 0 = none */
	struct web_cursor cursor;
	char greeting[128]; /* first bytes of a stream */
	bool suspended, beat, ended;
	usec_t last_sent;
};

struct web_server {
	struct MHD_Daemon *http;
	struct web_backend backend;
	struct web_stream stream;
	struct ticket *tickets;
	uint32_t last_request;
	unsigned waiting, subscribers;
	usec_t now;
};

/* ---- replies ---- */

static enum MHD_Result reply(struct ticket *ticket, unsigned status, struct MHD_Response *response)
{
	if (response == NULL) {
		return MHD_NO;
	}
	enum MHD_Result r = MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE,
		ticket->state == TICKET_STREAMING ? "text/event-stream" : "application/json");
	if (r == MHD_YES) {
		r = MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	}
	if (r == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		r = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET");
	}
	if (r == MHD_YES && status == MHD_HTTP_SERVICE_UNAVAILABLE) {
		r = MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	}
	if (r == MHD_YES) {
		r = MHD_queue_response(ticket->connection, status, response);
	}
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result reply_fault(struct ticket *ticket, const struct web_fault *fault)
{
	ticket->state = TICKET_DONE;
	char *text = web_fault_text(fault);
	if (text == NULL) {
		return MHD_NO;
	}
	return reply(ticket, fault->status,
		     MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static struct web_fault fault_make(uint16_t status, const char *code, const char *message,
				   const char *next)
{
	struct web_fault fault = { .status = status, .code = code, .next = next };
	(void)snprintf(fault.message, sizeof(fault.message), "%s", message);
	return fault;
}

static struct web_fault fault_busy(const char *message)
{
	return fault_make(503, "busy", message, "come again in a second");
}

/* An answer in memory that the engine cannot change any more. */
struct mapping {
	void *bytes;
	size_t length;
};

static void unmap(void *data)
{
	struct mapping *mapping = data;
	(void)munmap(mapping->bytes, mapping->length); /* mapped by map_answer() */
	free(mapping);
}

/* Sealed and as long as its message says: otherwise reading it could kill us (SIGBUS). */
static bool file_is_whole(const struct ticket *ticket)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_WRITE;
	struct stat status;
	return ticket->file >= 0 && ticket->answer.length > 0 &&
	       (fcntl(ticket->file, F_GET_SEALS) & seals) == seals &&
	       fstat(ticket->file, &status) == 0 && status.st_size == (off_t)ticket->answer.length;
}

static struct MHD_Response *map_answer(const struct ticket *ticket)
{
	const size_t length = ticket->answer.length;
	struct mapping *mapping = calloc(1, sizeof(*mapping));
	void *bytes = mmap(NULL, length, PROT_READ, MAP_SHARED, ticket->file, 0);
	if (mapping == NULL || bytes == MAP_FAILED) {
		free(mapping);
		return NULL;
	}
	*mapping = (struct mapping){ bytes, length };
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		length, bytes, unmap, mapping);
	if (response == NULL) {
		unmap(mapping);
	}
	return response;
}

static enum MHD_Result reply_answer(struct ticket *ticket)
{
	if (ticket->fault.status != 0) {
		return reply_fault(ticket, &ticket->fault);
	}
	if (!file_is_whole(ticket)) {
		const struct web_fault fault = fault_make(
			502, "bad_answer", "the engine's answer is damaged", "try again");
		return reply_fault(ticket, &fault);
	}
	ticket->state = TICKET_DONE;
	return reply(ticket, ticket->answer.status, map_answer(ticket));
}

/* ---- streams ---- */

static ssize_t take_text(char *out, size_t room, const char *text)
{
	const size_t length = strlen(text);
	if (length > room) {
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	memcpy(out, text, length);
	return (ssize_t)length;
}

/* The subscriber was too slow: says how much it missed and ends the stream, so that it can fetch
 * the rest from /v1/events. */
static ssize_t drop(struct ticket *ticket, char *out, size_t room)
{
	char text[96];
	ticket->ended = true;
	(void)snprintf(text, sizeof(text), "event: dropped\ndata: {\"missed\":%llu}\n\n",
		       (unsigned long long)ticket->cursor.missed);
	return take_text(out, room, text);
}

static ssize_t read_stream(void *data, uint64_t position, char *out, size_t room)
{
	(void)position;
	struct ticket *ticket = data;
	struct web_server *server = ticket->server;
	ticket->last_sent = server->now;
	if (ticket->ended) {
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (ticket->greeting[0] != '\0') {
		ssize_t n = take_text(out, room, ticket->greeting);
		ticket->greeting[0] = '\0';
		return n;
	}
	long n = web_cursor_read(&ticket->cursor, &server->stream, out, room);
	if (n == -EOVERFLOW) {
		return drop(ticket, out, room);
	}
	if (n == 0 && ticket->beat) {
		ticket->beat = false;
		return take_text(out, room, ": heartbeat\n\n");
	}
	if (n == 0) {
		ticket->suspended = true;
		MHD_suspend_connection(ticket->connection);
	}
	return n;
}

/* What the browser's EventSource sends when it comes back. */
static uint64_t last_event_id(struct MHD_Connection *connection)
{
	uint64_t id = 0;
	const char *text =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Last-Event-ID");
	return text != NULL && parse_u64(&id, text, 0, INT64_MAX) == 0 ? id : 0;
}

static enum MHD_Result start_stream(struct ticket *ticket, const struct wire_query *query)
{
	struct web_server *server = ticket->server;
	if (server->subscribers == WEB_SUBSCRIBERS_MAX) {
		const struct web_fault fault =
			fault_busy("as many streams are open as there may be");
		return reply_fault(ticket, &fault);
	}
	const uint64_t asked = query->after != 0 ? query->after : last_event_id(ticket->connection);
	const bool whole = web_cursor_start(&ticket->cursor, &server->stream, asked, query);
	(void)snprintf(ticket->greeting, sizeof(ticket->greeting), "retry: 1000\n\n");
	if (!whole) {
		(void)snprintf(ticket->greeting, sizeof(ticket->greeting),
			       "retry: 1000\n\nevent: gap\ndata: {\"after\":%llu}\n\n",
			       (unsigned long long)asked);
	}
	ticket->state = TICKET_STREAMING;
	ticket->last_sent = server->now;
	server->subscribers++;
	return reply(ticket, MHD_HTTP_OK,
		     MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, POOL_BYTES / 2,
						       read_stream, ticket, NULL));
}

static void wake(struct ticket *ticket)
{
	if (ticket->suspended) {
		ticket->suspended = false;
		MHD_resume_connection(ticket->connection);
	}
}

static void wake_subscribers(struct web_server *server)
{
	for (struct ticket *t = server->tickets; t != NULL; t = t->next) {
		if (t->state == TICKET_STREAMING) {
			wake(t);
		}
	}
}

/* ---- questions ---- */

static enum MHD_Result ask(struct ticket *ticket, const struct wire_query *query)
{
	struct web_server *server = ticket->server;
	if (server->waiting == WEB_QUESTIONS_MAX) {
		const struct web_fault fault = fault_busy("too many questions wait for an answer");
		return reply_fault(ticket, &fault);
	}
	ticket->request = ++server->last_request;
	if (server->backend.ask(ticket->request, query, server->backend.data) < 0) {
		const struct web_fault fault =
			fault_make(503, "engine_restarting", "the engine cannot be asked now",
				   "come again in a second");
		return reply_fault(ticket, &fault);
	}
	ticket->state = TICKET_WAITING;
	ticket->asked = server->now;
	ticket->suspended = true;
	server->waiting++;
	MHD_suspend_connection(ticket->connection);
	return MHD_YES;
}

static void answered(struct ticket *ticket)
{
	ticket->server->waiting--;
	ticket->state = TICKET_ANSWERED;
	wake(ticket);
}

/* ---- requests ---- */

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);
	return (length != NULL && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static enum MHD_Result begin(struct ticket *ticket, const char *method)
{
	struct web_request request;
	struct web_fault fault;
	if (web_parse(&request, &fault, method, ticket->target, ticket->length) < 0) {
		return reply_fault(ticket, &fault);
	}
	if (has_body(ticket->connection)) {
		fault = fault_make(400, "body_refused", "a question has no body",
				   "leave Content-Length and Transfer-Encoding out");
		return reply_fault(ticket, &fault);
	}
	switch (request.route->kind) {
	case WEB_QUESTION:
		return ask(ticket, &request.query);
	case WEB_STREAM:
		return start_stream(ticket, &request.query);
	case WEB_DOCUMENT:
		break;
	}
	ticket->state = TICKET_DONE;
	return reply(ticket, MHD_HTTP_OK,
		     MHD_create_response_from_buffer(web_openapi_bytes,
						     (void *)(uintptr_t)web_openapi,
						     MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_bytes, void **request)
{
	(void)data, (void)url, (void)version, (void)upload;
	struct ticket *ticket = *request;
	if (ticket == NULL) {
		return MHD_NO;
	}
	ticket->connection = connection;
	*upload_bytes = 0;
	switch (ticket->state) {
	case TICKET_NEW:
		return begin(ticket, method);
	case TICKET_ANSWERED:
		return reply_answer(ticket);
	default:
		return MHD_YES;
	}
}

/* The target as it was sent: the other callback gets it decoded, with the query cut off. */
static void *see_target(void *data, const char *target, struct MHD_Connection *connection)
{
	struct web_server *server = data;
	struct ticket *ticket = calloc(1, sizeof(*ticket));
	if (ticket == NULL) {
		return NULL;
	}
	ticket->server = server;
	ticket->connection = connection;
	ticket->file = -1;
	ticket->length = strlen(target);
	ticket->target = strdup(target);
	if (ticket->target == NULL) {
		free(ticket);
		return NULL;
	}
	ticket->next = server->tickets;
	if (ticket->next != NULL) {
		ticket->next->previous = ticket;
	}
	server->tickets = ticket;
	return ticket;
}

static void completed(void *data, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why)
{
	(void)connection, (void)why;
	struct web_server *server = data;
	struct ticket *ticket = steal(request);
	struct ticket *t = ticket;
	if (t == NULL) {
		return;
	}
	server->waiting -= t->state == TICKET_WAITING;
	server->subscribers -= t->state == TICKET_STREAMING;
	*(t->previous != NULL ? &t->previous->next : &server->tickets) = t->next;
	if (t->next != NULL) {
		t->next->previous = t->previous;
	}
	close_fdp(&t->file);
	free(t->target);
	free(t);
}

/* ---- the server ---- */

int web_server_new(struct web_server **out, int listening, const struct web_backend *backend,
		   struct err *e)
{
	struct web_server *server = calloc(1, sizeof(*server));
	if (server == NULL || web_stream_init(&server->stream) < 0) {
		free(server);
		return err_set(e, ENOMEM, "no memory for the server");
	}
	server->backend = *backend;
	server->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, server,
		MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_URI_LOG_CALLBACK, see_target,
		server, MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)WEB_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)CONNECTION_TIMEOUT_SECONDS, MHD_OPTION_END);
	if (server->http == NULL) {
		web_stream_deinit(&server->stream);
		free(server);
		return err_set(e, EIO, "libmicrohttpd cannot serve on the socket");
	}
	*out = server;
	return 0;
}

struct web_server *web_server_free(struct web_server *server)
{
	if (server != NULL) {
		for (struct ticket *t = server->tickets; t != NULL; t = t->next) {
			t->ended = true;
			wake(t); /* a suspended connection cannot be ended */
		}
		MHD_stop_daemon(server->http);
		web_stream_deinit(&server->stream);
		free(server);
	}
	return NULL;
}

int web_server_fd(const struct web_server *server)
{
	return MHD_get_daemon_info(server->http, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

static void keep_time(struct web_server *server)
{
	for (struct ticket *t = server->tickets; t != NULL; t = t->next) {
		if (t->state == TICKET_WAITING && server->now - t->asked > QUESTION_USEC) {
			t->fault = fault_make(504, "engine_timeout",
					      "the engine did not answer in time", "try again");
			answered(t);
		} else if (t->state == TICKET_STREAMING &&
			   server->now - t->last_sent > HEARTBEAT_USEC) {
			t->beat = true;
			wake(t);
		}
	}
}

void web_server_run(struct web_server *server, usec_t now)
{
	server->now = now;
	keep_time(server);
	(void)MHD_run(server->http); /* MHD_NO only for a daemon that has a thread */
}

int web_server_timeout_ms(const struct web_server *server)
{
	MHD_UNSIGNED_LONG_LONG http = 0;
	int timeout = server->waiting + server->subscribers > 0 ? TIMER_MS : -1;
	if (MHD_get_timeout(server->http, &http) == MHD_YES) {
		const int ms = http < INT32_MAX ? (int)http : INT32_MAX;
		timeout = timeout < 0 || ms < timeout ? ms : timeout;
	}
	return timeout;
}

void web_server_answer(struct web_server *server, uint32_t request,
		       const struct wire_answer *answer, int file)
{
	_cleanup_(close_fdp) int owned = file;
	for (struct ticket *t = server->tickets; t != NULL; t = t->next) {
		if (t->state == TICKET_WAITING && t->request == request) {
			t->answer = *answer;
			t->file = steal_fd(&owned);
			answered(t);
			return;
		}
	}
}

void web_server_engine_gone(struct web_server *server)
{
	for (struct ticket *t = server->tickets; t != NULL; t = t->next) {
		if (t->state == TICKET_WAITING) {
			t->fault = fault_make(503, "engine_restarting",
					      "the engine ended before it had answered",
					      "come again in a second");
			answered(t);
		}
	}
}

void web_server_event(struct web_server *server, const struct event *event)
{
	if (web_stream_add(&server->stream, event) < 0) {
		web_server_note(server, "lost", "count", 1);
		return;
	}
	wake_subscribers(server);
}

void web_server_note(struct web_server *server, const char *name, const char *key, uint64_t value)
{
	if (web_stream_note(&server->stream, name, key, value) == 0) {
		wake_subscribers(server);
	}
}
