/* minato policy import, as a verb of minato policy. */
#pragma once

#include "command.h"

enum { POLICY_IMPORT_FILES_MAX = 64 };

/* What `minato policy` was told. */
struct policy_config {
	bool json;
	const char *output; /* import: where to; NULL = standard output */
};

/* Reads rules of another firewall and writes a policy. @return an exit code. */
int policy_import(const struct context *context, const struct policy_config *config,
		  const char *const *files, unsigned count);
