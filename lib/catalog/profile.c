/* Profiles: ready-made uses by name. */
#include <string.h>

#include "catalog/tables.h"

const char *profile_encryption_name(enum profile_encryption encryption)
{
	static const char *const names[] = {
		[PROFILE_ENCRYPTION_NONE] = "none",
		[PROFILE_ENCRYPTION_OWN] = "own",
		[PROFILE_ENCRYPTION_GATEWAY] = "gateway",
		[PROFILE_ENCRYPTION_OPTIONAL] = "optional",
	};
	return names[encryption];
}

const char *profile_from_name(enum profile_from from)
{
	static const char *const names[] = {
		[PROFILE_FROM_ANY] = "any",
		[PROFILE_FROM_LAN] = "lan",
		[PROFILE_FROM_HOST] = "host",
	};
	return names[from];
}

const struct profile *catalog_profile(const char *name)
{
	size_t low = 0;
	size_t high = profile_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(profiles[middle].name, name);
		if (order == 0) {
			return &profiles[middle];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const struct profile *catalog_profiles(size_t *count)
{
	*count = profile_count;
	return profiles;
}
