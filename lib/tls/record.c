/* What crosses between minato and minato-probe: believed only when every field is in its range. */
#include "base/str.h"
#include "tls/table.h"

bool tls_order_valid(const struct tls_order *order)
{
	const uint8_t family = order->address.family;
	if ((family != ADDR_IPV4 && family != ADDR_IPV6) || order->count == 0 ||
	    order->count > TLS_PORTS_MAX || order->quick > 1 || order->unnamed > 1 ||
	    order->connect_time <= 0 || order->answer_time <= 0 || order->port_time <= 0 ||
	    !str_is_printable(order->host, sizeof(order->host))) {
		return false;
	}
	for (uint32_t i = 0; i < order->count; i++) {
		if (order->ports[i] == 0) {
			return false;
		}
	}
	return true;
}

/* No place behind the end of the table. */
static bool set_valid(const struct tls_set *set, size_t count)
{
	for (size_t i = count; i < TLS_SUITES_MAX; i++) {
		if (tls_set_has(set, i)) {
			return false;
		}
	}
	return true;
}

static bool offer_valid(const struct tls_offer *offer)
{
	bool fine = offer->versions < 1 << TLS_VERSIONS && offer->incomplete < 1 << TLS_VERSIONS &&
		    offer->compression <= 1 && offer->no_secure_renegotiation <= 1 &&
		    offer->wants_certificate <= 1 && set_valid(&offer->groups, tls_group_count);
	for (unsigned version = 0; version < TLS_VERSIONS; version++) {
		fine = fine && set_valid(&offer->suites[version], tls_suite_count);
	}
	return fine;
}

static bool certificate_valid(const struct tls_certificate *c)
{
	return c->given <= 1 && c->name_matches <= 1 && c->self_signed <= 1 &&
	       c->hash < TLS_HASHES && c->ocsp <= 1 && c->crl <= 1 && c->incomplete <= 1 &&
	       str_is_printable(c->key, sizeof(c->key)) &&
	       str_is_printable(c->signature, sizeof(c->signature)) &&
	       str_is_printable(c->subject, sizeof(c->subject)) &&
	       str_is_printable(c->issuer, sizeof(c->issuer)) &&
	       str_is_printable(c->top, sizeof(c->top)) &&
	       str_is_printable(c->names, sizeof(c->names));
}

bool tls_record_valid(const struct tls_record *record)
{
	return record->port != 0 && record->kind < TLS_KINDS && record->talk < TLS_TALKS &&
	       record->whole <= 1 && record->http <= 1 && record->hsts <= 1 &&
	       record->shaken <= 1 && record->took >= 0 && record->hsts_seconds >= 0 &&
	       offer_valid(&record->offer) && certificate_valid(&record->certificate) &&
	       certificate_valid(&record->other);
}

const char *tls_kind_name(enum tls_kind kind)
{
	static const char *const names[TLS_KINDS] = {
		[TLS_KIND_UNKNOWN] = "unknown",
		[TLS_KIND_PLAIN] = "plaintext",
		[TLS_KIND_TLS] = "tls",
		[TLS_KIND_OFFERED] = "starttls_offered",
		[TLS_KIND_REQUIRED] = "starttls_required",
		[TLS_KIND_SSH] = "ssh",
		[TLS_KIND_CLOSED] = "closed",
	};
	return names[kind];
}
