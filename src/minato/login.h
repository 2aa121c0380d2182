/* The login that a command is typed in, found from the caller's ancestors and their sockets, never
 * from the environment, which anybody can write. */
#pragma once

#include "base/addr.h"
#include "model/inventory.h"

enum login_kind {
	LOGIN_NETWORK,  /* an ancestor serves a TCP connection from elsewhere */
	LOGIN_DETACHED, /* inside tmux, screen and the like, which outlive their connection */
	LOGIN_TERMINAL, /* a terminal of this machine */
	LOGIN_NONE,     /* neither: a job, a service */
};

enum { LOGIN_TEXT_BYTES = 96 };

struct login {
	enum login_kind kind;
	struct addr remote, local; /* of the connection; ADDR_NONE for other kinds */
	uint16_t remote_port, local_port;
	usec_t since_boot;           /* when the process that serves it was started */
	char who[LOGIN_TEXT_BYTES];  /* user that logged in */
	char from[LOGIN_TEXT_BYTES]; /* "192.0.2.7", "/dev/tty1", "tmux", "" */
};

/* Fills in what is found out. @param inventory with OBSERVE_CONNECTIONS, or NULL: then no network
 * login is found. */
void login_find(struct login *out, const struct inventory *inventory);
