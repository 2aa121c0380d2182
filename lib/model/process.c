/* Names of processes. */
#include "model/process.h"

#include <string.h>

const char *process_program(const struct process *process)
{
	if (process == NULL) {
		return NULL;
	}
	const char *slash = process->executable == NULL ? NULL : strrchr(process->executable, '/');
	return slash != NULL ? slash + 1 : process->name;
}
