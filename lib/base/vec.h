/*
 * Growable arrays of one element type:
 *     VEC(struct listener) listeners = { 0 };
 *     struct listener *l = vec_push(&listeners);   // zeroed, NULL when out of memory
 *     vec_free(&listeners);
 * Pointers into the array die with the next push; keep indexes.
 */
#pragma once

#include <stddef.h>

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t room;                                                                       \
	}

/* Appends one zeroed element; @return it, or NULL when out of memory (the array is unchanged). */
#define vec_push(v)                                                                                \
	((__typeof__((v)->items))vec_grow((void **)&(v)->items, &(v)->count, &(v)->room,           \
					  sizeof(*(v)->items)))

#define vec_free(v)                                                                                \
	do {                                                                                       \
		free((v)->items);                                                                  \
		(v)->items = NULL;                                                                 \
		(v)->count = (v)->room = 0;                                                        \
	} while (0)

/* The function behind vec_push. */
void *vec_grow(void **items, size_t *count, size_t *room, size_t element_bytes);
