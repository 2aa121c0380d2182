/* Incidents on a screen: one of them, or the digest of a day. */
#pragma once

#include "command.h"
#include "incidents_source.h"

/* All that is known of the first one. @return an exit code. */
int incidents_print_one(const struct context *context, const struct incidents_found *found);

/* The beginning of the day in the local zone that the time lies in. */
usec_t incidents_day(usec_t time);

/* What a day brought. @param day  its beginning. @return an exit code. */
int incidents_print_digest(const struct context *context, usec_t day,
			   const struct incidents_found *found);
int incidents_print_digest_json(const struct context *context, usec_t day,
				const struct incidents_found *found);
