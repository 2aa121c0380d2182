/*
 * The walk through the rules of nftables (libnftables-json(5)): every statement that a packet can
 * meet from a base chain, with what the packet must be to come there. Pure. Private to lib/observe.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "model/inventory.h"
#include "observe/nft.h"

enum {
	NFT_RANGES_MAX = 64,
	NFT_ADDRESSES_MAX = 16,
	NFT_TRANSPORTS = 5,
};

enum nft_protocol_bit { NFT_TCP = 1, NFT_UDP = 2, NFT_SCTP = 4, NFT_DCCP = 8, NFT_UDPLITE = 16 };

struct nft_transport {
	const char *name;
	enum protocol protocol;
	unsigned bit;
};

extern const struct nft_transport nft_transports[NFT_TRANSPORTS];

/* What a packet must be to come this far. */
struct nft_conditions {
	bool protocol_known;
	unsigned protocols; /* enum nft_protocol_bit */
	size_t range_count; /* 0 = any port */
	struct port_range ranges[NFT_RANGES_MAX];
	size_t address_count; /* 0 = any address */
	struct addr addresses[NFT_ADDRESSES_MAX];
	bool other;      /* more than port, protocol and address is asked for, or was above */
	bool nobody_new; /* no first packet of somebody else: of known connections, or over lo */
};

/* The rule that is being read. */
struct nft_place {
	const char *family, *table, *chain;
	size_t rule; /* its place in the chain, from 0 */
};

struct nft_target {
	struct addr address; /* ADDR_NONE = this host */
	uint16_t port;       /* 0 = the port stays */
};

struct nft_walk;

/* A statement that is neither match nor jump nor map of verdicts; those of a map come here one by
 * one. @param conditions of the rest of the rule. */
typedef void nft_statement(struct nft_walk *walk, const struct nft_place *place,
			   struct nft_conditions *conditions, const char *key, const json_t *value);
/* One target of a translation, with what must hold for it. */
typedef void nft_translation(struct nft_walk *walk, const struct nft_place *place,
			     const struct nft_conditions *conditions,
			     const struct nft_target *target);

struct nft_walk {
	json_t *chains; /* "family table chain" -> array of rules */
	json_t *sets;   /* "family table name" -> array of elements */
	struct nft_notes *notes;
	nft_statement *statement;
	void *data; /* the caller's */
	size_t steps;
	int error;
};

/*
 * Sorts a document's objects; `notes`, `statement` and `data` are the caller's to set.
 * @return 0; -EINVAL when it is no such document; -ENOMEM. Always free with nft_walk_deinit.
 */
int nft_walk_init(struct nft_walk *walk, const json_t *document);
void nft_walk_deinit(struct nft_walk *walk);

/* Walks a base chain, from its first rule on. What is beyond a bound is noted as cut. */
void nft_walk_chain(struct nft_walk *walk, const json_t *chain);

/* Calls for each target of a dnat or redirect, also of one out of a map. */
void nft_walk_translation(struct nft_walk *walk, const struct nft_place *place,
			  const struct nft_conditions *conditions, const json_t *nat,
			  nft_translation *function);

/* @return false when it is enough: whoever rules a namespace must not keep us busy for long. */
bool nft_walk_step(struct nft_walk *walk);

/* A text of an object; "" when it has none of that key. */
const char *nft_walk_word(const json_t *object, const char *key);
