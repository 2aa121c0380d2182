/* Eleven bytes that tell TLS from plaintext. */
#include <string.h>

#include "tls/tls.h"

enum {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
};

/* A hello of SSLv2, which some old clients begin with, and its version. */
static bool is_ssl2_hello(const uint8_t *b, size_t length)
{
	return length >= 5 && (b[0] & 0x80) != 0 && b[2] == CLIENT_HELLO &&
	       ((b[3] == 0 && b[4] == 2) || (b[3] == 3 && b[4] <= 4));
}

/* The hello's own length and version are within those of its record. */
static bool is_hello(const uint8_t *b, size_t length, bool client)
{
	const unsigned record = (unsigned)b[3] << 8 | b[4];
	if (b[5] != (client ? CLIENT_HELLO : SERVER_HELLO) || record < 4) {
		return false;
	}
	const bool version = length < 11 || (b[9] == 3 && b[10] <= 4);
	return version && (length < 7 || b[6] == 0);
}

enum tls_first tls_first_bytes(const uint8_t *bytes, size_t length, bool client)
{
	if (length == 0) {
		return TLS_FIRST_UNKNOWN;
	}
	if (client && is_ssl2_hello(bytes, length)) {
		return TLS_FIRST_TLS;
	}
	if (length >= 4 && memcmp(bytes, "SSH-", 4) == 0) {
		return TLS_FIRST_SSH;
	}
	const bool handshake = bytes[0] == RECORD_HANDSHAKE;
	if (!handshake && bytes[0] != RECORD_ALERT) {
		return client && (bytes[0] & 0x80) != 0 && length < 5 ? TLS_FIRST_UNKNOWN
								      : TLS_FIRST_PLAIN;
	}
	if ((length >= 2 && bytes[1] != 3) || (length >= 3 && bytes[2] > 4)) {
		return TLS_FIRST_PLAIN;
	}
	if (length < 6) {
		return TLS_FIRST_UNKNOWN;
	}
	if (!handshake) {
		/* RFC 8446 6: two bytes, of level 1 or 2. */
		return bytes[3] == 0 && bytes[4] == 2 && (bytes[5] == 1 || bytes[5] == 2)
			       ? TLS_FIRST_TLS
			       : TLS_FIRST_PLAIN;
	}
	return is_hello(bytes, length, client) ? TLS_FIRST_TLS : TLS_FIRST_PLAIN;
}
