/*
 * Packets from capture files. Bytes become struct packet_note (lib/model); what is no packet of IP
 * is passed over, what is broken is counted, nothing is trusted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/packet.h"

/* ---- one packet ---- */

enum capture_outcome {
	CAPTURE_NOTE = 1,      /* a note was made */
	CAPTURE_OTHER = 2,     /* no IP, no ports in it, or a later fragment */
	CAPTURE_MALFORMED = 3, /* lengths that contradict each other, or cut off too early */
};

enum {
	CAPTURE_FRAGMENTS = 256,     /* beginnings kept at once; the oldest is forgotten */
	CAPTURE_FRAGMENT_BYTES = 64, /* of each: more than the longest TCP header */
};

/* The beginning of one packet that comes in fragments. */
struct capture_fragment {
	struct addr source, destination;
	uint32_t id;
	uint8_t protocol; /* 0 = free */
	uint8_t done;     /* its note was made */
	uint64_t have;    /* bit n: byte n is there */
	uint8_t bytes[CAPTURE_FRAGMENT_BYTES];
};

/* All of them; zeroed by the caller at first. */
struct capture_fragments {
	struct capture_fragment items[CAPTURE_FRAGMENTS];
	uint32_t next;
};

/*
 * Reads one packet: Ethernet with VLAN tags (802.1Q, 802.1ad), Linux cooked (both), raw IP,
 * loopback; IPv4 with options, IPv6 with extension headers (RFC 8200 4), TCP, UDP, and ICMP
 * errors, whose note has the endpoints of the packet they quote. Fragments that split a TCP header
 * (nmap -f) are joined as far as the header goes.
 * @param out    written for CAPTURE_NOTE alone.
 * @param length bytes that were captured; less than the packet had is no fault by itself.
 * @param link   number of the link type (LINKTYPE_ of the file, DLT_ of libpcap).
 * @return an outcome; -EPROTONOSUPPORT for a link type that is not known.
 */
int capture_decode(struct packet_note *out, struct capture_fragments *fragments,
		   const uint8_t *bytes, size_t length, int link, usec_t time);

/* Whether capture_decode() knows that link type. */
bool capture_link_known(int link);

/* ---- a file ---- */

enum capture_end {
	CAPTURE_END_WHOLE = 1,
	CAPTURE_END_NO_CAPTURE, /* not a capture file */
	CAPTURE_END_TRUNCATED,  /* it breaks off or is damaged after `packets` packets */
	CAPTURE_END_LINK,       /* link type `link` is not known */
	CAPTURE_END_LIBRARY,    /* libpcap is not installed */
	CAPTURE_END_RIGHTS,     /* the process could not give its rights away */
	CAPTURE_END_DIED,       /* it ended without a word */
	CAPTURE_ENDS,
};

/* How a file ended, and what was in it until then. */
struct capture_summary {
	enum capture_end end;
	int32_t link;
	uint64_t packets, malformed, other;
	char reason[96]; /* libpcap's own words, foreign bytes; may be "" */
};

struct capture;

/*
 * Starts a process without rights that reads the file (pcap, pcapng) with libpcap and decodes it;
 * it is nobody when we are root, opens no file, starts nothing.
 * @param fd  of the file or a pipe; stays the caller's.
 * @return 0; negative errno from pipe2(2), fork(2).
 */
int capture_open(struct capture **out, int fd, struct err *e);

/* The next packet that has a note. @return 1 a note; 0 the end, see capture_summary(); negative
 * errno when the process says what it may not say (-EBADMSG). */
int capture_next(struct capture *capture, struct packet_note *out);

/* Valid after capture_next() gave 0. */
const struct capture_summary *capture_summary(const struct capture *capture);

/* Ends the process and waits for it; NULL is allowed. */
void capture_free(struct capture *capture);

/* ---- the form in which the process hands notes on ---- */

enum { CAPTURE_RECORD_BYTES = 128 };

/* One record of a note or of the end. @param out CAPTURE_RECORD_BYTES, written whole. */
void capture_write_note(uint8_t *out, const struct packet_note *note);
void capture_write_end(uint8_t *out, const struct capture_summary *summary);

/*
 * Reads CAPTURE_RECORD_BYTES.
 * @return 1 `note` was set; 0 `summary` was set; -EBADMSG when a field is out of its range.
 */
int capture_read_record(struct packet_note *note, struct capture_summary *summary,
			const uint8_t *bytes);
