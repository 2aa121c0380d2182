/* Many changes in one system call. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>

#include "conntrack/io/handle.h"
#include "conntrack/message.h"

enum { BATCH_MAX = 256 };

/*
 * What the kernel said to one message.
 * @param result  0 or negative errno.
 * @param again   its first answer was lost (ENOBUFS), so this is the answer to the second time.
 */
typedef void batch_function(int result, bool again, void *data);

struct batch {
	struct conntrack *conntrack;
	batch_function *function;
	void *data;
	unsigned count;
	unsigned window; /* how many are sent at once: what fits in the receive buffer */
	struct {
		_Alignas(struct nlmsghdr) char message[CONNTRACK_REQUEST_BYTES];
		bool sent, answered;
	} slots[BATCH_MAX];
};

/* @return NULL without memory; the caller frees it with free(). */
struct batch *batch_new(struct conntrack *conntrack, batch_function *function, void *data);

/* Where the next message is to be written: CONNTRACK_REQUEST_BYTES. There is always room. */
void *batch_place(struct batch *batch);

/*
 * Takes the message that was written at batch_place() and gives it its sequence number. When the
 * batch is full it is run.
 * @return 0 or as batch_run().
 */
int batch_add(struct batch *batch);

/*
 * Sends what is waiting and hands over each answer.
 * @return 0; -ENOBUFS when not one answer came through; other negative errno of send and recv.
 */
int batch_run(struct batch *batch);
