/* The ports that a network namespace keeps out of the kernel's own choice. */
#pragma once

#include "base/err.h"
#include "base/portset.h"

/*
 * Reads net.ipv4.ip_local_reserved_ports of this process's network namespace.
 * @param out  untouched on failure. @return 0; errno of the file; -EINVAL, -ERANGE; -ENOMEM.
 */
int reserved_ports_read(struct portset *out, struct err *e);
