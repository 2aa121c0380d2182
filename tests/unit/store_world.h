/* A small world for the tests of the store: events, and short words for storing and reading them.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "check.h"
#include "store/store.h"
#include "temporary.h"

static const usec_t noon = INT64_C(1795348800) * USEC_PER_SEC; /* 2026-11-22T12:00:00Z */
struct random {
	uint64_t state;
};

/* xorshift64*: the same numbers in every run. */
static inline uint32_t next_random(struct random *random, uint32_t below)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * UINT64_C(2685821657736338717)) >> 33) % below;
}

static inline struct event plain_event(usec_t time, uint16_t port)
{
	struct event event = {
		.time = time,
		.kind = EVENT_LISTENER_OPENED,
		.protocol = PROTOCOL_TCP,
		.port = port,
		.uid = UINT32_MAX,
	};
	return event;
}

static inline void random_text(struct random *random, char *out, size_t room)
{
	static const char *const texts[] = {
		"",          "sshd",        "nginx: worker",           "港",
		"\xff\x01 ", "ssh.service", "a'; DROP TABLE event; --"
	};
	uint32_t which = next_random(random, 8);
	if (which < 7) {
		(void)snprintf(out, room, "%s", texts[which]);
		return;
	}
	memset(out, 'x', room - 1); /* as long as it may be */
	out[room - 1] = '\0';
}

static inline struct addr random_address(struct random *random)
{
	uint8_t bytes[16] = { 10, (uint8_t)next_random(random, 3), 0,
			      (uint8_t)next_random(random, 4) };
	switch (next_random(random, 3)) {
	case 0:
		return addr_from_ipv4(bytes);
	case 1:
		return addr_from_ipv6(bytes); /* begins with the bytes of an IPv4 address */
	default:
		return (struct addr){ 0 };
	}
}

static inline struct event random_event(struct random *random, usec_t time)
{
	static const enum protocol protocols[] = { PROTOCOL_NONE, PROTOCOL_TCP, PROTOCOL_UDP,
						   PROTOCOL_MPTCP };
	struct event event = {
		.time = time,
		.kind = (enum event_kind)(1 + next_random(random, EVENT_KIND_LAST)),
		.protocol = protocols[next_random(random, 4)],
		.address = random_address(random),
		.port = (uint16_t)(next_random(random, 2) == 0 ? next_random(random, 20) : 65535),
		.netns = next_random(random, 2) == 0 ? 0 : UINT32_C(4026531840),
		.cookie = next_random(random, 2) == 0 ? UINT64_MAX : 7,
		.pid = (int32_t)next_random(random, 3),
		.uid = next_random(random, 2) == 0 ? UINT32_MAX : next_random(random, 2),
		.count = next_random(random, 2) == 0 ? 0 : UINT64_MAX,
	};
	random_text(random, event.process, sizeof(event.process));
	random_text(random, event.executable, sizeof(event.executable));
	random_text(random, event.unit, sizeof(event.unit));
	random_text(random, event.container, sizeof(event.container));
	random_text(random, event.finding, sizeof(event.finding));
	random_text(random, event.detail, sizeof(event.detail));
	return event;
}

struct list {
	VEC(struct event) events;
};

static inline int collect(const struct event *event, void *data)
{
	struct list *list = data;
	struct event *copy = vec_push(&list->events);
	assert_non_null(copy);
	*copy = *event;
	return 0;
}

static inline struct list everything(int directory)
{
	struct list list = { 0 };
	struct store_filter all = { 0 };
	struct err e = ERR_INIT;
	if (store_query(directory, &all, collect, &list, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	return list;
}

static inline void append(struct store *store, struct event *event)
{
	struct err e = ERR_INIT;
	if (store_append(store, event, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
}

static inline void flush(struct store *store)
{
	struct err e = ERR_INIT;
	if (store_flush(store, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
}

static inline struct store *opened(int directory)
{
	struct store *store = NULL;
	struct err e = ERR_INIT;
	if (store_open_at(&store, directory, &e) < 0) {
		fail_msg("%s", err_text(&e));
	}
	return store;
}

/* Stores one event and returns its id. */
static inline uint64_t stored(struct store *store, usec_t time)
{
	struct event event = plain_event(time, 22);
	append(store, &event);
	flush(store);
	return event.id;
}

static inline bool exists(const struct temporary *t, const char *name)
{
	return faccessat(t->fd, name, F_OK, 0) == 0;
}

static inline void write_file(const struct temporary *t, const char *name, const void *bytes,
			      size_t n)
{
	int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	assert_int_equal(close(fd), 0);
}
