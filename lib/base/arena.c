/* Bump allocator with a bound. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first block is small, since many arenas hold a few words; the others are as long as all
 * before them. */
enum { BLOCK_FIRST_BYTES = 512, BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) unsigned char data[];
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
	*arena = (struct arena){ .limit_bytes = limit_bytes };
}

void arena_deinit(struct arena *arena)
{
	if (arena == NULL) {
		return;
	}
	for (struct arena_block *block = arena->blocks; block != NULL;) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
	arena->blocks = NULL;
	arena->used_bytes = 0;
}

static struct arena_block *block_new(struct arena *arena, size_t need)
{
	size_t size = arena->used_bytes < BLOCK_FIRST_BYTES ? BLOCK_FIRST_BYTES
		      : arena->used_bytes < BLOCK_BYTES     ? arena->used_bytes
							    : BLOCK_BYTES;
	size_t total = 0;
	size = need > size ? need : size;
	if (__builtin_add_overflow(size, sizeof(struct arena_block), &total)) {
		return NULL;
	}
	if (arena->limit_bytes != 0 && total > arena->limit_bytes - arena->used_bytes) {
		return NULL;
	}
	struct arena_block *block = calloc(1, total);
	if (block == NULL) {
		return NULL;
	}
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->used_bytes += total;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	if (size_bytes > SIZE_MAX - ALIGNMENT) {
		return NULL;
	}
	size_t need = (size_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	struct arena_block *block = arena->blocks;
	if (block == NULL || block->size - block->used < need) {
		block = block_new(arena, need);
		if (block == NULL) {
			return NULL;
		}
	}
	void *memory = block->data + block->used;
	block->used += need;
	return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	if (copy != NULL) {
		memcpy(copy, text, length);
	}
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
	if (text != NULL) {
		(void)vsnprintf(text, (size_t)length + 1, format, again); /* measured above */
	}
	va_end(again);
	return text;
}
