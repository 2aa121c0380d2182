/* Messages to bytes and back, driven by one row for each type. */
#include "wire/wire.h"

#include <errno.h>
#include <string.h>

#include "model/inventory.h"
#include "model/severity.h"

/* First bytes of every message: a stray packet of something else is not taken for one. */
enum {
	WIRE_MAGIC = 0x6d31, /* "1m": minato's messages, version 1 */
	HEADER_BYTES = 8,    /* magic, type, request */
};

enum field_kind {
	FIELD_NUMBER, /* 1, 2, 4 or 8 bytes as in the struct */
	FIELD_TEXT,   /* two bytes of length, then the bytes without the NUL */
	FIELD_ADDR,
	FIELD_PREFIX,
	FIELD_BYTES, /* as many as in the struct, any */
};

struct field {
	enum field_kind kind;
	uint16_t offset; /* in struct wire_message */
	uint16_t size;   /* bytes in it */
	uint64_t max;    /* FIELD_NUMBER: greatest value, taken as unsigned */
};

#define NUMBER(member, greatest)                                                                   \
	{                                                                                          \
		FIELD_NUMBER, offsetof(struct wire_message, member),                               \
			sizeof(((struct wire_message *)0)->member), greatest                       \
	}
#define ANY(member) NUMBER(member, UINT64_MAX)
#define TEXT(member)                                                                               \
	{                                                                                          \
		FIELD_TEXT, offsetof(struct wire_message, member),                                 \
			sizeof(((struct wire_message *)0)->member), 0                              \
	}
#define OTHER(kind, member)                                                                        \
	{                                                                                          \
		kind, offsetof(struct wire_message, member),                                       \
			sizeof(((struct wire_message *)0)->member), 0                              \
	}

static const struct field setup_fields[] = {
	NUMBER(setup.started, INT64_MAX),
	NUMBER(setup.sweep_seconds, 86400),
	NUMBER(setup.keep_days, 36500),
	ANY(setup.restarts),
	ANY(setup.group),
	TEXT(setup.runtime_directory),
	TEXT(setup.state_directory),
	TEXT(setup.policy),
	NUMBER(setup.policy_given, 1),
};

static const struct field ring_fields[] = {
	ANY(ring.sources),
	ANY(ring.ring_bytes),
	NUMBER(ring.pinned, 1),
	TEXT(ring.reason),
};

static const struct field child_fields[] = {
	TEXT(child.name),
	NUMBER(child.pid, INT32_MAX),
	ANY(child.restarts),
	NUMBER(child.news, 1),
};

static const struct field netns_fields[] = {
	ANY(netns.inode),
	ANY(netns.cookie),
	NUMBER(netns.kind, NETNS_OTHER),
	TEXT(netns.name),
	NUMBER(netns.pid, INT32_MAX),
};

static const struct field netns_end_fields[] = { ANY(netns_end.count) };
static const struct field file_wanted_fields[] = { TEXT(file_wanted.path) };
static const struct field file_fields[] = { NUMBER(file.error, 4095) };

static const struct field query_fields[] = {
	NUMBER(query.question, WIRE_QUESTION_LAST),
	NUMBER(query.port_given, 1),
	ANY(query.first_port),
	ANY(query.last_port),
	NUMBER(query.connections, 1),
	NUMBER(query.class, 3),
	NUMBER(query.exposure, 1 + EXPOSURE_ANY),
	NUMBER(query.severity, SEVERITY_CRITICAL),
	ANY(query.protocol),
	NUMBER(query.kinds, (EVENT_BIT(EVENT_KIND_LAST) << 1) - 1),
	NUMBER(query.pid, INT32_MAX),
	ANY(query.limit),
	ANY(query.after),
	ANY(query.incident),
	NUMBER(query.since, INT64_MAX),
	NUMBER(query.until, INT64_MAX),
	OTHER(FIELD_PREFIX, query.address),
	TEXT(query.process),
	TEXT(query.user),
	TEXT(query.unit),
	TEXT(query.container),
	TEXT(query.finding),
};

static const struct field answer_fields[] = {
	NUMBER(answer.status, 599),
	ANY(answer.length),
};

static const struct field event_fields[] = {
	NUMBER(event.time, INT64_MAX),
	ANY(event.id),
	NUMBER(event.kind, EVENT_KIND_LAST),
	NUMBER(event.protocol, UINT16_MAX),
	OTHER(FIELD_ADDR, event.address),
	ANY(event.port),
	ANY(event.netns),
	ANY(event.cookie),
	NUMBER(event.pid, INT32_MAX),
	ANY(event.uid),
	ANY(event.count),
	TEXT(event.process),
	TEXT(event.executable),
	TEXT(event.unit),
	TEXT(event.container),
	TEXT(event.finding),
	TEXT(event.detail),
};

static const struct field written_fields[] = { ANY(written.id) };
static const struct field lost_fields[] = { ANY(lost.count) };

static const struct field rules_fields[] = {
	NUMBER(rules.watched, 1), TEXT(rules.reason),
	ANY(rules.state),         NUMBER(rules.since, INT64_MAX),
	TEXT(rules.user),         TEXT(rules.source),
	ANY(rules.candidate),     NUMBER(rules.candidate_until, INT64_MAX),
	NUMBER(rules.lost, 1),    NUMBER(rules.altered, 1),
	ANY(rules.restored),
};

static const struct field contradiction_fields[] = {
	NUMBER(contradiction.index, CONTRADICTIONS_MAX),
	NUMBER(contradiction.count, CONTRADICTIONS_MAX),
	NUMBER(contradiction.item.kind, CONTRADICTION_LAST),
	NUMBER(contradiction.item.protocol, UINT16_MAX),
	ANY(contradiction.item.first_port),
	ANY(contradiction.item.last_port),
	ANY(contradiction.item.through_port),
	TEXT(contradiction.item.table),
	TEXT(contradiction.item.chain),
	TEXT(contradiction.item.rule),
	TEXT(contradiction.item.tool),
	NUMBER(contradiction.item.pid, INT32_MAX),
	TEXT(contradiction.item.process),
};

static const struct field attempts_fields[] = { NUMBER(attempts.hook, 1),
						ANY(attempts.ring_bytes) };

static const struct field fine_fields[] = { NUMBER(fine.fine, 1), TEXT(fine.id) };

static const struct field tap_fields[] = {
	NUMBER(tap.way, WIRE_TAP_WAY_LAST),
	ANY(tap.ring_bytes),
	ANY(tap.cpus),
	TEXT(tap.reason),
};

static const struct field tapped_fields[] = {
	ANY(tapped.attached), ANY(tapped.failed),  ANY(tapped.beside),
	ANY(tapped.kept_out), TEXT(tapped.reason), TEXT(tapped.neighbour),
};

static const struct field open_ports_fields[] = {
	NUMBER(open_ports.next_incident, INT64_MAX),
	NUMBER(open_ports.protocol, PROTOCOL_UDP),
	NUMBER(open_ports.slice, WIRE_SLICES - 1),
	OTHER(FIELD_BYTES, open_ports.bits),
};

/* The same place of both lists. */
#define SHOWN(n) OTHER(FIELD_ADDR, incident.item.sources[n]), ANY(incident.item.ports[n])
#define ANSWERED(n)                                                                                \
	ANY(incident.item.answered[n].port),                                                       \
		NUMBER(incident.item.answered[n].protocol, UINT16_MAX),                            \
		NUMBER(incident.item.answered[n].declared, 1)

static const struct field incident_fields[] = {
	NUMBER(incident.changes, WIRE_INCIDENT_CHANGES),
	NUMBER(incident.item.id, INT64_MAX),
	TEXT(incident.item.kind),
	TEXT(incident.item.probe),
	TEXT(incident.item.probes),
	TEXT(incident.item.tool),
	NUMBER(incident.item.ended, 1),
	NUMBER(incident.item.through, 1),
	NUMBER(incident.item.policy, 1),
	OTHER(FIELD_PREFIX, incident.item.source),
	OTHER(FIELD_ADDR, incident.item.victim),
	ANY(incident.item.source_count),
	ANY(incident.item.host_count),
	NUMBER(incident.item.port_count, 65536),
	NUMBER(incident.item.answer_count, 65536),
	NUMBER(incident.item.undeclared_count, INCIDENT_ANSWERED),
	ANY(incident.item.alarm_ports),
	NUMBER(incident.item.alarm_usec, INT64_MAX),
	NUMBER(incident.item.packet_count, INT64_MAX),
	NUMBER(incident.item.first, INT64_MAX),
	NUMBER(incident.item.last, INT64_MAX),
	NUMBER(incident.item.lasted, INT64_MAX),
	SHOWN(0),
	SHOWN(1),
	SHOWN(2),
	SHOWN(3),
	SHOWN(4),
	SHOWN(5),
	SHOWN(6),
	SHOWN(7),
	NUMBER(incident.item.answered_count, INCIDENT_ANSWERED),
	ANSWERED(0),
	ANSWERED(1),
	ANSWERED(2),
	ANSWERED(3),
	ANSWERED(4),
	ANSWERED(5),
	ANSWERED(6),
	ANSWERED(7),
	ANSWERED(8),
	ANSWERED(9),
	ANSWERED(10),
	ANSWERED(11),
	ANSWERED(12),
	ANSWERED(13),
	ANSWERED(14),
	ANSWERED(15),
};

_Static_assert(INCIDENT_SHOWN == 8 && INCIDENT_ANSWERED == 16, "a row for each of them");

static const struct field watched_fields[] = {
	NUMBER(watched.way, WIRE_TAP_WAY_LAST),
	ANY(watched.going_on),
	ANY(watched.addresses),
	NUMBER(watched.notes, INT64_MAX),
	NUMBER(watched.lost, INT64_MAX),
	NUMBER(watched.limited, INT64_MAX),
	NUMBER(watched.bytes, INT64_MAX),
	TEXT(watched.reason),
};

static const struct field order_fields[] = { TEXT(order.text) };

static const struct field trapped_fields[] = {
	OTHER(FIELD_ADDR, trapped.address),
	ANY(trapped.port),
};

static const struct field devices_fields[] = {
	NUMBER(devices.first, WIRE_DEVICES_MAX),
	NUMBER(devices.count, WIRE_DEVICES_PART),
	NUMBER(devices.last, 1),
	OTHER(FIELD_BYTES, devices.addresses),
};

static const struct field answered_fields[] = {
	OTHER(FIELD_ADDR, answered.address),
	OTHER(FIELD_ADDR, answered.asked_by),
	ANY(answered.port),
	NUMBER(answered.through, 1),
};

struct row {
	const char *name;
	const struct field *fields;
	uint8_t field_count;
	uint8_t senders; /* bits of enum wire_sender */
	uint8_t fds_min, fds_max;
};

#define FIELDS(rows) rows, sizeof(rows) / sizeof((rows)[0])

#define CHILDREN (WIRE_ENGINE | WIRE_FACE | WIRE_KEEPER | WIRE_SENTRY)

static const struct row rows[] = {
	[WIRE_SETUP] = { "setup", FIELDS(setup_fields), WIRE_PARENT, 0, 2 },
	[WIRE_READY] = { "ready", NULL, 0, CHILDREN, 0, 0 },
	[WIRE_PING] = { "ping", NULL, 0, WIRE_PARENT, 0, 0 },
	[WIRE_PONG] = { "pong", NULL, 0, CHILDREN, 0, 0 },
	[WIRE_STOP] = { "stop", NULL, 0, WIRE_PARENT, 0, 0 },
	[WIRE_RELOAD] = { "reload", NULL, 0, WIRE_PARENT, 0, 0 },
	[WIRE_PEER] = { "peer", NULL, 0, WIRE_PARENT, 1, 1 },
	[WIRE_RING] = { "ring", FIELDS(ring_fields), WIRE_HELPER | WIRE_PARENT, 0, WIRE_FDS_MAX },
	[WIRE_CHILD] = { "child", FIELDS(child_fields), WIRE_PARENT, 0, 0 },
	[WIRE_NETNS_WANTED] = { "netns-wanted", NULL, 0, WIRE_ENGINE | WIRE_PARENT, 0, 0 },
	[WIRE_NETNS] = { "netns", FIELDS(netns_fields), WIRE_HELPER | WIRE_PARENT, 0, 1 },
	[WIRE_NETNS_END] = { "netns-end", FIELDS(netns_end_fields), WIRE_HELPER | WIRE_PARENT, 0,
			     0 },
	[WIRE_FILE_WANTED] = { "file-wanted", FIELDS(file_wanted_fields), WIRE_ENGINE, 0, 0 },
	[WIRE_FILE] = { "file", FIELDS(file_fields), WIRE_PARENT, 0, 1 },
	[WIRE_QUERY] = { "query", FIELDS(query_fields), WIRE_FACE, 0, 0 },
	[WIRE_ANSWER] = { "answer", FIELDS(answer_fields), WIRE_ENGINE, 1, 1 },
	[WIRE_EVENT] = { "event", FIELDS(event_fields), WIRE_ENGINE, 0, 0 },
	[WIRE_WRITTEN] = { "written", FIELDS(written_fields), WIRE_ENGINE, 0, 0 },
	[WIRE_LOST] = { "lost", FIELDS(lost_fields), WIRE_ENGINE, 0, 0 },
	[WIRE_RULES] = { "rules", FIELDS(rules_fields), WIRE_KEEPER | WIRE_PARENT, 0, 0 },
	[WIRE_RULES_NEWS] = { "rules-news", FIELDS(event_fields), WIRE_KEEPER | WIRE_PARENT, 0, 0 },
	[WIRE_CONTRADICTION] = { "contradiction", FIELDS(contradiction_fields),
				 WIRE_KEEPER | WIRE_PARENT, 0, 0 },
	[WIRE_ATTEMPTS] = { "attempts", FIELDS(attempts_fields), WIRE_HELPER | WIRE_PARENT, 0, 1 },
	[WIRE_FINE] = { "fine", FIELDS(fine_fields), WIRE_PARENT, 0, 0 },
	[WIRE_TAP] = { "tap", FIELDS(tap_fields), WIRE_HELPER | WIRE_PARENT, 0, WIRE_FDS_MAX },
	[WIRE_TAPPED] = { "tapped", FIELDS(tapped_fields), WIRE_KEEPER | WIRE_PARENT, 0, 0 },
	[WIRE_OPEN_PORTS] = { "open-ports", FIELDS(open_ports_fields), WIRE_ENGINE | WIRE_PARENT, 0,
			      0 },
	[WIRE_INCIDENT] = { "incident", FIELDS(incident_fields), WIRE_SENTRY | WIRE_PARENT, 0, 0 },
	[WIRE_WATCHED] = { "watched", FIELDS(watched_fields), WIRE_SENTRY | WIRE_PARENT, 0, 0 },
	[WIRE_ORDER] = { "order", FIELDS(order_fields), WIRE_PARENT, 0, 0 },
	[WIRE_ORDERED] = { "ordered", FIELDS(order_fields), WIRE_KEEPER, 0, 0 },
	[WIRE_DECOYS] = { "decoys", FIELDS(order_fields), WIRE_KEEPER | WIRE_PARENT, 0, 0 },
	[WIRE_DEVICES] = { "devices", FIELDS(devices_fields), WIRE_ENGINE | WIRE_PARENT, 0, 0 },
	[WIRE_ANSWERED] = { "answered", FIELDS(answered_fields), WIRE_SENTRY | WIRE_PARENT, 0, 0 },
	[WIRE_TRAPPED] = { "trapped", FIELDS(trapped_fields), WIRE_DECOY | WIRE_PARENT, 0, 0 },
};

static const struct row *row_of(uint64_t type)
{
	return type > WIRE_NONE && type <= WIRE_TYPE_LAST ? &rows[type] : NULL;
}

const char *wire_type_name(enum wire_type type)
{
	const struct row *row = row_of(type);
	return row != NULL ? row->name : "?";
}

/* ---- writing ---- */

struct writer {
	uint8_t *at;
	size_t room;
	int error;
};

static void put_bytes(struct writer *w, const void *bytes, size_t length)
{
	if (w->error == 0 && length > w->room) {
		w->error = -ENOBUFS;
	}
	if (w->error == 0) {
		memcpy(w->at, bytes, length);
		w->at += length;
		w->room -= length;
	}
}

static void put_number(struct writer *w, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)(value >> (8 * i));
	}
	put_bytes(w, bytes, size);
}

/* The value of a number of the host's own order, as unsigned. */
static uint64_t load(const void *from, size_t size)
{
	uint8_t one;
	uint16_t two;
	uint32_t four;
	uint64_t eight;
	switch (size) {
	case 1:
		return memcpy(&one, from, 1), one;
	case 2:
		return memcpy(&two, from, 2), two;
	case 4:
		return memcpy(&four, from, 4), four;
	default:
		return memcpy(&eight, from, 8), eight;
	}
}

static void store(void *to, uint64_t value, size_t size)
{
	const uint8_t one = (uint8_t)value;
	const uint16_t two = (uint16_t)value;
	const uint32_t four = (uint32_t)value;
	switch (size) {
	case 1:
		memcpy(to, &one, 1);
		break;
	case 2:
		memcpy(to, &two, 2);
		break;
	case 4:
		memcpy(to, &four, 4);
		break;
	default:
		memcpy(to, &value, 8);
		break;
	}
}

static void put_text(struct writer *w, const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	if (length == size) {
		w->error = -EINVAL;
		return;
	}
	put_number(w, length, 2);
	put_bytes(w, text, length);
}

static void put_addr(struct writer *w, const struct addr *address)
{
	put_number(w, address->family, 1);
	put_bytes(w, address->bytes, sizeof(address->bytes));
}

static void put_field(struct writer *w, const struct field *field, const void *from)
{
	const struct prefix *prefix = from;
	uint64_t value;
	switch (field->kind) {
	case FIELD_NUMBER:
		value = load(from, field->size);
		if (value > field->max) {
			w->error = -EINVAL;
		}
		put_number(w, value, field->size);
		break;
	case FIELD_TEXT:
		put_text(w, from, field->size);
		break;
	case FIELD_ADDR:
		put_addr(w, from);
		break;
	case FIELD_PREFIX:
		put_addr(w, &prefix->address);
		put_number(w, prefix->bits, 1);
		break;
	case FIELD_BYTES:
		put_bytes(w, from, field->size);
		break;
	}
}

long wire_encode(uint8_t *out, size_t room, const struct wire_message *message)
{
	const struct row *row = row_of(message->type);
	if (row == NULL) {
		return -EINVAL;
	}
	struct writer w = { out, room, 0 };
	put_number(&w, WIRE_MAGIC, 2);
	put_number(&w, message->type, 2);
	put_number(&w, message->request, 4);
	for (unsigned i = 0; i < row->field_count && w.error == 0; i++) {
		put_field(&w, &row->fields[i], (const char *)message + row->fields[i].offset);
	}
	return w.error != 0 ? w.error : (long)(room - w.room);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *get_bytes(struct reader *r, size_t length)
{
	static const uint8_t zeros[16];
	if (r->bad || length > r->left) {
		r->bad = true;
		return zeros; /* callers ask for at most 16 bytes without checking */
	}
	const uint8_t *bytes = r->at;
	r->at += length;
	r->left -= length;
	return bytes;
}

static void get_whole(struct reader *r, void *to, size_t size)
{
	if (r->bad || size > r->left) {
		r->bad = true;
		return;
	}
	memcpy(to, get_bytes(r, size), size);
}

static uint64_t get_number(struct reader *r, size_t size)
{
	const uint8_t *bytes = get_bytes(r, size);
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++) {
		value |= (uint64_t)bytes[i] << (8 * i);
	}
	return value;
}

static void get_text(struct reader *r, char *to, size_t size)
{
	size_t length = get_number(r, 2);
	if (r->bad || length >= size || length > r->left) {
		r->bad = true;
		return;
	}
	const uint8_t *bytes = get_bytes(r, length);
	if (memchr(bytes, 0, length) != NULL) {
		r->bad = true;
		return;
	}
	memcpy(to, bytes, length);
	to[length] = '\0';
}

/* Only canonical addresses: unused bytes are zero, so that they compare by memcmp. */
static void get_addr(struct reader *r, struct addr *to)
{
	static const uint8_t zeros[16];
	uint8_t family = (uint8_t)get_number(r, 1);
	const uint8_t *bytes = get_bytes(r, 16);
	size_t used = family == ADDR_IPV6 ? 16 : family == ADDR_IPV4 ? 4 : 0;
	if ((used == 0 && family != ADDR_NONE) || memcmp(bytes + used, zeros, 16 - used) != 0) {
		r->bad = true;
		return;
	}
	to->family = family;
	memcpy(to->bytes, bytes, 16);
}

static void get_prefix(struct reader *r, struct prefix *to)
{
	get_addr(r, &to->address);
	to->bits = (uint8_t)get_number(r, 1);
	const uint8_t most = to->address.family == ADDR_IPV6   ? 128
			     : to->address.family == ADDR_IPV4 ? 32
							       : 0;
	if (to->bits > most) {
		r->bad = true;
	}
}

static void get_field(struct reader *r, const struct field *field, void *to)
{
	uint64_t value;
	switch (field->kind) {
	case FIELD_NUMBER:
		value = get_number(r, field->size);
		if (value > field->max) {
			r->bad = true;
			return;
		}
		store(to, value, field->size);
		break;
	case FIELD_TEXT:
		get_text(r, to, field->size);
		break;
	case FIELD_ADDR:
		get_addr(r, to);
		break;
	case FIELD_PREFIX:
		get_prefix(r, to);
		break;
	case FIELD_BYTES:
		get_whole(r, to, field->size);
		break;
	}
}

/* What the rows cannot say. */
static bool consistent(const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_QUERY:
		return m->query.question != 0 && m->query.first_port <= m->query.last_port;
	case WIRE_ANSWER:
		return m->answer.status >= 200;
	case WIRE_TRAPPED:
		return m->trapped.address.family != ADDR_NONE && m->trapped.port != 0;
	case WIRE_DEVICES:
		return m->devices.first + m->devices.count <= WIRE_DEVICES_MAX;
	case WIRE_ANSWERED:
		return m->answered.address.family != ADDR_NONE &&
		       m->answered.asked_by.family != ADDR_NONE && m->answered.port != 0;
	case WIRE_EVENT:
		return m->event.kind != EVENT_NONE;
	case WIRE_RULES_NEWS:
		return m->event.kind >= EVENT_RULES_LOST;
	case WIRE_OPEN_PORTS:
		return m->open_ports.next_incident != 0 &&
		       (m->open_ports.protocol == PROTOCOL_TCP ||
			m->open_ports.protocol == PROTOCOL_UDP);
	case WIRE_INCIDENT:
		return m->incident.changes != 0 && incident_is_valid(&m->incident.item);
	default:
		return true;
	}
}

int wire_decode(struct wire_message *out, const uint8_t *bytes, size_t length,
		enum wire_sender sender, unsigned fds)
{
	struct reader r = { bytes, length, false };
	memset(out, 0, sizeof(*out));
	uint64_t magic = get_number(&r, 2);
	uint64_t type = get_number(&r, 2);
	const struct row *row = row_of(type);
	out->request = (uint32_t)get_number(&r, 4);
	if (r.bad || magic != WIRE_MAGIC || row == NULL) {
		return -EBADMSG;
	}
	if ((row->senders & sender) == 0) {
		return -EPERM;
	}
	out->type = (enum wire_type)type;
	for (unsigned i = 0; i < row->field_count && !r.bad; i++) {
		get_field(&r, &row->fields[i], (char *)out + row->fields[i].offset);
	}
	if (r.bad || r.left != 0 || fds < row->fds_min || fds > row->fds_max || !consistent(out)) {
		return -EBADMSG;
	}
	return 0;
}
