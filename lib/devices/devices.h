/* Other machines of mine: who is near, what is declared of them, and what they were seen to offer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/event.h"
#include "model/protocol.h"
#include "policy/policy.h"

/* ---- what is declared ---- */

/* The entry of hosts: that has an address, the first one in the file's order; NULL = none. */
const struct policy_host *devices_host_with(const struct policy *policy,
					    const struct addr *address);
/* The entry with that name; NULL = none. @param policy  NULL = there is no policy. */
const struct policy_host *devices_host_named(const struct policy *policy, const char *name);

/*
 * The declaration of a port of another machine that has not run out, whoever may ask for it.
 * @param today  days since 1970-01-01. @return NULL when nobody declared it.
 */
const struct policy_declaration *devices_declaration(const struct policy_host *host,
						     enum protocol protocol, uint16_t port,
						     int64_t today);

/*
 * When it is to be audited again, by its `every:`, which is not 0.
 * @param asked  when it was last; 0 = never. @return `now` or earlier: it is due.
 */
usec_t devices_due_at(const struct policy_host *host, usec_t asked, usec_t now);

/* ---- neighbours, as the kernel keeps them ---- */

/* From the least to the most that is known. */
enum devices_state {
	DEVICES_UNKNOWN, /* it was not asked for */
	DEVICES_SILENT,  /* it was, and did not answer */
	DEVICES_STALE,   /* it did a while ago */
	DEVICES_ANSWERS, /* it did lately */
	DEVICES_STATES,
};

enum { DEVICES_MAC_BYTES = 6 };

struct devices_neighbour {
	struct addr address;
	bool has_mac;
	uint8_t mac[DEVICES_MAC_BYTES];
	uint32_t interface; /* index */
	enum devices_state state;
	bool router;       /* says so itself (IPv6) */
	usec_t silent_for; /* since it was last known to answer; -1 = not known */
};

enum devices_parsed {
	DEVICES_NEIGHBOUR,
	DEVICES_NO_NEIGHBOUR, /* multicast, an entry for others, no address */
};

/*
 * Reads an RTM_NEWNEIGH message (linux/neighbour.h), which is whole.
 * @param ticks  a second in units of the kernel's times: sysconf(_SC_CLK_TCK).
 * @return enum devices_parsed; -EBADMSG `out` is untouched.
 */
int devices_parse_neighbour(struct devices_neighbour *out, const struct nlmsghdr *message,
			    long ticks);

/* The locally administered ones (IEEE 802, the second bit of the first byte): chosen by the device,
 * by chance as a rule. */
bool devices_mac_is_local(const uint8_t mac[DEVICES_MAC_BYTES]);
enum { DEVICES_MAC_TEXT_BYTES = 18 };
const char *devices_mac_format(char out[DEVICES_MAC_TEXT_BYTES],
			       const uint8_t mac[DEVICES_MAC_BYTES]);
/* "unknown", "silent", "stale", "answers": the stable words of JSON. */
const char *devices_state_name(enum devices_state state);

/* ---- names that are known here without asking anybody ---- */

enum devices_name_source {
	DEVICES_NAME_NONE,
	DEVICES_NAME_POLICY,
	DEVICES_NAME_HOSTS, /* hosts(5) */
	DEVICES_NAME_LEASE, /* what a DHCP server of this host was told by the device */
	DEVICES_NAME_SELF,  /* what the device says when it is asked (mDNS) */
	DEVICES_NAME_SOURCES,
};

enum {
	DEVICES_NAME_BYTES = 64,
	DEVICES_NAMES_MAX = 8192, /* those beyond are not looked at */
	DEVICES_FILE_BYTES_MAX = 4 << 20,
};

struct devices_name {
	struct addr address;
	char name[DEVICES_NAME_BYTES];
	enum devices_name_source source;
};

struct devices_names {
	VEC(struct devices_name) list;
};

/* "none", "policy", "hosts_file", "dhcp_lease", "mdns": the stable words of JSON. */
const char *devices_name_source_name(enum devices_name_source source);

/* Takes the names of hosts(5), the first of each line. What is no host name (RFC 1123: letters,
 * digits, "-", ".", and "_") is passed over. @return 0, -ENOMEM. */
int devices_names_read_hosts(struct devices_names *names, const char *text, size_t length);
/* The same of leases as dnsmasq writes them: "EXPIRY MAC ADDRESS NAME ID". */
int devices_names_read_leases(struct devices_names *names, const char *text, size_t length);
/* The first one of an address; NULL = none. */
const struct devices_name *devices_names_find(const struct devices_names *names,
					      const struct addr *address);
void devices_names_deinit(struct devices_names *names);

/* ---- one row for each device ---- */

enum { DEVICES_ADDRESSES_MAX = 16 };

struct device {
	char name[DEVICES_NAME_BYTES]; /* "" = none is known here */
	enum devices_name_source name_source;
	const struct policy_host *host; /* NULL = nobody declared it */
	struct addr addresses[DEVICES_ADDRESSES_MAX];
	uint32_t address_count, address_more; /* more than there is room for */
	bool has_mac;
	uint8_t mac[DEVICES_MAC_BYTES];
	uint32_t interface; /* index; 0 = it is seen at none */
	enum devices_state state;
	bool router;
	usec_t silent_for; /* -1 = not known */
};

enum { DEVICES_MAX = 16384 };

struct devices {
	VEC(struct device) list;
	bool cut; /* there were more */
};

/*
 * Neighbours of the same machine become one device: those of the same entry of hosts: (by address
 * or mac:), else those of the same hardware address at the same interface. Who does not answer and
 * is not declared is nobody. Declared ones that nobody has seen are there too. By address.
 * @param policy  NULL = none. @return 0, -ENOMEM.
 */
int devices_join(struct devices *out, const struct devices_neighbour *neighbours, size_t count,
		 const struct policy *policy, const struct devices_names *names);
bool device_has(const struct device *device, const struct addr *address);
void devices_deinit(struct devices *devices);

/* ---- io ---- */

struct devices_neighbours {
	VEC(struct devices_neighbour) list;
};

/* The kernel's neighbours (ARP, ND) of this network namespace; needs no right.
 * @return 0 or negative errno. */
int devices_neighbours_read(struct devices_neighbours *out, struct err *e);
void devices_neighbours_deinit(struct devices_neighbours *neighbours);

/* Names of hosts(5) and of leases of dnsmasq, of those files that can be read. @return 0, -ENOMEM.
 */
int devices_names_read(struct devices_names *out);

/* ---- ports that were seen to be open, each told once ---- */

enum {
	DEVICES_SEEN_MAX = 4096,       /* ports of all machines together */
	DEVICES_SEEN_PER_MACHINE = 32, /* one that answers at more of them is told of once more */
};

/* So long nobody has to see a port again that was told. */
#define DEVICES_SEEN_USEC (30 * USEC_PER_DAY)

struct devices_seen_port {
	struct addr address;
	enum protocol protocol;
	uint16_t port; /* 0 = "more than DEVICES_SEEN_PER_MACHINE" */
	usec_t last;
};

struct devices_seen {
	VEC(struct devices_seen_port) list;
};

enum devices_news {
	DEVICES_KNOWN, /* it was told before, or there is no room for more */
	DEVICES_NEW,
	DEVICES_MANY, /* more ports of that machine than are told one by one: told once */
};

/* An open port was seen. @return what is to be told; DEVICES_KNOWN also when memory ran out. */
enum devices_news devices_see(struct devices_seen *seen, const struct addr *address,
			      enum protocol protocol, uint16_t port, usec_t now);
/* It is closed again: the next time it is news. */
void devices_see_closed(struct devices_seen *seen, const struct addr *address,
			enum protocol protocol, uint16_t port);
/* Takes over an event of the past, in their order: EVENT_PORT_OPENED, EVENT_PORT_CLOSED. */
void devices_see_event(struct devices_seen *seen, const struct event *event);
void devices_seen_deinit(struct devices_seen *seen);

/* ---- the event that tells of it ---- */

/* A port that nobody declared and that answered; what audits find says so in words of its own. */
struct devices_opening {
	usec_t time;
	struct addr address; /* of the machine */
	uint16_t port;       /* 0 = many */
	enum protocol protocol;
	char host[EVENT_NAME_BYTES]; /* its name under hosts: */
	struct addr asked_by;        /* whom it answered */
	bool through;                /* by way of this host; otherwise this host itself asked */
};

/* @param out  is an EVENT_PORT_OPENED. */
void devices_write_event(struct event *out, const struct devices_opening *opening);
/* The reverse. @return 0; -EINVAL for an event that was not written so. */
int devices_read_event(struct devices_opening *out, const struct event *event);
