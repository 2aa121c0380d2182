/* Bans as they are listed, for people and for machines. */
#include "bans.h"
#include "view/view.h"
#include "words.h"

static const struct table_column columns[] = {
	{ NULL, ALIGN_LEFT, 0, 0 },  /* address */
	{ NULL, ALIGN_LEFT, 0, 0 },  /* what is done */
	{ NULL, ALIGN_RIGHT, 0, 0 }, /* time that is left */
	{ NULL, ALIGN_RIGHT, 8, 0 }, /* packets stopped */
	{ NULL, ALIGN_LEFT, 12, 0 }, /* why */
};

void bans_deinit(struct bans *bans)
{
	defend_table_deinit(&bans->table);
	vec_free(&bans->kernel);
}

const struct tap_ban *bans_held(const struct bans *bans, const struct prefix *prefix)
{
	for (size_t i = 0; i < bans->kernel.count; i++) {
		const struct tap_ban *ban = &bans->kernel.items[i];
		if (ban->prefix.bits == prefix->bits &&
		    addr_compare(&ban->prefix.address, &prefix->address) == 0) {
			return ban;
		}
	}
	return NULL;
}

const struct defend_ban *bans_against(const struct bans *bans, const struct addr *address)
{
	const struct defend_ban *ban = defend_table_covers(&bans->table, address);
	return ban != NULL && bans_held(bans, &ban->prefix) != NULL ? ban : NULL;
}

void bans_rows(struct str *out, const struct bans *bans, const struct context *context)
{
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < bans->table.bans.count; i++) {
		const struct defend_ban *ban = &bans->table.bans.items[i];
		const struct tap_ban *held = bans_held(bans, &ban->prefix);
		char prefix[PREFIX_TEXT_BYTES];
		char left[SPAN_TEXT_BYTES];
		table_cell(&table, INK_PLAIN, prefix_format(&ban->prefix, prefix));
		table_cell(&table, held == NULL ? INK_WARN : INK_PLAIN,
			   bans_verdict_words(ban->verdict));
		table_printf(&table, INK_PLAIN, _("%s left"),
			     span_format(ban->until - bans->now.since_boot, left));
		if (held != NULL) {
			table_printf(&table, INK_DIM, _("%llu packets stopped"),
				     (unsigned long long)held->stopped);
		} else {
			table_cell(&table, INK_WARN, _("not held by the kernel"));
		}
		struct str why = STR_INIT(4096);
		bans_add_why(&why, ban);
		table_cell(&table, INK_PLAIN, str_text(&why));
		str_deinit(&why);
	}
	(void)table_render(out, &table, context->out_terminal ? context->columns : 0,
			   &context->out_style); /* kept in out->error */
	table_deinit(&table);
}

static json_t *ports_json(const struct defend_cause *cause)
{
	json_t *ports = json_array();
	for (unsigned i = 0; i < INCIDENT_SHOWN && i < cause->port_count; i++) {
		json_array_append_new(ports, json_integer(cause->ports[i]));
	}
	return ports;
}

json_t *bans_json(const struct bans *bans, const struct defend_ban *ban)
{
	char prefix[PREFIX_TEXT_BYTES];
	const struct tap_ban *held = bans_held(bans, &ban->prefix);
	const usec_t offset = bans->now.wall - bans->now.since_boot;
	return json_pack(
		"{s:s, s:s, s:o, s:o, s:I, s:b, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:I, "
		"s:I, s:I, s:o}",
		"source", prefix_format(&ban->prefix, prefix), "action",
		defend_verdict_name(ban->verdict), "since_time", view_time(ban->since + offset),
		"until_time", view_time(ban->until + offset), "left_us",
		(json_int_t)(ban->until - bans->now.since_boot), "proved", ban->proved, "by_hand",
		ban->by_hand, "held", held != NULL, "times", (json_int_t)ban->times, "incident",
		(json_int_t)ban->incident, "kind", view_string(ban->shape), "reason",
		view_string(ban->reason), "evidence", view_string(ban->evidence), "stopped_count",
		held == NULL ? json_null() : json_integer((json_int_t)held->stopped), "probe",
		view_string(ban->cause.probe), "tool", view_string(ban->cause.tool), "port_count",
		(json_int_t)ban->cause.port_count, "packet_count",
		(json_int_t)ban->cause.packet_count, "lasted_us", (json_int_t)ban->cause.lasted,
		"ports", ports_json(&ban->cause));
}
