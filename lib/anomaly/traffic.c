/* Numbers of a port: what is usual at this hour of the week, and what is far beyond it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"

enum {
	CODES_PER_OCTAVE = 8,
	FAR = 2 * CODES_PER_OCTAVE, /* four times the range of the hour */
	BEYOND_DAY = 5,             /* and half as much again as at this hour of any day */
	BUCKETS_OF_AN_HOUR = 6,     /* at least, so that the hour counts as watched */
	ROBUST_FROM = 8,            /* values: from then on the greatest is left out */
	DAY_LEFT_OUT = 16,          /* of so many values of all days the greatest one */
	VALUES_MAX = 7 * 3 * WEEKS,
	BURST_USUAL_MINUTES = 3 * 1440, /* a burst that lasts so long is learned as it is */
};

/* Below it, in five minutes, no number is a burst: a person would not look. */
static const uint64_t floors[ANOMALY_METRICS] = {
	[ANOMALY_CONNECTIONS] = 60, [ANOMALY_PEERS] = 40,  [ANOMALY_KIBIBYTES] = 65536,
	[ANOMALY_REFUSED] = 200,    [ANOMALY_FAILED] = 60,
};

/* ---- codes ---- */

uint8_t code_of(uint64_t value)
{
	const double code = round(CODES_PER_OCTAVE * log2(1 + (double)value));
	return code < UINT8_MAX ? (uint8_t)code : UINT8_MAX - 1;
}

uint64_t value_of(uint8_t code)
{
	return (uint64_t)llround(exp2((double)code / CODES_PER_OCTAVE) - 1);
}

/* ---- distinct addresses: HyperLogLog (Flajolet et al. 2007) with 64 registers, 13 % ---- */

void sketch_add(uint8_t sketch[SKETCH_BYTES], uint64_t hash)
{
	const uint64_t rest = hash >> 6;
	const uint8_t rank = (uint8_t)(rest == 0 ? 59 : __builtin_ctzll(rest) + 1);
	uint8_t *place = &sketch[hash % SKETCH_BYTES];
	if (*place < rank) {
		*place = rank;
	}
}

uint64_t sketch_count(const uint8_t sketch[SKETCH_BYTES])
{
	const double n = SKETCH_BYTES;
	double sum = 0;
	unsigned empty = 0;
	for (size_t i = 0; i < SKETCH_BYTES; i++) {
		sum += 1 / (double)(1ULL << sketch[i]); /* at most 59 */
		empty += sketch[i] == 0;
	}
	const double estimate = 0.709 * n * n / sum;
	return (uint64_t)llround(estimate <= 2.5 * n && empty > 0 ? n * log(n / empty) : estimate);
}

/* ---- ports ---- */

static bool same_port(const struct anomaly_port *a, const struct anomaly_port *b)
{
	return a->port == b->port && a->protocol == b->protocol && a->netns == b->netns;
}

struct port_record *port_find(const struct anomaly_model *model, const struct anomaly_port *at)
{
	for (size_t i = 0; i < model->port_count; i++) {
		if (same_port(&model->ports[i]->at, at)) {
			return model->ports[i];
		}
	}
	return NULL;
}

/* Of a full table the port where nobody listens for longest. @return where, port_count = nowhere.
 */
static size_t unused(const struct anomaly_model *model)
{
	size_t oldest = model->port_count;
	for (size_t i = 0; i < model->port_count; i++) {
		const struct port_record *port = model->ports[i];
		if (!port->listening &&
		    (oldest == model->port_count || port->seen < model->ports[oldest]->seen)) {
			oldest = i;
		}
	}
	return oldest;
}

struct port_record *port_make(struct anomaly_model *model, const struct anomaly_port *at)
{
	struct port_record *port = port_find(model, at);
	if (port != NULL) {
		return port;
	}
	if (model->port_count == ANOMALY_PORTS_MAX) {
		const size_t place = unused(model);
		if (place == model->port_count) {
			return NULL;
		}
		port = model->ports[place];
		memset(port, 0, sizeof(*port));
	} else {
		port = calloc(1, sizeof(*port));
		if (port == NULL) {
			return NULL;
		}
		model->ports[model->port_count++] = port;
	}
	port->at = *at;
	port->seen = minute_of(model);
	return port;
}

void anomaly_traffic(struct anomaly_model *model, const struct anomaly_traffic *traffic)
{
	struct port_record *port = port_find(model, &traffic->at);
	if (port != NULL) {
		port->counts[ANOMALY_CONNECTIONS] += traffic->connections;
		port->counts[ANOMALY_KIBIBYTES] += traffic->bytes / 1024;
		port->counts[ANOMALY_REFUSED] += traffic->refused;
		port->counts[ANOMALY_FAILED] += traffic->failed;
	}
}

/* ---- the usual range ---- */

struct values {
	uint8_t codes[HOURS * WEEKS];
	size_t count;
};

/* The hour, with the ones beside it: what comes a little earlier or later, and summer time. */
static void gather_hour(struct values *values, const uint8_t cells[HOURS][WEEKS], size_t hour)
{
	for (size_t beside = HOURS - 1; beside <= HOURS + 1; beside++) {
		for (size_t week = 0; week < WEEKS; week++) {
			const uint8_t cell = cells[(hour + beside) % HOURS][week];
			if (cell > 0) {
				values->codes[values->count++] = cell - 1;
			}
		}
	}
}

static int descending(const void *a, const void *b)
{
	return *(const uint8_t *)b - *(const uint8_t *)a;
}

/* The greatest but `out` of them. */
static uint8_t greatest(struct values *values, size_t out)
{
	qsort(values->codes, values->count, 1, descending);
	return values->count > out ? values->codes[out] : 0;
}

static uint8_t high_of_port(const uint8_t cells[HOURS][WEEKS])
{
	const uint8_t *cell = &cells[0][0];
	uint8_t high = 0;
	for (size_t i = 0; i < (size_t)HOURS * WEEKS; i++) {
		high = cell[i] > high ? cell[i] : high;
	}
	return high > 0 ? high - 1 : 0;
}

/*
 * The limit of an hour lies between the hour's own range and the port's, the nearer to the hour the
 * more weeks of it are known, as octaves; and never below what other days have at this hour, so
 * that a holiday may look like a Sunday.
 */
static void range_metric(struct port_record *port, size_t metric, size_t hour)
{
	const uint8_t(*cells)[WEEKS] = port->cells[metric];
	struct values own = { .count = 0 };
	struct values day = { .count = 0 };
	unsigned weeks = 0;
	for (size_t week = 0; week < WEEKS; week++) {
		weeks += cells[hour][week] > 0;
	}
	gather_hour(&own, cells, hour);
	for (size_t d = 0; d < HOURS; d += 24) {
		gather_hour(&day, cells, (hour + d) % HOURS);
	}
	const uint8_t high = greatest(&own, own.count >= ROBUST_FROM);
	const unsigned of_day = greatest(&day, day.count / DAY_LEFT_OUT) + BEYOND_DAY;
	const unsigned of_port = high_of_port(cells);
	const unsigned shrunk = own.count == 0 ? of_port : (weeks * high + of_port) / (weeks + 1);
	unsigned limit = shrunk + FAR;
	limit = limit > of_day ? limit : of_day;
	port->limit[metric] = limit < UINT8_MAX ? (uint8_t)limit : UINT8_MAX;
	port->high[metric] = high;
	port->low[metric] = own.count > 0 ? own.codes[own.count - 1] : 0;
	port->weeks = (uint8_t)weeks;
}

static void range_port(struct port_record *port, int64_t local_hour)
{
	/* The first of January 1970 was a Thursday; weeks begin on Monday. */
	const size_t hour = (size_t)(((local_hour + 72) % HOURS + HOURS) % HOURS);
	for (size_t metric = 0; metric < ANOMALY_METRICS; metric++) {
		range_metric(port, metric, hour);
	}
	port->ranged = true;
}

/* ---- judging ---- */

static struct anomaly burst_of(const struct port_record *port, enum anomaly_metric metric,
			       uint64_t value)
{
	struct anomaly burst = {
		.kind = ANOMALY_BURST,
		.metric = metric,
		.at = port->at,
		.now = value,
		.low = value_of(port->low[metric]),
		.high = value_of(port->high[metric]),
		.weeks = port->weeks,
	};
	memcpy(burst.program, port->program, sizeof(burst.program));
	return burst;
}

/* @return what may be learned of this value: a burst that nobody called fine widens the range by
 * no more than the limit. */
static uint8_t judge(struct anomaly_model *model, const struct port_record *port,
		     enum anomaly_metric metric, uint64_t value)
{
	const uint8_t code = code_of(value);
	if (port->minutes < ANOMALY_LEARN_BURSTS_MINUTES || value < floors[metric] ||
	    code <= port->limit[metric]) {
		return code;
	}
	const struct anomaly burst = burst_of(port, metric, value);
	if (standing_raise(model, &burst) == RAISED_USUAL) {
		return code;
	}
	const struct anomaly *stands = standing_find(model, &burst);
	return stands != NULL && minute_of(model) - stands->began >= BURST_USUAL_MINUTES
		       ? code
		       : port->limit[metric];
}

/* Of a bucket that took longer than it should, the part of five minutes. */
static uint64_t in_a_bucket(const struct anomaly_model *model, uint64_t count)
{
	const usec_t usual = ANOMALY_BUCKET_SECONDS * USEC_PER_SEC;
	return model->bucket > usual
		       ? (uint64_t)((double)count * (double)usual / (double)model->bucket)
		       : count;
}

/* @param whole  the bucket ends: it counts for the range too. */
static void judge_port(struct anomaly_model *model, struct port_record *port, bool whole)
{
	port->counts[ANOMALY_PEERS] = sketch_count(port->sketch);
	for (unsigned metric = 0; metric < ANOMALY_METRICS; metric++) {
		const uint8_t learned = judge(model, port, (enum anomaly_metric)metric,
					      in_a_bucket(model, port->counts[metric]));
		if (whole && learned > port->peak[metric]) {
			port->peak[metric] = learned;
		}
	}
	if (whole) {
		port->buckets++;
		memset(port->counts, 0, sizeof(port->counts));
		memset(port->sketch, 0, sizeof(port->sketch));
	}
}

/* Into the cells of the hour that is over. One that comes twice (the clock was set, winter time)
 * keeps the greater value. */
static void close_hour(struct anomaly_model *model, struct port_record *port)
{
	const int64_t monday = model->hour + 72;
	const size_t hour = (size_t)((monday % HOURS + HOURS) % HOURS);
	const size_t week = (size_t)(((monday / HOURS) % WEEKS + WEEKS) % WEEKS);
	for (size_t metric = 0; metric < ANOMALY_METRICS; metric++) {
		uint8_t *cell = &port->cells[metric][hour][week];
		const uint8_t value = port->peak[metric] + 1;
		if (port->buckets >= BUCKETS_OF_AN_HOUR &&
		    (model->hour != model->closed_hour || *cell < value)) {
			*cell = value;
		}
		port->peak[metric] = 0;
	}
	port->buckets = 0;
	port->ranged = false;
}

void traffic_hour(struct anomaly_model *model, int64_t hour)
{
	if (hour == model->hour) {
		return;
	}
	for (size_t i = 0; i < model->port_count && model->hour != INT64_MIN; i++) {
		close_hour(model, model->ports[i]);
	}
	model->closed_hour = model->hour;
	model->hour = hour;
}

void traffic_tick(struct anomaly_model *model)
{
	model->bucket += model->step;
	const bool whole = model->bucket >= ANOMALY_BUCKET_SECONDS * USEC_PER_SEC;
	for (size_t i = 0; i < model->port_count; i++) {
		struct port_record *port = model->ports[i];
		if (!port->ranged) {
			range_port(port, model->hour);
		}
		judge_port(model, port, whole);
	}
	if (whole) {
		model->bucket = 0;
		model->overflow_count = 0;
	}
}
