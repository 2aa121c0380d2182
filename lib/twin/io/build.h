/* Making the twin, in a child process: private to the twin's io. */
#pragma once

#include "twin/io/host.h"

/* What the child hands over. All are descriptors. */
enum part {
	PART_TRACE,    /* nfnetlink, in the group of traces, inside */
	PART_OUTSIDE,  /* packets at the far ends of the interfaces */
	PART_INSIDE,   /* packets on the twin's own loopback */
	PART_RAW_IPV4, /* whole packets that the twin sends itself */
	PART_RAW_IPV6,
	PART_ROUTE,   /* rtnetlink, inside */
	PART_LISTING, /* memory file: with a candidate, nft -a list ruleset as loaded; without one,
		       * the handles of the copied rules, as twin_rules_renumber() takes them */
	PART_DOUBTS,  /* memory file: lines of "KIND DETAIL" */
	PART_LINKS,   /* memory file: struct built_link, one for each interface */
	PARTS,
};

/* Where an interface of the host is. */
struct built_link {
	uint32_t host_index;
	uint32_t inside;  /* index in the twin; 0 = it could not be made */
	uint32_t outside; /* index of the far end where its packets are put in; 0 = none */
	bool up;
	uint8_t mac[TWIN_MAC_BYTES]; /* that a packet for it has as destination */
};

enum { BUILD_PEER_OFFSET = 1000000, BUILD_OWN_OFFSET = 500000 };

/* What is to be made. */
struct build_order {
	const struct twin_host *host;
	const char *candidate; /* NULL = none */
	const uint32_t *user;  /* whose sockets the twin itself sends from; NULL = the caller's */
};

/*
 * Makes both namespaces and opens everything, in the calling process, which is then in the twin.
 * @param parts    filled; -1 where there is nothing yet.
 * @return 0; as twin_new().
 */
int build_twin(int parts[PARTS], const struct build_order *order, struct err *e);

/* The namespace of the far ends, while the twin is made. */
struct build_outside {
	int namespace;
	int route; /* rtnetlink there */
};

/* The interfaces with their addresses and routes. @param links host->links.count of them. */
int build_network(struct built_link *links, const struct twin_host *host, int route,
		  const struct build_outside *outside, int doubts, struct err *e);

/* All rules, those of the twin behind them, and PART_LISTING. */
int build_rules(int listing, const struct twin_host *host, const struct built_link *links,
		const char *candidate, int doubts, struct err *e);

/* Writes the handles of all rules of the present namespace. @return 0 or negative errno. */
int build_handles(int listing);

/* Writes a line to PART_DOUBTS. @return 0 or negative errno. */
int build_doubt(int doubts, enum twin_doubt_kind kind, const char *detail);
