/* Stored events by the daemon's API, for users who may not read its files. */
#pragma once

#include "base/err.h"
#include "base/vec.h"
#include "model/event.h"
#include "store/store.h"

struct log_events {
	VEC(struct event) list;
};

/*
 * Fetches what the filter takes: the newest `limit` of them (0 = all), the oldest first.
 * @param out  zeroed before; freed with vec_free(&out->list) in every case.
 * @return 0; as client_get(); -EPROTO when the daemon refused or answered something else.
 */
int log_fetch(struct log_events *out, const struct store_filter *filter, struct err *e);
