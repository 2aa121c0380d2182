/* minato incidents: who scanned this host. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "command.h"
#include "incident_text.h"
#include "incidents_show.h"
#include "incidents_source.h"
#include "log_rows.h"
#include "view/view.h"
#include "words.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 10000 };

struct config {
	usec_t since, until, digest;
	const char *address;
	uint64_t limit;
	bool json;
	const char *state_directory;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "since", 's', OPTION_TIME, FIELD(since), "TIME",
	  N_("that went on since then: a time, or 2h back") },
	{ "until", 'u', OPTION_TIME, FIELD(until), "TIME", N_("that began before this") },
	{ "address", 'a', OPTION_STRING, FIELD(address), "ADDRESS[/BITS]",
	  N_("by this address or network only") },
	{ "digest", 'd', OPTION_TIME, FIELD(digest), "DAY",
	  N_("one day in a few lines: a date, or 1d for yesterday") },
	{ "limit", 'n', OPTION_NUMBER, FIELD(limit), "N", N_("the latest N only (50)"), 1,
	  LIMIT_MAX },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
	{ "state-directory", 0, OPTION_STRING, FIELD(state_directory), "DIRECTORY",
	  N_("where the daemon keeps its events") },
};

static const struct config defaults = { .limit = LIMIT_DEFAULT };

/* ---- what is asked ---- */

/* "show 12", or the number alone; "list" is what is done without a word. */
static int take_words(uint64_t *id, const char *const *words, unsigned count, struct err *e)
{
	if (count == 0 || (count == 1 && strcmp(words[0], "list") == 0)) {
		return 0;
	}
	if ((count == 2 && strcmp(words[0], "show") != 0) ||
	    parse_u64(id, words[count - 1], 1, INT64_MAX) < 0) {
		return err_set(e, EINVAL, _("\"%s\" is no number of an incident"),
			       words[count - 1]);
	}
	return 0;
}

static int make_wanted(struct incidents_wanted *out, const struct config *config,
		       const char *const *words, unsigned count, struct err *e)
{
	*out = (struct incidents_wanted){ .since = config->since,
					  .until = config->until,
					  .limit = (uint32_t)config->limit,
					  .state_directory = config->state_directory };
	if (config->address != NULL && prefix_parse(&out->address, config->address) < 0) {
		return err_set(e, EINVAL, _("--address: \"%s\" is no address or network"),
			       config->address);
	}
	if (config->until > 0 && config->since >= config->until) {
		return err_set(e, EINVAL, _("--since must be before --until"));
	}
	if (config->digest > 0) {
		out->since = incidents_day(config->digest);
		out->until = incidents_day(out->since + USEC_PER_DAY + USEC_PER_HOUR * 4);
		out->limit = LIMIT_MAX;
	}
	return take_words(&out->id, words, count, e);
}

/* ---- showing ---- */

static int print_json(const struct context *context, const struct incidents_found *found)
{
	struct view_writer writer;
	struct str out = STR_INIT(1 << 28);
	view_begin(&writer, &out, context->now, context->out_terminal);
	view_list_begin(&writer, "incidents");
	for (size_t i = 0; i < found->list.count; i++) {
		const struct incident *incident = &found->list.items[i];
		view_row(&writer, view_incident(incident, found->live && !incident->ended));
	}
	view_list_end(&writer);
	view_end(&writer);
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int print_list(const struct context *context, const struct incidents_found *found)
{
	struct str out = STR_INIT(1 << 26);
	char time[LOG_TIME_BYTES];
	for (size_t i = found->list.count; i > 0; i--) { /* the latest at the bottom, as in logs */
		const struct incident *incident = &found->list.items[i - 1];
		log_local_time(incident->first, time);
		time[strlen("2026-11-22 10:15:02")] = '\0';
		str_printf(&out, "%4llu  %s%s%s  ", (unsigned long long)incident->id,
			   style_ink(&context->out_style, INK_DIM), time,
			   style_ink(&context->out_style, INK_PLAIN));
		incident_add_sentence(&out, incident);
		if (found->live && !incident->ended) {
			str_printf(&out, "%s%s%s", style_ink(&context->out_style, INK_WARN),
				   _(", goes on"), style_ink(&context->out_style, INK_PLAIN));
		}
		str_add_char(&out, '\n');
	}
	if (found->list.count == 0) {
		str_add(&out, found->live
				      ? _("no scan of this host is remembered\n")
				      : _("no scan of this host is remembered; the daemon does not "
					  "run, so none is seen\n"));
	}
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int show(const struct context *context, const struct config *config,
		const struct incidents_wanted *wanted, const struct incidents_found *found)
{
	if (wanted->id != 0 && found->list.count == 0) {
		struct str sentence = STR_INIT(1024);
		str_printf(&sentence, _("no incident %llu is remembered"),
			   (unsigned long long)wanted->id);
		complain(context, str_text(&sentence), "minato incidents");
		str_deinit(&sentence);
		return EXIT_ERROR;
	}
	if (config->json && config->digest > 0) {
		return incidents_print_digest_json(context, wanted->since, found);
	}
	if (config->json) {
		return print_json(context, found);
	}
	if (config->digest > 0) {
		return incidents_print_digest(context, wanted->since, found);
	}
	return wanted->id != 0 ? incidents_print_one(context, found) : print_list(context, found);
}

static int run(const struct context *context, const void *raw_config, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = raw_config;
	struct incidents_wanted wanted;
	struct incidents_found found = { 0 };
	struct err e = ERR_INIT;
	if (make_wanted(&wanted, config, arguments, count, &e) < 0) {
		complain(context, err_text(&e), "minato help incidents");
		return EXIT_USAGE;
	}
	int code = incidents_fetch(&found, context, &wanted);
	if (code == EXIT_IN_ORDER) {
		code = show(context, config, &wanted, &found);
	}
	vec_free(&found.list);
	return code;
}

static const char *const examples[] = {
	"minato incidents",
	N_("who scanned this host, each scan one line"),
	"minato incidents show 12",
	N_("all that is known of one: what was asked, what answered, what the policy says of it"),
	"minato incidents --digest 1d",
	N_("yesterday in a few lines"),
	NULL,
};

const struct command command_incidents = {
	.name = "incidents",
	.arguments = "[list | show NUMBER]",
	.summary = N_("who scanned this host, what answered, and whether that is declared"),
	.description =
		N_("The daemon sees port scans of every kind before the packet filter does, and "
		   "remembers each as one incident. The latest stand at the bottom."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.max_arguments = 2,
	.run = run,
};
