/* Who comes to login ports: many short connections of one source are guesses. */
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"

enum {
	SHORT_OF = 5, /* of so many connections ... */
	SHORT = 4,    /* ... that many have to be over already */
};

/* The whole address; of IPv6 the /64, in which everybody has as many addresses as he likes. */
static struct prefix who_of(const struct addr *address)
{
	struct prefix who = { addr_unmap(address), 32 };
	if (who.address.family == ADDR_IPV6) {
		memset(who.address.bytes + 8, 0, 8);
		who.bits = 64;
	}
	return who;
}

static unsigned sum(const uint16_t counts[ANOMALY_BRUTE_MINUTES])
{
	unsigned total = 0;
	for (size_t i = 0; i < ANOMALY_BRUTE_MINUTES; i++) {
		total += counts[i];
	}
	return total;
}

/* Takes the minutes out of the window that are over. */
static void move_on(struct source *source, uint32_t minute)
{
	const uint32_t passed = minute - source->minute;
	for (uint32_t i = 1; i <= passed && i <= ANOMALY_BRUTE_MINUTES; i++) {
		source->opened[(source->minute + i) % ANOMALY_BRUTE_MINUTES] = 0;
		source->ended[(source->minute + i) % ANOMALY_BRUTE_MINUTES] = 0;
	}
	if (passed > 0) {
		source->total = sum(source->opened);
	}
	source->minute = minute;
}

/* A free place, or that of the one with the fewest connections. */
static struct source *place(struct anomaly_model *model)
{
	struct source *found = &model->sources[0];
	if (model->source_end < ANOMALY_SOURCES_MAX) {
		return &model->sources[model->source_end++];
	}
	for (size_t i = 1; i < ANOMALY_SOURCES_MAX && found->key != 0; i++) {
		struct source *source = &model->sources[i];
		if (source->key == 0 || source->total < found->total) {
			found = source;
		}
	}
	return found;
}

static struct source *find(struct anomaly_model *model, uint64_t key)
{
	for (size_t i = 0; i < model->source_end; i++) {
		if (model->sources[i].key == key) {
			return &model->sources[i];
		}
	}
	return NULL;
}

static uint16_t more(uint16_t count, uint32_t by)
{
	return (uint16_t)(count + by < UINT16_MAX && by < UINT16_MAX ? count + by : UINT16_MAX);
}

void source_add(struct anomaly_model *model, const struct anomaly_peer *peer)
{
	const struct prefix who = who_of(&peer->address);
	const uint64_t key = key_of(model, &peer->at, NULL, &who);
	const uint32_t minute = minute_of(model);
	struct source *source = find(model, key);
	if (source == NULL) {
		source = place(model);
		*source =
			(struct source){ .key = key, .at = peer->at, .who = who, .minute = minute };
	}
	move_on(source, minute);
	const size_t slot = minute % ANOMALY_BRUTE_MINUTES;
	source->opened[slot] = more(source->opened[slot], peer->opened);
	source->ended[slot] = more(source->ended[slot], peer->ended);
	source->total = sum(source->opened);
}

static void judge(struct anomaly_model *model, const struct source *source)
{
	const unsigned opened = source->total;
	const struct port_record *port = port_find(model, &source->at);
	if (opened < ANOMALY_BRUTE_CONNECTIONS || port == NULL ||
	    (uint64_t)sum(source->ended) * SHORT_OF < (uint64_t)opened * SHORT) {
		return;
	}
	struct anomaly found = {
		.kind = ANOMALY_BRUTE_FORCE,
		.at = source->at,
		.source = source->who,
		.now = opened,
		.high = ANOMALY_BRUTE_CONNECTIONS,
	};
	memcpy(found.program, port->program, sizeof(found.program));
	(void)standing_raise(model, &found);
}

void source_tick(struct anomaly_model *model)
{
	for (size_t i = 0; i < model->source_end; i++) {
		struct source *source = &model->sources[i];
		if (source->key == 0) {
			continue;
		}
		move_on(source, minute_of(model));
		if (source->total == 0) {
			source->key = 0;
		} else {
			judge(model, source);
		}
	}
	while (model->source_end > 0 && model->sources[model->source_end - 1].key == 0) {
		model->source_end--;
	}
}
