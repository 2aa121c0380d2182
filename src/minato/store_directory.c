/* Where the daemon keeps its events. */
#include "store_directory.h"

#include <stdlib.h>

#include "config.h"

const char *store_directory(const char *given)
{
	const char *directory = getenv("MINATO_STATE_DIRECTORY");
	if (given != NULL) {
		return given;
	}
	return directory != NULL && directory[0] == '/' ? directory : MINATO_STATE_DIRECTORY;
}
