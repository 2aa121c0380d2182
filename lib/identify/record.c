/* What crosses between minato and minato-probe: believed only when every field is within its range.
 */
#include "base/str.h"
#include "identify/parts.h"

#define PRINTABLE(text) str_is_printable(text, sizeof(text))

void identify_order_init(struct identify_order *order, const struct addr *address, const char *host)
{
	*order = (struct identify_order){
		.address = *address,
		.at_once = 64,
		.connect_time = 2 * USEC_PER_SEC,
		.greeting_time = USEC_PER_SEC * 3 / 10,
		.answer_time = 3 * USEC_PER_SEC,
		.total_time = 60 * USEC_PER_SEC,
	};
	(void)str_copy(order->host, sizeof(order->host), host);
}

static bool is_time(usec_t time)
{
	return time > 0 && time <= 3600 * USEC_PER_SEC;
}

bool identify_order_valid(const struct identify_order *order)
{
	if ((order->address.family != ADDR_IPV4 && order->address.family != ADDR_IPV6) ||
	    !PRINTABLE(order->host) || order->at_once == 0 ||
	    order->at_once > IDENTIFY_AT_ONCE_MAX || !is_time(order->connect_time) ||
	    !is_time(order->greeting_time) || !is_time(order->answer_time) ||
	    !is_time(order->total_time) || order->snmp_public > 1 ||
	    order->port_count > IDENTIFY_PORTS_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < order->port_count; i++) {
		const struct identify_port *port = &order->ports[i];
		if (port->port == 0 ||
		    (port->protocol != PROTOCOL_TCP && port->protocol != PROTOCOL_UDP) ||
		    port->talk >= IDENTIFY_TALKS || port->tls > 1) {
			return false;
		}
	}
	return true;
}

static bool is_told(uint8_t value)
{
	return value <= IDENTIFY_TOLD_YES;
}

bool identity_valid(const struct identity *i)
{
	return i->port != 0 && (i->protocol == PROTOCOL_TCP || i->protocol == PROTOCOL_UDP) &&
	       i->outcome < IDENTIFY_OUTCOMES && i->talk < IDENTIFY_TALKS &&
	       (i->outcome == IDENTIFY_NAMED) == (i->talk > IDENTIFY_TALK_LISTEN) &&
	       is_told(i->encrypted) && is_told(i->starttls) && is_told(i->without_login) &&
	       is_told(i->smb1) && is_told(i->signing) && is_told(i->nla) &&
	       PRINTABLE(i->service) && PRINTABLE(i->product) && PRINTABLE(i->version) &&
	       PRINTABLE(i->detail) && PRINTABLE(i->alpn) && PRINTABLE(i->tls_version) &&
	       PRINTABLE(i->certificate) && i->took >= 0;
}

const char *identify_outcome_name(enum identify_outcome outcome)
{
	static const char *const names[IDENTIFY_OUTCOMES] = {
		[IDENTIFY_NOT_ASKED] = "not_asked", [IDENTIFY_NAMED] = "named",
		[IDENTIFY_UNKNOWN] = "unknown",     [IDENTIFY_SILENT] = "silent",
		[IDENTIFY_ENDED] = "ended",         [IDENTIFY_UNREACHABLE] = "unreachable",
	};
	return names[outcome];
}

const char *identity_service(const struct identity *identity)
{
	return identity->outcome != IDENTIFY_NAMED ? ""
	       : identity->service[0] != '\0'
		       ? identity->service
		       : identify_talk_name((enum identify_talk)identity->talk);
}
