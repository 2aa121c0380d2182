/* Reading what the kernel answers on a NETLINK_NETFILTER socket. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/* @return 0 to go on; anything else ends: the rest is read and thrown away, the value returned. */
typedef int answer_function(const struct nlmsghdr *message, void *data);

/* Opens such a socket. @return the descriptor or negative errno. */
int answers_socket(void);

/*
 * Reads until the dump is done or acknowledged.
 * @return 0; what the function returned; the kernel's negative errno; negative errno of recv().
 */
int answers_read(int fd, uint32_t sequence, answer_function *function, void *data);

/* Sends one request and reads its answers. @return as answers_read(). */
int answers_ask(int fd, const struct nlmsghdr *request, answer_function *function, void *data);
