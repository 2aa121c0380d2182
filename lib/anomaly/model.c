/* The model as a whole: its clock, its bounds, its words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"
#include "base/fnv.h"

static const usec_t STEP_MAX = 15 * USEC_PER_MIN; /* longer ones were not watched */

int anomaly_new(struct anomaly_model **out, const uint64_t secret[2])
{
	struct anomaly_model *model = calloc(1, sizeof(*model));
	if (model == NULL) {
		return -ENOMEM;
	}
	model->ports = calloc(ANOMALY_PORTS_MAX, sizeof(struct port_record *));
	model->sources = calloc(ANOMALY_SOURCES_MAX, sizeof(struct source));
	if (model->ports == NULL || model->sources == NULL) {
		(void)anomaly_free(model);
		return -ENOMEM;
	}
	memcpy(model->secret, secret, sizeof(model->secret));
	model->hour = model->closed_hour = INT64_MIN;
	*out = model;
	return 0;
}

struct anomaly_model *anomaly_free(struct anomaly_model *model)
{
	if (model == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < model->port_count; i++) {
		free(model->ports[i]);
	}
	for (size_t i = 0; i < KNOWN_KINDS; i++) {
		vec_free(&model->known[i]);
	}
	vec_free(&model->standing);
	vec_free(&model->fine);
	free(model->ports);
	free(model->sources);
	free(model);
	return NULL;
}

/* ---- names ---- */

uint64_t anomaly_netns(const char *name)
{
	if (name == NULL) {
		return 0;
	}
	const uint64_t hash = fnv64_add(FNV64_BEGIN, name, strlen(name));
	return hash == 0 ? 1 : hash;
}

const char *anomaly_program(char *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	(void)str_copy(out, ANOMALY_NAME_BYTES, slash != NULL ? slash + 1 : path);
	size_t length = strlen(out);
	while (length > 1 && strchr("0123456789.-", out[length - 1]) != NULL) {
		length--;
	}
	out[length] = '\0';
	return out;
}

const char *anomaly_kind_name(enum anomaly_kind kind)
{
	static const char *const names[] = {
		[ANOMALY_NONE] = "none",
		[ANOMALY_NEW_LISTENER] = "anomaly-new-listener",
		[ANOMALY_PROGRAM_CHANGED] = "anomaly-program-changed",
		[ANOMALY_FIRST_OUTBOUND] = "anomaly-first-outbound",
		[ANOMALY_NEW_NETWORK] = "anomaly-new-network",
		[ANOMALY_BURST] = "anomaly-burst",
		[ANOMALY_QUEUE_OVERFLOW] = "anomaly-queue-overflow",
		[ANOMALY_BRUTE_FORCE] = "anomaly-brute-force",
	};
	return kind <= ANOMALY_KIND_LAST ? names[kind] : names[0];
}

const char *anomaly_metric_name(enum anomaly_metric metric)
{
	static const char *const names[ANOMALY_METRICS] = {
		[ANOMALY_CONNECTIONS] = "connections", [ANOMALY_PEERS] = "peers",
		[ANOMALY_KIBIBYTES] = "kibibytes",     [ANOMALY_REFUSED] = "refused",
		[ANOMALY_FAILED] = "failed",
	};
	return metric < ANOMALY_METRICS ? names[metric] : "none";
}

/* ---- time ---- */

static usec_t step_of(const struct anomaly_model *model, const struct anomaly_clock *clock)
{
	const usec_t step = model->monotonic != 0 ? clock->monotonic - model->monotonic : 0;
	return step < 0 ? 0 : step > STEP_MAX ? STEP_MAX : step;
}

static int64_t hour_of(const struct anomaly_clock *clock)
{
	const int64_t seconds = clock->wall / USEC_PER_SEC + clock->offset_seconds;
	return seconds / 3600 - (seconds % 3600 < 0);
}

static void count_minutes(struct anomaly_model *model, uint32_t minutes)
{
	for (size_t i = 0; i < model->port_count; i++) {
		struct port_record *port = model->ports[i];
		if (port->listening) {
			port->minutes += minutes;
			watch_day(port, minutes);
		}
	}
}

static void begin_look(struct anomaly_model *model)
{
	for (size_t i = 0; i < model->port_count; i++) {
		model->ports[i]->listening = false;
		model->ports[i]->queue = model->ports[i]->backlog = 0;
	}
}

void anomaly_tick(struct anomaly_model *model, const struct anomaly_clock *clock, bool looked)
{
	const uint32_t before = minute_of(model);
	model->step = step_of(model, clock);
	model->watched += model->step;
	model->monotonic = clock->monotonic;
	model->wall = clock->wall;
	traffic_hour(model, hour_of(clock));
	count_minutes(model, minute_of(model) - before);
	watch_tick(model);
	source_tick(model);
	traffic_tick(model);
	standing_tick(model, looked);
	model->ticks++;
	if (looked) {
		begin_look(model);
	}
}

/* ---- bounds ---- */

uint32_t anomaly_minutes(const struct anomaly_model *model)
{
	return minute_of(model);
}

size_t anomaly_ports(const struct anomaly_model *model)
{
	return model->port_count;
}

uint64_t anomaly_unlisted(const struct anomaly_model *model)
{
	return model->unlisted;
}

static size_t fixed_bytes(void)
{
	return sizeof(struct anomaly_model) + ANOMALY_PORTS_MAX * sizeof(struct port_record *) +
	       ANOMALY_SOURCES_MAX * sizeof(struct source);
}

size_t anomaly_bytes(const struct anomaly_model *model)
{
	size_t bytes = fixed_bytes() + model->port_count * sizeof(struct port_record) +
		       (model->standing.room + model->fine.room) * sizeof(struct anomaly);
	for (size_t i = 0; i < KNOWN_KINDS; i++) {
		bytes += model->known[i].room * sizeof(struct known);
	}
	return bytes;
}

size_t anomaly_bytes_max(void)
{
	size_t bytes = fixed_bytes() + ANOMALY_PORTS_MAX * sizeof(struct port_record) +
		       (ANOMALY_STANDING_MAX + ANOMALY_FINE_MAX) * sizeof(struct anomaly);
	for (unsigned i = 0; i < KNOWN_KINDS; i++) {
		bytes += known_max((enum known_kind)i) * sizeof(struct known);
	}
	return bytes;
}
