/* Published ports out of the rules of nftables. Pure. */
#include "observe/nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "observe/nft_walk.h"

enum { PUBLISHED_MAX = 16 * 1024 /* per document */ };

/* ---- What comes out ---- */

static const struct {
	const char *head, *owner;
} chain_owners[] = {
	{ "DOCKER", "docker" },    { "NETAVARK", "podman" },       { "netavark", "podman" },
	{ "nv_", "podman" },       { "CNI-", "podman" },           { "LIBVIRT", "libvirt" },
	{ "KUBE-", "kubernetes" }, { "kube-proxy", "kubernetes" }, { "lxd", "lxd" },
	{ "incus", "incus" },      { "libvirt", "libvirt" },       { "docker", "docker" },
};

static const char *owner_of(const struct nft_place *place)
{
	for (size_t i = 0; i < sizeof(chain_owners) / sizeof(chain_owners[0]); i++) {
		if (str_starts(place->chain, chain_owners[i].head) ||
		    str_starts(place->table, chain_owners[i].head)) {
			return chain_owners[i].owner;
		}
	}
	return NULL;
}

/* What is being filled. */
struct publishing {
	struct inventory *inventory;
	uint32_t netns;
	size_t published;
};

static void publish(struct nft_walk *walk, const struct nft_place *place, enum protocol protocol,
		    const struct addr *address, struct port_range range,
		    const struct nft_target *target)
{
	struct publishing *publishing = walk->data;
	if (publishing->published == PUBLISHED_MAX) {
		walk->notes->cut = true;
		return;
	}
	struct published *published = vec_push(&publishing->inventory->published);
	if (published == NULL) {
		walk->error = -ENOMEM;
		return;
	}
	publishing->published++;
	struct arena *arena = &publishing->inventory->arena;
	*published = (struct published){
		.protocol = protocol,
		.address = *address,
		.first_port = range.first,
		.last_port = range.last,
		.target = target->address,
		.target_port = target->port != 0 ? target->port : range.first,
		.table = arena_printf(arena, "%s %s", place->family, place->table),
		.chain = arena_strdup(arena, place->chain),
		.owner = owner_of(place),
		.netns = publishing->netns,
	};
}

static struct addr any_address(const struct nft_target *target, const struct nft_place *place)
{
	bool ipv6 = target->address.family == ADDR_IPV6 || strcmp(place->family, "ip6") == 0;
	return (struct addr){ .family = ipv6 ? ADDR_IPV6 : ADDR_IPV4 };
}

static void publish_protocol(struct nft_walk *walk, const struct nft_place *place,
			     enum protocol protocol, const struct nft_conditions *conditions,
			     const struct nft_target *target)
{
	static const struct port_range every_port = { 1, UINT16_MAX };
	const struct addr any = any_address(target, place);
	size_t addresses = conditions->address_count;
	size_t ranges = conditions->range_count;
	for (size_t a = 0; a < (addresses == 0 ? 1 : addresses); a++) {
		const struct addr *address = addresses == 0 ? &any : &conditions->addresses[a];
		for (size_t r = 0; r < (ranges == 0 ? 1 : ranges); r++) {
			publish(walk, place, protocol, address,
				ranges == 0 ? every_port : conditions->ranges[r], target);
		}
	}
}

static void publish_all(struct nft_walk *walk, const struct nft_place *place,
			const struct nft_conditions *conditions, const struct nft_target *target)
{
	unsigned protocols =
		conditions->protocol_known ? conditions->protocols : (unsigned)(NFT_TCP | NFT_UDP);
	for (size_t i = 0; i < NFT_TRANSPORTS && nft_walk_step(walk); i++) {
		if ((protocols & nft_transports[i].bit) != 0) {
			publish_protocol(walk, place, nft_transports[i].protocol, conditions,
					 target);
		}
	}
}

static void on_statement(struct nft_walk *walk, const struct nft_place *place,
			 struct nft_conditions *conditions, const char *key, const json_t *value)
{
	if (strcmp(key, "dnat") == 0 || strcmp(key, "redirect") == 0) {
		nft_walk_translation(walk, place, conditions, value, publish_all);
	} else if (strcmp(key, "xt") == 0) {
		walk->notes->compat = true;
	}
}

static bool is_base(const json_t *chain)
{
	return chain != NULL && strcmp(nft_walk_word(chain, "type"), "nat") == 0 &&
	       strcmp(nft_walk_word(chain, "hook"), "prerouting") == 0;
}

int nft_published(struct inventory *inventory, uint32_t netns, const json_t *document,
		  struct nft_notes *notes)
{
	struct publishing publishing = { .inventory = inventory, .netns = netns };
	struct nft_walk walk = { .notes = notes, .statement = on_statement, .data = &publishing };
	size_t index = 0;
	const json_t *object = NULL;
	int r = nft_walk_init(&walk, document);
	json_array_foreach(r == 0 ? json_object_get(document, "nftables") : NULL, index, object)
	{
		const json_t *chain = json_object_get(object, "chain");
		if (is_base(chain)) {
			nft_walk_chain(&walk, chain);
		}
	}
	nft_walk_deinit(&walk);
	return r < 0 ? r : walk.error;
}

static int compare_published(const void *pa, const void *pb)
{
	const struct published *a = pa;
	const struct published *b = pb;
	const int64_t keys[] = { (int64_t)a->netns - b->netns,
				 (int64_t)a->first_port - b->first_port,
				 (int64_t)a->last_port - b->last_port,
				 (int64_t)a->protocol - (int64_t)b->protocol,
				 addr_compare(&a->address, &b->address),
				 addr_compare(&a->target, &b->target),
				 (int64_t)a->target_port - b->target_port };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i] != 0) {
			return keys[i] < 0 ? -1 : 1;
		}
	}
	return 0;
}

void nft_unify(struct inventory *inventory)
{
	struct published *all = inventory->published.items;
	size_t count = inventory->published.count;
	size_t kept = 0;
	if (count > 0) {
		qsort(all, count, sizeof(*all), compare_published);
	}
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || compare_published(&all[kept - 1], &all[i]) != 0) {
			all[kept++] = all[i];
		}
	}
	inventory->published.count = kept;
}
