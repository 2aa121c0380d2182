/* minato bans: who is kept out, why, for how long. */
#include <string.h>
#include <unistd.h>

#include "bans.h"
#include "login.h"
#include "look.h"
#include "rules.h"
#include "view/view.h"
#include "words.h"

struct config {
	const char *purpose;
	usec_t span;
	const char *until;
	int action; /* index into actions */
	bool json;
};

#define FIELD(name) offsetof(struct config, name)

static const char *const actions[] = { "ban", "hide", "slow", NULL };
static const uint8_t verdicts[] = { DEFEND_BAN, DEFEND_HIDE, DEFEND_SLOW };

static const struct option options[] = {
	{ "for", 'f', OPTION_STRING, FIELD(purpose), "TEXT", N_("why; needed to add one") },
	{ "span", 's', OPTION_SPAN, FIELD(span), "SPAN", N_("how long: 10m, 2h, 7d; a day") },
	{ "until", 'u', OPTION_STRING, FIELD(until), "TIME",
	  N_("up to a time: 2026-12-24, 2026-12-24T18:00:00Z") },
	{ "action", 'a', OPTION_CHOICE, FIELD(action), "ban|hide|slow",
	  N_("ban: everything; hide: closed ports are silent; slow: some packets a second"),
	  .choices = actions },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

static int list(const struct context *context, bool json)
{
	struct bans bans;
	int code = bans_read(&bans, context);
	if (code != EXIT_IN_ORDER) {
		bans_deinit(&bans);
		return code;
	}
	struct str out = STR_INIT(1 << 26);
	if (json) {
		json_t *document = view_document(context->now);
		json_t *items = json_array();
		for (size_t i = 0; i < bans.table.bans.count; i++) {
			json_array_append_new(items, bans_json(&bans, &bans.table.bans.items[i]));
		}
		json_object_set_new(document, "bans", items);
		(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	} else if (bans.table.bans.count == 0) {
		str_add(&out, _("nobody is kept out\n"));
	} else {
		bans_rows(&out, &bans, context);
	}
	code = print_text(&out);
	str_deinit(&out);
	bans_deinit(&bans);
	return code;
}

static int refuse(const struct context *context, const char *sentence, const char *next)
{
	complain(context, sentence, next);
	return EXIT_USAGE;
}

/* How long, from either option. @return an exit code. */
static int choose_span(struct bans_order *order, const struct context *context,
		       const struct config *config)
{
	usec_t until = 0;
	if (config->until != NULL && config->span != 0) {
		return refuse(context, _("--span or --until, not both"), "minato help bans");
	}
	if (config->until != NULL && time_parse(&until, config->until) < 0) {
		return refuse(context, _("--until takes a time: 2026-12-24, 2026-12-24T18:00:00Z"),
			      "minato help bans");
	}
	order->span = config->until != NULL ? until - context->now
		      : config->span != 0   ? config->span
					    : USEC_PER_DAY;
	if (order->span < USEC_PER_SEC || order->span > BANS_SPAN_MAX) {
		return refuse(context, _("a ban lasts a second at least and 366 days at most"),
			      "minato help bans");
	}
	return EXIT_IN_ORDER;
}

/* Who gives the order, for the record. */
static void sign(struct bans_order *order)
{
	struct login login;
	login_find(&login, NULL);
	(void)snprintf(order->by, sizeof(order->by), "%s%s%s", login.who,
		       login.from[0] != '\0' ? ", " : "", login.from);
}

static int change(const struct context *context, const struct config *config, bool remove,
		  const char *word)
{
	struct bans_order order = { .remove = remove, .verdict = verdicts[config->action] };
	if (prefix_parse(&order.prefix, word) < 0) {
		return refuse(context, _("that is no address and no network"),
			      "minato bans add 203.0.113.9 --for \"guesses passwords\"");
	}
	order.prefix = prefix_unmap(&order.prefix);
	if (!remove && (config->purpose == NULL || config->purpose[0] == '\0')) {
		return refuse(context, _("say why: --for \"guesses passwords\""),
			      "minato help bans");
	}
	int code = remove ? EXIT_IN_ORDER : choose_span(&order, context, config);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (geteuid() != 0) {
		complain(context, _("keeping somebody out needs root"),
			 remove ? "sudo minato bans remove" : "sudo minato bans add");
		return EXIT_RIGHTS;
	}
	(void)str_copy(order.purpose, sizeof(order.purpose), remove ? "" : config->purpose);
	sign(&order);
	return bans_order(context, &order);
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	if (count == 0 || (count == 1 && strcmp(arguments[0], "list") == 0)) {
		return list(context, config->json);
	}
	const bool add = strcmp(arguments[0], "add") == 0;
	if (count != 2 || (!add && strcmp(arguments[0], "remove") != 0)) {
		return refuse(context, _("bans knows list, add ADDRESS and remove ADDRESS"),
			      "minato help bans");
	}
	return change(context, config, !add, arguments[1]);
}

static const char *const examples[] = {
	"sudo minato bans",
	N_("who is kept out, for how long, why, and what was stopped"),
	"sudo minato bans add 203.0.113.9 --for \"guesses passwords\" --span 7d",
	N_("nothing of that address comes in for a week"),
	"sudo minato bans remove 203.0.113.9",
	N_("lets it in again"),
	NULL,
};

const struct command command_bans = {
	.name = "bans",
	.arguments = "[list | add ADDRESS | remove ADDRESS]",
	.summary = N_("who is kept out, why, for how long"),
	.description =
		N_("What defend: of the policy did about scans, and what people did. Each "
		   "ban has an end, a reason and its evidence, and outlives a restart with the "
		   "time that is left of it. This host's own addresses, its gateways and name "
		   "servers, who is logged in, never: and never_cut: cannot be banned."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 2,
	.run = run,
};
