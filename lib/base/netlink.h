/* Messages of netlink (include/uapi/linux/netlink.h): a request out, its answers in. Pure. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer than any request of ours but the batches, which have bounds of their own. */
enum { NETLINK_REQUEST_BYTES = 4096 };

enum netlink_step {
	NETLINK_DONE, /* the answer is complete */
	NETLINK_MORE, /* more is to come */
};

/*
 * Called for each message of an answer, which is whole but of which nothing else is known.
 * @return 0 to go on; anything else ends: the rest is read and thrown away (the kernel refuses the
 *         next request before a dump was read to its end, -EBUSY), and the value is returned.
 */
typedef int netlink_function(const struct nlmsghdr *message, void *data);

/* Who takes an answer. */
struct netlink_reader {
	netlink_function *function; /* NULL = only whether the kernel agreed */
	void *data;
	/* Forgets what was taken, because all of it comes once more; NULL = being told twice does
	 * no harm. */
	void (*again)(void *data);
};

/* An answer on its way. Begin with only `sequence` and `reader` set. */
struct netlink_reading {
	uint32_t sequence; /* of the request; other messages are the rest of something given up */
	const struct netlink_reader *reader;
	int stopped; /* what the reader's function returned */
	/* What was listed changed meanwhile (NLM_F_DUMP_INTR), or some of it was lost: what came
	 * belongs to no one moment. */
	bool torn;
};

/*
 * Writes a request with an empty header of its family behind.
 * @param buffer  NETLINK_REQUEST_BYTES, aligned for struct nlmsghdr.
 * @param bytes   of that header; at most 64.
 * @return the message inside `buffer`; its sequence number is 0.
 */
struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t bytes);

/* Whether a whole message begins there. @param left bytes from there on; may be negative. */
bool netlink_whole(const struct nlmsghdr *message, int left);

/*
 * What an NLMSG_ERROR message says.
 * @return 0 for an acknowledgement, or the negative errno; -EBADMSG when it is too short or says
 *         what no kernel says.
 */
int netlink_error(const struct nlmsghdr *message);

/*
 * Reads one datagram of an answer. What is cut off at its end is thrown away.
 * @param bytes  aligned for struct nlmsghdr.
 * @return enum netlink_step, or the negative errno with which the kernel ended the answer.
 */
int netlink_take(struct netlink_reading *reading, const void *bytes, size_t length);
