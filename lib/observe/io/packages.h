/* Which package ships a file: dpkg's lists, or rpm where there is no dpkg. */
#pragma once

#include "base/err.h"
#include "model/inventory.h"

/*
 * Fills `package` of the processes that have an executable outside containers; each executable is
 * looked up once. Local folders (/usr/local, /home, ...) belong to no package.
 * @param root the host's root directory, "" usually; tests give another one.
 * @return 0 or -ENOMEM; lists that cannot be read are passed over.
 */
int find_packages(struct inventory *inventory, const char *root, struct err *e);
