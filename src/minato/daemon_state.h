/* Whether the daemon is there, cheaply: by its socket. */
#pragma once

/* "running", "stopped", "unreachable" (it runs, but its socket is not for this user). */
const char *daemon_state_name(const char *runtime_directory);

/* The same in the reader's language, as a short phrase. */
const char *daemon_state_words(const char *runtime_directory);
