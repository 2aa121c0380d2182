/* What engine, sentry and face share: the socket to the parent, and the rights that they give away.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "sandbox/sandbox.h"
#include "wire/wire.h"

/* Descriptor on which a child finds the socket to the parent. */
enum { PROCESS_SOCKET = 3 };

/* Called for each message of a link that is not answered by itself. Descriptors that it takes it
 * sets to -1. @return 0 or negative errno: the link is not to be trusted any more. */
typedef int link_function(const struct wire_message *message, int fds[WIRE_FDS_MAX], void *data);

/* One socket to another process of the daemon, watched by the loop. */
struct link {
	int socket; /* -1 = none */
	enum wire_sender other;
	link_function *function;
	void (*turn)(void *data);   /* after some messages were handled; may be NULL */
	void (*closed)(void *data); /* the other end is gone or broke the rules */
	void *data;
	sd_event_source *source;
};

/* Watches a socket, which it owns from now on (also on failure). @return 0 or negative errno. */
int link_open(struct link *link, sd_event *loop, int socket, struct err *e);
/* Closes it; safe to call within its own function. */
void link_close(struct link *link);

/* Waits at most 10 s for the first message of the parent. @return 0; -EPROTO for another message;
 * -ETIMEDOUT; negative errno. */
int process_setup(struct wire_setup *out, int fds[WIRE_FDS_MAX], struct err *e);

/* Tells the parent something without content, as WIRE_READY. Whether it arrived is not said:
 * silence is what the parent notices. */
void process_tell(const struct link *parent, enum wire_type type);

/* Gives away every capability, the way back by exec, and all system calls but those of the role.
 * @return 0; negative errno. */
int process_seal(enum sandbox_role role, struct err *e);
/* And files. On a kernel without Landlock the system calls alone keep them away, which is said. */
int process_seal_without_files(enum sandbox_role role, struct err *e);
