/* Accounts of this host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * The number of a user, by name (in every service that nsswitch.conf names) or as a number.
 * @param uid  untouched on failure.
 * @return 0; -ENOENT there is no such user; other negative errno.
 */
int account_uid(uint32_t *uid, const char *name);

/*
 * Whether there is no other user than the one this process has: in a user namespace that somebody
 * without rights made (user_namespaces(7)). To become another is impossible there.
 */
bool account_is_alone(void);

/*
 * After unshare(CLONE_NEWUSER) without rights: this process becomes root of that namespace, alone
 * in it, since a uid may map itself, and its group once it gives setgroups(2) away
 * (user_namespaces(7)).
 * @param uid,gid  the effective ones from before. @return 0 or negative errno.
 */
int account_map_own(uint32_t uid, uint32_t gid);
