/* What the policy declares of other machines. */
#include <string.h>

#include "devices/devices.h"

const struct policy_host *devices_host_with(const struct policy *policy, const struct addr *address)
{
	for (size_t i = 0; policy != NULL && i < policy->hosts.count; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		for (size_t k = 0; k < host->addresses.count; k++) {
			if (addr_compare(&host->addresses.items[k].address, address) == 0) {
				return host;
			}
		}
	}
	return NULL;
}

const struct policy_host *devices_host_named(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy != NULL && i < policy->hosts.count; i++) {
		if (strcmp(policy->hosts.items[i].entry.name, name) == 0) {
			return &policy->hosts.items[i];
		}
	}
	return NULL;
}

const struct policy_declaration *devices_declaration(const struct policy_host *host,
						     enum protocol protocol, uint16_t port,
						     int64_t today)
{
	for (size_t i = 0; i < host->ports.count; i++) {
		const struct policy_declaration *d = &host->ports.items[i];
		const bool over = d->until != POLICY_NO_DATE && d->until < today;
		if (!over && policy_names_port(d, protocol, port)) {
			return d;
		}
	}
	return NULL;
}
