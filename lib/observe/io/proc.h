/* What /proc says of processes: the way that needs nothing of the kernel but patience. */
#pragma once

#include "observe/owners.h"

struct proc_coverage {
	uint32_t processes_hidden; /* their descriptors could not be read */
	bool complete;             /* none hidden, and no process outside our pid namespace */
};

/* Is this the first pid namespace, from which every process of the host is seen? */
bool proc_sees_all(void);

/* Are there so few processes that reading /proc is quicker than loading a BPF program? */
bool proc_is_quick(void);

/*
 * Reads every /proc/PID/fd for sockets.
 * @return 0; -ENOMEM; -errno when /proc cannot be listed.
 */
int proc_holdings(struct holdings *out, struct proc_coverage *coverage, struct err *e);

/*
 * The same for one process. @return 0, also when it has ended; -EACCES; -ENOMEM; other negative
 * errno.
 */
int proc_holdings_of(struct holdings *out, int32_t pid);
