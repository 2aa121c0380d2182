/* anomaly: weeks of a host, replayed. After learning, a quiet fortnight is quiet, and each kind of
 * anomaly is found within the delay that is stated. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly_world.h"
#include "check.h"

enum {
	SEEDS = 8,
	LEARNED_DAY = 21,
	QUIET_DAYS = 14,
};

/* ---- quiet ---- */

static void describe(const struct world *world, uint64_t seed)
{
	const struct anomaly *a = &world->last;
	char source[PREFIX_TEXT_BYTES];
	print_message("# seed %llu, day %lld, minute %lld: %s %s port %u %s %s now %llu usual "
		      "%llu-%llu\n",
		      (unsigned long long)seed, (long long)world->minute / 1440,
		      (long long)world->minute % 1440, anomaly_kind_name(a->kind),
		      anomaly_metric_name(a->metric), a->at.port, a->program,
		      prefix_format(&a->source, source), (unsigned long long)a->now,
		      (unsigned long long)a->low, (unsigned long long)a->high);
}

static void a_quiet_fortnight_is_quiet(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		world_init(&world, seed * 7919);
		world_run(&world, LEARNED_DAY);
		world.found = 0;
		world_run(&world, LEARNED_DAY + QUIET_DAYS);
		if (world.found > 0) {
			describe(&world, seed);
		}
		assert_int_equal(world.found, 0);
		(void)anomaly_free(world.model);
	}
}

/* ---- each kind ---- */

struct incident {
	const char *name;
	enum anomaly_kind kind;
	enum anomaly_metric metric;
	unsigned minutes; /* stated delay */
	uint16_t port;    /* where it must be found */
	unsigned hour;    /* local, when it begins */
	void (*happen)(struct world *world, unsigned minute);
	uint64_t high_least, high_most; /* evidence: the usual range ends there */
};

static void new_listener(struct world *world, unsigned minute)
{
	(void)minute;
	world_listen(world, 31337, "nc");
}

static void new_listener_of_the_range(struct world *world, unsigned minute)
{
	(void)minute;
	world_listen(world, 45678, "nc");
}

static void other_program(struct world *world, unsigned minute)
{
	(void)minute;
	world_listen(world, WORLD_GAME, "xmrig");
}

static void first_outbound(struct world *world, unsigned minute)
{
	(void)minute;
	world_outbound(world, "postgres");
}

static void strange_network(struct world *world, unsigned minute)
{
	if (minute == 0) {
		world_come(world, WORLD_SSH, world_address(192, 0, 2, 77), 1);
	}
}

static void night_of_connections(struct world *world, unsigned minute)
{
	(void)minute;
	world_count(world, WORLD_HTTPS, 150, 0);
}

static void crowd(struct world *world, unsigned minute)
{
	for (unsigned i = 0; i < 200; i++) {
		world_come(world, WORLD_HTTPS, world_address(100, 64 + minute % 16, i, 9), 1);
	}
}

static void leak(struct world *world, unsigned minute)
{
	(void)minute;
	world_count(world, WORLD_DATABASE, 0, 1e9);
}

static void refused(struct world *world, unsigned minute)
{
	(void)minute;
	const struct anomaly_traffic traffic = { .at = world_port(WORLD_SSH), .refused = 400 };
	anomaly_traffic(world->model, &traffic);
}

static void failing(struct world *world, unsigned minute)
{
	(void)minute;
	const struct anomaly_traffic traffic = { .at = world_port(WORLD_HTTPS), .failed = 400 };
	anomaly_traffic(world->model, &traffic);
}

static void overflow(struct world *world, unsigned minute)
{
	(void)minute;
	const struct anomaly_listener full = { .at = world_port(WORLD_GAME),
					       .address = { ADDR_IPV4, { 0 } },
					       .program = "java",
					       .queue = 51,
					       .backlog = 50 };
	anomaly_listener(world->model, &full);
	anomaly_overflows(world->model, 0, 20);
}

static void guesses(struct world *world, unsigned minute)
{
	(void)minute;
	world_come(world, WORLD_DATABASE, world_address(10, 0, 0, 66), 15);
}

static void slow_guesses(struct world *world, unsigned minute)
{
	(void)minute;
	world_come(world, WORLD_DATABASE, world_address(10, 0, 0, 66), 4);
}

static const struct incident incidents[] = {
	{ "listener", ANOMALY_NEW_LISTENER, 0, 1, 31337, 12, new_listener, 20, 21 },
	{ "listener in the kernel's range", ANOMALY_NEW_LISTENER, 0, 1, 45678, 12,
	  new_listener_of_the_range, 20, 21 },
	{ "program", ANOMALY_PROGRAM_CHANGED, 0, 1, WORLD_GAME, 12, other_program, 0, 0 },
	{ "outbound", ANOMALY_FIRST_OUTBOUND, 0, 1, 0, 12, first_outbound, 19, 21 },
	{ "network", ANOMALY_NEW_NETWORK, 0, 1, WORLD_SSH, 12, strange_network, 6, 6 },
	{ "connections at night", ANOMALY_BURST, ANOMALY_CONNECTIONS, 6, WORLD_HTTPS, 4,
	  night_of_connections, 5, 60 },
	{ "peers at night", ANOMALY_BURST, ANOMALY_PEERS, 6, WORLD_HTTPS, 4, crowd, 5, 60 },
	{ "bytes", ANOMALY_BURST, ANOMALY_KIBIBYTES, 6, WORLD_DATABASE, 15, leak, 1, 100 },
	{ "refused", ANOMALY_BURST, ANOMALY_REFUSED, 6, WORLD_SSH, 15, refused, 10, 40 },
	{ "failed", ANOMALY_BURST, ANOMALY_FAILED, 6, WORLD_HTTPS, 4, failing, 0, 20 },
	{ "overflow", ANOMALY_QUEUE_OVERFLOW, 0, 1, WORLD_GAME, 15, overflow, 50, 50 },
	{ "guesses", ANOMALY_BRUTE_FORCE, 0, 2, WORLD_DATABASE, 15, guesses, 30, 30 },
	{ "slow guesses", ANOMALY_BRUTE_FORCE, 0, 8, WORLD_DATABASE, 15, slow_guesses, 30, 30 },
};

/* A world that has learned, once for all tests. */
static struct world learned;

static int learn(void **state)
{
	(void)state;
	world_init(&learned, 4711);
	learned.plain = true;
	world_run(&learned, LEARNED_DAY);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	learned.model = anomaly_free(learned.model);
	return 0;
}

static struct world copy(const struct world *of)
{
	struct world world = *of;
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	const uint64_t secret[2] = { 1, 2 };
	assert_int_equal(anomaly_save(of->model, &bytes), 0);
	assert_int_equal(anomaly_new(&world.model, secret), 0);
	assert_int_equal(anomaly_load(world.model, str_text(&bytes), bytes.length), 0);
	str_deinit(&bytes);
	world.found = 0;
	return world;
}

/* @return minutes until it was found; UINT_MAX = not within an hour. */
static unsigned happen(struct world *world, const struct incident *incident)
{
	while ((unsigned)world_hour(world) != incident->hour) {
		world_minute(world);
		world_tick(world);
		world->minute++;
	}
	if (world->found > 0) {
		describe(world, 0);
	}
	assert_int_equal(world->found, 0);
	for (unsigned minute = 0; minute < 60; minute++) {
		world_minute(world);
		incident->happen(world, minute);
		world_tick(world);
		world->minute++;
		if (world->found > 0) {
			return minute + 1;
		}
	}
	return UINT32_MAX;
}

static void every_kind_is_found_in_time_with_its_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++) {
		const struct incident *incident = &incidents[i];
		struct world world = copy(&learned);
		const unsigned minutes = happen(&world, incident);
		print_message("# %s: after %u minutes, now %llu, usual %llu-%llu\n", incident->name,
			      minutes, (unsigned long long)world.last.now,
			      (unsigned long long)world.last.low,
			      (unsigned long long)world.last.high);
		assert_in_range(minutes, 1, incident->minutes);
		assert_int_equal(world.found, 1);
		assert_int_equal(world.last.kind, incident->kind);
		assert_int_equal(world.last.metric, incident->metric);
		assert_int_equal(world.last.at.port, incident->port);
		assert_in_range(world.last.high, incident->high_least, incident->high_most);
		assert_int_equal(strlen(world.last.id), ANOMALY_ID_BYTES - 1);
		(void)anomaly_free(world.model);
	}
}

static size_t standing(const struct world *world)
{
	size_t count = 0;
	(void)anomaly_standing(world->model, &count);
	return count;
}

static void go_on(struct world *world, const struct incident *incident)
{
	for (unsigned minute = 60; minute < 90; minute++) {
		world_minute(world);
		incident->happen(world, minute);
		world_tick(world);
		world->minute++;
	}
}

static void one_that_goes_on_is_told_once_and_ends_when_it_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++) {
		struct world world = copy(&learned);
		(void)happen(&world, &incidents[i]);
		go_on(&world, &incidents[i]);
		assert_int_equal(world.found, 1);
		assert_int_equal(standing(&world), 1);
		world_run(&world, world.minute / 1440 + 3);
		assert_int_equal(standing(&world), 0);
		assert_int_equal(world.found, 1);
		(void)anomaly_free(world.model);
	}
}

static void what_is_fine_is_not_told_again_also_after_a_restart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++) {
		struct world world = copy(&learned);
		(void)happen(&world, &incidents[i]);
		go_on(&world, &incidents[i]);
		assert_int_equal(anomaly_fine(world.model, world.last.id, 1), 0);
		assert_int_equal(anomaly_fine(world.model, world.last.id, 1), -ENOENT);
		world.found = 0;
		world_run(&world, world.minute / 1440 + 2);
		world_restart(&world);
		(void)happen(&world, &incidents[i]);
		assert_int_equal(world.found, 0);
		size_t count = 0;
		const struct anomaly *fine = anomaly_fines(world.model, &count);
		assert_int_equal(count, 1);
		assert_string_equal(fine->id, world.last.id);
		/* Taken back, it is told again. */
		world_run(&world, world.minute / 1440 + 1);
		if (world.found > 0) {
			describe(&world, i);
		}
		assert_int_equal(world.found, 0);
		assert_int_equal(anomaly_not_fine(world.model, world.last.id), 0);
		assert_int_equal(anomaly_not_fine(world.model, world.last.id), -ENOENT);
		world_run(&world, world.minute / 1440 + 2);
		(void)happen(&world, &incidents[i]);
		if (world.found != 1) {
			print_message("# not told again: %s\n", incidents[i].name);
		}
		assert_int_equal(world.found, 1);
		(void)anomaly_free(world.model);
	}
}

static void fine_numbers_are_fine_up_to_twice_of_them(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	const struct incident *incident = &incidents[11];
	(void)happen(&world, incident);
	assert_int_equal(anomaly_fine(world.model, world.last.id, 1), 0);
	world.found = 0;
	world_come(&world, WORLD_DATABASE, world_address(10, 0, 0, 66), 4000);
	world_tick(&world);
	assert_int_equal(world.found, 1);
	(void)anomaly_free(world.model);
}

/* ---- learning ---- */

static void nothing_is_said_while_learning_but_what_needs_none(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, 3);
	world.plain = true;
	world_run(&world, 0);
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++) {
		const bool needs_none = incidents[i].kind == ANOMALY_QUEUE_OVERFLOW ||
					incidents[i].kind == ANOMALY_BRUTE_FORCE;
		for (unsigned minute = 0; !needs_none && minute < 60; minute++) {
			world_minute(&world);
			incidents[i].happen(&world, minute);
			world_tick(&world);
			world.minute++;
		}
	}
	assert_int_equal(world.found, 0);
	(void)happen(&world, &incidents[11]);
	assert_int_equal(world.last.kind, ANOMALY_BRUTE_FORCE);
	(void)anomaly_free(world.model);
}

static void what_stands_for_a_week_becomes_usual(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	for (unsigned minute = 0; minute < 10 * 1440; minute++) {
		world_minute(&world);
		new_listener(&world, minute);
		world_tick(&world);
		world.minute++;
	}
	assert_int_equal(world.found, 1);
	assert_int_equal(standing(&world), 0);
	(void)anomaly_free(world.model);
}

static void popular(struct world *world)
{
	const struct anomaly_traffic traffic = { .at = world_port(WORLD_DATABASE),
						 .connections = 500 };
	anomaly_traffic(world->model, &traffic);
}

static void a_service_that_grows_is_not_an_alarm_for_ever(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	for (unsigned minute = 0; minute < 7 * 1440; minute++) {
		world_minute(&world);
		popular(&world);
		world_tick(&world);
		world.minute++;
	}
	assert_int_equal(world.found, 1);
	const unsigned found = world.found;
	for (unsigned minute = 0; minute < 14 * 1440; minute++) {
		world_minute(&world);
		popular(&world);
		world_tick(&world);
		world.minute++;
	}
	assert_in_range(world.found, found, found + 1);
	(void)anomaly_free(world.model);
}

static void declared_listeners_are_no_news(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	const struct anomaly_listener declared = { .at = world_port(8123),
						   .address = { ADDR_IPV4, { 0 } },
						   .program = "home",
						   .declared = true };
	anomaly_listener(world.model, &declared);
	world_tick(&world);
	assert_int_equal(world.found, 0);
	(void)anomaly_free(world.model);
}

static void a_name_lookup_is_no_connection_of_a_service(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	struct anomaly_outbound lookup = { .protocol = PROTOCOL_UDP,
					   .program = "postgres",
					   .address = world_address(192, 0, 2, 53),
					   .port = 53 };
	anomaly_outbound(world.model, &lookup);
	world_tick(&world);
	assert_int_equal(world.found, 0);
	lookup.protocol = PROTOCOL_TCP;
	anomaly_outbound(world.model, &lookup);
	world_tick(&world);
	assert_int_equal(world.found, 1);
	(void)anomaly_free(world.model);
}

static void listen_elsewhere(struct world *world, uint16_t port)
{
	const struct anomaly_listener listener = {
		.at = { .netns = 77, .protocol = PROTOCOL_TCP, .port = port },
		.address = { ADDR_IPV4, { 0 } },
		.program = "job",
	};
	anomaly_listener(world->model, &listener);
}

/* As jobs of a build server make them. */
static void a_new_namespace_is_learned_before_anything_in_it_is_unusual(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	for (unsigned minute = 0; minute < 2 * 1440; minute++) {
		world_minute(&world);
		listen_elsewhere(&world, (uint16_t)(8000 + minute % 1440 / 60));
		world_tick(&world);
		world.minute++;
	}
	assert_int_equal(world.found, 0);
	listen_elsewhere(&world, 9999);
	world_tick(&world);
	assert_int_equal(world.found, 1);
	(void)anomaly_free(world.model);
}

static void a_port_that_strangers_meet_every_day_is_silent_about_them(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, 5);
	world.plain = true;
	while (world.minute < (int64_t)(LEARNED_DAY + QUIET_DAYS) * 1440) {
		world_minute(&world);
		if (world.minute % 240 == 0) { /* six a day */
			const uint64_t who = world_next(&world);
			world_come(&world, WORLD_SSH,
				   world_address(100, 64 + (unsigned)(who & 63),
						 (unsigned)(who >> 8 & 255), 1),
				   1);
		}
		world_tick(&world);
		world.minute++;
	}
	assert_int_equal(world.found, 0);
	(void)anomaly_free(world.model);
}

static void programs_keep_their_names_over_updates(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "/usr/bin/python3.11", "python" },
		{ "/usr/sbin/sshd", "sshd" },
		{ "/usr/lib/postgresql/15/bin/postgres", "postgres" },
		{ "nginx", "nginx" },
		{ "/opt/app-2.3", "app" },
		{ "7", "7" },
		{ "", "" },
	};
	char out[ANOMALY_NAME_BYTES];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(anomaly_program(out, rows[i][0]), rows[i][1]);
	}
}

/* ---- bounds ---- */

static void hostile_minute(struct world *world)
{
	for (unsigned i = 0; i < 3000; i++) {
		const uint64_t r = world_next(world);
		struct addr address = world_address((unsigned)r, (unsigned)(r >> 8),
						    (unsigned)(r >> 16), (unsigned)(r >> 24));
		const uint16_t port = (uint16_t)(r >> 32);
		char program[16];
		(void)snprintf(program, sizeof(program), "p%u", (unsigned)(r >> 48 & 4095));
		if ((r & 1) != 0) { /* IPv6, in as many networks as there are */
			memset(address.bytes + 8, 0, 8);
			address.family = ADDR_IPV6;
			memcpy(address.bytes, &r, sizeof(r));
		}
		const struct anomaly_listener listener = { .at = world_port(port),
							   .address = { ADDR_IPV4, { 0 } },
							   .program = program,
							   .queue = port % 7,
							   .backlog = port % 5,
							   .admin = true,
							   .login = true };
		if (i < 100) {
			anomaly_listener(world->model, &listener);
			world_outbound(world, program);
		}
		anomaly_overflows(world->model, r % 1000, 100);
		world_come(world, i % 3 == 0 ? port : WORLD_SSH, address, (uint32_t)(r >> 50));
	}
}

static void memory_and_the_list_are_bounded_whatever_comes(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	for (unsigned minute = 0; minute < 150; minute++) {
		world_listen(&world, WORLD_SSH, "sshd");
		hostile_minute(&world);
		world_tick(&world);
		world.minute++;
		assert_true(anomaly_bytes(world.model) <= anomaly_bytes_max());
		assert_true(standing(&world) <= ANOMALY_STANDING_MAX);
	}
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	assert_int_equal(anomaly_save(world.model, &bytes), 0);
	print_message("# %zu KiB of at most %zu, file %zu KiB, %zu stand, %u told\n",
		      anomaly_bytes(world.model) / 1024, anomaly_bytes_max() / 1024,
		      bytes.length / 1024, standing(&world), world.found);
	str_deinit(&bytes);
	/* Each source and listener would be one. */
	assert_true(world.found < 2000);
	(void)anomaly_free(world.model);
}

/* ---- the file ---- */

static struct str saved(const struct world *world)
{
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	assert_int_equal(anomaly_save(world->model, &bytes), 0);
	return bytes;
}

static int load(struct anomaly_model **out, const char *bytes, size_t length)
{
	const uint64_t secret[2] = { 7, 8 };
	assert_int_equal(anomaly_new(out, secret), 0);
	return anomaly_load(*out, bytes, length);
}

static void what_is_saved_is_read_again_byte_by_byte(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	(void)happen(&world, &incidents[0]);
	struct str first = saved(&world);
	struct anomaly_model *again = NULL;
	assert_int_equal(load(&again, first.text, first.length), 0);
	assert_null(anomaly_news(again)); /* told before the restart */
	struct world other = world;
	other.model = again;
	struct str second = saved(&other);
	assert_int_equal(first.length, second.length);
	assert_memory_equal(first.text, second.text, first.length);
	print_message("# four ports, three weeks: %zu bytes\n", first.length);
	str_deinit(&first);
	str_deinit(&second);
	(void)anomaly_free(again);
	(void)anomaly_free(world.model);
}

static void damage_is_seen_and_what_people_said_survives_it(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	(void)happen(&world, &incidents[0]);
	assert_int_equal(anomaly_fine(world.model, world.last.id, 1), 0);
	struct str bytes = saved(&world);
	struct anomaly_model *model = NULL;
	for (unsigned i = 0; i < 400; i++) {
		const size_t at = (size_t)(world_next(&world) % bytes.length);
		const char bit = (char)(1U << (i % 8));
		bytes.text[at] ^= bit;
		int r = load(&model, bytes.text, bytes.length);
		assert_true(r == -EBADMSG || r == ANOMALY_FINE_ONLY || r == ANOMALY_LEARNED_ONLY ||
			    r == -EPROTONOSUPPORT);
		assert_true((anomaly_minutes(model) > 0) == (r == ANOMALY_LEARNED_ONLY));
		size_t fines = 0;
		(void)anomaly_fines(model, &fines);
		assert_int_equal(fines, r == ANOMALY_FINE_ONLY ? 1 : 0);
		model = anomaly_free(model);
		bytes.text[at] ^= bit;
	}
	for (unsigned i = 0; i < 200; i++) {
		const size_t length = (size_t)(world_next(&world) % bytes.length);
		assert_int_not_equal(load(&model, bytes.text, length), 0);
		model = anomaly_free(model);
	}
	bytes.text[bytes.length - 1] ^= 1;
	assert_int_equal(load(&model, bytes.text, bytes.length), ANOMALY_FINE_ONLY);
	model = anomaly_free(model);
	str_deinit(&bytes);
	(void)anomaly_free(world.model);
}

static uint32_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = UINT32_MAX;
	for (size_t i = 0; i < length; i++) {
		sum ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++) {
			sum = sum >> 1 ^ (0xedb88320U & -(sum & 1));
		}
	}
	return ~sum;
}

/* Puts right the checksums of both parts, so that damage inside is met by the reader. */
static void sign(struct str *file)
{
	uint8_t *bytes = (uint8_t *)file->text;
	size_t at = strlen("minato anomalies") + 4;
	for (unsigned part = 0; part < 2 && at + 12 <= file->length; part++) {
		const size_t length = (size_t)bytes[at + 4] | (size_t)bytes[at + 5] << 8 |
				      (size_t)bytes[at + 6] << 16 | (size_t)bytes[at + 7] << 24;
		if (length > file->length - at - 12) {
			return;
		}
		const uint32_t sum = checksum(bytes + at + 12, length);
		for (unsigned i = 0; i < 4; i++) {
			bytes[at + 8 + i] = (uint8_t)(sum >> (8 * i));
		}
		at += 12 + length;
	}
}

static void damage_with_a_right_checksum_does_no_harm(void **state)
{
	(void)state;
	struct world world = copy(&learned);
	(void)happen(&world, &incidents[0]);
	world.found = 0;
	(void)happen(&world, &incidents[11]);
	assert_int_equal(anomaly_fine(world.model, world.last.id, 1), 0);
	unsigned taken = 0;
	for (unsigned i = 0; i < 200; i++) {
		struct str bytes = saved(&world);
		struct world other = world;
		for (unsigned n = 0; n <= i % 4; n++) {
			bytes.text[world_next(&world) % bytes.length] = (char)world_next(&world);
		}
		sign(&bytes);
		const int r = load(&other.model, bytes.text, bytes.length);
		taken += r == 0;
		for (unsigned minute = 0; minute < 70; minute++) {
			world_listeners(&other);
			world_tick(&other);
			other.minute++;
		}
		assert_true(anomaly_bytes(other.model) <= anomaly_bytes_max());
		(void)anomaly_free(other.model);
		str_deinit(&bytes);
	}
	assert_in_range(taken, 20, 199); /* what is only a number may be any number */
	(void)anomaly_free(world.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_fortnight_is_quiet),
		cmocka_unit_test(every_kind_is_found_in_time_with_its_numbers),
		cmocka_unit_test(one_that_goes_on_is_told_once_and_ends_when_it_is_over),
		cmocka_unit_test(what_is_fine_is_not_told_again_also_after_a_restart),
		cmocka_unit_test(fine_numbers_are_fine_up_to_twice_of_them),
		cmocka_unit_test(nothing_is_said_while_learning_but_what_needs_none),
		cmocka_unit_test(what_stands_for_a_week_becomes_usual),
		cmocka_unit_test(a_service_that_grows_is_not_an_alarm_for_ever),
		cmocka_unit_test(declared_listeners_are_no_news),
		cmocka_unit_test(a_name_lookup_is_no_connection_of_a_service),
		cmocka_unit_test(a_new_namespace_is_learned_before_anything_in_it_is_unusual),
		cmocka_unit_test(a_port_that_strangers_meet_every_day_is_silent_about_them),
		cmocka_unit_test(programs_keep_their_names_over_updates),
		cmocka_unit_test(memory_and_the_list_are_bounded_whatever_comes),
		cmocka_unit_test(what_is_saved_is_read_again_byte_by_byte),
		cmocka_unit_test(damage_is_seen_and_what_people_said_survives_it),
		cmocka_unit_test(damage_with_a_right_checksum_does_no_harm),
	};
	return cmocka_run_group_tests(tests, learn, forget);
}
