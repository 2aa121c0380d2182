/* One sweep under way, as the ways to ask share it. Private to lib/sweep. */
#pragma once

#include "sweep/sweep.h"

struct running {
	struct sweep_order order;
	struct sweep *sweep; /* NULL for UDP */
	int stop;
	sweep_tell_function *tell;
	void *data;
	usec_t begun, told, states_told;
	bool interrupted;
	int error; /* errno: nothing could be sent */
	/* Of UDP. */
	uint8_t states[65536];
	struct sweep_progress progress;
	struct sweep_rejecter rejecters[SWEEP_REJECTERS_MAX];
	uint32_t rejecter_count;
};

/* Since some time in the past, never 0. */
usec_t running_now(void);
/* Says how it goes, five times a second at most, and every few seconds all that is known. @return 0
 * or negative errno. */
int running_tell(struct running *run, usec_t now);
/* Whether it shall end; looks without waiting. */
bool running_stopped(struct running *run);
/* Milliseconds for poll(2) until then, at most 100: whoever waits looks whether it shall end. */
int running_wait(usec_t until);

/* An ICMP error from a socket's queue (ip(7) IP_RECVERR). */
struct running_icmp {
	uint8_t type, code;
	struct addr from;
	uint8_t quoted[64]; /* of our packet, as the kind of socket gives it */
	size_t quoted_bytes;
};
/* @return 1 there was one; 0 the queue is empty; other errors are passed over. */
int running_icmp(struct running_icmp *out, int socket);
/* Where this host itself says that nobody answers on the link, and nothing ever answered: the end,
 * `run->error` is EHOSTUNREACH. @param own  the address that was asked from. */
void running_learn_unreachable(struct running *run, const struct running_icmp *icmp,
			       const struct addr *own);
struct addr running_own(int socket);
/* Turns the queue on. */
void running_want_icmp(int socket, const struct addr *target);

/* @return 0, `run->error` may be set; negative errno of tell, -ENOMEM. */
int sweep_by_connecting(struct running *run);
int sweep_by_packets(struct running *run, int socket);
int sweep_by_datagrams(struct running *run);
