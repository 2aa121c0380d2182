/* minato-face: the HTTP server; started by minatod with a socket on descriptor 3. It has no rights,
 * opens no file and knows only what the engine tells it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/process.h"
#include "common/say.h"
#include "web/web.h"

enum { TURNS = 32 };

struct face {
	sd_event *loop;
	struct link parent, engine;
	struct web_server *server;
	sd_event_source *timer;
};

/* ---- the server on the loop ---- */

/* Runs it and sees to it that it is run again in time. */
static void serve(struct face *face)
{
	int timeout = 0;
	/* 0: there is more to do at once; a long answer must not keep the others waiting for ever.
	 */
	for (unsigned turn = 0; timeout == 0 && turn < TURNS; turn++) {
		web_server_run(face->server, clock_monotonic());
		timeout = web_server_timeout_ms(face->server);
	}
	int r = timeout < 0
			? sd_event_source_set_enabled(face->timer, SD_EVENT_OFF)
			: sd_event_source_set_time_relative(face->timer, (uint64_t)timeout * 1000);
	if (r >= 0 && timeout >= 0) {
		r = sd_event_source_set_enabled(face->timer, SD_EVENT_ONESHOT);
	}
	if (r < 0) {
		say(SAY_ERROR, "no timer for the server: %d", r);
	}
}

static int on_http(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)fd, (void)events;
	serve(data);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	(void)source, (void)usec;
	serve(data);
	return 0;
}

static int ask(uint32_t request, const struct wire_query *query, void *data)
{
	const struct face *face = data;
	struct wire_message message = { .type = WIRE_QUERY, .request = request, .query = *query };
	return face->engine.socket < 0 ? -ENOTCONN
				       : wire_send(face->engine.socket, &message, NULL, 0, NULL);
}

/* ---- links ---- */

static int on_engine(const struct wire_message *message, int fds[WIRE_FDS_MAX], void *data)
{
	struct face *face = data;
	switch (message->type) {
	case WIRE_ANSWER:
		web_server_answer(face->server, message->request, &message->answer,
				  steal_fd(&fds[0]));
		break;
	case WIRE_EVENT:
		web_server_event(face->server, &message->event);
		break;
	case WIRE_WRITTEN:
		web_server_note(face->server, "written", "id", message->written.id);
		break;
	case WIRE_LOST:
		web_server_note(face->server, "lost", "count", message->lost.count);
		break;
	default:
		return -EPROTO;
	}
	return 0;
}

/* All that came is in: now it goes out. */
static void on_turn(void *data)
{
	serve(data);
}

static void on_engine_closed(void *data)
{
	struct face *face = data;
	web_server_engine_gone(face->server);
	serve(face);
}

static int on_parent(const struct wire_message *message, int fds[WIRE_FDS_MAX], void *data)
{
	struct face *face = data;
	switch (message->type) {
	case WIRE_PING:
		process_tell(&face->parent, WIRE_PONG);
		return 0;
	case WIRE_STOP:
		(void)sd_event_exit(face->loop, EXIT_SUCCESS); /* fails only when it ends already */
		return 0;
	case WIRE_PEER:
		if (face->engine.socket >= 0) {
			link_close(&face->engine);
			web_server_engine_gone(face->server);
		}
		return link_open(&face->engine, face->loop, steal_fd(&fds[0]), NULL);
	default:
		return -EPROTO;
	}
}

static void on_parent_closed(void *data)
{
	struct face *face = data;
	(void)sd_event_exit(face->loop, EXIT_FAILURE);
}

/* ---- start ---- */

static int watch(struct face *face, struct err *e)
{
	sd_event_source *http = NULL;
	int r = sd_event_new(&face->loop);
	if (r >= 0) {
		r = sd_event_add_io(face->loop, &http, web_server_fd(face->server), EPOLLIN,
				    on_http, face);
	}
	if (r >= 0) {
		r = sd_event_source_set_floating(http, 1);
	}
	http = sd_event_source_unref(http);
	if (r >= 0) {
		r = sd_event_add_time_relative(face->loop, &face->timer, CLOCK_MONOTONIC,
					       USEC_PER_SEC, 1000, on_timer, face);
	}
	if (r >= 0) {
		r = link_open(&face->parent, face->loop, PROCESS_SOCKET, e);
	}
	return r < 0 ? err_system(e, r, "cannot make the event loop") : 0;
}

static int start(struct face *face, struct err *e)
{
	struct wire_setup setup;
	int fds[WIRE_FDS_MAX];
	const struct web_backend backend = { .ask = ask, .data = face };
	int r = process_setup(&setup, fds, e);
	if (r < 0) {
		return r;
	}
	tzset(); /* dates of HTTP: its file cannot be read later */
	r = web_server_new(&face->server, steal_fd(&fds[0]), &backend, e);
	wire_close(fds);
	if (r == 0) {
		r = process_seal_without_files(SANDBOX_FACE, e);
	}
	return r == 0 ? watch(face, e) : r;
}

int main(void)
{
	say_init("minato-face");
	(void)signal(SIGPIPE, SIG_IGN); /* a client that left is no reason to end */
	struct err e = ERR_INIT;
	struct face face = {
		.parent = { .socket = -1,
			    .other = WIRE_PARENT,
			    .function = on_parent,
			    .turn = on_turn,
			    .closed = on_parent_closed },
		.engine = { .socket = -1,
			    .other = WIRE_ENGINE,
			    .function = on_engine,
			    .turn = on_turn,
			    .closed = on_engine_closed },
	};
	face.parent.data = face.engine.data = &face;
	int r = start(&face, &e);
	if (r == 0) {
		process_tell(&face.parent, WIRE_READY);
		r = sd_event_loop(face.loop);
	} else {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	face.server = web_server_free(face.server);
	face.timer = sd_event_source_disable_unref(face.timer);
	link_close(&face.engine);
	link_close(&face.parent);
	sd_event_unref(face.loop);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
