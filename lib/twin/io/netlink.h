/* Asking rtnetlink and telling it, over a plain descriptor. */
#pragma once

#include <libmnl/libmnl.h>

#include "base/err.h"

enum { NETLINK_REQUEST_BYTES = 4096 };

/* @param bus NETLINK_ROUTE, NETLINK_NETFILTER. @return a descriptor, or negative errno. */
int netlink_open(int bus);

/* Sends a dump request and gives each answer to `function`. @return 0 or negative errno. */
int netlink_dump(int fd, struct nlmsghdr *request, mnl_cb_t function, void *data);

/* Sends a request for one answer and gives it to `function`. @return 0 or negative errno. */
int netlink_ask(int fd, struct nlmsghdr *request, mnl_cb_t function, void *data);

/* Sends a request and waits until the kernel has done it. @return 0 or its negative errno. */
int netlink_tell(int fd, struct nlmsghdr *request);

/* A request with its family's header of `bytes` bytes behind. @param buffer NETLINK_REQUEST_BYTES.
 */
struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t bytes);
