/* Accounts of this host. */
#pragma once

#include <stdint.h>

/*
 * The number of a user, by name (in every service that nsswitch.conf names) or as a number.
 * @param uid  untouched on failure.
 * @return 0; -ENOENT there is no such user; other negative errno.
 */
int account_uid(uint32_t *uid, const char *name);
