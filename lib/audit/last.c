/* What earlier audits of an address found, beside what the last one found. */
#include <string.h>

#include "audit/audit.h"

enum { WORDS = 65536 / 64 };

/* ---- a layer ---- */

static void put(struct audit_layer *layer, uint16_t port, enum sweep_state state, bool proven,
		bool left)
{
	switch (state) {
	case SWEEP_OPEN:
		portset_add(&layer->open, port);
		break;
	case SWEEP_CLOSED:
		portset_add(&layer->closed, port);
		break;
	case SWEEP_REJECTED:
		portset_add(&layer->rejected, port);
		break;
	default:
		if (left) {
			portset_add(&layer->left, port);
		} else if (proven && state == SWEEP_SILENT) {
			portset_add(&layer->filtered, port);
		}
		break;
	}
}

void audit_layer_make(struct audit_layer *out, enum protocol protocol, usec_t time,
		      const uint8_t *states, const struct portset *asked, bool proven, bool left)
{
	*out = (struct audit_layer){ .protocol = protocol, .time = time };
	for (int32_t port = portset_next(asked, 1); port >= 0;
	     port = portset_next(asked, (uint32_t)port + 1)) {
		put(out, (uint16_t)port, (enum sweep_state)states[port],
		    proven && protocol == PROTOCOL_TCP, left);
	}
}

/* What it says of a port; SWEEP_UNASKED = nothing. */
static enum sweep_state state_in(const struct audit_layer *layer, uint16_t port)
{
	return portset_has(&layer->open, port)       ? SWEEP_OPEN
	       : portset_has(&layer->closed, port)   ? SWEEP_CLOSED
	       : portset_has(&layer->rejected, port) ? SWEEP_REJECTED
	       : portset_has(&layer->filtered, port) ? SWEEP_SILENT
						     : SWEEP_UNASKED;
}

/* 64 ports that it says something of. */
static uint64_t known(const struct audit_layer *layer, unsigned word)
{
	return layer->open.words[word] | layer->closed.words[word] | layer->rejected.words[word] |
	       layer->filtered.words[word];
}

static bool says_nothing(const struct audit_layer *layer)
{
	uint64_t any = 0;
	for (unsigned i = 0; i < WORDS; i++) {
		any |= known(layer, i) | layer->left.words[i];
	}
	return any == 0;
}

/* ---- comparing ---- */

static size_t compare_port(struct audit_change *out, usec_t *since,
			   const struct audit_record *record, const struct audit_layer *now,
			   uint16_t port)
{
	const enum sweep_state state = state_in(now, port);
	for (size_t i = 0; i < record->count && state != SWEEP_UNASKED; i++) {
		const struct audit_layer *layer = &record->layers[i];
		const enum sweep_state before =
			layer->protocol == now->protocol ? state_in(layer, port) : SWEEP_UNASKED;
		if (before == SWEEP_UNASKED) {
			continue;
		}
		*since = layer->time > *since ? layer->time : *since;
		*out = (struct audit_change){ port, before, state, layer->time };
		return (before == SWEEP_OPEN) != (state == SWEEP_OPEN);
	}
	return 0;
}

size_t audit_record_compare(struct audit_change *out, size_t room, usec_t *since,
			    const struct audit_record *record, const struct audit_layer *now)
{
	size_t count = 0;
	*since = 0;
	for (unsigned port = 1; port < 65536 && count < room; port++) {
		count += compare_port(&out[count], since, record, now, (uint16_t)port);
	}
	return count;
}

/* ---- going on ---- */

void audit_layer_join(struct audit_layer *layer, const struct audit_layer *before)
{
	for (unsigned i = 0; i < WORDS; i++) {
		const uint64_t others = ~known(layer, i);
		layer->open.words[i] |= before->open.words[i] & others;
		layer->closed.words[i] |= before->closed.words[i] & others;
		layer->rejected.words[i] |= before->rejected.words[i] & others;
		layer->filtered.words[i] |= before->filtered.words[i] & others;
	}
	layer->time = before->time;
}

void audit_layer_states(uint8_t *states, struct portset *asked, const struct audit_layer *layer)
{
	for (unsigned port = 1; port < 65536; port++) {
		const enum sweep_state state = state_in(layer, (uint16_t)port);
		if (state != SWEEP_UNASKED) {
			states[port] = (uint8_t)state;
			portset_add(asked, (uint16_t)port);
		}
	}
}

/* ---- taking in ---- */

static void take_away(struct audit_layer *from, const struct audit_layer *layer)
{
	for (unsigned i = 0; i < WORDS; i++) {
		const uint64_t keep = ~known(layer, i);
		from->open.words[i] &= keep;
		from->closed.words[i] &= keep;
		from->rejected.words[i] &= keep;
		from->filtered.words[i] &= keep;
	}
	from->left = (struct portset){ 0 };
}

static void drop(struct audit_record *record, size_t at)
{
	record->count--;
	memmove(&record->layers[at], &record->layers[at + 1],
		(record->count - at) * sizeof(record->layers[0]));
}

void audit_record_take(struct audit_record *record, const struct audit_layer *layer)
{
	size_t kept = 0;
	for (size_t i = record->count; i-- > 0;) { /* from new to old */
		struct audit_layer *older = &record->layers[i];
		if (older->protocol != layer->protocol) {
			continue;
		}
		take_away(older, layer);
		if (says_nothing(older) || kept == AUDIT_LAYERS_MAX - 1) {
			drop(record, i);
		} else {
			kept++;
		}
	}
	if (!says_nothing(layer)) {
		record->layers[record->count++] = *layer;
	}
}

const struct audit_layer *audit_record_unfinished(const struct audit_record *record,
						  enum protocol protocol)
{
	for (size_t i = record->count; i-- > 0;) {
		const struct audit_layer *layer = &record->layers[i];
		if (layer->protocol == protocol && portset_next(&layer->left, 1) >= 0) {
			return layer;
		}
	}
	return NULL;
}
