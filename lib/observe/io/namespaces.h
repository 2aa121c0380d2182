/* Where network namespaces are found: processes, /run/netns, bind mounts. */
#pragma once

#include "observe/observe.h"

struct namespaces {
	VEC(struct observe_socket) list; /* each inode once, `own` not among them; fd -1 */
};

/* Fills inode, kind and name of the namespace that this thread is in; fd = -1. */
void namespaces_own(struct observe_socket *own);

/*
 * Finds all network namespaces but `own`, which gets a name if it has one.
 * @param bpf_directory pins to ask instead of walking /proc; NULL = none.
 * @return 0 or -ENOMEM; a source that cannot be read is passed over.
 */
int namespaces_find(struct namespaces *out, struct observe_socket *own, const char *bpf_directory,
		    unsigned without);
/* Closes what is still open and frees. */
void namespaces_deinit(struct namespaces *namespaces);
