/* minato anomalies: what is unusual on the ports of this host. */
#include <string.h>

#include "anomalies_remote.h"
#include "findings_rows.h"
#include "log_rows.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json, fine;
};

#define FIELD(field) offsetof(struct config, field)

static const struct option options[] = {
	{ "fine", 'f', OPTION_FLAG, FIELD(fine), NULL, N_("those that were said to be fine") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* ---- what is learned ---- */

static bool is_learned(const json_t *learned, const char *what)
{
	return json_is_true(json_object_get(learned, what));
}

static void add_learned(struct str *out, const json_t *document)
{
	const json_t *learned = json_object_get(document, "learned");
	const json_int_t minutes = json_integer_value(json_object_get(learned, "watched_minutes"));
	const char *fault = json_string_value(json_object_get(learned, "fault"));
	str_printf(out, _("watched for %lld d %lld h; "), (long long)minutes / 1440,
		   (long long)minutes % 1440 / 60);
	if (!is_learned(learned, "listeners")) {
		str_add(out, _("still learning: new listeners are told after a day, new "
			       "connections of services after 7, new networks and bursts after "
			       "14\n"));
	} else if (!is_learned(learned, "outbound")) {
		str_add(out, _("still learning: new connections of services are told after 7 days, "
			       "new networks and bursts after 14\n"));
	} else if (!is_learned(learned, "bursts")) {
		str_add(out, _("still learning: new networks and bursts are told after 14 days\n"));
	} else {
		str_add(out, _("everything is learned\n"));
	}
	if (fault != NULL) {
		text_escape(out, fault);
		str_add_char(out, '\n');
	}
}

/* ---- lists ---- */

static void add_list(struct str *out, const struct context *context, const json_t *entries)
{
	struct findings findings;
	findings_init(&findings);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		anomalies_finding(&findings, json_array_get(entries, i));
	}
	rows_findings(out, context, &findings, findings.list.count);
	findings_deinit(&findings);
}

static void add_all(struct str *out, const struct context *context, const json_t *document,
		    bool fine)
{
	const json_t *entries = json_object_get(document, fine ? "fine" : "anomalies");
	add_list(out, context, entries);
	if (json_array_size(entries) == 0) {
		str_add(out, fine ? _("nothing was said to be fine\n") : _("nothing is unusual\n"));
	}
	if (!fine) {
		add_learned(out, document);
	}
}

/* ---- one ---- */

static void add_time(struct str *out, const char *title, const json_t *entry, const char *key)
{
	char text[LOG_TIME_BYTES];
	usec_t time = 0;
	const char *value = json_string_value(json_object_get(entry, key));
	if (value != NULL && time_parse(&time, value) == 0) {
		str_printf(out, "%s %s\n", title, log_local_time(time, text));
	}
}

static void add_one(struct str *out, const struct context *context, const json_t *document,
		    const json_t *entry)
{
	struct findings findings;
	const json_int_t more = json_integer_value(json_object_get(entry, "more"));
	const bool fine = anomalies_find(document, "fine",
					 json_string_value(json_object_get(entry, "id"))) == entry;
	findings_init(&findings);
	anomalies_finding(&findings, entry);
	rows_findings(out, context, &findings, findings.list.count);
	findings_deinit(&findings);
	add_time(out, _("since"), entry, "since");
	add_time(out, fine ? _("said to be fine") : _("last"), entry, "last");
	if (more > 0) {
		str_printf(out, _("and %lld more of this kind at this port\n"), (long long)more);
	}
}

static int print(const struct context *context, const struct config *config, const json_t *document,
		 const char *id)
{
	struct str out = STR_INIT(1 << 24);
	const json_t *entry = NULL;
	if (id != NULL) {
		entry = anomalies_find(document, "anomalies", id);
		entry = entry != NULL ? entry : anomalies_find(document, "fine", id);
		if (entry == NULL) {
			complain(context, _("no anomaly has this id"), "minato anomalies");
			return EXIT_ERROR;
		}
	}
	if (config->json) {
		json_t *copy = json_deep_copy(entry != NULL ? entry : document);
		(void)view_print(&out, copy, context->out_terminal); /* kept in out.error */
	} else if (entry != NULL) {
		add_one(&out, context, document, entry);
	} else {
		add_all(&out, context, document, config->fine);
	}
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	json_t *document = NULL;
	int code = anomalies_fetch(&document, context);
	if (code == EXIT_IN_ORDER) {
		code = print(context, given, document, count > 0 ? arguments[0] : NULL);
	}
	json_decref(document);
	return code;
}

static const char *const examples[] = {
	"minato anomalies",
	N_("what stands now, each with its numbers and what to do"),
	"minato anomalies 1f3a9c20",
	N_("one of them, with its times"),
	NULL,
};

const struct command command_anomalies = {
	.name = "anomalies",
	.arguments = "[ID]",
	.summary = N_("what is unusual: new listeners, bursts, guessed logins"),
	.description =
		N_("The daemon learns per port and hour of the week how many connections, "
		   "addresses, bytes, refused packets and failed handshakes are usual, and which "
		   "programs and networks are; no content is looked at. What lies far outside "
		   "stands here until it is over, was there for a week, or is said to be fine."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 1,
	.run = run,
};
