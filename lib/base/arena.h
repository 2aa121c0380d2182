/* Bump allocator: many small objects with one lifetime, freed at once, with a bound. */
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes;          /* sum of all blocks */
	size_t limit_bytes;         /* 0 = no limit */
};

/* Makes an empty arena; no allocation. `limit_bytes` bounds what it may ever hold, 0 = unbounded.
 */
void arena_init(struct arena *arena, size_t limit_bytes);

/* Frees everything that was allocated; the arena may be used again. NULL is allowed. */
void arena_deinit(struct arena *arena);

/* @return zeroed memory aligned for any type, or NULL at the limit or out of memory. */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/* @return a copy of `text` inside the arena; NULL for NULL, at the limit or out of memory. */
char *arena_strdup(struct arena *arena, const char *text);

/* Like arena_strdup for `length` bytes, terminated with NUL. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);

/* printf into the arena; NULL at the limit or out of memory. */
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
