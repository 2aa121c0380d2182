/* Which ports the kernel must not pick by itself. */
#include <string.h>

#include "guard/guard.h"

static uint32_t count_inside(const struct portset *ports, const struct port_range *range)
{
	uint32_t count = 0;
	for (uint32_t port = range->first; port <= range->last; port++) {
		count += portset_has(ports, (uint16_t)port);
	}
	return count;
}

int guard_reserve(struct portset *out, struct portset *added, const struct portset *now,
		  const struct portset *owned, const struct port_range *ephemeral)
{
	struct portset all;
	struct portset more;
	for (size_t i = 0; i < sizeof(all.words) / sizeof(all.words[0]); i++) {
		all.words[i] = now->words[i] | owned->words[i];
		more.words[i] = owned->words[i] & ~now->words[i];
	}
	uint32_t size = (uint32_t)ephemeral->last - ephemeral->first + 1;
	if (count_inside(&more, ephemeral) > 0 && count_inside(&all, ephemeral) * 2 > size) {
		return GUARD_RESERVE_TOO_MUCH;
	}
	*out = all;
	*added = more;
	return 0;
}

void guard_unreserve(struct portset *out, const struct portset *now, const struct portset *added)
{
	struct portset left;
	for (size_t i = 0; i < sizeof(left.words) / sizeof(left.words[0]); i++) {
		left.words[i] = now->words[i] & ~added->words[i];
	}
	*out = left;
}

void guard_ports_format(struct str *out, const struct portset *ports)
{
	const char *comma = "";
	for (int32_t port = portset_next(ports, 0); port >= 0;) {
		int32_t last = port;
		while (last < UINT16_MAX && portset_has(ports, (uint16_t)(last + 1))) {
			last++;
		}
		if (last == port) {
			str_printf(out, "%s%d", comma, port);
		} else {
			str_printf(out, "%s%d-%d", comma, port, last);
		}
		comma = ",";
		port = portset_next(ports, (uint32_t)last + 1);
	}
}
