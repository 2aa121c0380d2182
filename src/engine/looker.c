/* A thread that takes stock and reviews it. */
#include "looker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "review/review.h"

struct looker {
	pthread_t thread;
	int ended;            /* eventfd */
	pthread_mutex_t lock; /* of the next three */
	pthread_cond_t wake;
	bool wanted;
	bool leaving;
	/* Whose they are changes with `wanted` and with `ended`: the thread's in between. */
	struct observe_request request;
	struct observe_sockets sockets;
	const struct policy *policy;
	struct event attempts[REVIEW_ATTEMPTS_MAX];
	size_t attempt_count;
	struct inventory inventory;
	struct findings findings;
	struct err fault;
	int result;
	usec_t took;
	bool untaken; /* inventory and findings are filled */
};

static int review(struct looker *looker)
{
	const struct review_input input = {
		.inventory = &looker->inventory,
		.policy = looker->policy,
		.today = clock_local_day(looker->request.now),
		.now = looker->request.now,
		.attempts = looker->attempts,
		.attempt_count = looker->attempt_count,
	};
	findings_init(&looker->findings);
	int r = review_findings(&looker->findings, &input);
	if (r < 0) {
		findings_deinit(&looker->findings);
		inventory_deinit(&looker->inventory);
		return err_system(&looker->fault, r, "cannot review what is open");
	}
	return 0;
}

static void look(struct looker *looker)
{
	const usec_t begun = clock_monotonic();
	const uint64_t one = 1;
	looker->fault = ERR_INIT;
	if (looker->sockets.list.count > 0) {
		looker->request.sockets = &looker->sockets;
	}
	looker->result = observe_inventory(&looker->inventory, &looker->request, &looker->fault);
	/* At once: an open socket keeps its network namespace alive. */
	observe_sockets_close(&looker->sockets);
	looker->sockets = (struct observe_sockets){ 0 };
	if (looker->result == 0) {
		looker->result = review(looker);
	}
	looker->untaken = looker->result == 0;
	looker->took = clock_monotonic() - begun;
	(void)!write(looker->ended, &one, sizeof(one)); /* cannot be full: one look at a time */
}

static bool wait_for_work(struct looker *looker)
{
	pthread_mutex_lock(&looker->lock);
	while (!looker->wanted && !looker->leaving) {
		pthread_cond_wait(&looker->wake, &looker->lock);
	}
	const bool work = looker->wanted;
	looker->wanted = false;
	pthread_mutex_unlock(&looker->lock);
	return work;
}

static void *run(void *data)
{
	while (wait_for_work(data)) {
		look(data);
	}
	return NULL;
}

int looker_new(struct looker **out, struct err *e)
{
	struct looker *looker = calloc(1, sizeof(*looker));
	if (looker == NULL) {
		return err_system(e, ENOMEM, "no memory for sweeps");
	}
	looker->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_mutex_init(&looker->lock, NULL); /* cannot fail with these arguments */
	(void)pthread_cond_init(&looker->wake, NULL);
	int r = looker->ended < 0 ? errno : pthread_create(&looker->thread, NULL, run, looker);
	if (r != 0) {
		close_fdp(&looker->ended);
		free(looker);
		return err_system(e, r, "cannot make the thread for sweeps");
	}
	*out = looker;
	return 0;
}

void looker_begin(struct looker *looker, const struct observe_request *request,
		  struct observe_sockets *sockets, const struct policy *policy,
		  const struct event *attempts, size_t attempt_count)
{
	looker->attempt_count =
		attempt_count < REVIEW_ATTEMPTS_MAX ? attempt_count : REVIEW_ATTEMPTS_MAX;
	for (size_t i = 0; i < looker->attempt_count; i++) {
		looker->attempts[i] = attempts[i];
	}
	looker->request = *request;
	looker->policy = policy;
	looker->sockets = *sockets;
	*sockets = (struct observe_sockets){ 0 };
	pthread_mutex_lock(&looker->lock);
	looker->wanted = true;
	pthread_cond_signal(&looker->wake);
	pthread_mutex_unlock(&looker->lock);
}

int looker_fd(const struct looker *looker)
{
	return looker->ended;
}

int looker_end(struct looker *looker, struct inventory *inventory, struct findings *findings,
	       usec_t *took, struct err *e)
{
	uint64_t count = 0;
	(void)!read(looker->ended, &count, sizeof(count)); /* it was readable */
	*took = looker->took;
	if (looker->result < 0) {
		return err_set(e, looker->result, "%s", err_text(&looker->fault));
	}
	*inventory = looker->inventory;
	*findings = looker->findings;
	looker->untaken = false;
	return 0;
}

struct looker *looker_free(struct looker *looker)
{
	if (looker == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&looker->lock);
	looker->leaving = true;
	pthread_cond_signal(&looker->wake);
	pthread_mutex_unlock(&looker->lock);
	(void)pthread_join(looker->thread, NULL); /* our own thread, joined once */
	if (looker->untaken) {
		inventory_deinit(&looker->inventory);
		findings_deinit(&looker->findings);
	}
	observe_sockets_close(&looker->sockets);
	close_fdp(&looker->ended);
	pthread_cond_destroy(&looker->wake);
	pthread_mutex_destroy(&looker->lock);
	free(looker);
	return NULL;
}
