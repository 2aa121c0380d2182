/* Entries that shall go. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "conntrack/io/batch.h"

static const char deleting_words[] = "delete from the kernel's table of connections";

struct deleting {
	size_t deleted;
	int failure; /* negative errno of the first that failed */
	bool gone;   /* the last one was not there any more */
};

static void count_answer(int result, bool again, void *data)
{
	struct deleting *deleting = data;
	deleting->gone = result == -ENOENT && !again;
	if (result == 0 || (result == -ENOENT && again)) {
		deleting->deleted++; /* the lost answer to the first time was a yes */
	} else if (result != -ENOENT && deleting->failure == 0) {
		deleting->failure = handle_errno(result);
	}
}

int conntrack_delete(struct conntrack *conntrack, const struct conntrack_flow *flow, struct err *e)
{
	struct deleting deleting = { 0 };
	_cleanup_(freep) struct batch *batch = batch_new(conntrack, count_answer, &deleting);
	if (batch == NULL) {
		return err_set(e, ENOMEM, "no memory");
	}
	if (message_delete(batch_place(batch), flow, 0) == NULL) {
		return err_set(e, EINVAL, "only an entry that the kernel told of can be deleted");
	}
	int r = batch_add(batch);
	r = r < 0 ? r : batch_run(batch);
	r = r < 0 ? r : deleting.failure;
	if (r < 0) {
		return handle_failure(r, deleting_words, e);
	}
	return deleting.gone ? err_set(e, ENOENT, "the connection has ended already") : 0;
}

struct choosing {
	struct batch *batch;
	conntrack_predicate *predicate;
	void *data;
};

static int choose(const struct conntrack_flow *flow, void *data)
{
	const struct choosing *choosing = data;
	if (!choosing->predicate(flow, choosing->data) ||
	    message_delete(batch_place(choosing->batch), flow, 0) == NULL) {
		return 0;
	}
	return batch_add(choosing->batch);
}

int conntrack_delete_matching(struct conntrack *conntrack, conntrack_predicate *predicate,
			      void *data, size_t *deleted, struct err *e)
{
	struct deleting deleting = { 0 };
	_cleanup_(freep) struct batch *batch = batch_new(conntrack, count_answer, &deleting);
	if (batch == NULL) {
		return err_set(e, ENOMEM, "no memory");
	}
	struct choosing choosing = { .batch = batch, .predicate = predicate, .data = data };
	int r = conntrack_dump(conntrack, AF_UNSPEC, choose, &choosing, e);
	int last = batch_run(batch);
	if (deleted != NULL) {
		*deleted = deleting.deleted;
	}
	r = r < 0 ? r : last;
	r = r < 0 ? r : deleting.failure;
	return r < 0 ? handle_failure(r, deleting_words, e) : 0;
}
