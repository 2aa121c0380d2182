/* Messages of ctnetlink and nfnetlink_hook: requests out, entries in. Pure. */
#pragma once

#include <linux/netlink.h>

#include "conntrack/conntrack.h"

/* The largest request: IPv6 with both tuples and everything else is below 300 bytes. */
enum { CONNTRACK_REQUEST_BYTES = 512 };

/*
 * Each writes one request into `buffer` (CONNTRACK_REQUEST_BYTES, aligned for struct nlmsghdr).
 * Those without a sequence number get one from netlink_ask().
 * @return the message inside `buffer`; NULL when the flow cannot be said: no addresses, families
 *         that differ, for deleting also no id.
 */
struct nlmsghdr *message_dump(void *buffer, uint8_t family, uint32_t sequence);
struct nlmsghdr *message_statistics(void *buffer);
/* Creates, never changes; the kernel confirms it. */
struct nlmsghdr *message_create(void *buffer, const struct conntrack_flow *flow, uint32_t sequence);
struct nlmsghdr *message_delete(void *buffer, const struct conntrack_flow *flow, uint32_t sequence);
/* Asks for the hooks that see packets come in. @param family AF_INET or AF_INET6. */
struct nlmsghdr *message_hooks(void *buffer, uint8_t family);

/*
 * Reads one entry. The message is whole.
 * @return 0; -EBADMSG with `out` untouched when it is none, is cut short, lacks a tuple, or is of
 *         another family.
 */
int message_flow(struct conntrack_flow *out, const struct nlmsghdr *message);

/*
 * Reads an answer to message_statistics().
 * @return 0; -EBADMSG with the outputs untouched.
 */
int message_statistics_of(uint64_t *count, uint64_t *max, const struct nlmsghdr *message);

/* Whether an answer to message_hooks() is conntrack's own hook. */
bool message_is_tracking_hook(const struct nlmsghdr *message);
