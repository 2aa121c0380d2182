/* One sweep under way, as the ways to ask share it. Private to lib/sweep. */
#pragma once

#include "base/io/socket.h"
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

/* Where this host itself says that nobody answers on the link, and nothing ever answered: the end,
 * `run->error` is EHOSTUNREACH. @param own  the address that was asked from. */
void running_learn_unreachable(struct running *run, const struct socket_icmp *icmp,
			       const struct addr *own);

/* @return 0, `run->error` may be set; negative errno of tell, -ENOMEM. */
int sweep_by_connecting(struct running *run, struct sweep_hands *hands);
int sweep_by_packets(struct running *run, int socket);
int sweep_by_datagrams(struct running *run);
