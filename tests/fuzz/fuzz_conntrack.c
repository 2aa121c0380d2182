/* Messages of ctnetlink and nfnetlink_hook; what is understood must survive being said again. */
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/same_flow.h"
#include "base/cleanup.h"
#include "base/netlink.h"
#include "conntrack/message.h"
#include "fuzz.h"

static void look_at_tuple(const struct conntrack_tuple *tuple)
{
	static const uint8_t zeros[16];
	assert(tuple->source.family == ADDR_IPV4 || tuple->source.family == ADDR_IPV6);
	assert(tuple->destination.family == tuple->source.family);
	const size_t used = tuple->source.family == ADDR_IPV4 ? 4 : 16;
	assert(memcmp(tuple->source.bytes + used, zeros, 16 - used) == 0);
	assert(memcmp(tuple->destination.bytes + used, zeros, 16 - used) == 0);
}

static void look_at(const struct conntrack_flow *flow)
{
	_Alignas(struct nlmsghdr) char buffer[CONNTRACK_REQUEST_BYTES];
	struct conntrack_flow again;
	look_at_tuple(&flow->original);
	look_at_tuple(&flow->reply);
	const struct nlmsghdr *message = message_create(buffer, flow, 1);
	assert(message != NULL && message->nlmsg_len <= sizeof(buffer));
	assert(message_flow(&again, message) == 0 && same_flow(flow, &again));
	message = message_delete(buffer, flow, 1);
	assert((message == NULL) == (flow->id == 0));
	assert(message == NULL || message->nlmsg_len <= sizeof(buffer));
}

static bool is_untouched(const void *memory, size_t length)
{
	const uint8_t *bytes = memory;
	size_t i = 0;
	while (i < length && bytes[i] == 0xa5) {
		i++;
	}
	return i == length;
}

static void take(const struct nlmsghdr *message)
{
	struct conntrack_flow flow;
	uint64_t count = 1;
	uint64_t max = 2;
	memset(&flow, 0xa5, sizeof(flow));
	int r = message_flow(&flow, message);
	if (r == 0) {
		look_at(&flow);
	} else {
		assert(r == -EBADMSG && is_untouched(&flow, sizeof(flow)));
	}
	r = message_statistics_of(&count, &max, message);
	assert(r == 0 || (r == -EBADMSG && count == 1 && max == 2));
	(void)message_is_tracking_hook(message); /* any answer will do */
	assert(netlink_error(message) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* The kernel's messages are aligned to four bytes and padded, and so are our buffers. */
	_cleanup_(freep) char *buffer = calloc(1, MNL_ALIGN(length) + MNL_ALIGNTO);
	assert(buffer != NULL);
	memcpy(buffer, bytes, length);
	const struct nlmsghdr *message = (const struct nlmsghdr *)(void *)buffer;
	int left = (int)length;
	while (netlink_whole(message, left)) {
		take(message);
		message = mnl_nlmsg_next(message, &left);
	}
	return 0;
}
