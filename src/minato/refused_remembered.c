/* Refused packets that the daemon remembers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "refused.h"
#include "store/store.h"

enum { ROWS_MAX = 200000 /* beyond it those of one source and port are added up */ };

struct remembering {
	VEC(struct enforce_counted) rows;
};

static void add_up(struct remembering *remembering)
{
	struct enforce_counts counts = { remembering->rows.items, remembering->rows.count };
	enforce_counts_merge(&counts);
	remembering->rows.count = counts.count;
}

/* The keeper's "since TIME, last TIME". */
static usec_t last_of(const struct event *event)
{
	usec_t time = 0;
	const char *last = strstr(event->detail, "last ");
	return last != NULL && time_parse(&time, last + strlen("last ")) == 0 ? time : event->time;
}

static int take(const struct event *event, void *data)
{
	struct remembering *remembering = data;
	if (event->process[0] != '\0') {
		return 0; /* told by BPF, with its program: no packet of it met the rules */
	}
	if (remembering->rows.count == ROWS_MAX) {
		add_up(remembering);
	}
	struct enforce_counted *row =
		remembering->rows.count < ROWS_MAX ? vec_push(&remembering->rows) : NULL;
	if (row == NULL) {
		return -ENOMEM;
	}
	const bool passing =
		event->kind == EVENT_FORWARD_REFUSED || event->kind == EVENT_FORWARD_WOULD_REFUSE;
	*row = (struct enforce_counted){ .direction = passing ? ENFORCE_FORWARD : ENFORCE_INBOUND,
					 .from = event->address,
					 .protocol = event->protocol,
					 .port = event->port,
					 .packets = event->count,
					 .last = last_of(event) };
	return 0;
}

int refused_remember(struct enforce_counts *counts, const char *state_directory,
		     enum enforce_counting which, usec_t since, usec_t now)
{
	static const uint64_t kinds[ENFORCE_COUNTINGS] = {
		[ENFORCE_COUNT_REFUSED] =
			EVENT_BIT(EVENT_REFUSED) | EVENT_BIT(EVENT_FORWARD_REFUSED),
		[ENFORCE_COUNT_WOULD] =
			EVENT_BIT(EVENT_WOULD_REFUSE) | EVENT_BIT(EVENT_FORWARD_WOULD_REFUSE),
		[ENFORCE_COUNT_OUTBOUND] = EVENT_BIT(EVENT_CONNECT_REFUSED),
	};
	const usec_t week = now - ENFORCE_COUNTED_SECONDS * USEC_PER_SEC;
	const struct store_filter filter = {
		.kinds = kinds[which],
		.from = since > 0 ? since : week,
	};
	struct remembering remembering = { 0 };
	_cleanup_(close_fdp) int directory =
		open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	int r = store_query(directory, &filter, take, &remembering, NULL);
	if (r < 0) {
		vec_free(&remembering.rows);
		return r;
	}
	add_up(&remembering);
	struct enforce_counts remembered = { remembering.rows.items, remembering.rows.count };
	return enforce_counts_join(counts, &remembered, since > 0);
}
