/* Where the daemon keeps its events. */
#pragma once

/* @param given  with an option; NULL = MINATO_STATE_DIRECTORY of the environment, or the usual one.
 */
const char *store_directory(const char *given);
