/*
 * Packets from capture files, and of one connection of this host. Bytes become struct packet_note
 * (lib/model) or struct capture_packet; what is no packet of IP is passed over, what is broken is
 * counted, nothing is trusted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/packet.h"
#include "model/protocol.h"

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

/* ---- one connection of this host, as it happens ---- */

enum {
	CAPTURE_PEERS_MAX = 16,
	CAPTURE_PACKET_BYTES =
		384, /* of each packet, from its IP header on; the rest is not copied */
	CAPTURE_PACKETS_MAX = 64,
	CAPTURE_WORDS_BYTES = 64,
};

/* Whose packets: of one port here with one port there, at any of these addresses. */
struct capture_connection {
	uint32_t protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
	uint32_t peer_count;
	uint16_t local_port, remote_port;
	struct addr peers[CAPTURE_PEERS_MAX];
};

/* What the data of a packet begins with. */
enum capture_content {
	CAPTURE_CONTENT_NONE,
	CAPTURE_CONTENT_TLS,   /* `words` names the message (RFC 8446 4, 5.1) */
	CAPTURE_CONTENT_TEXT,  /* `words` is the first line */
	CAPTURE_CONTENT_BYTES, /* anything else */
	CAPTURE_CONTENTS,
};

/* One packet. A flat value, so that it can cross processes; `words` is printable ASCII. */
struct capture_packet {
	usec_t time;                     /* wall */
	struct addr source, destination; /* of the IP header */
	uint8_t sent;                    /* by this host; 0 also of ICMP */
	uint8_t protocol;                /* PROTOCOL_TCP, PROTOCOL_UDP, 1 ICMP, 58 ICMPv6 */
	uint8_t ttl;                     /* hop limit of IPv6 */
	uint8_t flags;                   /* TCP: enum tcp_flag */
	uint8_t icmp_type, icmp_code;
	uint8_t content;                        /* enum capture_content */
	uint16_t source_port, destination_port; /* ICMP: of the packet that it quotes */
	uint16_t window;
	uint16_t ip_bytes, header_bytes; /* of the IP header, of what follows it */
	uint16_t kept;                   /* of `bytes`: both headers at least */
	uint32_t sequence, acknowledgement;
	uint32_t data_bytes; /* behind the headers, whether they were kept or not */
	uint32_t interface;  /* index of where it was seen; 0 = not known */
	char words[CAPTURE_WORDS_BYTES];
	uint8_t bytes[CAPTURE_PACKET_BYTES];
};

/* Whether every field is within its range. */
bool capture_connection_valid(const struct capture_connection *connection);
bool capture_packet_valid(const struct capture_packet *packet);

/*
 * Reads one packet from its IP header on. Pure. @param length  may be less than the packet had.
 * @return whether it belongs to the connection, or is an ICMP error about it (RFC 792, RFC 4443);
 * `time` and `interface` are left as they are.
 */
bool capture_packet_read(struct capture_packet *out, const struct capture_connection *connection,
			 const uint8_t *bytes, size_t length);

/* Whether it is the same packet seen at another interface (a bridge and its port). */
bool capture_packet_same(const struct capture_packet *a, const struct capture_packet *b);

/*
 * A packet socket to which the kernel gives packets of that connection alone, from now on.
 * @return 0, the socket is the caller's; -EPERM without CAP_NET_RAW; other negative errno.
 */
int capture_connection_open(int *out, const struct capture_connection *connection, struct err *e);

/*
 * Has minato-probe read what the socket got until now.
 * @param out   CAPTURE_PACKETS_MAX; the first ones are kept.
 * @param more  how many there were beyond, or were lost.
 * @return 0; -ENOENT minato-probe is not installed; -EIO, -EBADMSG, -ETIMEDOUT when it failed or
 * misbehaved; other negative errno.
 */
int capture_connection_collect(struct capture_packet *out, size_t *count, uint64_t *more,
			       int socket, const struct capture_connection *connection,
			       struct err *e);

/* The other side of it, for minato-probe: serves one order. @return 0 or negative errno. */
int capture_connection_serve(int channel);
