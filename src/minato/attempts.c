/* Binds and connects that did not fit lately, as the daemon wrote them down. */
#include "attempts.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "config.h"
#include "store/store.h"

const char *state_directory(void)
{
	const char *directory = getenv("MINATO_STATE_DIRECTORY");
	return directory != NULL && directory[0] == '/' ? directory : MINATO_STATE_DIRECTORY;
}

/* The newest comes first, and is to stand last. */
static int take(const struct event *event, void *data)
{
	struct attempts *attempts = data;
	attempts->count++;
	attempts->items[REVIEW_ATTEMPTS_MAX - attempts->count] = *event;
	return 0;
}

void attempts_recall(struct attempts *out, usec_t now)
{
	const struct store_filter filter = {
		.kinds = REVIEW_ATTEMPT_KINDS,
		.from = now - REVIEW_ATTEMPTS_SECONDS * USEC_PER_SEC,
		.limit = REVIEW_ATTEMPTS_MAX,
		.newest_first = true,
	};
	_cleanup_(close_fdp) int directory =
		open(state_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out->count = 0;
	if (directory >= 0) {
		(void)store_query(directory, &filter, take, out, NULL); /* what was found counts */
	}
	const size_t first = REVIEW_ATTEMPTS_MAX - out->count;
	for (size_t i = 0; i < out->count; i++) {
		out->items[i] = out->items[first + i];
	}
}
