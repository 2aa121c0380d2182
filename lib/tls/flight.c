/* Answers of TLS: records, the first flight of a server, and alerts. All of it is foreign. */
#include <string.h>

#include "tls/table.h"

enum {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384 + 2048, /* RFC 5246 6.2.3 */
	SERVER_HELLO = 2,
	CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
};

/* Bytes that are read in order; past their end everything is 0 and `short_of` says so. */
struct reader {
	const uint8_t *bytes;
	size_t left;
	bool short_of;
};

static const uint8_t *take(struct reader *r, size_t length)
{
	if (length > r->left) {
		r->short_of = true;
		r->left = 0;
		return NULL;
	}
	const uint8_t *begin = r->bytes;
	r->bytes += length;
	r->left -= length;
	return begin;
}

static unsigned take_number(struct reader *r, size_t size)
{
	const uint8_t *at = take(r, size);
	unsigned value = 0;
	for (size_t i = 0; at != NULL && i < size; i++) {
		value = value << 8 | at[i];
	}
	return value;
}

/* A part with its length before it, in so many bytes. */
static struct reader take_part(struct reader *r, size_t size)
{
	const size_t length = take_number(r, size);
	struct reader part = { .left = length };
	part.bytes = take(r, length);
	if (part.bytes == NULL) {
		part = (struct reader){ .short_of = true };
	}
	return part;
}

static int version_of(unsigned wire)
{
	return wire >= 0x0300 && wire <= 0x0304 ? (int)(TLS_VERSION_SSL3 + (wire - 0x0300)) : -1;
}

/* ---- messages ---- */

static void read_extension(struct tls_flight *f, unsigned type, struct reader body)
{
	switch (type) {
	case 43: /* supported_versions: the one that was chosen */
		f->version = version_of(take_number(&body, 2));
		break;
	case 51: /* key_share: group, and a key unless it asks for one */
		f->group = (uint16_t)take_number(&body, 2);
		break;
	case 0xff01:
		f->secure_renegotiation = true;
		break;
	default:
		break;
	}
}

/* RFC 8446 4.1.3, RFC 5246 7.4.1.3. @return whether it keeps to the rules. */
static bool read_hello(struct tls_flight *f, struct reader body)
{
	f->version = version_of(take_number(&body, 2));
	(void)take(&body, 32);
	(void)take_part(&body, 1);
	f->suite = (uint16_t)take_number(&body, 2);
	f->compression = (uint8_t)take_number(&body, 1);
	if (body.short_of || f->has_hello) {
		return false;
	}
	f->has_hello = true;
	struct reader all = body.left > 0 ? take_part(&body, 2) : body;
	while (all.left > 0) {
		const unsigned type = take_number(&all, 2);
		struct reader extension = take_part(&all, 2);
		if (all.short_of) {
			return false;
		}
		read_extension(f, type, extension);
	}
	return !body.short_of && !all.short_of;
}

/* RFC 5246 7.4.2. */
static bool read_chain(struct tls_flight *f, struct reader body)
{
	struct reader list = take_part(&body, 3);
	f->chain_count = 0;
	while (list.left > 0) {
		struct reader one = take_part(&list, 3);
		if (one.short_of) {
			return false;
		}
		if (f->chain_count < TLS_CHAIN_MAX && one.left > 0) {
			f->chain[f->chain_count].at = (uint32_t)(one.bytes - f->bytes);
			f->chain[f->chain_count++].length = (uint32_t)one.left;
		}
	}
	return !body.short_of && !list.short_of;
}

/* RFC 5246 7.4.3 of a finite field, RFC 8422 5.4 of a curve. What else there is says nothing. */
static void read_keys(struct tls_flight *f, struct reader body)
{
	const int index = tls_suite_find(f->suite);
	const uint32_t flags = index < 0 ? 0 : tls_suites[index].flags;
	if ((flags & TLS_SUITE_EC) != 0 && take_number(&body, 1) == 3) {
		f->group = (uint16_t)take_number(&body, 2);
	} else if ((flags & TLS_SUITE_DH) != 0) {
		struct reader prime = take_part(&body, 2);
		while (prime.left > 0 && prime.bytes[0] == 0) {
			(void)take(&prime, 1);
		}
		if (prime.left > 0) {
			const int zeros = __builtin_clz(prime.bytes[0]) - 24;
			f->dh_bits =
				(uint16_t)(prime.left >= 8192 ? UINT16_MAX
							      : prime.left * 8 - (unsigned)zeros);
		}
	}
}

static void read_message(struct tls_flight *f, unsigned type, struct reader body)
{
	bool fine = f->has_hello || type == SERVER_HELLO;
	switch (type) {
	case SERVER_HELLO:
		fine = read_hello(f, body);
		if (fine && f->version == TLS_VERSION_13) {
			f->state = TLS_ANSWER_HELLO; /* the rest is encrypted */
		}
		break;
	case CERTIFICATE:
		fine = fine && read_chain(f, body);
		break;
	case SERVER_KEY_EXCHANGE:
		read_keys(f, body);
		break;
	case CERTIFICATE_REQUEST:
		f->wants_certificate = true;
		break;
	case SERVER_HELLO_DONE:
		f->state = fine ? TLS_ANSWER_HELLO : f->state;
		break;
	default:
		break; /* CertificateStatus and what may come */
	}
	if (!fine) {
		f->state = TLS_ANSWER_STRANGE;
	}
}

static void read_messages(struct tls_flight *f)
{
	while (f->state == TLS_ANSWER_MORE) {
		struct reader r = { .bytes = f->bytes + f->parsed, .left = f->length - f->parsed };
		const unsigned type = take_number(&r, 1);
		struct reader body = take_part(&r, 3);
		if (r.short_of || body.short_of) {
			break;
		}
		f->parsed = (uint32_t)(r.bytes - f->bytes);
		read_message(f, type, body);
	}
}

/* ---- records ---- */

static void begin_record(struct tls_flight *f)
{
	const unsigned length = (unsigned)f->header[3] << 8 | f->header[4];
	f->record_type = f->header[0];
	f->record_left = length;
	f->is_tls = true;
	f->header_length = 0;
	/* An empty handshake or alert is forbidden (RFC 8446 5.1): without end it would be a loop.
	 */
	if (length == 0 || length > RECORD_MAX) {
		f->state = TLS_ANSWER_STRANGE;
	}
}

/* Takes one byte of a header. */
static void take_header(struct tls_flight *f, uint8_t byte)
{
	f->header[f->header_length++] = byte;
	const uint8_t *h = f->header;
	const bool fine = f->header_length == 1   ? h[0] == RECORD_ALERT || h[0] == RECORD_HANDSHAKE
			  : f->header_length == 2 ? h[1] == 3
			  : f->header_length == 3 ? h[2] <= 4
						  : true;
	if (!fine) {
		f->state = TLS_ANSWER_STRANGE;
	} else if (f->header_length == sizeof(f->header)) {
		begin_record(f);
	}
}

/* RFC 8446 6: level and description. A warning (RFC 6066 3: the name is not known) is passed over.
 */
static void take_alert(struct tls_flight *f, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && f->state == TLS_ANSWER_MORE; i++) {
		if (f->alert_bytes++ == 0) {
			f->alert = bytes[i];
			continue;
		}
		const bool warning = f->alert == 1 && bytes[i] != 0;
		f->alert = bytes[i];
		f->alert_bytes = 0;
		f->state = warning ? TLS_ANSWER_MORE : TLS_ANSWER_ALERT;
	}
}

static void take_payload(struct tls_flight *f, const uint8_t *bytes, size_t length)
{
	f->record_left -= (uint32_t)length;
	if (f->record_type == RECORD_ALERT) {
		take_alert(f, bytes, length);
	} else if (length > sizeof(f->bytes) - f->length) {
		f->state = TLS_ANSWER_STRANGE;
	} else {
		memcpy(f->bytes + f->length, bytes, length);
		f->length += (uint32_t)length;
		read_messages(f);
	}
}

enum tls_answer tls_flight_feed(struct tls_flight *flight, const uint8_t *bytes, size_t length)
{
	while (length > 0 && flight->state == TLS_ANSWER_MORE) {
		if (flight->record_left == 0) {
			take_header(flight, *bytes);
			bytes++;
			length--;
			continue;
		}
		const size_t part = length < flight->record_left ? length : flight->record_left;
		take_payload(flight, bytes, part);
		bytes += part;
		length -= part;
	}
	return flight->state;
}

/* SERVER-HELLO: 0x80.., type 4, hit, kind of certificate, version 2, three lengths. */
enum tls_answer tls_flight_feed_ssl2(struct tls_flight *flight, const uint8_t *bytes, size_t length)
{
	struct tls_flight *f = flight;
	const size_t room = 13 - f->length;
	const size_t part = length < room ? length : room;
	memcpy(f->bytes + f->length, bytes, part);
	f->length += (uint32_t)part;
	if (f->length >= 3 && ((f->bytes[0] & 0x80) == 0 || f->bytes[2] != 4)) {
		f->state = TLS_ANSWER_STRANGE; /* an alert of TLS, as a rule */
	} else if (f->length == 13) {
		const bool fine = f->bytes[5] == 0 && f->bytes[6] == 2;
		f->is_tls = f->has_hello = fine;
		f->version = TLS_VERSION_SSL2;
		f->state = fine ? TLS_ANSWER_HELLO : TLS_ANSWER_STRANGE;
	}
	return f->state;
}
