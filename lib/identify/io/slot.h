/* One port at work: its socket, and what its conversation wants done with it. */
#pragma once

#include "identify/io/run.h"

/* One port at work. */
struct slot {
	struct identify_talking talking;
	struct identify_session *session;
	int socket; /* -1 = none */
	bool busy, connecting;
	size_t read;  /* bytes of this connection */
	usec_t until; /* of the present action */
	usec_t begun;
};

/* Closes what there is. */
void slot_hang_up(struct slot *slot);
/* @param may_wait  others have descriptors that they give back.
 * @return 0; 1 no descriptor is left: later. */
int slot_connect(struct slot *slot, const struct identify_order *order, bool may_wait);
/* Begins a TLS handshake. */
void slot_shake(struct slot *slot, const struct identify_order *order,
		struct identify_tls_context *tls);
/* Sends what the conversation says. */
void slot_say(struct slot *slot);
/* Something has come. */
void slot_hear(struct slot *slot);
/* The connection stands, or does not. */
void slot_connected(struct slot *slot);
void slot_time_out(struct slot *slot);
