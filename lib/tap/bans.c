/* Bans, as people say them and as the kernel's tables hold them. */
#include <errno.h>
#include <string.h>

#include "table.h"

enum {
	FAMILY_BITS = 32,
	IPV4_FIRST_BIT = FAMILY_BITS + 96,
	NSEC_PER_USEC = 1000,
	NSEC_PER_SEC = 1000000000,
};

static const char *const verdicts[] = {
	[TAP_DROP] = "drop",
	[TAP_HIDE] = "hide",
	[TAP_SLOW] = "slow",
};

_Static_assert((int)TAP_DROP == (int)TAP_VERDICT_DROP && (int)TAP_HIDE == (int)TAP_VERDICT_HIDE &&
		       (int)TAP_SLOW == (int)TAP_VERDICT_SLOW,
	       "the kernel's side has the same numbers");
_Static_assert((int)TAP_SINGLE_BANS_MAX == TAP_BANS_MAX &&
		       (int)TAP_PREFIX_BANS_MAX == TAP_NETWORKS_MAX &&
		       (int)TAP_NEVER_PREFIXES_MAX == TAP_NEVER_MAX &&
		       (int)TAP_WATCHED_PREFIXES_MAX == TAP_WATCHED_MAX &&
		       (int)TAP_DEVICE_ADDRESSES_MAX == TAP_DEVICES_MAX,
	       "the kernel's tables are as large as is said");

const char *tap_verdict_name(enum tap_verdict verdict)
{
	return verdict >= TAP_DROP && verdict <= TAP_SLOW ? verdicts[verdict] : "";
}

int tap_verdict_parse(enum tap_verdict *out, const char *name)
{
	for (enum tap_verdict i = TAP_DROP; i <= TAP_SLOW; i++) {
		if (strcmp(verdicts[i], name) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

int table_check_prefix(const struct prefix *prefix, struct err *e)
{
	if (prefix->address.family != ADDR_IPV4 && prefix->address.family != ADDR_IPV6) {
		return err_set(e, EINVAL, "no address");
	}
	if (prefix->bits > (prefix->address.family == ADDR_IPV4 ? 32 : 128)) {
		char text[ADDR_TEXT_BYTES];
		return err_set(e, ERANGE, "%s has no %u bits", addr_format(&prefix->address, text),
			       prefix->bits);
	}
	return 0;
}

int tap_ban_check(const struct tap_ban *ban, struct err *e)
{
	char text[PREFIX_TEXT_BYTES];
	int r = table_check_prefix(&ban->prefix, e);
	if (r < 0) {
		return r;
	}
	if (tap_verdict_name(ban->verdict)[0] == '\0') {
		return err_set(e, EINVAL, "the ban of %s has no verdict: drop, hide or slow",
			       prefix_format(&ban->prefix, text));
	}
	if (ban->until < 0 || ban->until > INT64_MAX / NSEC_PER_USEC) {
		return err_set(e, EINVAL, "the ban of %s has no end",
			       prefix_format(&ban->prefix, text));
	}
	const bool slow = ban->verdict == TAP_SLOW;
	const uint32_t least = slow ? 1 : 0;
	const uint32_t most = slow ? TAP_RATE_MAX : 0;
	if (ban->rate < least || ban->rate > most || ban->burst < least || ban->burst > most) {
		return err_set(e, EINVAL,
			       slow ? "the ban of %s needs a rate and a burst of 1 to 1,000,000"
				    : "the ban of %s slows nothing down: no rate",
			       prefix_format(&ban->prefix, text));
	}
	return 0;
}

struct tap_prefix table_key(const struct prefix *prefix)
{
	const bool is_ipv4 = prefix->address.family == ADDR_IPV4;
	struct tap_prefix key = { .bits = prefix->bits + (is_ipv4 ? IPV4_FIRST_BIT : FAMILY_BITS),
				  .family = is_ipv4 ? 4 : 6 };
	if (is_ipv4) {
		key.address[10] = key.address[11] = 0xff;
		memcpy(key.address + 12, prefix->address.bytes, 4);
	} else {
		memcpy(key.address, prefix->address.bytes, sizeof(key.address));
	}
	for (uint32_t bit = key.bits - FAMILY_BITS; bit < 8 * sizeof(key.address); bit++) {
		key.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	return key;
}

int table_prefix(struct prefix *out, const struct tap_prefix *key)
{
	struct prefix prefix = { .address = addr_from_ipv6(key->address) };
	const uint32_t first = key->family == 4 ? IPV4_FIRST_BIT : FAMILY_BITS;
	if (key->bits < first || key->bits > TAP_PREFIX_ADDRESS) {
		return -EBADMSG;
	}
	if (key->family == 4) {
		prefix.address = addr_unmap(&prefix.address);
	}
	if (prefix.address.family != key->family) {
		return -EBADMSG;
	}
	prefix.bits = (uint8_t)(key->bits - first);
	*out = prefix;
	return 0;
}

struct tap_prefix table_single(const uint8_t address[16])
{
	const struct addr six = addr_from_ipv6(address);
	const struct prefix prefix = { .address = addr_unmap(&six),
				       .bits = addr_unmap(&six).family == ADDR_IPV4 ? 32 : 128 };
	return table_key(&prefix);
}

bool table_is_single(const struct tap_prefix *key)
{
	return key->bits == TAP_PREFIX_ADDRESS;
}

struct tap_ban_value table_value(const struct tap_ban *ban)
{
	const bool slow = ban->verdict == TAP_SLOW;
	const uint64_t interval = slow ? NSEC_PER_SEC / ban->rate : 0;
	return (struct tap_ban_value){
		.until_ns = (uint64_t)ban->until * NSEC_PER_USEC,
		.interval_ns = interval,
		.burst_ns = slow ? interval * (ban->burst - 1) : 0,
		.stopped = ban->stopped,
		.verdict = ban->verdict,
	};
}

int table_ban(struct tap_ban *out, const struct tap_prefix *key, const struct tap_ban_value *value)
{
	struct tap_ban ban = {
		.verdict = (enum tap_verdict)value->verdict,
		.until = (usec_t)(value->until_ns / NSEC_PER_USEC),
		.stopped = value->stopped,
	};
	if (ban.verdict == TAP_SLOW && value->interval_ns > 0 &&
	    value->interval_ns <= NSEC_PER_SEC) {
		ban.rate = (uint32_t)(NSEC_PER_SEC / value->interval_ns);
		ban.burst = (uint32_t)(value->burst_ns / value->interval_ns) + 1;
	}
	if (table_prefix(&ban.prefix, key) < 0 || tap_ban_check(&ban, NULL) < 0) {
		return -EBADMSG;
	}
	*out = ban;
	return 0;
}

void table_add_counts(struct tap_counters *sum, const struct tap_counts *counts)
{
	uint64_t *const places[TAP_COUNTERS] = {
		[TAP_COUNT_NOTED] = &sum->noted,           [TAP_COUNT_LOST] = &sum->lost,
		[TAP_COUNT_SUPPRESSED] = &sum->suppressed, [TAP_COUNT_MALFORMED] = &sum->malformed,
		[TAP_COUNT_DROPPED] = &sum->dropped,       [TAP_COUNT_HIDDEN] = &sum->hidden,
		[TAP_COUNT_SLOWED] = &sum->slowed,         [TAP_COUNT_SPARED] = &sum->spared,
		[TAP_COUNT_ASKED] = &sum->asked,
	};
	for (size_t i = 0; i < TAP_COUNTERS; i++) {
		*places[i] += counts->values[i];
	}
}
