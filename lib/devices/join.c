/* Neighbours and the policy, to one row for each device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "devices/devices.h"

/* By what a neighbour is known to be of the same machine as another. */
struct key {
	const struct policy_host *host;
	uint32_t interface;
	bool has_mac;
	uint8_t mac[DEVICES_MAC_BYTES];
	struct addr address; /* of one that has neither */
};

struct place {
	struct key key;
	size_t at;
	UT_hash_handle hh;
};

/* A hardware address at an interface, and whose it is by the addresses that are seen with it. */
struct holder {
	struct key key; /* without a host */
	const struct policy_host *host;
	bool several; /* a router that answers for others (proxy ARP): it tells nothing */
	UT_hash_handle hh;
};

struct joining {
	struct devices *out;
	const struct policy *policy;
	struct place *places;   /* by key */
	struct holder *holders; /* by key */
};

static const struct policy_host *host_with_mac(const struct policy *policy,
					       const struct devices_neighbour *neighbour)
{
	for (size_t i = 0; policy != NULL && neighbour->has_mac && i < policy->hosts.count; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		if (host->mac.given &&
		    memcmp(host->mac.bytes, neighbour->mac, DEVICES_MAC_BYTES) == 0) {
			return host;
		}
	}
	return NULL;
}

static void link_of(struct key *out, const struct devices_neighbour *neighbour)
{
	memset(out, 0, sizeof(*out)); /* it is compared as bytes */
	out->interface = neighbour->interface;
	out->has_mac = neighbour->has_mac;
	memcpy(out->mac, neighbour->mac, sizeof(out->mac));
}

static void key_of(struct key *out, const struct joining *joining,
		   const struct devices_neighbour *neighbour)
{
	struct holder *holder = NULL;
	link_of(out, neighbour);
	const struct policy_host *host = devices_host_with(joining->policy, &neighbour->address);
	host = host != NULL ? host : host_with_mac(joining->policy, neighbour);
	if (host == NULL && neighbour->has_mac) { /* its link-local address, mostly */
		HASH_FIND(hh, joining->holders, out, sizeof(*out), holder);
		host = holder != NULL && !holder->several ? holder->host : NULL;
	}
	if (host != NULL) {
		memset(out, 0, sizeof(*out));
		out->host = host;
	} else if (!neighbour->has_mac) {
		memcpy(&out->address, &neighbour->address, sizeof(out->address));
	}
}

/* Notes whose a hardware address is. */
static int own(struct joining *joining, const struct devices_neighbour *neighbour)
{
	struct holder *holder = NULL;
	struct key key;
	const struct policy_host *host = devices_host_with(joining->policy, &neighbour->address);
	link_of(&key, neighbour);
	if (host == NULL || !neighbour->has_mac) {
		return 0;
	}
	HASH_FIND(hh, joining->holders, &key, sizeof(key), holder);
	if (holder != NULL) {
		holder->several |= holder->host != host;
		return 0;
	}
	holder = calloc(1, sizeof(*holder));
	if (holder == NULL) {
		return -ENOMEM;
	}
	holder->key = key;
	holder->host = host;
	HASH_ADD(hh, joining->holders, key, sizeof(holder->key), holder);
	if (holder->hh.tbl == NULL) { /* no memory */
		free(holder);
		return -ENOMEM;
	}
	return 0;
}

/* @return NULL without memory, or when there are too many. */
static struct device *device_for(struct joining *joining, const struct key *key)
{
	struct place *place = NULL;
	HASH_FIND(hh, joining->places, key, sizeof(*key), place);
	if (place != NULL) {
		return &joining->out->list.items[place->at];
	}
	place = calloc(1, sizeof(*place));
	struct device *device = place == NULL ? NULL : vec_push(&joining->out->list);
	if (device == NULL) {
		free(place);
		return NULL;
	}
	*device = (struct device){ .host = key->host, .silent_for = -1 };
	place->key = *key;
	place->at = joining->out->list.count - 1;
	HASH_ADD(hh, joining->places, key, sizeof(place->key), place);
	if (place->hh.tbl == NULL) { /* no memory */
		joining->out->list.count--;
		free(place);
		return NULL;
	}
	return device;
}

bool device_has(const struct device *device, const struct addr *address)
{
	for (uint32_t i = 0; i < device->address_count; i++) {
		if (addr_compare(&device->addresses[i], address) == 0) {
			return true;
		}
	}
	return false;
}

static void add_address(struct device *device, const struct addr *address)
{
	if (device_has(device, address)) {
		return;
	}
	if (device->address_count == DEVICES_ADDRESSES_MAX) {
		device->address_more++;
		return;
	}
	device->addresses[device->address_count++] = *address;
}

static void take_neighbour(struct device *device, const struct devices_neighbour *neighbour)
{
	add_address(device, &neighbour->address);
	if (neighbour->has_mac && (!device->has_mac || neighbour->state > device->state)) {
		device->has_mac = true;
		memcpy(device->mac, neighbour->mac, sizeof(device->mac));
	}
	if (device->interface == 0 || neighbour->state > device->state) {
		device->interface = neighbour->interface;
	}
	device->state = neighbour->state > device->state ? neighbour->state : device->state;
	device->router |= neighbour->router;
	if (neighbour->silent_for >= 0 &&
	    (device->silent_for < 0 || neighbour->silent_for < device->silent_for)) {
		device->silent_for = neighbour->silent_for;
	}
}

/* An address that somebody asked for and nobody has. */
static bool is_nobody(const struct devices_neighbour *neighbour, const struct key *key)
{
	return key->host == NULL && !neighbour->has_mac;
}

static int add_neighbours(struct joining *joining, const struct devices_neighbour *neighbours,
			  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct key key;
		key_of(&key, joining, &neighbours[i]);
		if (is_nobody(&neighbours[i], &key)) {
			continue;
		}
		if (joining->out->list.count == DEVICES_MAX) {
			joining->out->cut = true;
			return 0;
		}
		struct device *device = device_for(joining, &key);
		if (device == NULL) {
			return -ENOMEM;
		}
		take_neighbour(device, &neighbours[i]);
	}
	return 0;
}

static int add_declared(struct joining *joining)
{
	for (size_t i = 0; joining->policy != NULL && i < joining->policy->hosts.count; i++) {
		const struct policy_host *host = &joining->policy->hosts.items[i];
		struct key key;
		memset(&key, 0, sizeof(key));
		key.host = host;
		struct device *device = device_for(joining, &key);
		if (device == NULL) {
			return -ENOMEM;
		}
		for (size_t k = 0; k < host->addresses.count; k++) {
			add_address(device, &host->addresses.items[k].address);
		}
		if (!device->has_mac && host->mac.given) {
			device->has_mac = true;
			memcpy(device->mac, host->mac.bytes, sizeof(device->mac));
		}
	}
	return 0;
}

static void name_it(struct device *device, const struct devices_names *names)
{
	if (device->host != NULL) {
		device->name_source = DEVICES_NAME_POLICY;
		(void)str_copy(device->name, sizeof(device->name), device->host->entry.name);
		return;
	}
	for (uint32_t i = 0; i < device->address_count; i++) {
		const struct devices_name *name = devices_names_find(names, &device->addresses[i]);
		if (name != NULL) {
			device->name_source = name->source;
			(void)str_copy(device->name, sizeof(device->name), name->name);
			return;
		}
	}
}

/* IPv4 first, as people know them by it; link-local ones of IPv6 last. */
static unsigned rank(const struct addr *a)
{
	return a->family == ADDR_IPV4                                ? 0
	       : a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80 ? 2
								     : 1;
}

static int compare_addresses(const void *left, const void *right)
{
	const struct addr *a = left;
	const struct addr *b = right;
	return rank(a) != rank(b) ? (int)rank(a) - (int)rank(b) : addr_compare(a, b);
}

static int compare_devices(const void *left, const void *right)
{
	const struct device *a = left;
	const struct device *b = right;
	return compare_addresses(&a->addresses[0], &b->addresses[0]);
}

static void forget_places(struct joining *joining)
{
	struct place *place;
	struct place *next;
	struct holder *holder;
	struct holder *after;
	HASH_ITER (hh, joining->holders, holder, after) {
		HASH_DEL(joining->holders, holder);
		free(holder);
	}
	HASH_ITER (hh, joining->places, place, next) {
		HASH_DEL(joining->places, place);
		free(place);
	}
}

int devices_join(struct devices *out, const struct devices_neighbour *neighbours, size_t count,
		 const struct policy *policy, const struct devices_names *names)
{
	struct joining joining = { .out = out, .policy = policy };
	*out = (struct devices){ 0 };
	int r = 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = own(&joining, &neighbours[i]);
	}
	r = r == 0 ? add_neighbours(&joining, neighbours, count) : r;
	r = r == 0 ? add_declared(&joining) : r;
	forget_places(&joining);
	if (r < 0) {
		devices_deinit(out);
		return r;
	}
	for (size_t i = 0; i < out->list.count; i++) {
		struct device *device = &out->list.items[i];
		qsort(device->addresses, device->address_count, sizeof(device->addresses[0]),
		      compare_addresses);
		name_it(device, names);
	}
	if (out->list.count > 0) {
		qsort(out->list.items, out->list.count, sizeof(out->list.items[0]),
		      compare_devices);
	}
	return 0;
}

void devices_deinit(struct devices *devices)
{
	vec_free(&devices->list);
	devices->cut = false;
}
