/* Memory of JSON values in a command that prints one document and ends. */
#pragma once

/*
 * From now on JSON values are cut off growing blocks and never given back: on a heavy host half the
 * time of printing went into giving back hundreds of thousands of little pieces one by one. Call it
 * before the first value is made, and not in a command that goes on (--watch).
 */
void json_memory_once(void);
