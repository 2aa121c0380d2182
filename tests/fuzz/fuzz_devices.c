/* Neighbours of the kernel's messages, and names of files that devices have a say in. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void take_neighbour(const uint8_t *bytes, size_t length)
{
	struct devices_neighbour neighbour;
	struct nlmsghdr *message = malloc(length + sizeof(*message));
	assert(message != NULL);
	*message = (struct nlmsghdr){ .nlmsg_len = (uint32_t)(length + sizeof(*message)),
				      .nlmsg_type = 28 /* RTM_NEWNEIGH */ };
	memcpy(message + 1, bytes, length);
	const int r = devices_parse_neighbour(&neighbour, message, 100);
	assert(r == DEVICES_NEIGHBOUR || r == DEVICES_NO_NEIGHBOUR || r == -EBADMSG);
	assert(r != DEVICES_NEIGHBOUR || neighbour.address.family != ADDR_NONE);
	free(message);
}

static void take_names(const char *text, size_t length)
{
	struct devices_names names = { 0 };
	assert(devices_names_read_hosts(&names, text, length) == 0);
	assert(devices_names_read_leases(&names, text, length) == 0);
	for (size_t i = 0; i < names.list.count; i++) {
		for (const char *at = names.list.items[i].name; *at != '\0'; at++) {
			assert(*at > ' ' && *at < 127);
		}
	}
	devices_names_deinit(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	take_neighbour(bytes, length);
	take_names((const char *)bytes, length);
	return 0;
}
