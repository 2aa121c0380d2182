/* Tables of the kernel's old interface for iptables
 * (include/uapi/linux/netfilter_ipv4/ip_tables.h), in the form in which nft prints its own. Pure.
 * Private to lib/observe. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEGACY_HOOKS = 5, LEGACY_NAME_BYTES = 32, LEGACY_BYTES_MAX = 16 * 1024 * 1024 };

/* A table as the kernel gives it (IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES). */
struct legacy_table {
	const char *name;
	bool ipv6;
	uint32_t hooks;                /* a bit for each that it has a chain for */
	uint32_t begin[LEGACY_HOOKS];  /* offset of the first entry of such a chain */
	uint32_t policy[LEGACY_HOOKS]; /* and of its last, which is the policy */
	const void *entries;
	size_t length; /* bytes */
};

/*
 * The same as "nft -j list table" of it; the place of a rule in its chain is that of
 * "iptables -L --line-numbers", less one.
 * @return a document that the caller frees; NULL when the bytes do not hold together, or without
 *         memory.
 */
json_t *legacy_document(const struct legacy_table *table);
