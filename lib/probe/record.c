/* What crosses between minato and minato-probe: believed only when every field is within its range.
 */
#include "base/str.h"
#include "probe/probe.h"

static bool is_address(const struct addr *address, bool may_be_none)
{
	return address->family == ADDR_IPV4 || address->family == ADDR_IPV6 ||
	       (may_be_none && address->family == ADDR_NONE);
}

bool probe_order_valid(const struct probe_order *order)
{
	if (order->talk >= PROBE_TALKS || order->tls > PROBE_TLS_ASKED || order->udp > 1 ||
	    order->unnamed > 1 || order->address_count == 0 ||
	    order->address_count > PROBE_ADDRESSES_MAX || order->port == 0 ||
	    order->connect_time <= 0 || order->answer_time <= 0 ||
	    !str_is_printable(order->host, sizeof(order->host)) ||
	    !str_is_printable(order->path, sizeof(order->path))) {
		return false;
	}
	for (uint32_t i = 0; i < order->address_count; i++) {
		if (!is_address(&order->addresses[i], false)) {
			return false;
		}
	}
	return true;
}

static bool tls_valid(const struct probe_tls *tls)
{
	return str_is_printable(tls->version, sizeof(tls->version)) &&
	       str_is_printable(tls->cipher, sizeof(tls->cipher)) &&
	       str_is_printable(tls->alpn, sizeof(tls->alpn)) &&
	       str_is_printable(tls->subject, sizeof(tls->subject)) &&
	       str_is_printable(tls->issuer, sizeof(tls->issuer)) &&
	       str_is_printable(tls->detail, sizeof(tls->detail)) && tls->name_matches <= 1 &&
	       tls->self_signed <= 1 && tls->weak_signature <= 1 && tls->tells <= 1;
}

bool probe_record_valid(const struct probe_record *record)
{
	return record->step < PROBE_STEPS && record->outcome < PROBE_OUTCOMES &&
	       record->icmp.given <= 1 && is_address(&record->icmp.from, true) &&
	       is_address(&record->to, true) && is_address(&record->local, true) &&
	       record->tls_bytes <= 1 && record->offered <= 1 && record->begun >= 0 &&
	       record->took >= 0 && str_is_printable(record->text, sizeof(record->text)) &&
	       tls_valid(&record->tls);
}

/* As the kernel takes it: IPv4-mapped ones are IPv4, and who asks 0.0.0.0 or :: asks this host. */
static struct addr real_address(const struct addr *address)
{
	struct addr real = addr_unmap(address);
	if (addr_is_any(&real)) {
		(void)addr_parse(&real, real.family == ADDR_IPV6 ? "::1" : "127.0.0.1");
	}
	return real;
}

void probe_order_addresses(struct probe_order *order, const struct addr *addresses, size_t count)
{
	size_t next[2] = { 0, 0 }; /* of the first one's family, of the other */
	unsigned turn = 0;
	order->address_count = 0;
	while (order->address_count < PROBE_ADDRESSES_MAX && (next[0] < count || next[1] < count)) {
		size_t *at = &next[turn];
		while (*at < count &&
		       (addresses[*at].family == addresses[0].family) != (turn == 0)) {
			(*at)++;
		}
		if (*at < count) {
			order->addresses[order->address_count++] =
				real_address(&addresses[(*at)++]);
		}
		turn ^= 1;
	}
}
