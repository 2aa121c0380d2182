/*
 * The model as bytes: a version, then parts with a checksum each. What people said is a part of its
 * own, so that it survives when what was learned is damaged. Every number is little endian.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/state.h"

static const char magic[] = "minato anomalies";

enum {
	VERSION = 1,
	PART_FINE = 1,
	PART_LEARNED = 2,
	CELLS = HOURS * WEEKS,
	CELLS_RAW = 0, /* how cells are written */
	CELLS_RUNS = 1,
};

/* ---- writing ---- */

static void put(struct str *out, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		(void)str_add_char(out, (char)(value >> (8 * i))); /* the error sticks */
	}
}

static void put_text(struct str *out, const char *text)
{
	const size_t length = strlen(text);
	put(out, length, 1);
	(void)str_add_bytes(out, text, length);
}

static void put_port(struct str *out, const struct anomaly_port *at)
{
	put(out, at->netns, 8);
	put(out, (uint64_t)at->protocol, 2);
	put(out, at->port, 2);
}

static void put_anomaly(struct str *out, const struct anomaly *a)
{
	put(out, (uint64_t)a->kind, 1);
	put(out, (uint64_t)a->metric, 1);
	put_text(out, a->id);
	put_port(out, &a->at);
	put_text(out, a->program);
	put_text(out, a->before);
	put(out, a->source.address.family, 1);
	(void)str_add_bytes(out, (const char *)a->source.address.bytes,
			    sizeof(a->source.address.bytes));
	put(out, a->source.bits, 1);
	put(out, a->remote_port, 2);
	put(out, a->ephemeral, 1);
	put(out, a->now, 8);
	put(out, a->low, 8);
	put(out, a->high, 8);
	put(out, a->weeks, 4);
	put(out, a->more, 4);
	put(out, (uint64_t)a->since, 8);
	put(out, (uint64_t)a->last, 8);
	put(out, a->began, 4);
	put(out, a->renewed, 4);
	put(out, a->told, 1);
}

static void put_list(struct str *out, const struct anomaly *items, size_t count)
{
	put(out, count, 4);
	for (size_t i = 0; i < count; i++) {
		put_anomaly(out, &items[i]);
	}
}

/* Runs of the same value: hours that were not watched, metrics that are always zero. Week by week,
 * since neighbouring hours are alike. @return bytes; more than CELLS = the cells as they are. */
static size_t runs_of(uint8_t runs[2 * CELLS], const uint8_t cells[HOURS][WEEKS])
{
	size_t length = 0;
	for (size_t i = 0; i < CELLS; i++) {
		const uint8_t value = cells[i % HOURS][i / HOURS];
		if (length > 0 && runs[length - 1] == value && runs[length - 2] < UINT8_MAX) {
			runs[length - 2]++;
		} else {
			runs[length++] = 1;
			runs[length++] = value;
		}
	}
	return length;
}

static void put_cells(struct str *out, const uint8_t cells[HOURS][WEEKS])
{
	uint8_t runs[2 * CELLS];
	const size_t length = runs_of(runs, cells);
	if (length < CELLS) {
		put(out, CELLS_RUNS, 1);
		(void)str_add_bytes(out, (const char *)runs, length);
	} else {
		put(out, CELLS_RAW, 1);
		(void)str_add_bytes(out, (const char *)cells, CELLS);
	}
}

static void put_record(struct str *out, const struct port_record *port)
{
	put_port(out, &port->at);
	put_text(out, port->program);
	put(out, port->minutes, 4);
	put(out, port->seen, 4);
	put(out, port->admin, 1);
	put(out, port->login, 1);
	put(out, port->networks, 4);
	put(out, port->new_today, 4);
	put(out, (uint64_t)(port->new_a_day * 1000), 4);
	put(out, port->day_minutes, 4);
	put(out, port->buckets, 1);
	for (size_t metric = 0; metric < ANOMALY_METRICS; metric++) {
		put(out, port->peak[metric], 1);
		put_cells(out, port->cells[metric]);
	}
}

static void put_learned(struct str *out, const struct anomaly_model *model)
{
	put(out, model->secret[0], 8);
	put(out, model->secret[1], 8);
	put(out, (uint64_t)model->watched, 8);
	put(out, (uint64_t)model->wall, 8);
	put(out, (uint64_t)model->hour, 8);
	put(out, (uint64_t)model->closed_hour, 8);
	put(out, model->unlisted, 8);
	for (size_t kind = 0; kind < KNOWN_KINDS; kind++) {
		const struct known_set *set = &model->known[kind];
		put(out, set->count, 4);
		for (size_t i = 0; i < set->count; i++) {
			put(out, set->items[i].key, 8);
			put(out, set->items[i].first, 4);
			put(out, set->items[i].last, 4);
			put(out, set->items[i].value, 1);
		}
	}
	put(out, model->port_count, 4);
	for (size_t i = 0; i < model->port_count; i++) {
		put_record(out, model->ports[i]);
	}
	put_list(out, model->standing.items, model->standing.count);
}

/* CRC-32 of ISO 3309, as in zlib. */
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

/* Fills in length and checksum of a part that begins at `start`. */
static void end_part(struct str *out, size_t start)
{
	const size_t length = out->length - start - 12;
	if (out->error < 0) {
		return;
	}
	uint8_t *head = (uint8_t *)out->text + start;
	const uint32_t sum = checksum(head + 12, length);
	for (size_t i = 0; i < 4; i++) {
		head[4 + i] = (uint8_t)(length >> (8 * i));
		head[8 + i] = (uint8_t)(sum >> (8 * i));
	}
}

static size_t begin_part(struct str *out, uint32_t part)
{
	const size_t start = out->length;
	put(out, part, 4);
	put(out, 0, 8);
	return start;
}

int anomaly_save(const struct anomaly_model *model, struct str *out)
{
	(void)str_add_bytes(out, magic, sizeof(magic) - 1);
	put(out, VERSION, 4);
	size_t start = begin_part(out, PART_FINE);
	put_list(out, model->fine.items, model->fine.count);
	end_part(out, start);
	start = begin_part(out, PART_LEARNED);
	put_learned(out, model);
	end_part(out, start);
	return out->error;
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at;
	size_t left;
	int error;
};

static const uint8_t *take(struct reader *r, size_t length)
{
	static const uint8_t nothing[CELLS];
	if (r->error < 0 || r->left < length) {
		r->error = r->error < 0 ? r->error : -EBADMSG;
		return nothing; /* no piece is longer than that */
	}
	const uint8_t *piece = r->at;
	r->at += length;
	r->left -= length;
	return piece;
}

static uint64_t get(struct reader *r, size_t bytes)
{
	const uint8_t *piece = take(r, bytes);
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++) {
		value |= (uint64_t)piece[i] << (8 * i);
	}
	return value;
}

/* A number of at most `most`; more is a fault. */
static uint64_t get_max(struct reader *r, size_t bytes, uint64_t most)
{
	const uint64_t value = get(r, bytes);
	if (value > most) {
		r->error = r->error < 0 ? r->error : -EBADMSG;
		return 0;
	}
	return value;
}

static void get_text(struct reader *r, char *out, size_t room)
{
	const size_t length = (size_t)get_max(r, 1, room - 1);
	memcpy(out, take(r, length), length);
	out[length] = '\0';
}

static void get_port(struct reader *r, struct anomaly_port *at)
{
	at->netns = get(r, 8);
	at->protocol = (enum protocol)get(r, 2);
	at->port = (uint16_t)get(r, 2);
}

static void get_anomaly(struct reader *r, struct anomaly *a, uint32_t now)
{
	a->kind = (enum anomaly_kind)get_max(r, 1, ANOMALY_KIND_LAST);
	a->metric = (enum anomaly_metric)get_max(r, 1, ANOMALY_METRICS - 1);
	get_text(r, a->id, sizeof(a->id));
	get_port(r, &a->at);
	get_text(r, a->program, sizeof(a->program));
	get_text(r, a->before, sizeof(a->before));
	a->source.address.family = (uint8_t)get_max(r, 1, ADDR_IPV6);
	memcpy(a->source.address.bytes, take(r, sizeof(a->source.address.bytes)),
	       sizeof(a->source.address.bytes));
	a->source.bits = (uint8_t)get_max(r, 1, 128);
	a->remote_port = (uint16_t)get(r, 2);
	a->ephemeral = get_max(r, 1, 1) != 0;
	a->now = get(r, 8);
	a->low = get(r, 8);
	a->high = get(r, 8);
	a->weeks = (uint32_t)get_max(r, 4, WEEKS);
	a->more = (uint32_t)get(r, 4);
	a->since = (usec_t)get_max(r, 8, INT64_MAX);
	a->last = (usec_t)get_max(r, 8, INT64_MAX);
	a->began = (uint32_t)get_max(r, 4, now);
	a->renewed = (uint32_t)get_max(r, 4, now);
	a->told = get_max(r, 1, 1) != 0;
}

static void get_known(struct reader *r, struct known_set *set, size_t most, uint32_t now)
{
	const size_t count = (size_t)get_max(r, 4, most);
	uint64_t before = 0;
	for (size_t i = 0; i < count && r->error == 0; i++) {
		struct known *known = vec_push(set);
		if (known == NULL) {
			r->error = -ENOMEM;
			return;
		}
		known->key = get(r, 8);
		known->first = (uint32_t)get_max(r, 4, now);
		known->last = (uint32_t)get_max(r, 4, now);
		known->value = (uint32_t)get(r, 1);
		if (known->key <= before) {
			r->error = r->error < 0 ? r->error : -EBADMSG;
		}
		before = known->key;
	}
}

static void get_cells(struct reader *r, uint8_t cells[HOURS][WEEKS])
{
	if (get_max(r, 1, CELLS_RUNS) == CELLS_RAW) {
		memcpy(cells, take(r, CELLS), CELLS);
		return;
	}
	for (size_t i = 0; i < CELLS && r->error == 0;) {
		const size_t length = (size_t)get_max(r, 1, CELLS - i);
		const uint8_t value = (uint8_t)get(r, 1);
		if (length == 0) {
			r->error = r->error < 0 ? r->error : -EBADMSG;
		}
		for (size_t n = 0; n < length; n++, i++) {
			cells[i % HOURS][i / HOURS] = value;
		}
	}
}

static void get_record(struct reader *r, struct port_record *port, uint32_t now)
{
	get_text(r, port->program, sizeof(port->program));
	port->minutes = (uint32_t)get_max(r, 4, now);
	port->seen = (uint32_t)get_max(r, 4, now);
	port->admin = get_max(r, 1, 1) != 0;
	port->login = get_max(r, 1, 1) != 0;
	port->networks = (uint32_t)get(r, 4);
	port->new_today = (uint32_t)get(r, 4);
	port->new_a_day = (float)get(r, 4) / 1000;
	port->day_minutes = (uint32_t)get_max(r, 4, 1440);
	port->buckets = (uint8_t)get(r, 1);
	for (size_t metric = 0; metric < ANOMALY_METRICS; metric++) {
		port->peak[metric] = (uint8_t)get_max(r, 1, UINT8_MAX - 1);
		get_cells(r, port->cells[metric]);
	}
}

/* Hours since 1970 within a few million years, or none yet. */
static int64_t get_hour(struct reader *r)
{
	static const int64_t most = INT64_C(1) << 36;
	const int64_t hour = (int64_t)get(r, 8);
	if (hour != INT64_MIN && (hour > most || hour < -most)) {
		r->error = r->error < 0 ? r->error : -EBADMSG;
	}
	return hour;
}

static void get_learned(struct reader *r, struct anomaly_model *model)
{
	model->secret[0] = get(r, 8);
	model->secret[1] = get(r, 8);
	model->watched = (usec_t)get_max(r, 8, UINT32_MAX * (uint64_t)USEC_PER_MIN);
	model->wall = (usec_t)get_max(r, 8, INT64_MAX);
	model->hour = get_hour(r);
	model->closed_hour = get_hour(r);
	model->unlisted = get(r, 8);
	const uint32_t now = minute_of(model);
	for (unsigned kind = 0; kind < KNOWN_KINDS; kind++) {
		get_known(r, &model->known[kind], known_max((enum known_kind)kind), now);
	}
	const size_t count = (size_t)get_max(r, 4, ANOMALY_PORTS_MAX);
	for (size_t i = 0; i < count && r->error == 0; i++) {
		struct anomaly_port at;
		get_port(r, &at);
		struct port_record *port = port_make(model, &at);
		if (port == NULL) {
			r->error = -ENOMEM;
			return;
		}
		get_record(r, port, now);
	}
	const size_t standing = (size_t)get_max(r, 4, ANOMALY_STANDING_MAX);
	for (size_t i = 0; i < standing && r->error == 0; i++) {
		struct anomaly *anomaly = vec_push(&model->standing);
		if (anomaly == NULL) {
			r->error = -ENOMEM;
			return;
		}
		get_anomaly(r, anomaly, now);
	}
}

static void get_fine(struct reader *r, struct anomaly_model *model)
{
	const size_t count = (size_t)get_max(r, 4, ANOMALY_FINE_MAX);
	for (size_t i = 0; i < count && r->error == 0; i++) {
		struct anomaly *anomaly = vec_push(&model->fine);
		if (anomaly == NULL) {
			r->error = -ENOMEM;
			return;
		}
		get_anomaly(r, anomaly, UINT32_MAX);
	}
}

/* A whole part whose checksum is right. */
static struct reader open_part(struct reader *r, uint32_t part)
{
	struct reader inside = { .error = -EBADMSG };
	const uint64_t kind = get(r, 4);
	const uint64_t length = get(r, 4);
	const uint64_t sum = get(r, 4);
	if (r->error == 0 && kind == part && length <= r->left) {
		inside = (struct reader){ r->at, (size_t)length,
					  checksum(r->at, (size_t)length) == sum ? 0 : -EBADMSG };
		r->at += length;
		r->left -= (size_t)length;
	} else {
		r->error = -EBADMSG;
	}
	return inside;
}

static int end_of(const struct reader *r)
{
	return r->error < 0 ? r->error : r->left == 0 ? 0 : -EBADMSG;
}

/* As it was made, but for what people said. */
static void forget_learned(struct anomaly_model *model, const uint64_t secret[2])
{
	for (size_t i = 0; i < model->port_count; i++) {
		free(model->ports[i]);
	}
	for (size_t i = 0; i < KNOWN_KINDS; i++) {
		vec_free(&model->known[i]);
	}
	vec_free(&model->standing);
	model->port_count = 0;
	model->watched = model->wall = 0;
	model->unlisted = 0;
	model->hour = model->closed_hour = INT64_MIN;
	memcpy(model->secret, secret, sizeof(model->secret));
}

int anomaly_load(struct anomaly_model *model, const void *bytes, size_t length)
{
	struct reader r = { bytes, length, 0 };
	const uint64_t secret[2] = { model->secret[0], model->secret[1] };
	if (length < sizeof(magic) + 3 ||
	    memcmp(take(&r, sizeof(magic) - 1), magic, sizeof(magic) - 1) != 0) {
		return -EBADMSG;
	}
	if (get(&r, 4) != VERSION) {
		return -EPROTONOSUPPORT;
	}
	struct reader part = open_part(&r, PART_FINE);
	if (part.error == 0) {
		get_fine(&part, model);
	}
	const int fine = end_of(&part);
	if (fine < 0) {
		vec_free(&model->fine);
	}
	part = open_part(&r, PART_LEARNED);
	if (part.error == 0) {
		get_learned(&part, model);
	}
	const int learned = end_of(&part);
	if (learned < 0) {
		forget_learned(model, secret);
	}
	if (fine == -ENOMEM || learned == -ENOMEM) {
		return -ENOMEM;
	}
	if (learned < 0) {
		return fine == 0 && model->fine.count > 0 ? ANOMALY_FINE_ONLY : -EBADMSG;
	}
	return fine < 0 ? ANOMALY_LEARNED_ONLY : 0;
}
