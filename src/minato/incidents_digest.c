/* A day of incidents in a few lines. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/portset.h"
#include "detect_show.h"
#include "incident_text.h"
#include "incidents_show.h"
#include "view/view.h"
#include "words.h"

enum { WORST = 5, DAY_BYTES = 16 };

usec_t incidents_day(usec_t time)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm parts;
	if (localtime_r(&seconds, &parts) == NULL) {
		return time - time % USEC_PER_DAY;
	}
	parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
	parts.tm_isdst = -1; /* the clock may change within the day */
	return (usec_t)mktime(&parts) * USEC_PER_SEC;
}

static const char *day_words(usec_t day, char out[DAY_BYTES])
{
	const time_t seconds = (time_t)(day / USEC_PER_SEC);
	struct tm parts;
	out[0] = '\0';
	if (localtime_r(&seconds, &parts) != NULL) {
		(void)strftime(out, DAY_BYTES, "%Y-%m-%d", &parts);
	}
	return out;
}

/* ---- counted ---- */

struct ranked {
	const struct incident *incident;
};

struct digest {
	uint32_t scans, floods, going_on;
	uint32_t sources; /* different ones, of those that have one */
	uint64_t packets;
	uint32_t answered, undeclared; /* different ports */
	bool policy;
	struct ranked worst[WORST]; /* most ports first */
	uint32_t worst_count;
};

static int by_source(const void *pa, const void *pb)
{
	const struct ranked *a = pa;
	const struct ranked *b = pb;
	return addr_compare(&a->incident->source.address, &b->incident->source.address);
}

static int by_ports(const void *pa, const void *pb)
{
	const uint32_t a = ((const struct ranked *)pa)->incident->port_count;
	const uint32_t b = ((const struct ranked *)pb)->incident->port_count;
	return a > b ? -1 : a < b;
}

static void count_sources(struct digest *out, struct ranked *list, size_t count)
{
	qsort(list, count, sizeof(*list), by_source);
	for (size_t i = 0; i < count; i++) {
		const struct addr *address = &list[i].incident->source.address;
		out->sources += address->family != ADDR_NONE &&
				(i == 0 ||
				 addr_compare(address, &list[i - 1].incident->source.address) != 0);
	}
}

static void count_answers(struct digest *out, const struct incident *incident,
			  struct portset seen[2])
{
	for (uint32_t n = 0; n < incident->answered_count; n++) {
		const struct incident_port *port = &incident->answered[n];
		struct portset *set = &seen[port->protocol == PROTOCOL_UDP];
		if (!portset_has(set, port->port)) {
			portset_add(set, port->port);
			out->answered++;
			out->undeclared += incident->policy && !port->declared;
		}
	}
}

static void count_one(struct digest *out, const struct incident *incident, bool live)
{
	const bool flood = strcmp(incident->kind, "flood") == 0;
	out->floods += flood;
	out->scans += !flood;
	out->going_on += live && !incident->ended;
	out->packets += incident->packet_count;
	out->policy = out->policy || incident->policy;
}

/* @return whether there was memory. */
static bool make(struct digest *out, const struct incidents_found *found)
{
	const size_t count = found->list.count;
	struct ranked *list = calloc(count + 1, sizeof(*list));
	struct portset seen[2] = { 0 };
	*out = (struct digest){ 0 };
	for (size_t i = 0; list != NULL && i < count; i++) {
		list[i].incident = &found->list.items[i];
		count_one(out, list[i].incident, found->live);
		count_answers(out, list[i].incident, seen);
	}
	if (list != NULL) {
		count_sources(out, list, count);
		qsort(list, count, sizeof(*list), by_ports);
		out->worst_count = count < WORST ? (uint32_t)count : WORST;
		memcpy(out->worst, list, out->worst_count * sizeof(*list));
	}
	const bool made = list != NULL;
	free(list);
	return made;
}

/* ---- shown ---- */

static void add_head(struct str *out, usec_t day, const struct digest *digest)
{
	char date[DAY_BYTES];
	char packets[DETECT_NUMBER_BYTES];
	str_printf(out, _("%s: "), day_words(day, date));
	add_counted(out, digest->scans, _("%u scan"), _("%u scans"));
	if (digest->floods > 0) {
		str_add(out, _(", "));
		add_counted(out, digest->floods, _("%u flood"), _("%u floods"));
	}
	str_add(out, _(" by "));
	add_counted(out, digest->sources, _("%u address or network"),
		    _("%u addresses or networks"));
	str_printf(out, _(", %s packets"), detect_grouped(digest->packets, packets));
	str_add_char(out, '\n');
	str_add(out, _("answered: "));
	add_counted(out, digest->answered, _("%u port"), _("%u ports"));
	if (digest->policy && digest->answered > 0) {
		if (digest->undeclared == 0) {
			str_add(out, _(", all in policy"));
		} else {
			add_counted(out, digest->undeclared, _(", %u of them not in policy"),
				    _(", %u of them not in policy"));
		}
	}
	str_add_char(out, '\n');
}

int incidents_print_digest(const struct context *context, usec_t day,
			   const struct incidents_found *found)
{
	struct digest digest;
	struct str out = STR_INIT(1 << 20);
	if (!make(&digest, found)) {
		complain(context, _("out of memory"), NULL);
		return EXIT_ERROR;
	}
	add_head(&out, day, &digest);
	for (uint32_t i = 0; i < digest.worst_count; i++) {
		str_printf(&out, "%4llu  ", (unsigned long long)digest.worst[i].incident->id);
		incident_add_sentence(&out, digest.worst[i].incident);
		str_add_char(&out, '\n');
	}
	if (found->list.count > digest.worst_count) {
		str_printf(&out, _("... and %zu more: minato incidents --since %s\n"),
			   found->list.count - digest.worst_count,
			   day_words(day, (char[DAY_BYTES]){ 0 }));
	}
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

int incidents_print_digest_json(const struct context *context, usec_t day,
				const struct incidents_found *found)
{
	struct digest digest;
	struct str out = STR_INIT(1 << 20);
	char date[DAY_BYTES];
	json_t *worst = json_array();
	json_t *document = view_document(context->now);
	if (!make(&digest, found)) {
		digest = (struct digest){ 0 };
	}
	for (uint32_t i = 0; i < digest.worst_count; i++) {
		const struct incident *incident = digest.worst[i].incident;
		if (incident != NULL) {
			json_array_append_new(
				worst, view_incident(incident, found->live && !incident->ended));
		}
	}
	json_object_set_new(document, "digest",
			    json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "day",
				      day_words(day, date), "scan_count", (json_int_t)digest.scans,
				      "flood_count", (json_int_t)digest.floods, "going_on_count",
				      (json_int_t)digest.going_on, "source_count",
				      (json_int_t)digest.sources, "packet_count",
				      (json_int_t)digest.packets, "answer_count",
				      (json_int_t)digest.answered, "undeclared_count",
				      digest.policy ? json_integer(digest.undeclared) : json_null(),
				      "worst", worst));
	(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}
