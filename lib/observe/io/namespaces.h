/* Where network namespaces are found: processes, /run/netns, bind mounts. */
#pragma once

#include "observe/observe.h"

enum { NAMESPACE_PATH_BYTES = 280 };

struct namespace_found {
	struct observe_socket socket;    /* fd -1 until it is opened */
	char path[NAMESPACE_PATH_BYTES]; /* a file to enter it by */
};

struct namespaces {
	VEC(struct namespace_found) list; /* each inode once */
};

/* Fills inode, kind and name of the namespace that this thread is in; fd = -1. */
void namespaces_own(struct observe_socket *own);

/*
 * Finds all network namespaces but `own`, which gets a name if it has one.
 * @return 0 or -ENOMEM; a source that cannot be read is passed over.
 */
int namespaces_find(struct namespaces *out, struct observe_socket *own);
/* Closes what is still open and frees. */
void namespaces_deinit(struct namespaces *namespaces);
