/*
 * A server that answers anything at any moment, and records of minato-probe. The first byte is the
 * usual service, the second protocol and TLS; then a byte for each event, and those below 250 are
 * followed by so many bytes that come.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "identify/identify.h"

enum { QUIET = 250, ENDED, CONNECTED, REFUSED, EVENTS_MAX = 400 };

static void take_record(const uint8_t *bytes, size_t length)
{
	static struct identity identity;
	static struct identify_order order;
	memset(&identity, 0, sizeof(identity));
	memset(&order, 0, sizeof(order));
	memcpy(&identity, bytes, length < sizeof(identity) ? length : sizeof(identity));
	memcpy(&order, bytes, length < sizeof(order) ? length : sizeof(order));
	if (identity_valid(&identity)) {
		assert(strpbrk(identity.detail, "\x1b\r\n") == NULL);
		assert(identity_service(&identity) != NULL);
		assert(identify_outcome_name((enum identify_outcome)identity.outcome) != NULL);
	}
	if (identify_order_valid(&order)) {
		assert(order.port_count <= IDENTIFY_PORTS_MAX);
	}
}

/* Without bytes of its own: what is done next has to come about. */
static void go_on(struct identify_talking *t, bool refused)
{
	static const struct identify_tls tls = { .alpn = "http/1.1" };
	switch (t->action) {
	case IDENTIFY_CONNECT:
		if (refused) {
			identify_not_connected(t);
		} else {
			identify_connected(t);
		}
		break;
	case IDENTIFY_SHAKE:
		if (refused) {
			identify_not_secured(t, t->stage != 0);
		} else {
			identify_secured(t, &tls);
		}
		break;
	default:
		identify_quiet(t);
	}
}

static void event(struct identify_talking *t, const uint8_t **at, const uint8_t *end)
{
	const uint8_t what = *(*at)++;
	if (what >= QUIET || t->action == IDENTIFY_CONNECT) {
		if (what == ENDED && t->action != IDENTIFY_CONNECT && t->action != IDENTIFY_SHAKE) {
			identify_ended(t);
		} else {
			go_on(t, what == REFUSED);
		}
		return;
	}
	const size_t left = (size_t)(end - *at);
	const size_t length = what < left ? what : left;
	if (length > 0) {
		(void)identify_hear(t, *at, length);
	}
	*at += length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct identify_talking t;
	static struct identify_order order;
	struct addr address = { 0 };
	if (length < 2) {
		return 0;
	}
	if (bytes[0] == 0xff) {
		take_record(bytes + 1, length - 1);
		return 0;
	}
	(void)addr_parse(&address, "192.0.2.1");
	identify_order_init(&order, &address, bytes[1] & 4 ? "harbour.example" : "");
	order.snmp_public = (bytes[1] & 8) != 0;
	const struct identify_port port = {
		.port = bytes[1] & 16 ? 139 : 9,
		.talk = bytes[0] % IDENTIFY_TALKS,
		.protocol = bytes[1] & 1 ? PROTOCOL_UDP : PROTOCOL_TCP,
		.tls = (bytes[1] & 2) != 0,
	};
	const uint8_t *at = bytes + 2, *end = bytes + length;
	identify_begin(&t, &order, &port);
	while (t.action != IDENTIFY_DONE && at < end) {
		event(&t, &at, end);
		assert(t.length <= sizeof(t.bytes));
	}
	/* Whatever came, it ends when nothing more does. */
	for (unsigned i = 0; t.action != IDENTIFY_DONE; i++) {
		assert(i < EVENTS_MAX);
		go_on(&t, false);
	}
	assert(identity_valid(&t.identity));
	assert(t.identity.connections <= IDENTIFY_CONNECTIONS_MAX);
	return 0;
}
