/*
 * What host names stand for, asked by a process without rights. Answers of the network are read by
 * that process alone; it hands them back in a fixed form, which is checked like any foreign bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/when.h"

enum {
	RESOLVE_NAMES_MAX = 256,
	RESOLVE_ADDRESSES_MAX = 64, /* of one name */
};

enum resolve_outcome {
	RESOLVE_FOUND,
	RESOLVE_NO_NAME,    /* the name does not exist */
	RESOLVE_NO_ADDRESS, /* it exists, and has neither an IPv4 nor an IPv6 address */
	RESOLVE_NO_REPLY,   /* the resolver failed, or did not answer in time */
	RESOLVE_TOO_MANY,   /* more addresses than RESOLVE_ADDRESSES_MAX: the first of them */
	RESOLVE_OUTCOMES,
};

struct resolve_answer {
	enum resolve_outcome outcome;
	uint8_t count; /* FOUND: 1..RESOLVE_ADDRESSES_MAX; TOO_MANY: that maximum; else 0 */
	struct addr addresses[RESOLVE_ADDRESSES_MAX]; /* as they came; never 0.0.0.0 and :: */
};

/*
 * Asks what every program of this host would be told (getaddrinfo(3): hosts, DNS and whatever
 * nsswitch.conf names), for all names at once. The child that asks is nobody when we are root, has
 * no capability, reads files of the system alone and can start no program.
 * @param answers  one for each name, set on 0.
 * @param count    at most RESOLVE_NAMES_MAX; with 0 nobody is asked.
 * @param timeout  for all of them together; what is not known then is NO_REPLY.
 * @return 0, whatever the outcomes are; -EINVAL beyond the maximum; -EIO, -EBADMSG, -ETIMEDOUT when
 *         the child could not give its rights away, or misbehaves; other negative errno.
 */
int resolve_names(struct resolve_answer *answers, const char *const *names, size_t count,
		  usec_t timeout, struct err *e);

/* ---- the form in which answers are handed back ---- */

/*
 * One record for each name, all of the same size: outcome, number of addresses, then room for
 * RESOLVE_ADDRESSES_MAX of them: 4 or 6, and 16 bytes. What is not used is zero.
 */
enum {
	RESOLVE_ADDRESS_BYTES = 17,
	RESOLVE_RECORD_BYTES = 2 + RESOLVE_ADDRESSES_MAX * RESOLVE_ADDRESS_BYTES,
};

/* @param out RESOLVE_RECORD_BYTES, written whole. */
void resolve_encode(uint8_t *out, const struct resolve_answer *answer);

/*
 * Reads so many records, and nothing but them.
 * @return 0; -EBADMSG when a byte is not as the form wants it: then `answers` are undefined.
 */
int resolve_decode(struct resolve_answer *answers, size_t count, const uint8_t *bytes,
		   size_t length);
