/* Messages of netlink, read and written. */
#include "base/netlink.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct nlmsghdr *netlink_request(void *buffer, uint16_t type, uint16_t flags, size_t bytes)
{
	enum { HEADER_MAX = 64 };
	struct nlmsghdr *request = buffer;
	assert(bytes <= HEADER_MAX);
	const size_t length = NLMSG_LENGTH(bytes);
	memset(buffer, 0, NLMSG_ALIGN(length));
	*request = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)NLMSG_ALIGN(length),
		.nlmsg_type = type,
		.nlmsg_flags = flags,
	};
	return request;
}

bool netlink_whole(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (uint32_t)left;
}

int netlink_error(const struct nlmsghdr *message)
{
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
		return -EBADMSG;
	}
	const struct nlmsgerr *error = NLMSG_DATA(message);
	return error->error <= 0 ? error->error : -EBADMSG;
}

/* A dump that failed half way ends with its errno in the last message. */
static int done_with(const struct nlmsghdr *message)
{
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(int))) {
		return NETLINK_DONE;
	}
	const int *error = NLMSG_DATA(message);
	return *error < 0 ? *error : NETLINK_DONE;
}

static int take_one(struct netlink_reading *reading, const struct nlmsghdr *message)
{
	const struct netlink_reader *reader = reading->reader;
	reading->torn |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	switch (message->nlmsg_type) {
	case NLMSG_DONE:
		return done_with(message);
	case NLMSG_ERROR:
		return netlink_error(message);
	case NLMSG_NOOP:
		return NETLINK_MORE;
	case NLMSG_OVERRUN:
		reading->torn = true;
		return NETLINK_MORE;
	default:
		if (reading->stopped == 0 && reader->function != NULL) {
			reading->stopped = reader->function(message, reader->data);
		}
		return NETLINK_MORE;
	}
}

int netlink_take(struct netlink_reading *reading, const void *bytes, size_t length)
{
	int left = length > INT_MAX ? INT_MAX : (int)length;
	const struct nlmsghdr *message = bytes;
	while (netlink_whole(message, left)) {
		if (message->nlmsg_seq == reading->sequence) {
			int r = take_one(reading, message);
			if (r != NETLINK_MORE) {
				return r;
			}
		}
		const int step = (int)NLMSG_ALIGN(message->nlmsg_len);
		left -= step;
		message = (const void *)((const char *)message + step);
	}
	return NETLINK_MORE;
}
