/* Services of UDP; the questions are those with which minato-sweep finds them. */
#include <stdio.h>
#include <string.h>

#include "identify/parts.h"
#include "sweep/sweep.h"

static size_t question_of(uint8_t *out, uint16_t port)
{
	return sweep_udp_question(out, IDENTIFY_SAY_MAX, port);
}

/* ---- DNS: RFC 1035 4.1, RFC 4892 2.1 ---- */

enum { DNS_ID = 0x6d69, DNS_HEADER = 12 };

size_t say_dns(uint8_t *out, const struct asking *to)
{
	/* Recursion is wished for, so that the answer tells whether it is given. */
	static const char question[] = "\x6d\x69\x01\0\0\x01\0\0\0\0\0\0\x07version\x04"
				       "bind\0\0\x10\0\x03";
	const size_t length = sizeof(question) - 1;
	if (to->stage > 0) {
		return 0;
	}
	if (to->port->protocol == PROTOCOL_UDP) {
		return say_bytes(out, question, length);
	}
	out[0] = 0; /* RFC 1035 4.2.2 */
	out[1] = (uint8_t)length;
	return 2 + say_bytes(out + 2, question, length);
}

/* The text of the first answer: behind the question a name, ten bytes, and a text with its length.
 */
static void take_version_bind(struct identity *identity, const struct hearing *dns, size_t question)
{
	size_t at = question;
	if (at < dns->length && (dns->bytes[at] & 0xc0) == 0xc0) {
		at += 2;
	} else {
		while (at < dns->length && dns->bytes[at] != 0) {
			at += 1U + dns->bytes[at];
		}
		at++;
	}
	at += 10;
	if (at + 1 < dns->length && at + 1 + dns->bytes[at] <= dns->length) {
		const uint8_t *text = dns->bytes + at + 1;
		const size_t length = dns->bytes[at];
		take_text(identity->detail, sizeof(identity->detail), text, length);
		if (length > 0 && text[0] >= '0' && text[0] <= '9') {
			set_product(identity, "BIND");
			take_version(identity, text, length);
		} else if (memchr(text, ' ', length) != NULL || memchr(text, '-', length) != NULL) {
			take_product(identity, text, length);
		}
	}
}

enum reading read_dns(struct identity *identity, const struct hearing *heard)
{
	enum { QUESTION = DNS_HEADER + 18 };
	struct hearing dns = *heard;
	if (heard->asked != IDENTIFY_TALK_DNS) {
		return READING_OTHER;
	}
	if (!heard->whole && (dns.length < 2 || dns.length < 2U + be16_at(dns.bytes))) {
		return READING_MORE; /* TCP: the length comes before it */
	}
	if (dns.length > 4 && be16_at(dns.bytes) != DNS_ID && be16_at(dns.bytes + 2) == DNS_ID) {
		dns.bytes += 2;
		dns.length -= 2;
	}
	if (dns.length < DNS_HEADER || be16_at(dns.bytes) != DNS_ID ||
	    (dns.bytes[2] & 0xf8) != 0x80) {
		return READING_OTHER;
	}
	if (be16_at(dns.bytes + 4) == 1 && be16_at(dns.bytes + 6) > 0 &&
	    (dns.bytes[3] & 0xf) == 0) {
		take_version_bind(identity, &dns, QUESTION);
	}
	return READING_NAMED;
}

/* ---- NTP: RFC 5905 7.3 ---- */

size_t say_ntp(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 123);
}

enum reading read_ntp(struct identity *identity, const struct hearing *heard)
{
	enum { SERVER = 4, STRATUM_MAX = 16 };
	if (heard->asked != IDENTIFY_TALK_NTP || heard->length < 48 ||
	    (heard->bytes[0] & 7) != SERVER || heard->bytes[1] > STRATUM_MAX) {
		return READING_OTHER;
	}
	(void)snprintf(identity->detail, sizeof(identity->detail), "stratum %u", heard->bytes[1]);
	return READING_NAMED;
}

/* ---- SNMP: RFC 3412 6, RFC 3414 4; RFC 1905 for what was asked for ---- */

size_t say_snmp(uint8_t *out, const struct asking *to)
{
	/* Version 2c, "public", get 1.3.6.1.2.1.1.1.0 (sysDescr). */
	static const uint8_t whole[] = { 0x30, 0x29, 2,    1,    1,    4,    6,    'p', 'u',
					 'b',  'l',  'i',  'c',  0xa0, 0x1c, 2,    4,   0x6d,
					 0x69, 0x6e, 0x61, 2,    1,    0,    2,    1,   0,
					 0x30, 0x0e, 0x30, 0x0c, 6,    8,    0x2b, 6,   1,
					 2,    1,    1,    1,    0,    5,    0 };
	if (to->stage == 0) {
		return question_of(out, 161);
	}
	return to->stage == 1 && to->order->snmp_public != 0 ? say_bytes(out, whole, sizeof(whole))
							     : 0;
}

enum reading read_snmp(struct identity *identity, const struct hearing *heard)
{
	static const uint8_t asked[] = { 0x2b, 6, 1, 2, 1, 1, 1, 0, 4 };
	if (heard->asked != IDENTIFY_TALK_SNMP || heard->length < 12 || heard->bytes[0] != 0x30) {
		return READING_OTHER;
	}
	if (heard->stage == 0) {
		/* Short or long length, then the version: 02 01 03. */
		return memmem(heard->bytes, 8, "\x02\x01\x03", 3) != NULL ? READING_ASK
									  : READING_OTHER;
	}
	const uint8_t *at = memmem(heard->bytes, heard->length, asked, sizeof(asked));
	if (at == NULL) {
		return READING_NAMED;
	}
	at += sizeof(asked);
	const size_t left = (size_t)(heard->bytes + heard->length - at);
	const size_t more = left > 0 && at[0] > 0x80 && at[0] <= 0x82 ? at[0] - 0x80U : 0;
	if (left > 1 + more) {
		take_line(identity->detail, sizeof(identity->detail), at + 1 + more,
			  left - 1 - more);
	}
	identity->without_login = IDENTIFY_TOLD_YES;
	return READING_NAMED;
}

/* ---- SSDP ---- */

size_t say_ssdp(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 1900);
}

enum reading read_ssdp(struct identity *identity, const struct hearing *heard)
{
	size_t length = 0;
	if (!begins(heard, "HTTP/1.1 200") || !has_word(heard, "\nusn:")) {
		return READING_OTHER;
	}
	const uint8_t *at = behind(heard, "\nSERVER:", &length);
	at = at == NULL ? behind(heard, "\nServer:", &length) : at;
	if (at != NULL) {
		const size_t blank = length > 0 && at[0] == ' ';
		take_line(identity->detail, sizeof(identity->detail), at + blank, length - blank);
	}
	return READING_NAMED;
}

/* ---- QUIC: RFC 8999 6 ---- */

size_t say_quic(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 443);
}

enum reading read_quic(struct identity *identity, const struct hearing *heard)
{
	/* A long header of version 0, our two names turned round, then the versions. */
	enum { NAMES = 5, LIST = NAMES + 1 + 8 + 1 + 8 };
	size_t used = 0;
	if (heard->asked != IDENTIFY_TALK_QUIC || heard->length < LIST + 4 ||
	    (heard->bytes[0] & 0x80) == 0 || be32_at(heard->bytes + 1) != 0 ||
	    heard->bytes[NAMES] != 8 || memcmp(heard->bytes + LIST - 8, "minato01", 8) != 0) {
		return READING_OTHER;
	}
	for (size_t at = LIST; at + 4 <= heard->length && used + 12 < sizeof(identity->detail);
	     at += 4) {
		const uint32_t version = be32_at(heard->bytes + at);
		if ((version & 0x0f0f0f0f) !=
		    0x0a0a0a0a) { /* RFC 9000 15: put there to be passed over */
			used += (size_t)snprintf(identity->detail + used,
						 sizeof(identity->detail) - used, "%s0x%08x",
						 used == 0 ? "" : " ", version);
		}
	}
	return READING_NAMED;
}

/* ---- STUN: RFC 8489 5 ---- */

size_t say_stun(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 3478);
}

enum reading read_stun(struct identity *identity, const struct hearing *heard)
{
	enum { HEADER = 20, SOFTWARE = 0x8022 };
	if (heard->asked != IDENTIFY_TALK_STUN || heard->length < HEADER ||
	    (be16_at(heard->bytes) & 0xfeef) != 0x0001 || be32_at(heard->bytes + 4) != 0x2112a442) {
		return READING_OTHER;
	}
	for (size_t at = HEADER; at + 4 <= heard->length;) {
		const size_t length = be16_at(heard->bytes + at + 2);
		if (be16_at(heard->bytes + at) == SOFTWARE && at + 4 + length <= heard->length) {
			take_product(identity, heard->bytes + at + 4, length);
		}
		at += 4 + (length + 3) / 4 * 4;
	}
	return READING_NAMED;
}

/* ---- TFTP: RFC 1350 5 ---- */

size_t say_tftp(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 69);
}

enum reading read_tftp(struct identity *identity, const struct hearing *heard)
{
	enum { DATA = 3, ERROR = 5 };
	if (heard->asked != IDENTIFY_TALK_TFTP || heard->length < 4 ||
	    (be16_at(heard->bytes) != ERROR && be16_at(heard->bytes) != DATA)) {
		return READING_OTHER;
	}
	if (be16_at(heard->bytes) == ERROR) {
		take_line(identity->detail, sizeof(identity->detail), heard->bytes + 4,
			  strnlen((const char *)heard->bytes + 4, heard->length - 4));
	}
	return READING_NAMED;
}

/* ---- NetBIOS names: RFC 1002 4.2.18 ---- */

size_t say_netbios(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 137);
}

enum reading read_netbios(struct identity *identity, const struct hearing *heard)
{
	enum { NAMES = 57, NAME_BYTES = 15 };
	if (heard->asked != IDENTIFY_TALK_NETBIOS || heard->length < NAMES ||
	    be16_at(heard->bytes) != DNS_ID || (heard->bytes[2] & 0x80) == 0) {
		return READING_OTHER;
	}
	if (heard->bytes[NAMES - 1] > 0 && heard->length >= NAMES + NAME_BYTES) {
		size_t length = NAME_BYTES;
		while (length > 0 && heard->bytes[NAMES + length - 1] == ' ') {
			length--;
		}
		take_text(identity->detail, sizeof(identity->detail), heard->bytes + NAMES, length);
	}
	return READING_NAMED;
}

/* ---- CoAP: RFC 7252 4.2, the "ping" ---- */

size_t say_coap(uint8_t *out, const struct asking *to)
{
	return to->stage > 0 ? 0 : question_of(out, 5683);
}

enum reading read_coap(struct identity *identity, const struct hearing *heard)
{
	(void)identity;
	/* A reset with the number of our message. */
	return heard->asked == IDENTIFY_TALK_COAP && heard->length >= 4 &&
			       (heard->bytes[0] & 0xf0) == 0x70 && heard->bytes[1] == 0 &&
			       be16_at(heard->bytes + 2) == DNS_ID
		       ? READING_NAMED
		       : READING_OTHER;
}
