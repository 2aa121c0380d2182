/* Anomalies that stand: when they begin, when they are over, and what was said to be fine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"
#include "base/fnv.h"

/* How long one stands after it was met last. */
static uint32_t linger(enum anomaly_kind kind)
{
	static const uint16_t minutes[ANOMALY_KIND_LAST + 1] = {
		[ANOMALY_FIRST_OUTBOUND] = 1440, [ANOMALY_NEW_NETWORK] = 1440, [ANOMALY_BURST] = 60,
		[ANOMALY_QUEUE_OVERFLOW] = 30,   [ANOMALY_BRUTE_FORCE] = 30,
	};
	return minutes[kind];
}

/* It holds as long as somebody listens, and not a look longer. */
static bool is_of_a_listener(enum anomaly_kind kind)
{
	return kind == ANOMALY_NEW_LISTENER || kind == ANOMALY_PROGRAM_CHANGED;
}

static bool has_level(enum anomaly_kind kind)
{
	return kind == ANOMALY_BURST || kind == ANOMALY_QUEUE_OVERFLOW ||
	       kind == ANOMALY_BRUTE_FORCE;
}

/* ---- which one it is ---- */

/* A destination is evidence: what is unusual is that the service connects at all. */
static bool has_source(enum anomaly_kind kind)
{
	return kind == ANOMALY_NEW_NETWORK || kind == ANOMALY_BRUTE_FORCE;
}

static bool has_program(enum anomaly_kind kind)
{
	return is_of_a_listener(kind) || kind == ANOMALY_FIRST_OUTBOUND;
}

static bool same_port(const struct anomaly_port *a, const struct anomaly_port *b)
{
	return a->netns == b->netns && a->protocol == b->protocol && a->port == b->port;
}

/* Whether the program is what it is known by, not the number of a port. */
static bool is_of_a_program(const struct anomaly *anomaly)
{
	return anomaly->kind == ANOMALY_FIRST_OUTBOUND || anomaly->ephemeral;
}

static bool same(const struct anomaly *a, const struct anomaly *b)
{
	return a->kind == b->kind && a->metric == b->metric && a->ephemeral == b->ephemeral &&
	       (same_port(&a->at, &b->at) || (is_of_a_program(a) && a->at.netns == b->at.netns)) &&
	       (!has_program(a->kind) || strcmp(a->program, b->program) == 0) &&
	       (!has_source(a->kind) ||
		(a->source.bits == b->source.bits &&
		 addr_compare(&a->source.address, &b->source.address) == 0));
}

/* Without a secret, so that it is the same on every daemon; nothing is decided by it alone. */
static void set_id(struct anomaly *anomaly)
{
	const uint32_t numbers[] = {
		(uint32_t)anomaly->kind, (uint32_t)anomaly->metric, (uint32_t)anomaly->at.netns,
		(uint32_t)(anomaly->at.netns >> 32),
		is_of_a_program(anomaly) ? 0
					 : (uint32_t)anomaly->at.protocol << 16 | anomaly->at.port
	};
	uint32_t hash = fnv32_add(FNV32_BEGIN, numbers, sizeof(numbers));
	if (has_program(anomaly->kind)) {
		hash = fnv32_add(hash, anomaly->program, strlen(anomaly->program));
	}
	if (has_source(anomaly->kind)) {
		hash = fnv32_add(hash, anomaly->source.address.bytes,
				 sizeof(anomaly->source.address.bytes));
	}
	(void)snprintf(anomaly->id, sizeof(anomaly->id), "%08x", hash);
}

struct anomaly *standing_find(struct anomaly_model *model, const struct anomaly *like)
{
	for (size_t i = 0; i < model->standing.count; i++) {
		if (same(&model->standing.items[i], like)) {
			return &model->standing.items[i];
		}
	}
	return NULL;
}

/* ---- what is usual ---- */

static uint64_t level_key(const struct anomaly_model *model, const struct anomaly *anomaly)
{
	const char text[] = { (char)('a' + anomaly->kind), (char)('a' + anomaly->metric), '\0' };
	return key_of(model, &anomaly->at, text,
		      has_source(anomaly->kind) ? &anomaly->source : NULL);
}

/* Up to twice of a number that was called fine. */
static bool within_level(const struct anomaly_model *model, const struct anomaly *anomaly)
{
	const struct known *level =
		known_find(&model->known[KNOWN_LEVELS], level_key(model, anomaly));
	return level != NULL && anomaly->now <= 2 * value_of((uint8_t)level->value);
}

static bool is_fine(const struct anomaly_model *model, const struct anomaly *anomaly)
{
	for (size_t i = 0; i < model->fine.count; i++) {
		const struct anomaly *fine = &model->fine.items[i];
		if (same(fine, anomaly)) {
			return !has_level(anomaly->kind) || anomaly->now <= 2 * fine->now;
		}
	}
	return has_level(anomaly->kind) && within_level(model, anomaly);
}

/* Where it is remembered that this is usual. */
static enum known_kind place_of(uint64_t *key, const struct anomaly_model *model,
				const struct anomaly *anomaly)
{
	const struct anomaly_port service = { .netns = anomaly->at.netns };
	switch (anomaly->kind) {
	case ANOMALY_NEW_LISTENER:
		*key = listener_key(model, &anomaly->at, anomaly->ephemeral, anomaly->program);
		return KNOWN_LISTENERS;
	case ANOMALY_PROGRAM_CHANGED:
		*key = key_of(model, &anomaly->at, anomaly->program, NULL);
		return KNOWN_PROGRAMS;
	case ANOMALY_FIRST_OUTBOUND:
		*key = key_of(model, &service, anomaly->program, NULL);
		return KNOWN_OUTBOUND;
	case ANOMALY_NEW_NETWORK:
		*key = key_of(model, &anomaly->at, NULL, &anomaly->source);
		return KNOWN_NETWORKS;
	default:
		*key = level_key(model, anomaly);
		return KNOWN_LEVELS;
	}
}

/* What stood for days and nobody stopped. */
static void learn(struct anomaly_model *model, const struct anomaly *anomaly)
{
	uint64_t key = 0;
	const enum known_kind kind = place_of(&key, model, anomaly);
	struct known *known = known_add(model, kind, key);
	if (known != NULL && kind == KNOWN_LEVELS) {
		known->value = code_of(anomaly->now);
	}
}

static void unlearn(struct anomaly_model *model, const struct anomaly *anomaly)
{
	uint64_t key = 0;
	const enum known_kind kind = place_of(&key, model, anomaly);
	known_remove(&model->known[kind], key);
}

/* ---- beginning ---- */

static void renew(struct anomaly_model *model, struct anomaly *stands,
		  const struct anomaly *candidate)
{
	stands->last = model->wall;
	stands->renewed = minute_of(model);
	stands->seen = model->ticks;
	/* The worst moment is what somebody wants to know; the range is that of its hour. */
	if (candidate->now > stands->now) {
		stands->now = candidate->now;
		stands->low = candidate->low;
		stands->high = candidate->high;
		stands->weeks = candidate->weeks;
	}
}

/* Beyond a handful of one kind at one port they are counted with the last of them. */
static struct anomaly *crowded(struct anomaly_model *model, const struct anomaly *candidate)
{
	unsigned count = 0;
	struct anomaly *last = NULL;
	for (size_t i = 0; i < model->standing.count; i++) {
		struct anomaly *stands = &model->standing.items[i];
		/* Listeners are as many ports as there are. */
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are `count` */
		if (stands->kind == candidate->kind && stands->at.netns == candidate->at.netns &&
		    (is_of_a_listener(stands->kind) || same_port(&stands->at, &candidate->at))) {
			count++;
			last = stands;
		}
	}
	const unsigned most = is_of_a_listener(candidate->kind) ? 4 * ANOMALY_STANDING_OF_ONE_MAX
								: ANOMALY_STANDING_OF_ONE_MAX;
	return count >= most ? last : NULL;
}

enum raised standing_raise(struct anomaly_model *model, const struct anomaly *candidate)
{
	struct anomaly *stands = standing_find(model, candidate);
	if (stands != NULL) {
		renew(model, stands, candidate);
		return RAISED_STANDS;
	}
	if (is_fine(model, candidate)) {
		return RAISED_USUAL;
	}
	struct anomaly *last = crowded(model, candidate);
	if (last != NULL) {
		last->more++;
		return RAISED_STANDS;
	}
	stands = model->standing.count < ANOMALY_STANDING_MAX ? vec_push(&model->standing) : NULL;
	if (stands == NULL) {
		model->unlisted++;
		return RAISED_STANDS;
	}
	*stands = *candidate;
	set_id(stands);
	stands->since = stands->last = model->wall;
	stands->began = stands->renewed = minute_of(model);
	stands->seen = model->ticks;
	stands->told = false;
	return RAISED_STANDS;
}

/* ---- end ---- */

static bool is_over(const struct anomaly_model *model, const struct anomaly *stands, bool looked)
{
	if (is_of_a_listener(stands->kind)) {
		return looked && stands->seen != model->ticks;
	}
	return minute_of(model) - stands->renewed > linger(stands->kind);
}

void standing_tick(struct anomaly_model *model, bool looked)
{
	size_t kept = 0;
	for (size_t i = 0; i < model->standing.count; i++) {
		const struct anomaly *stands = &model->standing.items[i];
		const bool usual = minute_of(model) - stands->began >= ANOMALY_USUAL_MINUTES;
		if (usual) {
			learn(model, stands);
		}
		if (!usual && !is_over(model, stands, looked)) {
			model->standing.items[kept++] = *stands;
		}
	}
	model->standing.count = kept;
}

/* ---- fine ---- */

static bool has_id(const struct anomaly *anomaly, const char *id)
{
	return strcmp(anomaly->id, id) == 0;
}

static void take_out(struct anomaly *items, size_t *count, size_t place)
{
	memmove(&items[place], &items[place + 1], (*count - place - 1) * sizeof(*items));
	(*count)--;
}

static int remember(struct anomaly_model *model, const struct anomaly *anomaly, usec_t now)
{
	for (size_t i = 0; i < model->fine.count; i++) {
		if (same(&model->fine.items[i], anomaly)) { /* now of a greater number */
			take_out(model->fine.items, &model->fine.count, i);
			break;
		}
	}
	if (model->fine.count == ANOMALY_FINE_MAX) {
		take_out(model->fine.items, &model->fine.count, 0);
	}
	struct anomaly *fine = vec_push(&model->fine);
	if (fine == NULL) {
		return -ENOMEM;
	}
	*fine = *anomaly;
	fine->last = now;
	return 0;
}

int anomaly_fine(struct anomaly_model *model, const char *id, usec_t now)
{
	for (size_t i = 0; i < model->standing.count; i++) {
		if (has_id(&model->standing.items[i], id)) {
			int r = remember(model, &model->standing.items[i], now);
			if (r == 0) {
				take_out(model->standing.items, &model->standing.count, i);
			}
			return r;
		}
	}
	return -ENOENT;
}

int anomaly_not_fine(struct anomaly_model *model, const char *id)
{
	for (size_t i = 0; i < model->fine.count; i++) {
		if (has_id(&model->fine.items[i], id)) {
			unlearn(model, &model->fine.items[i]);
			take_out(model->fine.items, &model->fine.count, i);
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- asking ---- */

/* A host that is shaken in every way makes a list, not a flood of messages. */
static bool may_tell(struct anomaly_model *model, enum anomaly_kind kind)
{
	const uint32_t hour = minute_of(model) / 60;
	if (hour != model->news_hour) {
		memset(model->news, 0, sizeof(model->news));
		model->news_hour = hour;
	}
	return model->news[kind]++ < ANOMALY_NEWS_OF_AN_HOUR;
}

const struct anomaly *anomaly_news(struct anomaly_model *model)
{
	for (size_t i = 0; i < model->standing.count; i++) {
		struct anomaly *stands = &model->standing.items[i];
		if (!stands->told) {
			stands->told = true;
			if (may_tell(model, stands->kind)) {
				return stands;
			}
		}
	}
	return NULL;
}

const struct anomaly *anomaly_standing(const struct anomaly_model *model, size_t *count)
{
	*count = model->standing.count;
	return model->standing.items;
}

const struct anomaly *anomaly_fines(const struct anomaly_model *model, size_t *count)
{
	*count = model->fine.count;
	return model->fine.items;
}
