/* Connections that are being made by one process, many at once. Private to lib/sweep. */
#pragma once

#include "base/io/socket.h"
#include "sweep/sweep.h"

enum attempt_kind {
	ATTEMPT_ENDED,
	ATTEMPT_AT_ONCE,   /* connect(2) itself said so: perhaps no packet left */
	ATTEMPT_SILENT,    /* nothing came in its time; `error` says nothing */
	ATTEMPT_NOT_BEGUN, /* not begun: `error` */
};

/* What became of one. Plain bytes: they also pass from one process to another. */
struct attempt_end {
	struct sweep_question question;
	usec_t took;
	enum attempt_kind kind;
	int error;               /* errno of connect(2), 0 = it was accepted */
	bool icmp_heard;         /* a reset leaves none */
	struct socket_icmp icmp; /* where it was heard */
	struct addr own;         /* then: the address that was asked from */
};

typedef void attempt_ended(void *data, const struct attempt_end *end);

struct attempts {
	const struct sweep_order *order;
	attempt_ended *ended;
	void *data;
	int epoll;            /* poll it for POLLIN, then attempts_hear() */
	struct attempt *ring; /* in the order in which they were begun */
	uint32_t room, first, count;
	uint32_t open, open_most; /* descriptors */
};

/* How many connections this process may hold; raises its limit to the hard one. At least 1. */
uint32_t attempts_descriptors(void);

/* @param ended  called for each that was begun, once. @return 0, -ENOMEM, errno of epoll. */
int attempts_init(struct attempts *a, const struct sweep_order *order, attempt_ended *ended,
		  void *data);
/* Closes what is under way and tells nothing of it. */
void attempts_deinit(struct attempts *a);

bool attempts_full(const struct attempts *a);
/* When the oldest has had its time; `otherwise` where there is none. */
usec_t attempts_until(const struct attempts *a, usec_t otherwise);

enum { ATTEMPTS_SHORT = 1 };
/* Not where it is full. @return 0; ATTEMPTS_SHORT no room now, not begun; negative errno: no
 * socket. */
int attempts_begin(struct attempts *a, const struct sweep_question *question, usec_t now);
/* Tells of those that ended. @param wait_ms  for the first, 0 = none. */
void attempts_hear(struct attempts *a, int wait_ms);
/* Ends those that had their time. */
void attempts_end_late(struct attempts *a, usec_t now);
