/* nft(8) as a library, loaded when it is needed. Private to lib/enforce. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

enum nft_output {
	NFT_TEXT, /* as nft prints it, without counters and times left */
	NFT_JSON, /* everything */
};

/*
 * Runs commands in one transaction: all of them take effect, or none.
 * @param out  receives what they print; NULL = nothing is expected.
 * @return 0; -ENOPKG libnftables is not installed; -EPERM; -ENOENT something that is named does not
 *         exist; -EIO nft refused, its first line is in `e`; -ENOMEM.
 */
int nft_run(struct str *out, const char *commands, enum nft_output output, struct err *e);

/* @param element  as nft -j prints it, borrowed. @return 0 to go on, or the errno that is returned.
 */
typedef int nft_element(void *data, const json_t *element);

/*
 * Lists a set or map of our table and hands each of its elements on.
 * @param kind  "set" or "map"
 * @return 0; -ENOENT it does not exist; -EBADMSG what nft prints is not understood; what the
 * function returned; or as nft_run.
 */
int nft_elements(const char *kind, const char *name, nft_element *function, void *data,
		 struct err *e);
