/* Resources freed by scope: `_cleanup_(freep) char *s = NULL;`, and steal() to give one away. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Gives the pointer away and leaves NULL behind, so that the scope's destructor does nothing. */
#define steal(pointer)                                                                             \
	({                                                                                         \
		__auto_type _pointer = (pointer);                                                  \
		__auto_type _value = *_pointer;                                                    \
		*_pointer = NULL;                                                                  \
		_value;                                                                            \
	})

/* Frees what the variable `*p` of any pointer type points to. */
static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes the descriptor if it is open (>= 0) and marks it closed. errno is kept. */
void close_fdp(int *fd);

/* Gives the descriptor away and leaves -1 behind. */
static inline int steal_fd(int *fd)
{
	int value = *fd;
	*fd = -1;
	return value;
}

/* Closes the stream if there is one. */
static inline void fclosep(FILE **stream)
{
	if (*stream != NULL) {
		(void)fclose(*stream); /* reading side: nothing left to lose */
	}
}
