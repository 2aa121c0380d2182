/* Published ports out of a packet filter's rules. Pure. */
#pragma once

#include <jansson.h>

#include "model/inventory.h"

/* What a reading of the rules has found beside the published ports. */
struct nft_notes {
	bool compat; /* rules that nft cannot print: they are iptables' own (xt) */
	bool cut;    /* a table was larger than the bounds here */
};

/*
 * Reads "nft -j list ruleset" (libnftables-json(5)): every dnat and redirect that a packet can meet
 * from a nat prerouting hook, with the conditions of the jumps on its way.
 * @param netns of the published ports, an index into inventory.netns.
 * @return 0; -EINVAL when it is no such document; -ENOMEM.
 */
int nft_published(struct inventory *inventory, uint32_t netns, const json_t *document,
		  struct nft_notes *notes);

/*
 * Turns "iptables-save -t nat" into the same form.
 * @param family "ip" or "ip6". @param text is changed.
 * @return a new document, or NULL without memory.
 */
json_t *nft_from_iptables(const char *family, char *text);

/* Sorts the published ports and drops what two sources told alike. */
void nft_unify(struct inventory *inventory);
