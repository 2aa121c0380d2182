/* Whether the kernel can take more entries. Pure. */
#include <errno.h>
#include <string.h>

#include "conntrack/conntrack.h"

int conntrack_check(const struct conntrack_state *state, size_t wanted, struct err *e)
{
	if (!state->available) {
		return err_set(
			e, EOPNOTSUPP,
			"this kernel cannot track connections (nf_conntrack with ctnetlink)");
	}
	if (!state->count_known || state->max == 0) {
		return 0;
	}
	uint64_t room = state->max / 100 * CONNTRACK_FULL_PERCENT +
			state->max % 100 * CONNTRACK_FULL_PERCENT / 100;
	if (state->count > room || wanted > room - state->count) {
		return err_set(e, ENOSPC,
			       "%zu more connections would fill the kernel's table of connections: "
			       "%llu of %llu entries are used (net.netfilter.nf_conntrack_max)",
			       wanted, (unsigned long long)state->count,
			       (unsigned long long)state->max);
	}
	return 0;
}

bool conntrack_without(const char *list)
{
	static const char word[] = "conntrack";
	for (const char *at = list; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, ",");
		if (length == sizeof(word) - 1 && memcmp(at, word, length) == 0) {
			return true;
		}
		at += length + (at[length] == ',');
	}
	return false;
}
