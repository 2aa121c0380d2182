/* The table as JSON and back. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "defend/defend.h"

enum { RECORD_VERSION = 1 };

/* Of a ban: by the policy and by hand it is a year and a day at most. The kernel counts
 * nanoseconds. */
static const usec_t LONGEST = 400 * USEC_PER_DAY;

/* ---- writing ---- */

/* Foreign words may be no UTF-8: then they are left out. */
static json_t *word(const char *text)
{
	json_t *value = json_string(text);
	return value != NULL ? value : json_string("?");
}

static json_t *cause_json(const struct defend_cause *cause)
{
	json_t *ports = json_array();
	for (unsigned i = 0; i < INCIDENT_SHOWN && i < cause->port_count; i++) {
		json_array_append_new(ports, json_integer(cause->ports[i]));
	}
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "port_count",
			 (json_int_t)cause->port_count, "packet_count",
			 (json_int_t)cause->packet_count, "lasted_us", (json_int_t)cause->lasted,
			 "probe", word(cause->probe), "tool", word(cause->tool), "ports", ports);
}

static json_t *ban_json(const struct defend_ban *ban)
{
	char text[PREFIX_TEXT_BYTES];
	return json_pack(
		"{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "prefix",
		prefix_format(&ban->prefix, text), "verdict", defend_verdict_name(ban->verdict),
		"proved", ban->proved, "by_hand", ban->by_hand, "rate", (json_int_t)ban->rate.count,
		"rate_per_us", (json_int_t)ban->rate.per, "since_us", (json_int_t)ban->since,
		"until_us", (json_int_t)ban->until, "times", (json_int_t)ban->times, "incident",
		(json_int_t)ban->incident, "shape", word(ban->shape), "reason", word(ban->reason),
		"evidence", word(ban->evidence), "cause", cause_json(&ban->cause));
}

static json_t *past_json(const struct defend_past *past)
{
	char text[PREFIX_TEXT_BYTES];
	return json_pack("{s:s, s:I, s:I}", "prefix", prefix_format(&past->prefix, text), "times",
			 (json_int_t)past->times, "ended_us", (json_int_t)past->ended);
}

static json_t *table_json(const struct defend_table *table, const struct defend_stamp *stamp)
{
	json_t *bans = json_array();
	json_t *past = json_array();
	int r = 0;
	for (size_t i = 0; i < table->bans.count; i++) {
		r |= json_array_append_new(bans, ban_json(&table->bans.items[i]));
	}
	for (size_t i = 0; i < table->past.count; i++) {
		r |= json_array_append_new(past, past_json(&table->past.items[i]));
	}
	json_t *root = json_pack("{s:i, s:s, s:I, s:I, s:o, s:o}", "schema", RECORD_VERSION, "boot",
				 stamp->boot, "since_boot_us", (json_int_t)stamp->since_boot,
				 "time_us", (json_int_t)stamp->wall, "bans", bans, "past", past);
	if (r != 0) {
		json_decref(root);
		return NULL;
	}
	return root;
}

int defend_table_write(struct str *out, const struct defend_table *table,
		       const struct defend_stamp *stamp)
{
	json_t *root = table_json(table, stamp);
	_cleanup_(freep) char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text == NULL ? -ENOMEM : str_add(out, text);
}

/* ---- reading ---- */

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void copy(char *to, size_t room, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	(void)str_copy(to, room, text == NULL ? "" : text);
}

static int read_prefix(struct prefix *out, const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "prefix"));
	const int r = text == NULL ? -EINVAL : prefix_parse(out, text);
	*out = r == 0 ? prefix_unmap(out) : *out;
	return r;
}

/* Times since the boot in which they were written become those since this one. */
struct shift {
	usec_t elapsed; /* from when it was written until now */
	usec_t written, now;
};

static usec_t moved(const struct shift *shift, usec_t time)
{
	return shift->now - shift->elapsed + (time - shift->written);
}

/* What earlier versions wrote has none, and a damaged one is none: then it is told in English. */
static struct defend_cause read_cause(const json_t *item)
{
	struct defend_cause cause = { 0 };
	const json_t *ports = json_object_get(item, "ports");
	const int64_t count = number(item, "port_count");
	const int64_t packets = number(item, "packet_count");
	const int64_t lasted = number(item, "lasted_us");
	const size_t listed = json_array_size(ports);
	if (count < 1 || count > 65536 || packets < 0 || lasted < 0 || lasted > DEFEND_LASTED_MAX ||
	    listed != (count < INCIDENT_SHOWN ? (size_t)count : INCIDENT_SHOWN)) {
		return cause;
	}
	for (size_t i = 0; i < listed; i++) {
		const json_int_t port = json_integer_value(json_array_get(ports, i));
		if (port < 0 || port > UINT16_MAX) {
			return (struct defend_cause){ 0 };
		}
		cause.ports[i] = (uint16_t)port;
	}
	cause.port_count = (uint32_t)count;
	cause.packet_count = (uint64_t)packets;
	cause.lasted = lasted;
	copy(cause.probe, sizeof(cause.probe), item, "probe");
	copy(cause.tool, sizeof(cause.tool), item, "tool");
	return cause;
}

static int read_ban(struct defend_ban *out, const json_t *item, const struct shift *shift)
{
	const char *verdict = json_string_value(json_object_get(item, "verdict"));
	const int64_t since = number(item, "since_us");
	const int64_t until = number(item, "until_us");
	const int64_t rate = number(item, "rate");
	const int64_t times = number(item, "times");
	if (read_prefix(&out->prefix, item) < 0 || verdict == NULL ||
	    defend_verdict_parse(&out->verdict, verdict) < 0 || since < -LONGEST || until < since ||
	    until - shift->written > LONGEST || rate < 0 || rate > 1000000 || times < 1 ||
	    times > DEFEND_TIMES_MAX) {
		return -EINVAL;
	}
	out->proved = json_is_true(json_object_get(item, "proved"));
	out->by_hand = json_is_true(json_object_get(item, "by_hand"));
	out->rate = (struct policy_rate){ (uint32_t)rate, number(item, "rate_per_us") };
	if (out->verdict == DEFEND_SLOW && (rate == 0 || out->rate.per < USEC_PER_SEC)) {
		return -EINVAL;
	}
	out->since = moved(shift, since);
	out->until = moved(shift, until);
	out->times = (uint32_t)times;
	out->incident = (uint64_t)number(item, "incident");
	out->cause = read_cause(json_object_get(item, "cause"));
	copy(out->shape, sizeof(out->shape), item, "shape");
	copy(out->reason, sizeof(out->reason), item, "reason");
	copy(out->evidence, sizeof(out->evidence), item, "evidence");
	return 0;
}

static int read_bans(struct defend_table *out, const json_t *list, const struct shift *shift)
{
	int r = 0;
	for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
		struct defend_ban ban = { 0 };
		if (read_ban(&ban, json_array_get(list, i), shift) == 0) {
			r = defend_table_put(out, &ban);
		}
	}
	return r == -ENOSPC ? 0 : r;
}

static int read_past(struct defend_table *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && out->past.count < DEFEND_PAST_MAX; i++) {
		const json_t *item = json_array_get(list, i);
		const int64_t times = number(item, "times");
		struct defend_past past = { .times = (uint32_t)times,
					    .ended = number(item, "ended_us") };
		if (read_prefix(&past.prefix, item) < 0 || times < 1 || times > DEFEND_TIMES_MAX) {
			continue;
		}
		struct defend_past *place = vec_push(&out->past);
		if (place == NULL) {
			return -ENOMEM;
		}
		*place = past;
	}
	return 0;
}

static struct shift shift_of(const json_t *root, const struct defend_stamp *stamp)
{
	const char *boot = json_string_value(json_object_get(root, "boot"));
	struct shift shift = { .written = number(root, "since_boot_us"), .now = stamp->since_boot };
	const usec_t by_wall = stamp->wall - number(root, "time_us");
	const bool same = boot != NULL && strcmp(boot, stamp->boot) == 0;
	shift.elapsed = same ? shift.now - shift.written : by_wall > 0 ? by_wall : 0;
	return shift;
}

int defend_table_read(struct defend_table *out, const char *text, size_t length,
		      const struct defend_stamp *stamp)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	const int64_t written = number(root, "since_boot_us");
	const int64_t time = number(root, "time_us");
	if (root == NULL || number(root, "schema") != RECORD_VERSION || written < 0 ||
	    written > INT64_MAX / 4 || time < 0 || time > INT64_MAX / 4) {
		json_decref(root);
		return -EINVAL;
	}
	const struct shift shift = shift_of(root, stamp);
	int r = read_bans(out, json_object_get(root, "bans"), &shift);
	if (r == 0) {
		r = read_past(out, json_object_get(root, "past"));
	}
	json_decref(root);
	return r;
}
