/* Stored events by the daemon's API. */
#include "log_remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "view/view.h"
#include "words.h"

enum { PAGE_EVENTS = 10000 }; /* data/openapi.yaml: the most in one answer */

static void add_time(struct str *target, const char *name, usec_t time)
{
	char text[TIME_TEXT_BYTES];
	if (time != 0) {
		client_add_parameter(target, name, time_format(time, text));
	}
}

static void add_conditions(struct str *target, const struct store_filter *filter)
{
	char text[PREFIX_TEXT_BYTES];
	add_time(target, "since", filter->from);
	add_time(target, "until", filter->to);
	if (filter->has_ports) {
		(void)snprintf(text, sizeof(text), "%u-%u", filter->first_port, filter->last_port);
		client_add_parameter(target, "port", text);
	}
	if (filter->protocol != PROTOCOL_NONE) {
		client_add_parameter(target, "protocol", protocol_name(filter->protocol));
	}
	if (filter->address.address.family != ADDR_NONE) {
		client_add_parameter(target, "address", prefix_format(&filter->address, text));
	}
	if (filter->process != NULL) {
		client_add_parameter(target, "process", filter->process);
	}
	for (unsigned kind = 1; kind <= EVENT_KIND_LAST; kind++) {
		if (event_kind_is_known(kind) && filter->kinds == EVENT_BIT(kind)) {
			client_add_parameter(target, "kind", event_kind_name(kind));
		}
	}
}

/* The events of one answer. @return how many, or negative. */
static long take_page(struct log_events *out, const struct str *body, struct err *e)
{
	json_t *document = json_loads(str_text(body), 0, NULL);
	const json_t *events = json_object_get(document, "events");
	if (!json_is_array(events)) {
		json_decref(document);
		return err_set(e, EPROTO, _("the daemon's answer is not understood"));
	}
	size_t count = json_array_size(events);
	for (size_t i = 0; i < count; i++) {
		struct event event;
		struct event *place = NULL;
		if (view_event_read(&event, json_array_get(events, i)) < 0) {
			continue; /* a kind that a newer daemon knows */
		}
		place = vec_push(&out->list);
		if (place == NULL) {
			json_decref(document);
			return err_system(e, ENOMEM, "%s", _("events"));
		}
		*place = event;
	}
	json_decref(document);
	return (long)count;
}

/* @param after ids greater than this; 0 on the first page of the latest. */
static long fetch_page(struct log_events *out, const struct store_filter *filter, uint64_t limit,
		       bool forward, uint64_t after, struct err *e)
{
	struct str target = STR_INIT(8192);
	struct str body = STR_INIT(CLIENT_BODY_BYTES_MAX);
	char text[24];
	long status = 0;
	str_add(&target, "/v1/events");
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
	client_add_parameter(&target, "limit", text);
	add_conditions(&target, filter);
	if (forward) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)after);
		client_add_parameter(&target, "after", text);
	}
	long r = client_get(&body, &status, str_text(&target), e);
	if (r == 0 && status != 200) {
		r = err_set(e, EPROTO, _("the daemon refused the question (HTTP %ld)"), status);
	}
	if (r == 0) {
		r = take_page(out, &body, e);
	}
	str_deinit(&target);
	str_deinit(&body);
	return r;
}

static int compare_ids(const void *pa, const void *pb)
{
	const struct event *a = pa;
	const struct event *b = pb;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Forgets all but the newest. */
static void keep_newest(struct log_events *events, uint64_t limit)
{
	size_t count = events->list.count;
	if (count > 0) {
		qsort(events->list.items, count, sizeof(events->list.items[0]), compare_ids);
	}
	if (limit != 0 && count > limit) {
		size_t gone = count - limit;
		memmove(events->list.items, events->list.items + gone,
			limit * sizeof(events->list.items[0]));
		events->list.count = limit;
	}
}

int log_fetch(struct log_events *out, const struct store_filter *filter, struct err *e)
{
	bool latest = filter->limit > 0 && filter->limit <= PAGE_EVENTS && filter->from == 0 &&
		      filter->to == 0;
	long got = 0;
	uint64_t after = 0;
	do {
		got = fetch_page(out, filter, latest ? filter->limit : PAGE_EVENTS, !latest, after,
				 e);
		if (got < 0) {
			return (int)got;
		}
		keep_newest(out, filter->limit);
		after = out->list.count > 0 ? out->list.items[out->list.count - 1].id : 0;
	} while (!latest && got == PAGE_EVENTS);
	return 0;
}
