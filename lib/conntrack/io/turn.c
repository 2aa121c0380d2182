/* Entries of which the kernel took the wrong side for the one who began. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "conntrack/io/batch.h"

enum {
	ROUNDS = 4, /* a packet may make the entry anew between both steps */
	TURNED_MAX = 1 << 20,
};

struct pair {
	struct conntrack_flow was, shall;
};

struct turning {
	struct conntrack *conntrack;
	conntrack_choice *choose;
	void *data;
	VEC(struct pair) list;
	size_t created;
	int failure; /* negative errno of the first that failed */
};

static int take(const struct conntrack_flow *flow, void *data)
{
	struct turning *turning = data;
	struct pair pair = { .was = *flow };
	/* Most are right whatever is known of them: to choose may be dear. */
	if (!conntrack_turned(&pair.shall, flow, true, &turning->conntrack->defaults)) {
		return 0;
	}
	const enum conntrack_turning choice = turning->choose(flow, turning->data);
	if (choice == CONNTRACK_TURN_NEVER ||
	    !conntrack_turned(&pair.shall, flow, choice == CONNTRACK_TURN_LIKELY,
			      &turning->conntrack->defaults)) {
		return 0;
	}
	if (turning->list.count == TURNED_MAX) {
		return 0; /* the rest stays as it is */
	}
	struct pair *kept = vec_push(&turning->list);
	if (kept == NULL) {
		return -ENOMEM;
	}
	*kept = pair;
	return 0;
}

static void count_created(int result, bool again, void *data)
{
	struct turning *turning = data;
	if (result == 0 || (result == -EEXIST && again)) {
		turning->created++;
	} else if (result != -EEXIST && result != -ENOENT && turning->failure == 0) {
		turning->failure = handle_errno(result);
	}
}

static void count_deleted(int result, bool again, void *data)
{
	struct turning *turning = data;
	(void)again; /* gone is gone */
	if (result != 0 && result != -ENOENT && turning->failure == 0) {
		turning->failure = handle_errno(result);
	}
}

/* As many as fit into a batch go and come again at once, so that packets meet them as they shall
 * be.
 */
static int exchange(struct turning *turning, struct batch *deleting, struct batch *creating)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < turning->list.count;) {
		const size_t end = i + BATCH_MAX / 2;
		const size_t begin = i;
		for (; r == 0 && i < end && i < turning->list.count; i++) {
			(void)message_delete(batch_place(deleting), &turning->list.items[i].was, 0);
			r = batch_add(deleting);
		}
		r = r < 0 ? r : batch_run(deleting);
		for (size_t k = begin; r == 0 && k < i; k++) {
			(void)message_create(batch_place(creating), &turning->list.items[k].shall,
					     0);
			r = batch_add(creating);
		}
		r = r < 0 ? r : batch_run(creating);
	}
	return r;
}

static int turn_once(struct turning *turning, struct err *e)
{
	_cleanup_(freep) struct batch *deleting =
		batch_new(turning->conntrack, count_deleted, turning);
	_cleanup_(freep) struct batch *creating =
		batch_new(turning->conntrack, count_created, turning);
	if (deleting == NULL || creating == NULL) {
		return err_set(e, ENOMEM, "no memory");
	}
	turning->list.count = 0;
	int r = conntrack_dump(turning->conntrack, AF_UNSPEC, take, turning, e);
	return r < 0 ? r : exchange(turning, deleting, creating);
}

int conntrack_turn(struct conntrack *conntrack, conntrack_choice *choose, void *data,
		   size_t *turned, struct err *e)
{
	struct turning turning = { .conntrack = conntrack, .choose = choose, .data = data };
	int r = 0;
	for (unsigned i = 0; r == 0 && i < ROUNDS && (i == 0 || turning.list.count > 0); i++) {
		r = turn_once(&turning, e);
	}
	vec_free(&turning.list);
	*turned = turning.created;
	r = r < 0 ? r : turning.failure;
	return r < 0 ? handle_failure(r, "change the kernel's table of connections", e) : 0;
}
