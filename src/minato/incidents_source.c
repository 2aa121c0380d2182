/* Where remembered incidents come from. */
#include "incidents_source.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client.h"
#include "store/store.h"
#include "store_directory.h"
#include "view/view.h"
#include "words.h"

/* ---- the daemon ---- */

static void add_time(struct str *target, const char *name, usec_t time)
{
	char text[TIME_TEXT_BYTES];
	if (time != 0) {
		client_add_parameter(target, name, time_format(time, text));
	}
}

static void add_target(struct str *target, const struct incidents_wanted *wanted)
{
	char text[PREFIX_TEXT_BYTES];
	if (wanted->id != 0) {
		str_printf(target, "/v1/incidents/%llu", (unsigned long long)wanted->id);
		return;
	}
	str_add(target, "/v1/incidents");
	(void)snprintf(text, sizeof(text), "%u", wanted->limit);
	client_add_parameter(target, "limit", text);
	add_time(target, "since", wanted->since);
	add_time(target, "until", wanted->until);
	if (wanted->address.address.family != ADDR_NONE) {
		client_add_parameter(target, "address", prefix_format(&wanted->address, text));
	}
}

static int take_list(struct incidents_found *out, const struct str *body, struct err *e)
{
	json_t *document = json_loads(str_text(body), 0, NULL);
	const json_t *list = json_object_get(document, "incidents");
	int r = json_is_array(list)
			? 0
			: err_set(e, EPROTO, _("the daemon's answer is not understood"));
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		struct incident incident;
		bool going_on = false;
		if (view_incident_read(&incident, &going_on, json_array_get(list, i)) < 0) {
			continue; /* of a kind that a newer daemon knows */
		}
		struct incident *place = vec_push(&out->list);
		if (place == NULL) {
			r = err_set(e, ENOMEM, "%s", strerror(ENOMEM));
		} else {
			*place = incident;
		}
	}
	json_decref(document);
	return r;
}

static int ask_daemon(struct incidents_found *out, const struct incidents_wanted *wanted,
		      struct err *e)
{
	struct str target = STR_INIT(8192);
	struct str body = STR_INIT(CLIENT_BODY_BYTES_MAX);
	long status = 0;
	add_target(&target, wanted);
	int r = target.error != 0 ? target.error : client_get(&body, &status, str_text(&target), e);
	if (r == 0 && status == 404) {
		out->live = true; /* none has that number */
	} else if (r == 0 && status != 200) {
		r = err_set(e, EPROTO, _("the daemon refused the question (HTTP %ld)"), status);
	} else if (r == 0) {
		out->live = true;
		r = take_list(out, &body, e);
	}
	str_deinit(&target);
	str_deinit(&body);
	return r;
}

/* ---- its files ---- */

struct gathering {
	struct incidents_found *found;
	uint64_t id;
};

static int gather(const struct event *event, void *data)
{
	struct gathering *gathering = data;
	struct incident incident;
	if (incident_read(&incident, event) < 0 ||
	    (gathering->id != 0 && incident.id != gathering->id)) {
		return 0;
	}
	struct incident *place = vec_push(&gathering->found->list);
	if (place == NULL) {
		return -ENOMEM;
	}
	*place = incident;
	return 0;
}

static int read_store(struct incidents_found *out, const struct incidents_wanted *wanted,
		      int directory, struct err *e)
{
	const struct store_filter filter = {
		.kinds = EVENT_BIT(EVENT_SCAN_STARTED) | EVENT_BIT(EVENT_SCAN_ENDED),
		.from = wanted->since,
		.to = wanted->until,
		.address = wanted->address,
		.limit = wanted->id != 0 ? 0 : 2ULL * wanted->limit,
		.newest_first = true,
	};
	struct gathering gathering = { out, wanted->id };
	const int r = store_query(directory, &filter, gather, &gathering, e);
	out->list.count = incidents_fold(out->list.items, out->list.count);
	if (out->list.count > wanted->limit) {
		out->list.count = wanted->limit;
	}
	return r;
}

static int complain_of_store(const struct context *context, const char *path, int error)
{
	struct str sentence = STR_INIT(8192);
	str_printf(&sentence, _("cannot read the events in %s: %s"), path, strerror(error));
	complain(context, str_text(&sentence),
		 error == EACCES && geteuid() != 0 ? "sudo minato incidents" : NULL);
	str_deinit(&sentence);
	return error == EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

static int open_and_read(struct incidents_found *out, const struct context *context,
			 const struct incidents_wanted *wanted)
{
	const char *path = store_directory(wanted->state_directory);
	struct err e = ERR_INIT;
	_cleanup_(close_fdp) int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		return errno == ENOENT ? EXIT_IN_ORDER : complain_of_store(context, path, errno);
	}
	const int r = read_store(out, wanted, directory, &e);
	if (r < 0) { /* a day that is damaged hides none of the others */
		complain(context, err_text(&e), NULL);
		return r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

int incidents_fetch(struct incidents_found *out, const struct context *context,
		    const struct incidents_wanted *wanted)
{
	struct err e = ERR_INIT;
	if (wanted->state_directory != NULL) {
		return open_and_read(out, context, wanted);
	}
	const int r = ask_daemon(out, wanted, &e);
	if (r == -ENOENT || r == -ECONNREFUSED || r == -ENOPKG) {
		return open_and_read(out, context, wanted);
	}
	return r < 0 ? complain_of_daemon(context, r, &e) : EXIT_IN_ORDER;
}
