/* A host that lives by the minute: services with their days and weeks, holidays, summer time,
 * clocks that are set, restarts. Everything comes from one number. */
#pragma once

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/anomaly.h"

enum {
	WORLD_HTTPS = 443,
	WORLD_SSH = 22,
	WORLD_GAME = 25565,
	WORLD_DATABASE = 5432,
	WORLD_WATCHED_NETWORKS = 5,
	WORLD_PEERS = 400,
};

struct world {
	struct anomaly_model *model;
	uint64_t random;
	int64_t minute;   /* since the beginning, a Monday at midnight UTC */
	usec_t clock_off; /* what the wall clock is wrong by */
	uint64_t boot;    /* the monotonic clock began so many minutes ago */
	bool plain;       /* no holidays, restarts and clocks that are set */
	unsigned found;   /* news so far */
	struct anomaly last;
};

static const usec_t world_beginning = 1772409600 * USEC_PER_SEC; /* 2026-03-02 */
static const int64_t world_summer = 27 * 1440 + 60;              /* 2026-03-29 01:00 UTC */

/* splitmix64 */
static inline uint64_t world_next(struct world *world)
{
	uint64_t z = (world->random += 0x9e3779b97f4a7c15ULL);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline double world_real(struct world *world)
{
	return (double)(world_next(world) >> 11) / (double)(1ULL << 53);
}

static inline double world_normal(struct world *world)
{
	double sum = 0;
	for (unsigned i = 0; i < 12; i++) {
		sum += world_real(world);
	}
	return sum - 6;
}

static inline uint32_t world_poisson(struct world *world, double mean)
{
	if (mean > 30) {
		const double value = round(mean + sqrt(mean) * world_normal(world));
		return value > 0 ? (uint32_t)value : 0;
	}
	const double limit = exp(-mean);
	uint32_t count = 0;
	for (double p = world_real(world); p > limit; p *= world_real(world)) {
		count++;
	}
	return count;
}

static inline struct addr world_address(unsigned a, unsigned b, unsigned c, unsigned d)
{
	const uint8_t bytes[4] = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d };
	return addr_from_ipv4(bytes);
}

static inline int32_t world_offset(const struct world *world)
{
	return world->minute >= world_summer ? 7200 : 3600;
}

static inline double world_hour(const struct world *world)
{
	return fmod((double)(world->minute + world_offset(world) / 60) / 60, 24);
}

/* 0 = Monday. Two working days of the fifth week are holidays. */
static inline unsigned world_weekday(const struct world *world)
{
	const int64_t day = (world->minute + world_offset(world) / 60) / 1440;
	return !world->plain && (day == 24 || day == 30) ? 6 : (unsigned)(day % 7);
}

/* 0 at night .. 1 in the afternoon */
static inline double world_daylight(const struct world *world, double middle, double width)
{
	const double apart = fabs(world_hour(world) - middle);
	const double distance = (apart > 12 ? 24 - apart : apart) / width;
	return exp(-distance * distance);
}

static inline struct anomaly_port world_port(uint16_t port)
{
	return (struct anomaly_port){ .protocol = PROTOCOL_TCP, .port = port };
}

static inline void world_listen(struct world *world, uint16_t port, const char *program)
{
	const struct anomaly_listener listener = {
		.at = world_port(port),
		.address = { ADDR_IPV4, { 0 } },
		.program = program,
		.backlog = 128,
		.ephemeral = port >= 32768 && port <= 60999,
		.admin = port == WORLD_SSH,
		.login = port == WORLD_SSH || port == WORLD_DATABASE,
	};
	anomaly_listener(world->model, &listener);
}

static inline void world_count(struct world *world, uint16_t port, uint64_t connections,
			       double bytes)
{
	const struct anomaly_traffic traffic = {
		.at = world_port(port),
		.connections = connections,
		.bytes = (uint64_t)bytes,
		.failed = world_poisson(world, 0.02 * (double)connections),
		.refused = world_poisson(world, port == WORLD_SSH ? 3 : 0.2),
	};
	anomaly_traffic(world->model, &traffic);
}

static inline void world_come(struct world *world, uint16_t port, struct addr from, uint32_t times)
{
	const struct anomaly_peer peer = {
		.at = world_port(port), .address = from, .opened = times, .ended = times
	};
	anomaly_peer(world->model, &peer);
}

/* Noise of a minute: mostly near 1, now and then three times as much. */
static inline double world_noise(struct world *world)
{
	return exp(0.35 * world_normal(world));
}

static inline void world_https(struct world *world)
{
	const double week = world_weekday(world) < 5 ? 1 : 0.4;
	const double mean = (2 + 25 * week * world_daylight(world, 14, 5)) * world_noise(world);
	const uint32_t count = world_poisson(world, mean);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t who = world_next(world) % WORLD_PEERS;
		world_come(world, WORLD_HTTPS,
			   world_address(198, 51, (unsigned)who / 200, (unsigned)who % 200), 1);
	}
	world_count(world, WORLD_HTTPS, count, count * 4e6 * world_noise(world));
}

static inline void world_game(struct world *world)
{
	const double week = world_weekday(world) >= 5 ? 3 : 1;
	const double evening =
		world_daylight(world, 21, 2.5) + (week > 1 ? world_daylight(world, 15, 4) : 0);
	const uint32_t count = world_poisson(world, 8 * week * evening * world_noise(world));
	world_count(world, WORLD_GAME, count, count * 2e5);
}

static inline void world_ssh(struct world *world)
{
	uint32_t count = 2;
	double bytes = 2e4;
	world_come(world, WORLD_SSH, world_address(10, 1, 0, 5), 2); /* a monitor */
	for (unsigned n = 0; n < WORLD_WATCHED_NETWORKS && world_weekday(world) < 5; n++) {
		if (world_real(world) < 0.05 * world_daylight(world, 13, 4)) {
			world_come(world, WORLD_SSH, world_address(203, 0, n, 7), 1);
			bytes += 1e6 * world_noise(world);
			count++;
		}
	}
	/* A backup between three and half past three, a little earlier or later. */
	const double since = world_hour(world) - 3 - 0.3 * world_real(world);
	if (since > 0 && since < 0.5) {
		bytes += 2e8 * world_noise(world);
	}
	world_count(world, WORLD_SSH, count, bytes);
}

static inline void world_outbound(struct world *world, const char *program)
{
	const struct anomaly_outbound outbound = {
		.protocol = PROTOCOL_TCP,
		.program = program,
		.address = world_address(192, 0, 2, 80),
		.port = 443,
	};
	anomaly_outbound(world->model, &outbound);
}

static inline void world_listeners(struct world *world)
{
	const uint16_t weekly = (uint16_t)(40000 + world->minute / (5 * 1440));
	const uint16_t waiting = (uint16_t)(33000 + world_next(world) % 20000);
	const struct anomaly_listener resolver = {
		.at = { .protocol = PROTOCOL_UDP, .port = waiting },
		.program = "resolver",
		.address = { ADDR_IPV4, { 0 } },
		.ephemeral = true,
	};
	const struct anomaly_listener local = {
		.at = { .protocol = PROTOCOL_TCP, .port = waiting },
		.program = "editor",
		.address = { ADDR_IPV4, { 127, 0, 0, 1 } },
		.ephemeral = true,
	};
	world_listen(world, WORLD_SSH, "sshd");
	world_listen(world, WORLD_HTTPS, "nginx");
	world_listen(world, WORLD_GAME, "java");
	world_listen(world, WORLD_DATABASE, "postgres");
	world_listen(world, weekly, "rpc.statd");
	anomaly_listener(world->model, &resolver);
	anomaly_listener(world->model, &local);
	if (world_real(world) < 0.1) {
		world_outbound(world, "nginx"); /* a proxy always has */
	}
}

static inline void world_restart(struct world *world)
{
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	struct anomaly_model *after = NULL;
	const uint64_t secret[2] = { world_next(world), world_next(world) };
	int saved = anomaly_save(world->model, &bytes);
	int made = anomaly_new(&after, secret);
	int loaded =
		saved == 0 && made == 0 ? anomaly_load(after, str_text(&bytes), bytes.length) : -1;
	assert(loaded == 0);
	(void)loaded;
	str_deinit(&bytes);
	(void)anomaly_free(world->model);
	world->model = after;
	world->boot = (uint64_t)world->minute - 5;
}

static inline void world_tick(struct world *world)
{
	const struct anomaly_clock clock = {
		.wall = world_beginning + world->minute * USEC_PER_MIN + world->clock_off,
		.monotonic = (world->minute - (int64_t)world->boot + 1) * USEC_PER_MIN,
		.offset_seconds = world_offset(world),
	};
	anomaly_tick(world->model, &clock, true);
	for (const struct anomaly *news = anomaly_news(world->model); news != NULL;
	     news = anomaly_news(world->model)) {
		world->last = *news;
		world->found++;
	}
}

/* What goes wrong on honest hosts too. */
static inline void world_mishaps(struct world *world)
{
	const int64_t of_week = world->minute % 3600;
	if (of_week == 3599) { /* every two and a half days, away for up to six hours */
		world_restart(world);
		world->minute += (int64_t)(world_next(world) % 360);
	}
	const int64_t day = world->minute / 1440;
	world->clock_off = day == 10 || day == 25                   ? -40 * USEC_PER_MIN
			   : day == 29 && world->minute % 1440 < 20 ? 3 * USEC_PER_HOUR
								    : 0;
}

/* A minute without anything to tell of. */
static inline void world_minute(struct world *world)
{
	if (!world->plain) {
		world_mishaps(world);
	}
	world_listeners(world);
	world_https(world);
	world_game(world);
	world_ssh(world);
	world_count(world, WORLD_DATABASE, world_poisson(world, 0.3), 1e4);
}

static inline void world_init(struct world *world, uint64_t seed)
{
	*world = (struct world){ .random = seed };
	const uint64_t secret[2] = { world_next(world), world_next(world) };
	int r = anomaly_new(&world->model, secret);
	assert(r == 0);
	(void)r;
}

static inline void world_run(struct world *world, int64_t until_day)
{
	while (world->minute < until_day * 1440) {
		world_minute(world);
		world_tick(world);
		world->minute++;
	}
}
