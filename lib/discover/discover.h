/*
 * Who is on a network of one's own: each address is asked for once, gently, so that the kernel
 * learns of its neighbours; and one question each by mDNS and SSDP for names and services. What
 * comes back is read by a process without rights.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"

enum {
	DISCOVER_NETWORKS_MAX = 8,
	DISCOVER_BITS_LEAST = 22, /* no larger network: 1,022 addresses */
	DISCOVER_RATE = 100, /* datagrams a second: 300 unanswered at once at most, of the 1,024
			      * neighbours that a kernel keeps (gc_thresh3) */
	DISCOVER_TEXT_BYTES = 64,
	DISCOVER_RECORDS_MAX = 4096,
	DISCOVER_PACKET_BYTES = 9000, /* RFC 6762 17 */
};

struct discover_network {
	struct prefix prefix; /* IPv4 */
	struct addr own;      /* this host's in it: who answers sends it there */
	uint32_t interface;   /* index, at which it is connected */
};

struct discover_order {
	struct discover_network networks[DISCOVER_NETWORKS_MAX];
	uint32_t count; /* 1..DISCOVER_NETWORKS_MAX */
	uint32_t rate;  /* 1..DISCOVER_RATE */
	usec_t wait;    /* for answers, after the last datagram; up to a minute */
};

/* Whether it is no more than that. */
bool discover_order_valid(const struct discover_order *order);
/* Addresses that are asked for: those of hosts, neither of the network nor broadcast. */
size_t discover_address_count(const struct discover_order *order);
/* @param at  below their count. */
struct addr discover_address(const struct discover_order *order, size_t at);

enum discover_kind {
	DISCOVER_NAME,    /* what a device calls itself */
	DISCOVER_SERVICE, /* "ipp/tcp" of DNS-SD, "upnp MediaServer" of SSDP */
	DISCOVER_KINDS,
};

/* One thing that a device said. Crosses processes: see discover_record_valid(). */
struct discover_record {
	uint32_t kind; /* enum discover_kind */
	struct addr from;
	char text[DISCOVER_TEXT_BYTES]; /* letters, digits, "-", "_", ".", "/" and spaces */
};

/* Whether every field is within its range, and it is of a network of the order. */
bool discover_record_valid(const struct discover_record *record,
			   const struct discover_order *order);

/* ---- what is asked, and what comes back (pure) ---- */

enum { DISCOVER_QUESTION_BYTES = 512 };

/* Which services there are (RFC 6763 9), and who has some that are usual at home and at work.
 * @return bytes. */
size_t discover_mdns_question(uint8_t out[DISCOVER_QUESTION_BYTES]);
/* An M-SEARCH for everything (UPnP Device Architecture 1.3.2). @return bytes. */
size_t discover_ssdp_question(uint8_t out[DISCOVER_QUESTION_BYTES]);

/* @return 0 to go on; anything else ends and is handed up. */
typedef int discover_tell(const struct discover_record *record, void *data);

/* Reads a packet of anybody. What is not understood says nothing. @return 0 or what `tell` did. */
int discover_read_mdns(const uint8_t *bytes, size_t length, const struct addr *from,
		       discover_tell *tell, void *data);
int discover_read_ssdp(const uint8_t *bytes, size_t length, const struct addr *from,
		       discover_tell *tell, void *data);

/* ---- io ---- */

/* In minato-probe: carries the order out. @return 0 or negative errno. */
int discover_run(const struct discover_order *order, discover_tell *tell, void *data);

/*
 * Starts minato-probe for an order, and takes what it says.
 * @param records  room for DISCOVER_RECORDS_MAX. @param count  also set on failure.
 * @return 0; negative errno of sandbox_start(), sandbox_finish(); -EBADMSG; -ETIMEDOUT.
 */
int discover_ask(struct discover_record *records, size_t *count, const struct discover_order *order,
		 struct err *e);
