/* Reading a host: what the twin wears. */
#include "twin/io/host.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int host_doubt(struct twin_host *host, enum twin_doubt_kind kind, const char *detail)
{
	const char *kept = arena_strdup(&host->arena, detail);
	struct twin_doubt *doubt = kept == NULL ? NULL : vec_push(&host->doubts);
	if (doubt == NULL) {
		return -ENOMEM;
	}
	*doubt = (struct twin_doubt){ .kind = kind, .detail = kept, .owner = "" };
	return 0;
}

const struct host_link *host_link(const struct twin_host *host, const char *name)
{
	for (size_t i = 0; i < host->links.count; i++) {
		if (strcmp(host->links.items[i].name, name) == 0) {
			return &host->links.items[i];
		}
	}
	return NULL;
}

const struct host_link *host_link_by_index(const struct twin_host *host, uint32_t index)
{
	for (size_t i = 0; i < host->links.count; i++) {
		if (host->links.items[i].index == index) {
			return &host->links.items[i];
		}
	}
	return NULL;
}

int twin_host_address(struct addr *to, const struct twin_host *host, const char *interface,
		      enum addr_family family)
{
	const struct host_link *link = host_link(host, interface);
	const struct host_address *found = NULL;
	if (link == NULL) {
		return -ENODEV;
	}
	for (size_t i = 0; i < host->addresses.count; i++) {
		const struct host_address *address = &host->addresses.items[i];
		if (address->index == link->index && address->local.family == family &&
		    (found == NULL || address->scope < found->scope)) {
			found = address;
		}
	}
	if (found == NULL) {
		return -EADDRNOTAVAIL;
	}
	*to = found->local;
	return 0;
}

struct twin_host *twin_host_free(struct twin_host *host)
{
	if (host == NULL) {
		return NULL;
	}
	vec_free(&host->links);
	vec_free(&host->addresses);
	vec_free(&host->settings);
	str_deinit(&host->routes);
	str_deinit(&host->routing);
	twin_rules_deinit(&host->rules);
	for (size_t i = 0; i < HOST_FAMILIES; i++) {
		free(host->saved[i]);
		free(host->legacy[i]);
	}
	vec_free(&host->doubts);
	arena_deinit(&host->arena);
	free(host);
	return NULL;
}

int twin_host_read(struct twin_host **out, const char *ruleset, const struct twin_stand_in *instead,
		   struct err *e)
{
	_cleanup_(twin_host_freep) struct twin_host *host = calloc(1, sizeof(*host));
	if (host == NULL) {
		return err_system(e, ENOMEM, "cannot read the host");
	}
	host->instead = instead;
	host->routes = STR_INIT(HOST_MESSAGES_MAX_BYTES);
	host->routing = STR_INIT(HOST_MESSAGES_MAX_BYTES);
	arena_init(&host->arena, HOST_MESSAGES_MAX_BYTES);
	int r = host_read_rules(host, ruleset, e); /* first: it may be forbidden */
	if (r == 0) {
		r = host_read_network(host, e);
	}
	if (r == 0) {
		r = host_read_settings(host);
	}
	if (r == 0) {
		*out = steal(&host);
	}
	return r;
}

bool twin_host_has(const struct twin_host *host, const struct addr *address)
{
	for (size_t i = 0; i < host->addresses.count; i++) {
		if (addr_compare(&host->addresses.items[i].local, address) == 0) {
			return true;
		}
	}
	return false;
}

static struct prefix network_of(const struct host_address *address)
{
	struct prefix network = { .address = address->local, .bits = address->bits };
	for (size_t i = 0; i < sizeof(network.address.bytes); i++) {
		const size_t kept = network.bits > i * 8 ? network.bits - i * 8 : 0;
		network.address.bytes[i] &= kept >= 8 ? 0xff : (uint8_t) ~(0xff >> kept);
	}
	return network;
}

static bool is_network(const struct host_address *address)
{
	const bool ipv4 = address->local.family == ADDR_IPV4;
	const bool link_local = address->scope == RT_SCOPE_LINK;
	return address->bits < (ipv4 ? 32 : 128) && !link_local &&
	       addr_exposure(&address->local) != EXPOSURE_LOOPBACK;
}

size_t twin_host_networks(const struct twin_host *host, struct prefix *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < host->addresses.count && count < max; i++) {
		const struct prefix network = network_of(&host->addresses.items[i]);
		bool known = !is_network(&host->addresses.items[i]);
		for (size_t k = 0; !known && k < count; k++) {
			known = out[k].bits == network.bits &&
				addr_compare(&out[k].address, &network.address) == 0;
		}
		if (!known) {
			out[count++] = network;
		}
	}
	return count;
}

size_t twin_host_rules_bytes(const struct twin_host *host)
{
	return strlen(host->rules.text);
}

void twin_host_edges(struct portset *out, const struct twin_host *host)
{
	rules_edges(out, host->rules.text);
	for (size_t i = 0; i < HOST_FAMILIES; i++) {
		rules_edges(out, host->saved[i] == NULL ? "" : host->saved[i]);
		rules_edges(out, host->legacy[i] == NULL ? "" : host->legacy[i]);
	}
}
