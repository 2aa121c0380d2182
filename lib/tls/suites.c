/* Looking things up in the tables of TLS. */
#include "tls/table.h"

const char *tls_version_name(enum tls_version version)
{
	static const char *const names[TLS_VERSIONS] = { "SSLv2",   "SSLv3",   "TLSv1.0",
							 "TLSv1.1", "TLSv1.2", "TLSv1.3" };
	return names[version];
}

const struct tls_suite *tls_suite_at(size_t index)
{
	return index < tls_suite_count ? &tls_suites[index] : NULL;
}

const struct tls_group *tls_group_at(size_t index)
{
	return index < tls_group_count ? &tls_groups[index] : NULL;
}

int tls_suite_find(uint16_t code)
{
	for (size_t i = 0; i < tls_suite_count; i++) {
		if (tls_suites[i].code == code) {
			return (int)i;
		}
	}
	return -1;
}

int tls_group_find(uint16_t code)
{
	for (size_t i = 0; i < tls_group_count; i++) {
		if (tls_groups[i].code == code) {
			return (int)i;
		}
	}
	return -1;
}

bool tls_suite_fits(const struct tls_suite *suite, enum tls_version version)
{
	if (version == TLS_VERSION_SSL2) {
		return false;
	}
	if (version == TLS_VERSION_13 || (suite->flags & TLS_SUITE_TLS13) != 0) {
		return version == TLS_VERSION_13 && (suite->flags & TLS_SUITE_TLS13) != 0;
	}
	return version == TLS_VERSION_12 || (suite->flags & TLS_SUITE_TLS12) == 0;
}

void tls_set_add(struct tls_set *set, size_t index)
{
	set->words[index / 64] |= UINT64_C(1) << (index % 64);
}

void tls_set_remove(struct tls_set *set, size_t index)
{
	set->words[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

bool tls_set_has(const struct tls_set *set, size_t index)
{
	return index < TLS_SUITES_MAX && (set->words[index / 64] >> (index % 64) & 1) != 0;
}

size_t tls_set_count(const struct tls_set *set)
{
	size_t count = 0;
	for (size_t i = 0; i < sizeof(set->words) / sizeof(set->words[0]); i++) {
		count += (size_t)__builtin_popcountll(set->words[i]);
	}
	return count;
}
