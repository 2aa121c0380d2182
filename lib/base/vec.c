/* Growth of arrays, doubling, with overflow checked. */
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void *vec_grow(void **items, size_t *count, size_t *room, size_t element_bytes)
{
	if (*count == *room) {
		size_t wanted = *room == 0 ? 16 : *room * 2;
		void *grown = reallocarray(*items, wanted, element_bytes);
		if (grown == NULL) {
			return NULL;
		}
		*items = grown;
		*room = wanted;
	}
	void *element = (char *)*items + *count * element_bytes;
	memset(element, 0, element_bytes);
	*count += 1;
	return element;
}
