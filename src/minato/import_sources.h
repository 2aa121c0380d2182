/* Where minato policy import gets rules from: files, standard input, the firewall of this host. */
#pragma once

#include "base/err.h"
#include "base/vec.h"
#include "import/import.h"

/* Names and bytes are owned. */
struct import_sources {
	VEC(struct import_file) list;
	const char *interfaces[IMPORT_INTERFACES_MAX]; /* of this host; none for files */
	size_t interface_count;
};

void import_sources_deinit(struct import_sources *sources);

/*
 * @param words  file names, "-" for standard input; or one of ufw, firewalld, iptables, nft, auto:
 *               the rules of this host. With a zone of firewalld come this host's definitions of
 *               services and ipsets, unless they are among the files.
 * @return 0; -ENOENT nothing there (the sentence in `e`); other negative errno.
 */
int import_sources_read(struct import_sources *out, const char *const *words, unsigned count,
			struct err *e);
