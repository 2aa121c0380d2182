/* minato-engine: started by minatod with a socket on descriptor 3; of no use by hand. */
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "anomalies.h"
#include "base/cleanup.h"
#include "base/io/clock.h"
#include "common/say.h"

static void note_process(struct engine *engine, const struct wire_child *child)
{
	unsigned i = 0;
	while (i < engine->process_count && strcmp(engine->processes[i].name, child->name) != 0) {
		i++;
	}
	if (i == ENGINE_PROCESSES_MAX) {
		return;
	}
	struct engine_process *process = &engine->processes[i];
	(void)str_copy(process->name, sizeof(process->name), child->name);
	process->pid = child->pid;
	process->restarts = child->restarts;
	if (i == engine->process_count) {
		engine->process_count++;
	}
	if (strcmp(child->name, "keeper") == 0) {
		devices_tell(engine);
	}
	if (strcmp(child->name, "sentry") == 0) {
		incidents_of_new_sentry(engine, child->news);
	}
	if (child->news && child->restarts > 0) {
		struct event event = { .time = clock_now(),
				       .kind = EVENT_CHILD_RESTARTED,
				       .pid = child->pid,
				       .uid = UINT32_MAX,
				       .count = child->restarts };
		(void)str_copy(event.process, sizeof(event.process), child->name);
		record_event(engine, &event);
	}
}

static int on_face(const struct wire_message *message, int *fds, void *data)
{
	(void)fds; /* questions bring none */
	answer_question(data, message->request, &message->query);
	return 0;
}

/* The face is gone; its next one comes with a new socket. */
static void on_face_closed(void *data)
{
	(void)data;
}

static void stop(struct engine *engine)
{
	struct event event = { .time = clock_now(),
			       .kind = EVENT_DAEMON_STOPPED,
			       .uid = UINT32_MAX };
	record_event(engine, &event);
	(void)sd_event_exit(engine->loop, EXIT_SUCCESS); /* fails only when it ends already */
}

static int on_parent(const struct wire_message *message, int fds[WIRE_FDS_MAX], void *data)
{
	struct engine *engine = data;
	switch (message->type) {
	case WIRE_PING:
		process_tell(&engine->parent, WIRE_PONG);
		return 0;
	case WIRE_STOP:
		stop(engine);
		return 0;
	case WIRE_PEER:
		link_close(&engine->face);
		return link_open(&engine->face, engine->loop, steal_fd(&fds[0]), NULL);
	case WIRE_CHILD:
		note_process(engine, &message->child);
		return 0;
	case WIRE_NETNS:
		sweep_socket(engine, &message->netns, &fds[0]);
		return 0;
	case WIRE_NETNS_END:
		sweep_sockets_end(engine);
		return 0;
	case WIRE_RING:
		events_start(engine, &message->ring, fds);
		return 0;
	case WIRE_RULES:
		rules_state(engine, &message->rules);
		return 0;
	case WIRE_ATTEMPTS:
		attempts_start(engine, message->attempts.hook, message->attempts.ring_bytes,
			       fds[0]);
		return 0;
	case WIRE_RULES_NEWS:
		rules_news(engine, &message->event);
		return 0;
	case WIRE_INCIDENT:
		incidents_take(engine, &message->incident);
		return 0;
	case WIRE_ANSWERED:
		devices_answered(engine, &message->answered);
		return 0;
	case WIRE_WATCHED:
		incidents_watched(engine, &message->watched);
		return 0;
	case WIRE_TAPPED:
		incidents_tapped(engine, &message->tapped);
		return 0;
	case WIRE_CONTRADICTION:
		rules_contradiction(engine, &message->contradiction);
		return 0;
	case WIRE_FINE:
		anomalies_fine(engine, &message->fine);
		return 0;
	case WIRE_RELOAD:
		policy_reload(engine);
		return 0;
	case WIRE_FILE:
		policy_file(engine, message->request, &message->file, fds[0]);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Without a parent nobody restarts or ends us. */
static void on_parent_closed(void *data)
{
	struct engine *engine = data;
	(void)sd_event_exit(engine->loop, EXIT_FAILURE);
}

static int start(struct engine *engine, struct err *e)
{
	int fds[WIRE_FDS_MAX];
	int r = process_setup(&engine->setup, fds, e);
	if (r < 0) {
		return r;
	}
	engine->state = steal_fd(&fds[0]);
	engine->runtime = steal_fd(&fds[1]);
	if (engine->state < 0 || engine->runtime < 0) {
		return err_set(e, EPROTO, "the set-up came without directories");
	}
	/* By the descriptor: the path itself may lead through folders that are closed to us. */
	(void)snprintf(engine->bpf_directory, sizeof(engine->bpf_directory), "/proc/self/fd/%d/bpf",
		       engine->runtime);
	engine->without = observe_without_parse(getenv("MINATO_WITHOUT"));
	r = writer_new(&engine->record.writer, e); /* later no thread can be made */
	if (r == 0) {
		r = looker_new(&engine->sweep.looker, e);
	}
	if (r == 0) {
		r = process_seal(SANDBOX_ENGINE, e);
	}
	if (r == 0) {
		r = sd_event_new(&engine->loop);
	}
	if (r >= 0) {
		r = link_open(&engine->parent, engine->loop, PROCESS_SOCKET, e);
	}
	if (r >= 0) {
		record_start(engine);
		findings_recall(engine);
		attempts_recall(engine);
		rules_recall(engine);
		anomalies_start(engine);
		incidents_recall(engine);
		devices_recall(engine);
		policy_reload(engine);
		r = sweep_start(engine, e);
	}
	return r;
}

static void engine_deinit(struct engine *engine)
{
	attempts_end(engine);
	anomalies_end(engine);
	record_end(engine);
	link_close(&engine->face);
	link_close(&engine->parent);
	sweep_deinit(engine);
	events_deinit(engine);
	policy_end(engine);
	findings_deinit(&engine->findings);
	vec_free(&engine->standing);
	rules_end(engine);
	incidents_end(engine);
	devices_end(engine);
	if (engine->known) {
		inventory_deinit(&engine->inventory);
	}
	vec_free(&engine->questions);
	vec_free(&engine->event_questions);
	close_fdp(&engine->state);
	close_fdp(&engine->runtime);
	sd_event_unref(engine->loop);
}

int main(void)
{
	say_init("minato-engine");
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that left is seen when its socket is read */
	struct err e = ERR_INIT;
	struct engine engine = {
		.state = -1,
		.runtime = -1,
		.parent = { .socket = -1,
			    .other = WIRE_PARENT,
			    .function = on_parent,
			    .closed = on_parent_closed },
		.face = { .socket = -1,
			  .other = WIRE_FACE,
			  .function = on_face,
			  .closed = on_face_closed },
	};
	engine.parent.data = engine.face.data = &engine;
	findings_init(&engine.findings);
	int r = start(&engine, &e);
	if (r >= 0) {
		process_tell(&engine.parent, WIRE_READY);
		r = sd_event_loop(engine.loop);
	} else {
		say(SAY_ERROR, "%s", err_text(&e));
	}
	engine_deinit(&engine);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
