/* Asking the kernel over a netlink socket, and hearing all of its answer. */
#pragma once

#include "base/netlink.h"

/* How often a listing is asked for that was changed while it was read, at most. */
enum { NETLINK_TRIES_MAX = 16 };

/*
 * Opens a socket. @param bus NETLINK_ROUTE, NETLINK_NETFILTER, ...
 * @return a descriptor that the caller closes, or negative errno.
 */
int netlink_open(int bus);

/*
 * Sends a request and reads its answer to the end, whatever the reader says. A listing that was
 * changed while it was read is asked for again.
 * @param request  with NLM_F_DUMP for a listing; else an acknowledgement is asked for, which ends
 *                 the answer. Its flags and sequence number are set here.
 * @param reader   NULL = nobody.
 * @return 0; what the reader's function returned; the kernel's negative errno; -EAGAIN when the
 *         listing was changed each time; -EMSGSIZE when a message is longer than a kernel makes
 *         them; other negative errno of send() and recv().
 */
int netlink_ask(int fd, struct nlmsghdr *request, const struct netlink_reader *reader);

/* The same over a socket of its own. @return also negative errno of netlink_open(). */
int netlink_ask_once(int bus, struct nlmsghdr *request, const struct netlink_reader *reader);

/* Only sends: for who reads the answer elsewhere or later. @return 0 or negative errno. */
int netlink_send(int fd, const struct nlmsghdr *request);

/*
 * Reads an answer to its end, once.
 * @param sequence  of the request.
 * @return as netlink_ask(); -EAGAIN when what came belongs to no one moment.
 */
int netlink_read(int fd, uint32_t sequence, const struct netlink_reader *reader);
