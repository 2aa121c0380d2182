/* What is copied of a host: private to the twin's io. */
#pragma once

#include <linux/netlink.h>

#include "twin/rules.h"
#include "twin/twin.h"

enum {
	HOST_LINKS_MAX = 1024,
	HOST_ROUTES_MAX = 65536,
	HOST_MESSAGES_MAX_BYTES = 32 << 20,
	HOST_KIND_BYTES = 16,
	HOST_SETTING_BYTES = 96,
	HOST_VALUE_BYTES = 16,
	HOST_FAMILIES = 2, /* IPv4, IPv6 */
};

struct host_link {
	uint32_t index, master; /* of interfaces; 0 = none */
	uint32_t flags;         /* IFF_* */
	uint32_t group;
	uint16_t type; /* ARPHRD_* */
	char name[TWIN_INTERFACE_BYTES];
	char kind[HOST_KIND_BYTES]; /* "bridge", "veth", "vlan", ...; "" = a device */
	uint8_t mac[TWIN_MAC_BYTES];
	bool has_mac;
	bool xdp, tc; /* programs there see packets before every rule */
};

struct host_address {
	uint32_t index;
	uint32_t flags; /* IFA_F_* */
	uint8_t bits, scope;
	struct addr local, peer, broadcast; /* ADDR_NONE = none */
};

/* A setting below /proc/sys/net, as "ipv4/conf/eth0/rp_filter". */
struct host_setting {
	char path[HOST_SETTING_BYTES];
	char value[HOST_VALUE_BYTES];
};

struct twin_host {
	VEC(struct host_link) links;
	VEC(struct host_address) addresses;
	VEC(struct host_setting) settings;
	struct str routes;       /* whole messages, one behind another, as the kernel gave them */
	struct str routing;      /* rules of routing, likewise */
	struct twin_rules rules; /* nft -a list ruleset */
	const struct twin_stand_in *instead; /* of one table, which is empty in `rules`; or NULL */
	char *saved[HOST_FAMILIES];  /* iptables-nft: what iptables-save and ip6tables-save print */
	char *legacy[HOST_FAMILIES]; /* the same of the old kernel interface */
	VEC(struct twin_doubt) doubts;
	struct arena arena; /* the details of the doubts */
};

/* Adds a doubt. @return 0 or -ENOMEM. */
int host_doubt(struct twin_host *host, enum twin_doubt_kind kind, const char *detail);

/* Interfaces, addresses, routes and rules of routing. @return 0 or negative errno. */
int host_read_network(struct twin_host *host, struct err *e);

/* Settings of the network and of each interface. @return 0 or -ENOMEM. */
int host_read_settings(struct twin_host *host);

/* @param ruleset as twin_host_read() takes it. @return as twin_host_read(). */
int host_read_rules(struct twin_host *host, const char *ruleset, struct err *e);

/* Whether others stand for what is in that table. */
bool host_stands_in(const struct twin_host *host, const struct table *table);

/* Who can load a table again: nft cannot read all that it prints of those of iptables. */
enum host_loader {
	HOST_BY_NFT = -1,
	HOST_BY_IPTABLES, /* also the index of its text in `saved` */
	HOST_BY_IP6TABLES,
};
enum host_loader host_loader(const struct twin_host *host, const struct table *table);

/* @return NULL when there is none. */
const struct host_link *host_link(const struct twin_host *host, const char *name);
const struct host_link *host_link_by_index(const struct twin_host *host, uint32_t index);
