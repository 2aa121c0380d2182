/* Matches and targets of iptables inside rules of nftables (xt): nft names them, and what they ask
 * for is in bytes of their own. Pure. Private to lib/observe. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of them as the kernel tells of it (NFTA_MATCH_INFO, NFTA_TARGET_INFO). */
struct xt_part {
	bool target; /* else a match */
	const char *name;
	uint32_t revision;
	bool ipv6; /* of a table of that family */
	const void *info;
	size_t length; /* of the info, bytes */
};

/*
 * What it means in statements of libnftables-json(5), as far as the walk through rules asks for it:
 * none for what decides nothing about a packet for this host.
 * @return an array that the caller frees; NULL when it is not understood, or without memory.
 */
json_t *xt_statements(const struct xt_part *part);

/*
 * Puts what they mean in the place of {"xt": ...} in every rule of a document.
 * @param parts  "CHAIN HANDLE" -> array of what xt_statements() said of each, null for NULL, in the
 *               order of the rule; a rule of which it says another number of parts stays.
 * @return 0 or -ENOMEM.
 */
int xt_put_in(json_t *document, const json_t *parts);

enum { XT_KEY_BYTES = 320 };

/* The key of a rule in `parts`. */
void xt_key(char out[XT_KEY_BYTES], const char *chain, uint64_t handle);
