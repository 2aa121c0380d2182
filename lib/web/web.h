/*
 * The HTTP/JSON API with server-sent events. The pure half turns a request's target into a typed
 * question and events into frames of a stream; the io half is the HTTP server. data/openapi.yaml
 * says the same to people and programs; a test holds the two together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "model/event.h"
#include "wire/wire.h"

enum {
	WEB_TARGET_BYTES_MAX = 4096, /* of path and query as they were sent */
	WEB_PARAMETERS_MAX = 24,     /* in one request */
	WEB_LIMIT_MAX = 10000,       /* events in one answer */
};

/* ---- routes ---- */

enum web_kind {
	WEB_QUESTION, /* to the engine */
	WEB_STREAM,   /* events as they come */
	WEB_DOCUMENT, /* data/openapi.yaml as JSON */
};

enum web_value {
	WEB_TEXT,     /* at most size - 1 bytes of UTF-8 without control characters */
	WEB_FLAG,     /* "true" or "false" */
	WEB_NUMBER,   /* within [min, max] */
	WEB_PORTS,    /* "443" or "8000-8100" */
	WEB_PORT,     /* "443", in the path */
	WEB_TIME,     /* RFC 3339 */
	WEB_PREFIX,   /* address, or address/bits */
	WEB_PROTOCOL, /* the rest: words of the model */
	WEB_CLASS,
	WEB_EXPOSURE,
	WEB_SEVERITY,
	WEB_KINDS, /* event kinds, comma separated */
};

/* A parameter of a route, bound to a field of struct wire_query. */
struct web_parameter {
	const char *name;
	enum web_value value;
	uint16_t offset, size;
	uint64_t min, max; /* WEB_NUMBER */
};

struct web_route {
	const char *path; /* "/v1/ports/{port}": braces stand for one segment */
	enum web_kind kind;
	enum wire_question question; /* WEB_QUESTION */
	const struct web_parameter *parameters;
	size_t parameter_count;
};

const struct web_route *web_routes(size_t *count);

/* A refused request, as the client is told. */
struct web_fault {
	uint16_t status;  /* 400, 404, 405, 414 ... */
	const char *code; /* stable word; static string */
	char message[256];
	const char *next; /* what to do; static string */
};

struct web_request {
	const struct web_route *route;
	struct wire_query query;
};

/*
 * Understands a request. Pure; any bytes may come.
 * @param method  of HTTP; only GET is served.
 * @param target  path and query as sent (RFC 3986), percent-encoded.
 * @return 0, or -EINVAL with `fault` set and `out` untouched.
 */
int web_parse(struct web_request *out, struct web_fault *fault, const char *method,
	      const char *target, size_t length);

/* The fault as {"error": {"code", "message", "next"}} with a newline. @return new text, NULL when
 * out of memory. The caller frees it. */
char *web_fault_text(const struct web_fault *fault);

/* data/openapi.yaml as JSON, static memory. */
extern const char web_openapi[];
extern const size_t web_openapi_bytes;

/* ---- stream ---- */

enum {
	WEB_FRAMES_MAX = 8192,      /* kept for slow subscribers and those that come back */
	WEB_FRAME_BYTES_MAX = 8192, /* of one frame; a longer one is cut out and counted as lost */
	WEB_STREAM_BYTES_MAX = 4 << 20,
};

/* What filters look at. */
struct web_key {
	uint64_t id;
	enum event_kind kind; /* EVENT_NONE: a note for every subscriber */
	enum protocol protocol;
	struct addr address;
	uint16_t port;
	int32_t pid;
	char process[EVENT_NAME_BYTES];
};

struct web_frame {
	struct web_key key;
	char *text; /* "id: ...\nevent: ...\ndata: {...}\n\n" */
	size_t length;
};

/* What happened lately, as frames numbered one by one; the oldest give way. */
struct web_stream {
	struct web_frame *frames; /* ring of WEB_FRAMES_MAX */
	uint64_t first, next;     /* numbers of the oldest kept, and of the one to come */
	size_t bytes;
};

/* @return 0 or -ENOMEM. */
int web_stream_init(struct web_stream *stream);
void web_stream_deinit(struct web_stream *stream);

/* Adds an event as a frame. @return 0; -ENOMEM, -EFBIG: then it is not in the stream. */
int web_stream_add(struct web_stream *stream, const struct event *event);

/* Adds {"KEY": value} as a frame named `name` ("written", "lost"), for every subscriber; both are
 * plain words. @return as web_stream_add. */
int web_stream_note(struct web_stream *stream, const char *name, const char *key, uint64_t value);

/* Where a subscriber is. */
struct web_cursor {
	uint64_t next;
	uint64_t missed; /* frames that were gone before they were read; then the stream ends */
	struct wire_query filter;
};

/* A place at the end, or after the event `after` when it is still kept (0 = at the end).
 * @return whether nothing was missed in between. */
bool web_cursor_start(struct web_cursor *out, const struct web_stream *stream, uint64_t after,
		      const struct wire_query *filter);

/* Whether a live event passes the filter of a stream. */
bool web_takes(const struct wire_query *filter, const struct web_key *key);

/*
 * Copies whole frames that pass the filter.
 * @param room  at least WEB_FRAME_BYTES_MAX, so that every frame fits.
 * @return bytes copied; 0 when there is none now; -EOVERFLOW when frames were missed: `missed` says
 *         how many.
 */
long web_cursor_read(struct web_cursor *cursor, const struct web_stream *stream, char *out,
		     size_t room);

/* ---- io: the server ---- */

enum {
	WEB_CONNECTIONS_MAX = 64,
	WEB_SUBSCRIBERS_MAX = 32,
	WEB_QUESTIONS_MAX = 48, /* that wait for the engine */
};

struct web_server;

/* What the server needs from its program. */
struct web_backend {
	/* Passes a question on. @return 0, or negative: the engine cannot be asked now. */
	int (*ask)(uint32_t request, const struct wire_query *query, void *data);
	void *data;
};

/*
 * Serves on a listening socket, which it owns from now on. Single-threaded: call web_server_run()
 * whenever web_server_fd() is readable or web_server_timeout_ms() has passed.
 * @return 0; -ENOMEM; -EIO when libmicrohttpd refuses.
 */
int web_server_new(struct web_server **out, int listening, const struct web_backend *backend,
		   struct err *e);
struct web_server *web_server_free(struct web_server *server);
int web_server_fd(const struct web_server *server);
/* @param now monotonic, for heartbeats and time limits. */
void web_server_run(struct web_server *server, usec_t now);
/* Until web_server_run() has to be called though nothing is readable; -1 = not needed. */
int web_server_timeout_ms(const struct web_server *server);

/* Gives the engine's answer to who asked; takes the descriptor (-1 = none). */
void web_server_answer(struct web_server *server, uint32_t request,
		       const struct wire_answer *answer, int file);
/* The engine is gone: those who wait are told to come again. */
void web_server_engine_gone(struct web_server *server);
/* To every subscriber whose filter it passes. */
void web_server_event(struct web_server *server, const struct event *event);
void web_server_note(struct web_server *server, const char *name, const char *key, uint64_t value);
