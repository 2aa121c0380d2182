/* Entries for the connections that this host has. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "conntrack/io/batch.h"

struct seeding {
	struct conntrack_seeded *counts;
	int stop; /* negative errno that the others would meet too */
};

static int stops(int result)
{
	switch (result) {
	case -ENOMEM: /* what ctnetlink says when the table is full */
		return -ENOSPC;
	case -EPERM:
	case -EOPNOTSUPP:
		return result;
	default:
		return 0;
	}
}

static void count_answer(int result, bool again, void *data)
{
	struct seeding *seeding = data;
	if (result == 0 || (result == -EEXIST && again)) {
		seeding->counts->created++; /* the lost answer to the first time was a yes */
	} else if (result == -EEXIST) {
		seeding->counts->existing++;
	} else {
		seeding->counts->failed++;
		seeding->counts->failure =
			seeding->counts->failure == 0 ? result : seeding->counts->failure;
		seeding->stop = seeding->stop == 0 ? stops(result) : seeding->stop;
	}
}

static int seed_one(struct batch *batch, const struct connection *connection, unsigned flags,
		    struct conntrack_seeded *counts)
{
	struct conntrack_flow flow;
	enum conntrack_fit fit = conntrack_flow_of(&flow, connection, &batch->conntrack->defaults);
	if (fit == CONNTRACK_LOOPBACK && (flags & CONNTRACK_SEED_LOOPBACK) == 0) {
		counts->loopback++;
		return 0;
	}
	if (fit == CONNTRACK_UNFIT || message_create(batch_place(batch), &flow, 0) == NULL) {
		counts->unfit++;
		return 0;
	}
	return batch_add(batch);
}

int conntrack_seed(struct conntrack *conntrack, const struct connection *list, size_t count,
		   unsigned flags, struct conntrack_seeded *out, struct err *e)
{
	*out = (struct conntrack_seeded){ 0 };
	struct seeding seeding = { .counts = out };
	_cleanup_(freep) struct batch *batch = batch_new(conntrack, count_answer, &seeding);
	if (batch == NULL) {
		return err_set(e, ENOMEM, "no memory");
	}
	int r = 0;
	for (size_t i = 0; i < count && r == 0 && seeding.stop == 0; i++) {
		r = seed_one(batch, &list[i], flags, out);
	}
	if (r == 0 && seeding.stop == 0) {
		r = batch_run(batch);
	}
	if (out->failure == -EINVAL && out->created + out->existing == 0) {
		seeding.stop = -EOPNOTSUPP; /* what nfnetlink says when it has no ctnetlink */
	}
	r = seeding.stop < 0 ? seeding.stop : r;
	return r < 0 ? handle_failure(r, "add to the kernel's table of connections", e) : 0;
}
