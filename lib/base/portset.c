/* A set of port numbers as a bit map. */
#include "base/portset.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

void portset_add(struct portset *set, uint16_t port)
{
	set->words[port / 64] |= 1ULL << (port % 64);
}

void portset_add_range(struct portset *set, uint16_t first, uint16_t last)
{
	for (uint32_t port = first; port <= last; port++) {
		portset_add(set, (uint16_t)port);
	}
}

bool portset_has(const struct portset *set, uint16_t port)
{
	return (set->words[port / 64] >> (port % 64) & 1) != 0;
}

uint32_t portset_count(const struct portset *set)
{
	uint32_t count = 0;
	for (unsigned i = 0; i < 65536 / 64; i++) {
		count += (uint32_t)__builtin_popcountll(set->words[i]);
	}
	return count;
}

int32_t portset_next(const struct portset *set, uint32_t from)
{
	if (from > UINT16_MAX) {
		return -1;
	}
	uint32_t i = from / 64;
	uint64_t word = set->words[i] & UINT64_MAX << (from % 64);
	while (word == 0) {
		if (++i == 65536 / 64) {
			return -1;
		}
		word = set->words[i];
	}
	return (int32_t)(i * 64 + (uint32_t)__builtin_ctzll(word));
}

int32_t portset_run_end(const struct portset *set, int32_t first)
{
	int32_t last = first;
	while (last < UINT16_MAX && portset_has(set, (uint16_t)(last + 1))) {
		last++;
	}
	return last;
}

int portset_parse(struct portset *set, const char *text)
{
	struct portset parsed = { 0 };
	while (*text == ' ' || *text == '\t' || *text == '\n') {
		text++;
	}
	while (*text != '\0' && *text != '\n') {
		char piece[16];
		size_t length = strcspn(text, ",\n");
		if (length >= sizeof(piece)) {
			return -EINVAL;
		}
		memcpy(piece, text, length);
		piece[length] = '\0';
		uint16_t first = 0;
		uint16_t last = 0;
		int r = parse_port_range(&first, &last, piece);
		if (r < 0) {
			return r;
		}
		portset_add_range(&parsed, first, last);
		text += length;
		text += *text == ',';
	}
	*set = parsed;
	return 0;
}
