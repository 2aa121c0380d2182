/* How bans and prefixes stand in the kernel's tables; private to lib/tap. */
#pragma once

#include "bpf/tap.h"
#include "tap/tap.h"

/* The key of a prefix. The host bits are cut off. */
struct tap_prefix table_key(const struct prefix *prefix);
/* The reverse. @return 0; -EBADMSG no prefix. */
int table_prefix(struct prefix *out, const struct tap_prefix *key);
/* The key of an address as the table of single ones has it. */
struct tap_prefix table_single(const uint8_t address[16]);
/* @return 0; -EINVAL, -ERANGE no prefix. */
int table_check_prefix(const struct prefix *prefix, struct err *e);
/* Whether it is a single address, which has a table of its own. */
bool table_is_single(const struct tap_prefix *key);

/* A ban that tap_ban_check() has passed. */
struct tap_ban_value table_value(const struct tap_ban *ban);
/* The reverse; -EBADMSG what nobody of this version wrote. */
int table_ban(struct tap_ban *out, const struct tap_prefix *key, const struct tap_ban_value *value);

/* Adds what one CPU has counted. */
void table_add_counts(struct tap_counters *sum, const struct tap_counts *counts);
