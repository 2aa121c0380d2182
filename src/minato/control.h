/* Orders to the daemon over its control socket: one packet each way. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Gives an order and waits for the answer.
 * @param answer   ends with NUL; what does not fit is thrown away.
 * @param room     of it, more than 1.
 * @param beside   a descriptor that is handed over, -1 = none; stays the caller's.
 * @param seconds  for the answer, at least 1.
 * @return length of the answer; 0 the daemon hung up, as it does on who may give no orders;
 *         -ETIMEDOUT no answer came; -ECONNRESET the daemon ended; another negative errno, as
 *         -ENOENT and -ECONNREFUSED (none runs) or -EACCES: it was not reached.
 */
ssize_t control_order(char *answer, size_t room, const char *order, int beside, unsigned seconds);
