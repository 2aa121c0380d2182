/* minato open: a declaration more, and the rules with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "edit.h"
#include "login.h"
#include "rules_apply.h"
#include "words.h"

enum {
	FROM_MAX = 256,
	OWNER_BYTES = 256,
	SETTINGS_MAX = 8, /* keys that change() may set */
};

struct config {
	const char *purpose, *owner, *from, *until, *name, *interface, *rate, *because;
	bool only, cut, dry_run, even_if, keep_names;
	uint64_t seconds;
};

#define FIELD(field) offsetof(struct config, field)

static const struct option options[] = {
	{ "for", 'f', OPTION_STRING, FIELD(purpose), "PURPOSE", N_("what it is open for") },
	{ "from", 0, OPTION_STRING, FIELD(from), "WHO[,WHO...]",
	  N_("who may come in: any, host, names of who:, addresses, networks") },
	{ "only", 0, OPTION_FLAG, FIELD(only), NULL,
	  N_("--from instead of whom the declaration lets in so far, not beside them") },
	{ "cut", 'c', OPTION_FLAG, FIELD(cut), NULL,
	  N_("live connections of whom it does not let in end; else they stay") },
	{ "until", 'u', OPTION_STRING, FIELD(until), "DAY|SPAN",
	  N_("last day, or how long: 2027-06-30, 30d, 2w, 6m, 1y") },
	{ "owner", 0, OPTION_STRING, FIELD(owner), "OWNER",
	  N_("who answers for it; you by default") },
	{ "name", 'n', OPTION_STRING, FIELD(name), "NAME", N_("of the declaration") },
	{ "interface", 'i', OPTION_STRING, FIELD(interface), "NAME", N_("only there") },
	{ "rate", 0, OPTION_STRING, FIELD(rate), "N/UNIT",
	  N_("new connections per source, such as 10/minute") },
	{ "because", 0, OPTION_STRING, FIELD(because), "REASON",
	  N_("why it goes without encryption") },
	{ "dry-run", 0, OPTION_FLAG, FIELD(dry_run), NULL,
	  N_("show the change of the file and write nothing") },
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("until unconfirmed rules are taken back (60)"), APPLY_SECONDS_MIN, APPLY_SECONDS_MAX },
	{ "even-if-it-cuts-me", 0, OPTION_FLAG, FIELD(even_if), NULL,
	  N_("also when you or a never_cut: one could not come in again") },
	{ "keep-names", 0, OPTION_FLAG, FIELD(keep_names), NULL, KEEP_NAMES_HELP },
};

struct opening_order {
	const struct config *config;
	const struct context *context;
	struct edit_file file;
	struct port_list ports;
	const struct profile *profile;
	const struct port_knowledge *known;
	char *from_text; /* cut into `from` */
	const char *from[FROM_MAX];
	size_t from_count;
	int32_t until;
	char owner[OWNER_BYTES];
};

static int usage(const struct context *context, const char *sentence, const char *next)
{
	complain(context, sentence, next);
	return EXIT_USAGE;
}

/* What the word means: a number, a ready-made use, or what the catalogue knows best under it. */
static int take_word(struct opening_order *order, const char *word)
{
	int r = edit_ports_number(&order->ports, word);
	if (r < 0) {
		return usage(order->context,
			     _("a port is a number from 1 to 65535, such as 25565/tcp"),
			     "minato help open");
	}
	if (r == 1) {
		return EXIT_IN_ORDER; /* a number alone does not say what it shall be for */
	}
	order->profile = catalog_profile(word);
	struct catalog_match match = { 0 };
	if (order->profile == NULL &&
	    (catalog_by_word(&match, 1, word) == 0 || match.knowledge == NULL)) {
		return usage(order->context, _("neither a port nor a use that is known"),
			     "minato explain --search WORD");
	}
	order->known = match.knowledge;
	if (order->known == NULL) {
		return EXIT_IN_ORDER; /* the profile has its ports */
	}
	struct policy_ports *ports = vec_push(&order->ports.list);
	if (ports == NULL) {
		return EXIT_ERROR;
	}
	const struct port_span *main = &order->known->ports[0];
	*ports = (struct policy_ports){ (enum protocol)main->protocol, main->first, main->last };
	return EXIT_IN_ORDER;
}

static int take_from(struct opening_order *order)
{
	if (order->config->from == NULL) {
		return !order->config->only
			       ? EXIT_IN_ORDER
			       : usage(order->context,
				       _("--only goes with --from: it says who alone may come in"),
				       "minato help open");
	}
	order->from_text = strdup(order->config->from);
	char *rest = NULL;
	for (char *word = order->from_text == NULL ? NULL : strtok_r(order->from_text, ", ", &rest);
	     word != NULL; word = strtok_r(NULL, ", ", &rest)) {
		if (order->from_count == FROM_MAX) {
			return usage(order->context, _("too many at once for --from"),
				     "minato help open");
		}
		order->from[order->from_count++] = word;
	}
	return order->from_count > 0
		       ? EXIT_IN_ORDER
		       : usage(order->context, _("--from names nobody"), "minato help open");
}

static int take_until(struct opening_order *order)
{
	order->until = POLICY_NO_DATE;
	if (order->config->until == NULL) {
		return EXIT_IN_ORDER;
	}
	int r = policy_until_parse(&order->until, order->config->until,
				   order->file.environment.today);
	return r == 0 ? EXIT_IN_ORDER
		      : usage(order->context,
			      r == -ERANGE ? _("that day is over already")
					   : _("--until is a day or a span: 2027-06-30, 30d, 2w, "
					       "6m, 1y"),
			      "minato help open");
}

static const char *purpose_of(const struct opening_order *order)
{
	if (order->config->purpose != NULL) {
		return order->config->purpose;
	}
	if (order->profile != NULL) {
		return text_in(order->profile->title, order->context->language);
	}
	return order->known == NULL ? NULL : text_in(order->known->title, order->context->language);
}

/* "taro@host": whoever logged in, on this host. */
static const char *owner_of(struct opening_order *order, const struct policy *policy)
{
	if (order->config->owner != NULL || policy->defaults.owner != NULL) {
		return order->config->owner;
	}
	struct login login;
	char host[64] = "";
	login_find(&login, NULL);
	if (gethostname(host, sizeof(host) - 1) < 0) {
		host[0] = '\0';
	}
	(void)snprintf(order->owner, sizeof(order->owner), "%s@%s", login.who, host);
	return order->owner;
}

/* ---- a declaration that is there already ---- */

/* The one that covers every port that was asked for. */
static const struct policy_declaration *covering(const struct opening_order *order,
						 const struct policy *policy)
{
	const struct policy_declaration *found = NULL;
	for (size_t i = 0; i < order->ports.list.count; i++) {
		const struct policy_ports *p = &order->ports.list.items[i];
		const struct policy_declaration *first =
			policy_declaration_for(policy, p->protocol, p->first, NULL, NULL);
		const struct policy_declaration *last =
			policy_declaration_for(policy, p->protocol, p->last, NULL, NULL);
		if (first == NULL || first != last || (found != NULL && first != found)) {
			return NULL;
		}
		found = first;
	}
	return found;
}

/* Whether another declaration lets somebody in at one of the ports. */
static bool others_cover(const struct opening_order *order, const struct policy *policy,
			 const struct policy_declaration *d)
{
	bool found = false;
	for (size_t i = 0; !found && i < order->ports.list.count; i++) {
		const struct policy_ports *p = &order->ports.list.items[i];
		for (uint32_t port = p->first; !found && port <= p->last; port++) {
			const struct policy_declaration *one = NULL;
			while (!found &&
			       (one = policy_declaration_for(policy, p->protocol, (uint16_t)port,
							     NULL, one))) {
				found = one != d;
			}
		}
	}
	return found;
}

/* Who may come in by now, in the words of the file, and then who was asked for; or they alone. */
static int list_who(struct opening_order *order, const struct policy *policy,
		    const struct policy_declaration *d, const char **words, struct str *texts)
{
	size_t count = 0;
	for (size_t i = 0; !order->config->only && i < d->from.count && count < FROM_MAX; i++) {
		str_clear(&texts[count]);
		policy_from_format(&texts[count], policy, &d->from.items[i]);
		words[count] = str_text(&texts[count]);
		count++;
	}
	for (size_t i = 0; i < order->from_count && count < FROM_MAX; i++) {
		bool known = false;
		for (size_t k = 0; k < count; k++) {
			known = known || strcmp(words[k], order->from[i]) == 0;
		}
		if (!known) {
			words[count++] = order->from[i];
		}
	}
	return (int)count;
}

static int change(struct opening_order *order, struct policy_edit *edit,
		  const struct policy *policy, const struct policy_declaration *d)
{
	const struct config *config = order->config;
	struct policy_setting settings[SETTINGS_MAX];
	size_t count = 0;
	char date[POLICY_DATE_TEXT_BYTES];
	const char *day = policy_date_format(order->until, date);
	static const char *const yes = "yes";
	_cleanup_(freep) const char **words = calloc(FROM_MAX, sizeof(*words));
	struct str texts[FROM_MAX];
	if (words == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < FROM_MAX; i++) {
		texts[i] = STR_INIT(256);
	}
	if (order->from_count > 0) {
		int who = list_who(order, policy, d, words, texts);
		settings[count++] = (struct policy_setting){ "from", words, (size_t)who };
	}
	const struct {
		const char *key;
		const char *const *value;
	} plain[] = { { "until", order->until == POLICY_NO_DATE ? NULL : &day },
		      { "for", config->purpose == NULL ? NULL : &config->purpose },
		      { "owner", config->owner == NULL ? NULL : &config->owner },
		      { "rate", config->rate == NULL ? NULL : &config->rate },
		      { "interface", config->interface == NULL ? NULL : &config->interface },
		      { "cut", config->cut ? &yes : NULL } };
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (plain[i].value != NULL) {
			settings[count++] =
				(struct policy_setting){ plain[i].key, plain[i].value, 1 };
		}
	}
	const struct policy_text text = edit_text(&order->file);
	int r = count == 0 ? POLICY_EDIT_UNCHANGED
			   : policy_edit_set(edit, &text, d->entry.name, settings, count,
					     &order->file.environment);
	for (size_t i = 0; i < FROM_MAX; i++) {
		str_deinit(&texts[i]);
	}
	return r;
}

static int add(struct opening_order *order, struct policy_edit *edit, const struct policy *policy)
{
	const struct config *config = order->config;
	const struct policy_text text = edit_text(&order->file);
	const struct policy_addition addition = {
		.name = config->name,
		.ports = order->ports.list.items,
		.port_count = order->profile != NULL ? 0 : order->ports.list.count,
		.profile = order->profile == NULL ? NULL : order->profile->name,
		.purpose = purpose_of(order),
		.owner = owner_of(order, policy),
		.from = order->from,
		.from_count = order->from_count,
		.encryption = config->because != NULL ? "none" : NULL,
		.because = config->because,
		.rate = config->rate,
		.until = order->until,
		.interface = config->interface,
		.cut = config->cut,
	};
	return policy_edit_add(edit, &text, &addition, &order->file.environment);
}

static int carry_out(struct opening_order *order, const struct policy *policy, const char *word)
{
	struct policy_edit edit = { 0 };
	char command[128];
	const struct policy_declaration *d = covering(order, policy);
	if (d == NULL && purpose_of(order) == NULL) {
		return usage(order->context,
			     _("say what it is for: nothing is open without a purpose"),
			     "minato open PORT --for \"PURPOSE\"");
	}
	if (order->config->only && others_cover(order, policy, d)) {
		return usage(order->context,
			     _("more than one declaration lets somebody in there, or part of it; "
			       "narrow them in the file"),
			     "minato policy print");
	}
	(void)snprintf(command, sizeof(command), "open %.100s", word);
	const struct edit_way way = { .dry_run = order->config->dry_run,
				      .even_if = order->config->even_if,
				      .keep_names = order->config->keep_names,
				      .seconds = (unsigned)order->config->seconds,
				      .command = command };
	int outcome = d == NULL ? add(order, &edit, policy) : change(order, &edit, policy, d);
	int code = EXIT_IN_ORDER;
	if (outcome == POLICY_EDIT_UNCHANGED) {
		struct str text = STR_INIT(1024);
		str_printf(&text, _("declared already, as \"%s\"; nothing to change\n"),
			   d == NULL ? word : d->entry.name);
		code = print_text(&text);
		str_deinit(&text);
	} else {
		code = edit_carry_out(&order->file, &edit, outcome, &way);
	}
	policy_edit_deinit(&edit);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	struct opening_order order = { .config = given, .context = context };
	(void)count; /* one: its row says so */
	int code = edit_file_open(&order.file, context);
	if (code == EXIT_IN_ORDER) {
		code = take_word(&order, arguments[0]);
	}
	if (code == EXIT_IN_ORDER) {
		code = take_from(&order);
	}
	if (code == EXIT_IN_ORDER) {
		code = take_until(&order);
	}
	if (code == EXIT_IN_ORDER) {
		if (order.profile != NULL &&
		    edit_ports_word(&order.ports, order.profile->name) < 0) {
			code = EXIT_ERROR;
		} else {
			code = carry_out(&order, edit_policy(&order.file), arguments[0]);
		}
	}
	edit_file_close(&order.file);
	vec_free(&order.ports.list);
	free(order.from_text);
	return code;
}

static const struct config defaults = { .seconds = APPLY_SECONDS };
static const char *const examples[] = {
	"sudo minato open 25565/tcp --for Minecraft --from 203.0.113.0/24 --until 30d",
	N_("for a month, for friends; it closes by itself"),
	"sudo minato open https --from any",
	N_("a ready-made use with its ports"),
	"sudo minato open 22/tcp --from 192.0.2.0/24 --only --cut",
	N_("from there alone, and whoever is in from elsewhere is out at once"),
	NULL,
};

const struct command command_open = {
	.name = "open",
	.arguments = "PORT|USE",
	.summary = N_("open a port: declare it and apply the policy"),
	.description =
		N_("Adds a declaration to the policy file, whose other lines stay as they are, "
		   "and applies it as minato apply does. A port that is declared already is "
		   "widened or prolonged, with --only narrowed."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
