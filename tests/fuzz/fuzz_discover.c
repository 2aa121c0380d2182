/* Answers of strangers to mDNS and SSDP. What is told must be believable. */
#include <assert.h>

#include "discover/discover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int tell(const struct discover_record *record, void *data)
{
	assert(discover_record_valid(record, data));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct discover_order order = { .count = 1, .rate = 1 };
	const struct addr from = addr_from_ipv4("\xc0\0\2\7");
	order.networks[0].prefix = (struct prefix){ addr_from_ipv4("\xc0\0\2\0"), 24 };
	assert(discover_read_mdns(bytes, length, &from, tell, &order) == 0);
	assert(discover_read_ssdp(bytes, length, &from, tell, &order) == 0);
	return 0;
}
