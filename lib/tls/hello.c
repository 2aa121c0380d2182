/* Questions of TLS in bytes: ClientHello of every version. */
#include <string.h>

#include "tls/table.h"

/* Growing bytes of a record; what does not fit makes it empty at the end. */
struct writer {
	uint8_t *bytes;
	size_t length, room;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t length)
{
	if (w->full || length > w->room - w->length) {
		w->full = true;
		return;
	}
	memcpy(w->bytes + w->length, bytes, length);
	w->length += length;
}

static void put8(struct writer *w, unsigned value)
{
	const uint8_t byte = (uint8_t)value;
	put(w, &byte, 1);
}

static void put16(struct writer *w, unsigned value)
{
	put8(w, value >> 8);
	put8(w, value & 255);
}

/* Leaves room for a length of two bytes, and fills it in. */
static size_t open16(struct writer *w)
{
	put16(w, 0);
	return w->length;
}

static void close16(struct writer *w, size_t begin)
{
	if (!w->full) {
		const size_t length = w->length - begin;
		w->bytes[begin - 2] = (uint8_t)(length >> 8);
		w->bytes[begin - 1] = (uint8_t)length;
	}
}

/* RFC 8446 5.1 and appendix D: what stands on the wire for a version. */
static unsigned wire_version(enum tls_version version)
{
	return version >= TLS_VERSION_12 ? 0x0303 : 0x0300 + version - TLS_VERSION_SSL3;
}

/* ---- extensions ---- */

/* RFC 6066 3: a name and no address. */
static void put_name(struct writer *w, const char *host)
{
	struct addr address;
	if (host[0] == '\0' || addr_parse(&address, host) == 0) {
		return;
	}
	put16(w, 0);
	const size_t extension = open16(w);
	const size_t list = open16(w);
	put8(w, 0);
	const size_t name = open16(w);
	put(w, host, strlen(host));
	close16(w, name);
	close16(w, list);
	close16(w, extension);
}

/* RFC 8422 5.1, RFC 8446 4.2.7; those of today first. */
static void put_groups(struct writer *w, const struct tls_set *groups)
{
	put16(w, 10);
	const size_t extension = open16(w);
	const size_t list = open16(w);
	for (unsigned modern = 1; modern < 2; modern--) {
		for (size_t i = 0; i < tls_group_count; i++) {
			const bool is_modern = tls_groups[i].code >= 0x17;
			if (tls_set_has(groups, i) && is_modern == (modern == 1)) {
				put16(w, tls_groups[i].code);
			}
		}
	}
	close16(w, list);
	close16(w, extension);
	static const uint8_t formats[] = { 0, 11, 0, 2, 1, 0 };
	put(w, formats, sizeof(formats));
}

/* RFC 8446 4.2.3: all that certificates are signed with, old ones too. */
static void put_signatures(struct writer *w)
{
	static const uint16_t algorithms[] = {
		0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806,
		0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0402, 0x0502,
		0x0602, 0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202, 0x0101,
	};
	put16(w, 13);
	const size_t extension = open16(w);
	const size_t list = open16(w);
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		put16(w, algorithms[i]);
	}
	close16(w, list);
	close16(w, extension);
}

static void put_versions(struct writer *w, const struct tls_question *q)
{
	put16(w, 43);
	const size_t extension = open16(w);
	const unsigned last = q->any ? TLS_VERSION_10 : TLS_VERSION_13;
	put8(w, 2 * (TLS_VERSION_13 - last + 1));
	for (unsigned version = TLS_VERSION_13; version >= last; version--) {
		put16(w,
		      version == TLS_VERSION_13 ? 0x0304 : wire_version((enum tls_version)version));
	}
	close16(w, extension);
	/* key_share without any key (RFC 8446 4.2.8), psk_key_exchange_modes. */
	static const uint8_t keys[] = { 0, 51, 0, 2, 0, 0, 0, 45, 0, 2, 1, 1 };
	put(w, keys, sizeof(keys));
}

static void put_extensions(struct writer *w, const struct tls_question *q)
{
	const size_t all = open16(w);
	put_name(w, q->host);
	put_groups(w, &q->groups);
	if (q->version >= TLS_VERSION_12) {
		put_signatures(w);
	}
	if (q->version == TLS_VERSION_13) {
		put_versions(w, q);
	}
	close16(w, all);
}

/* ---- hellos ---- */

/*
 * Servers that follow the client take what stands first: of TLS 1.3, over curves, with the key of
 * the certificate, and last what some choose although they have no parameters for it, and break
 * off.
 */
static unsigned rank_of(const struct tls_suite *suite)
{
	return (suite->flags & TLS_SUITE_TLS13) != 0       ? 0
	       : (suite->flags & TLS_SUITE_ANONYMOUS) != 0 ? 3
	       : (suite->flags & TLS_SUITE_EC) != 0        ? 1
	       : (suite->flags & TLS_SUITE_DH) != 0        ? 3
							   : 2;
}

static void put_suites(struct writer *w, const struct tls_question *q)
{
	const size_t list = open16(w);
	for (unsigned rank = 0; rank <= 3; rank++) {
		for (size_t i = tls_suite_count; i-- > 0;) {
			if (tls_set_has(&q->suites, i) && rank_of(&tls_suites[i]) == rank) {
				put16(w, tls_suites[i].code);
			}
		}
	}
	if (q->any || q->version < TLS_VERSION_13) {
		put16(w, 0x00ff); /* RFC 5746 3.3, which needs no extension */
	}
	close16(w, list);
}

static size_t write_hello(uint8_t *out, size_t room, const struct tls_question *q)
{
	struct writer w = { .bytes = out, .room = room };
	put8(&w, 22);
	put16(&w, q->version == TLS_VERSION_SSL3 ? 0x0300 : 0x0301);
	const size_t record = open16(&w);
	put8(&w, 1);
	put8(&w, 0); /* the length has three bytes */
	const size_t message = open16(&w);
	put16(&w, wire_version(q->version));
	put(&w, q->random, sizeof(q->random));
	/* RFC 8446 D.4: looks like a session of 1.2, for boxes on the way. */
	put8(&w, q->version == TLS_VERSION_13 ? TLS_RANDOM_BYTES : 0);
	if (q->version == TLS_VERSION_13) {
		put(&w, q->random, sizeof(q->random));
	}
	put_suites(&w, q);
	if (q->version == TLS_VERSION_13) {
		put16(&w, 0x0100); /* no compression */
	} else {
		put8(&w, 2); /* DEFLATE (RFC 3749), and none */
		put16(&w, 0x0100);
	}
	if (q->version != TLS_VERSION_SSL3) {
		put_extensions(&w, q);
	}
	close16(&w, message);
	close16(&w, record);
	return w.full ? 0 : w.length;
}

/* The SSL protocol of 1995, CLIENT-HELLO with the seven kinds of cipher that it knows. */
static size_t write_ssl2(uint8_t *out, size_t room, const struct tls_question *q)
{
	static const uint8_t kinds[] = { 1,    0, 0x80, 2,    0, 0x80, 3,    0, 0x80, 4,   0,
					 0x80, 5, 0,    0x80, 6, 0,    0x40, 7, 0,    0xc0 };
	struct writer w = { .bytes = out, .room = room };
	put16(&w, 0x8000 | (9 + sizeof(kinds) + 16));
	put8(&w, 1);
	put16(&w, 2);
	put16(&w, sizeof(kinds));
	put16(&w, 0);
	put16(&w, 16);
	put(&w, kinds, sizeof(kinds));
	put(&w, q->random, 16);
	return w.full ? 0 : w.length;
}

size_t tls_write_question(uint8_t *out, size_t room, const struct tls_question *question)
{
	return question->version == TLS_VERSION_SSL2 ? write_ssl2(out, room, question)
						     : write_hello(out, room, question);
}
