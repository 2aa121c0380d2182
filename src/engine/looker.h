/* A thread that takes stock and reviews it, so that events are heard meanwhile. One look at a time.
 */
#pragma once

#include "base/err.h"
#include "model/event.h"
#include "model/finding.h"
#include "observe/observe.h"

struct policy;

struct looker;

/* Makes the thread, before the process gives up the right to make threads. @return 0, -ENOMEM,
 * other negative errno. */
int looker_new(struct looker **out, struct err *e);

/*
 * Begins a look; none may be running.
 * @param request  its strings must live until the end of the look.
 * @param sockets  move to the looker.
 * @param policy   to review against, NULL = none; must stay as it is until the end of the look.
 * @param attempts recent binds that did not fit, oldest first; copied, at most REVIEW_ATTEMPTS_MAX.
 */
void looker_begin(struct looker *looker, const struct observe_request *request,
		  struct observe_sockets *sockets, const struct policy *policy,
		  const struct event *attempts, size_t attempt_count);

/* Readable when a look has ended. */
int looker_fd(const struct looker *looker);

/*
 * Takes the result; call it once after looker_fd() became readable.
 * @param took  time that the look took.
 * @return as observe_inventory() and review_findings(); on 0 inventory and findings are the
 * caller's.
 */
int looker_end(struct looker *looker, struct inventory *inventory, struct findings *findings,
	       usec_t *took, struct err *e);

/* Waits for a look that runs. @return NULL; NULL is allowed. */
struct looker *looker_free(struct looker *looker);
