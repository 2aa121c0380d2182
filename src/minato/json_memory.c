/* Memory of JSON values in a command that prints one document and ends. */
#include "json_memory.h"

#include <jansson.h>

#include "base/arena.h"

static struct arena *values(void)
{
	/* Lives until the process ends. */
	static struct arena arena;
	return &arena;
}

static void *take(size_t bytes)
{
	return arena_alloc(values(), bytes);
}

static void keep(void *memory)
{
	(void)memory; /* given back with everything else at the end of the process */
}

void json_memory_once(void)
{
	json_set_alloc_funcs(take, keep);
}
