/* minato explain: everything about a port, a service or a program on one screen. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bans.h"
#include "base/cleanup.h"
#include "base/io/file.h"
#include "explain.h"
#include "explain_json.h"
#include "explain_outgoing.h"
#include "explain_way.h"
#include "judge.h"
#include "look.h"
#include "measures.h"
#include "nat_live.h"
#include "observe/observe.h"
#include "words.h"

enum { OUTPUT_MAX_BYTES = 64 << 20 };

struct config {
	int list; /* index into lists; 0 = none */
	const char *search;
	bool figure;
	const char *svg; /* file to write */
	const char *from, *interface, *to;
	const char *user, *unit; /* who sends to --to */
	bool measures, remember_page;
	bool terms;
	bool json;
};

static const char *const lists[] = { "none", "common", "risky", "well-known", "registered", NULL };
/* The same order without the first. */
static const enum catalog_list list_of[] = {
	CATALOG_LIST_COMMON,
	CATALOG_LIST_RISKY,
	CATALOG_LIST_WELL_KNOWN,
	CATALOG_LIST_REGISTERED,
};

static int finish(struct str *out)
{
	int code = print_text(out);
	str_deinit(out);
	return code;
}

static int print_json(const struct context *context, const char *key, json_t *content)
{
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	json_t *document = view_document(context->now);
	if (document == NULL || json_object_set_new(document, key, content) < 0) {
		complain(context, strerror(ENOMEM), NULL);
		json_decref(document);
		return EXIT_ERROR;
	}
	(void)view_print(&out, document, context->out_terminal); /* kept in out.error */
	return finish(&out);
}

static int run_list(const struct explain *explain, const struct config *config)
{
	enum { ROOM = 2048 };
	enum catalog_list list = list_of[config->list - 1];
	struct view view = { .language = explain->context->language };
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	if (!config->json) {
		explain_list(&out, explain, list);
		return finish(&out);
	}
	const struct port_knowledge *entries[ROOM];
	size_t count = catalog_list(entries, ROOM, list);
	json_t *ports = json_array();
	for (size_t i = 0; i < count && i < ROOM; i++) {
		json_array_append_new(ports, view_knowledge(&view, entries[i]));
	}
	return print_json(explain->context, "services", ports);
}

/* The word may be foreign bytes. */
static int nothing_about(const struct context *context, const char *word)
{
	struct str sentence = STR_INIT(4096);
	struct str safe = STR_INIT(2048);
	struct str next = STR_INIT(2048);
	const char *fault = explain_number_fault(word);
	const char *near = fault == NULL ? explain_nearest(word) : NULL;
	text_escape(&safe, word);
	if (fault != NULL) {
		str_printf(&sentence, "%s: %s", str_text(&safe), fault);
		complain(context, str_text(&sentence), "minato help explain");
		str_deinit(&sentence);
		str_deinit(&safe);
		return EXIT_USAGE;
	}
	str_printf(&sentence, _("no port, service or running program is called \"%s\""),
		   str_text(&safe));
	if (near != NULL && strchr(near, ' ') != NULL) {
		str_printf(&next, "minato explain \"%s\"", near);
	} else if (near != NULL) {
		str_printf(&next, "minato explain %s", near);
	} else {
		str_add(&next, "minato explain --list common");
	}
	complain(context, str_text(&sentence), str_text(&next));
	str_deinit(&sentence);
	str_deinit(&safe);
	str_deinit(&next);
	return EXIT_ERROR;
}

static int run_search(const struct explain *explain, const struct config *config)
{
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	if (config->json) {
		struct view view = { .language = explain->context->language };
		struct catalog_match matches[EXPLAIN_SEARCH_MAX];
		size_t count = catalog_search(matches, EXPLAIN_SEARCH_MAX, config->search);
		size_t shown = count < EXPLAIN_SEARCH_MAX ? count : EXPLAIN_SEARCH_MAX;
		return print_json(explain->context, "found",
				  explain_matches_json(&view, matches, shown));
	}
	if (explain_search(&out, explain, config->search) == 0) {
		str_deinit(&out);
		return nothing_about(explain->context, config->search);
	}
	return finish(&out);
}

static int write_svg(const struct explain *explain, const struct subject *subject, const char *path)
{
	struct str svg = STR_INIT(OUTPUT_MAX_BYTES);
	(void)(subject->kind == SUBJECT_TERM /* kept in its error */
		       ? explain_term_figure(&svg, explain, subject->term, true)
		       : explain_figure(&svg, explain, subject, true));
	const int code = write_figure(explain->context, path, &svg);
	str_deinit(&svg);
	return code;
}

/* What the figure options add. @return an exit code. */
static int add_figure(struct str *out, const struct explain *explain, const struct config *config,
		      const struct subject *subject)
{
	if (!config->figure && config->svg == NULL) {
		return EXIT_IN_ORDER;
	}
	const bool term = subject->kind == SUBJECT_TERM;
	if (term ? subject->term->figure == GLOSSARY_FIGURE_NONE : subject->kind != SUBJECT_PORTS) {
		complain(explain->context,
			 term ? _("there is no figure of this word") : _("a figure needs one port"),
			 "minato explain 443 --figure");
		return EXIT_USAGE;
	}
	if (config->figure && !term) { /* that of a term is there already */
		str_add_char(out, '\n');
		(void)explain_figure(out, explain, subject, false); /* kept in out->error */
	}
	return config->svg != NULL ? write_svg(explain, subject, config->svg) : EXIT_IN_ORDER;
}

static int run_json(const struct explain *explain, const struct subject *subjects, unsigned count)
{
	struct view view = { .language = explain->context->language, .policy = explain->policy };
	json_t *list = json_array();
	for (unsigned i = 0; i < count; i++) {
		json_array_append_new(list, explain_subject_json(&view, explain, &subjects[i]));
	}
	return print_json(explain->context, "explanations", list);
}

static int run_subjects(const struct explain *explain, const struct config *config,
			const struct subject *subjects, unsigned count)
{
	int code = EXIT_IN_ORDER;
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	for (unsigned i = 0; i < count && code == EXIT_IN_ORDER; i++) {
		str_add(&out, i > 0 && !config->json ? "\n" : "");
		if (!config->json) {
			explain_subject(&out, explain, &subjects[i]);
		}
		code = add_figure(&out, explain, config, &subjects[i]);
	}
	if (code == EXIT_IN_ORDER && config->json) {
		str_deinit(&out);
		return run_json(explain, subjects, count);
	}
	int printed = finish(&out);
	return code != EXIT_IN_ORDER ? code : printed;
}

/* ---- the glossary ---- */

static int run_term_list(const struct explain *explain, bool json)
{
	struct view view = { .language = explain->context->language };
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	size_t count;
	const struct glossary_term *terms = catalog_terms(&count);
	if (!json) {
		explain_terms(&out, explain);
		return finish(&out);
	}
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, explain_term_json(&view, &terms[i]));
	}
	return print_json(explain->context, "terms", list);
}

/* What only the glossary says of a word, which may name a service, too. */
static int resolve_term(struct subject *out, const struct explain *explain, const char *word)
{
	*out = (struct subject){ .kind = SUBJECT_TERM, .word = word, .term = catalog_term(word) };
	if (out->term != NULL) {
		return EXIT_IN_ORDER;
	}
	struct str next = STR_INIT(2048);
	const char *near = explain_nearest_term(word);
	str_printf(&next, near != NULL ? "minato explain --terms \"%s\"" : "minato explain --terms",
		   near);
	explain_wrong(explain, _("the glossary has no word \"%s\""), word, str_text(&next));
	str_deinit(&next);
	return EXIT_ERROR;
}

static int resolve(struct subject *subjects, const struct explain *explain, bool terms,
		   const char *const *arguments, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (terms) {
			const int code = resolve_term(&subjects[i], explain, arguments[i]);
			if (code != EXIT_IN_ORDER) {
				return code;
			}
			continue;
		}
		explain_resolve(&subjects[i], explain, arguments[i]);
		if (subjects[i].kind == SUBJECT_UNKNOWN) {
			return nothing_about(explain->context, arguments[i]);
		}
	}
	return EXIT_IN_ORDER;
}

/* Whether a figure of NAT will be drawn. */
static bool draws_nat(const struct subject *subjects, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (subjects[i].term != NULL && subjects[i].term->figure == GLOSSARY_FIGURE_NAT) {
			return true;
		}
	}
	return false;
}

/* Without a view of the host the catalogue still answers; the reason goes to stderr. */
static bool see_host(struct inventory *inventory, const struct context *context)
{
	struct err e = ERR_INIT;
	if (look(inventory, context, OBSERVE_EVERYTHING, &e) < 0) {
		complain(context, err_text(&e), NULL);
		return false;
	}
	return true;
}

/* ---- measures ---- */

static bool is_open_there(const struct inventory *inventory, const struct subject *subject)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (l->port == subject->first &&
		    explain_same_protocol(subject->protocol, l->protocol)) {
			return true;
		}
	}
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (p->first_port == subject->first &&
		    explain_same_protocol(subject->protocol, p->protocol)) {
			return true;
		}
	}
	return false;
}

/* Measures are for ports that are open here: of others the kernel is not asked who gets in. */
static void find_measures(struct measures *measures, struct reach *reach, struct explain *explain,
			  const struct config *config, const struct subject *subjects,
			  unsigned count)
{
	struct measures_asking asking = { .remember = config->remember_page, .fault = ERR_INIT };
	bool any = false;
	for (unsigned i = 0; i < count && explain->inventory != NULL; i++) {
		const struct subject *s = &subjects[i];
		if (s->kind == SUBJECT_PORTS && s->first == s->last &&
		    is_open_there(explain->inventory, s)) {
			portset_add(&asking.ports, s->first);
			any = true;
		}
	}
	if (!any && config->measures) {
		complain(explain->context,
			 _("--measures asks ports that are open on this host, named one by one"),
			 "minato ports");
	}
	if (any) {
		reach_find(reach, explain->context, explain->inventory, explain->policy);
		/* Without memory for them the rest still is an explanation. */
		explain->measures = measures_find(measures, explain->inventory, reach,
						  config->measures ? &asking : NULL) < 0
					    ? NULL
					    : measures;
		if (asking.fault.code < 0) {
			complain(explain->context, err_text(&asking.fault), NULL);
		}
	}
}

/* --to without --from: what goes out. */
static int run_outgoing(const struct explain *explain, const struct config *config,
			const char *const *arguments, unsigned count)
{
	const struct outgoing_request request = {
		.to = config->to, .user = config->user, .unit = config->unit, .json = config->json
	};
	if (config->to == NULL || config->from != NULL || count != 1) {
		complain(explain->context,
			 count != 1 ? _("--to asks for one port")
				    : _("--as and --unit need --to ADDRESS, and no --from"),
			 "minato explain 25 --to 198.51.100.7 --as postfix");
		return EXIT_USAGE;
	}
	return explain_outgoing(explain, &request, arguments[0]);
}

/* --from, and what narrows it. */
static int run_way(const struct explain *explain, const struct config *config,
		   const char *const *arguments, unsigned count)
{
	const struct way_request request = { .from = config->from,
					     .interface = config->interface,
					     .to = config->to,
					     .json = config->json };
	if (config->from == NULL || count != 1) {
		complain(explain->context,
			 config->from == NULL ? _("--interface needs --from ADDRESS")
					      : _("--from asks for one port"),
			 "minato explain 22 --from 198.51.100.7");
		return EXIT_USAGE;
	}
	return explain_way(explain, &request, arguments[0]);
}

static bool has_address(const char *const *arguments, unsigned count)
{
	struct addr address;
	for (unsigned i = 0; i < count; i++) {
		if (addr_parse(&address, arguments[i]) == 0) {
			return true;
		}
	}
	return false;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct explain explain = { .context = context, .root = geteuid() == 0 };
	if (config->list != 0) {
		return run_list(&explain, config);
	}
	if (config->terms && count == 0) {
		return run_term_list(&explain, config->json);
	}
	if (config->user != NULL || config->unit != NULL ||
	    (config->to != NULL && config->from == NULL && config->interface == NULL)) {
		return run_outgoing(&explain, config, arguments, count);
	}
	if (config->from != NULL || config->interface != NULL) {
		return run_way(&explain, config, arguments, count);
	}
	if (config->remember_page && !config->measures) {
		complain(context, _("--remember-page goes with --measures"),
			 "minato explain 80 --measures --remember-page");
		return EXIT_USAGE;
	}
	if (config->svg != NULL && count != 1) {
		complain(context, _("--svg draws one port or word"),
			 "minato explain 443 --svg port.svg");
		return EXIT_USAGE;
	}
	if (count == 0 && config->search == NULL) {
		complain(context, _("which port, service, program or word?"), "minato explain 443");
		return EXIT_USAGE;
	}
	_cleanup_(freep) struct subject *subjects = calloc(count + 1, sizeof(*subjects));
	if (subjects == NULL) {
		complain(context, strerror(ENOMEM), NULL);
		return EXIT_ERROR;
	}
	struct inventory inventory;
	struct judgement judgement;
	struct measures measures = { 0 };
	struct reach reach = { 0 };
	/* A policy with faults is told, but the catalogue must not fall silent for it. */
	int policy_code = judge_policy(&judgement, context);
	explain.policy = judgement_policy(&judgement);
	if (see_host(&inventory, context)) {
		explain.inventory = &inventory;
	}
	struct bans bans = { 0 };
	struct nat_live nat = { 0 };
	if (explain.root && has_address(arguments, count) &&
	    bans_read(&bans, context) == EXIT_IN_ORDER) {
		explain.bans = &bans;
	}
	int code = EXIT_IN_ORDER;
	if (config->search != NULL) {
		code = run_search(&explain, config);
	} else {
		code = resolve(subjects, &explain, config->terms, arguments, count);
		if (code == EXIT_IN_ORDER) {
			find_measures(&measures, &reach, &explain, config, subjects, count);
			/* Without rights there is an example instead. */
			const bool live = explain.root && draws_nat(subjects, count) &&
					  nat_live_read(&nat) == 0 && nat.count > 0;
			explain.nat = live ? &nat : NULL;
		}
		code = code != EXIT_IN_ORDER ? code
					     : run_subjects(&explain, config, subjects, count);
	}
	if (explain.inventory != NULL) {
		inventory_deinit(&inventory);
	}
	bans_deinit(&bans);
	measures_deinit(&measures);
	reach_deinit(&reach);
	judgement_deinit(&judgement);
	return code != EXIT_IN_ORDER ? code : policy_code;
}

/* The names of terms: what a reader has met and cannot spell. */
static void add_words(struct str *out)
{
	size_t count;
	const struct glossary_term *terms = catalog_terms(&count);
	for (size_t i = 0; i < count; i++) {
		str_printf(out, " %s", terms[i].name);
	}
}

static const struct option options[] = {
	{ "list", 'l', OPTION_CHOICE, offsetof(struct config, list),
	  "common|risky|well-known|registered", N_("a whole table: number, use, risk, measure"),
	  .choices = lists },
	{ "search", 's', OPTION_STRING, offsetof(struct config, search), "WORDS",
	  N_("services that have all of the words, in English or Japanese") },
	{ "terms", 0, OPTION_FLAG, offsetof(struct config, terms), NULL,
	  N_("the glossary: all its words, or only what it says of one") },
	{ "figure", 0, OPTION_FLAG, offsetof(struct config, figure), NULL,
	  N_("draw where the number sits and its bits in the header") },
	{ "svg", 0, OPTION_STRING, offsetof(struct config, svg), "FILE",
	  N_("write the same figure as SVG") },
	{ "from", 0, OPTION_STRING, offsetof(struct config, from), "ADDRESS",
	  N_("what this host's firewall does with a packet from there to the port") },
	{ "interface", 0, OPTION_STRING, offsetof(struct config, interface), "NAME",
	  N_("where that packet comes in (by the route to --from)") },
	{ "to", 0, OPTION_STRING, offsetof(struct config, to), "ADDRESS",
	  N_("which address of this host it is for (that of the interface); without --from: "
	     "whether "
	     "a program of this host may connect there, and what decides it") },
	{ "as", 0, OPTION_STRING, offsetof(struct config, user), "USER",
	  N_("with --to alone: who connects") },
	{ "unit", 0, OPTION_STRING, offsetof(struct config, unit), "UNIT",
	  N_("with --to alone: the systemd unit that connects") },
	{ "measures", 'm', OPTION_FLAG, offsetof(struct config, measures), NULL,
	  N_("connect to the ports that are open here, to see which measures are done") },
	{ "remember-page", 0, OPTION_FLAG, offsetof(struct config, remember_page), NULL,
	  N_("with --measures: the page of that web server is right as it is now") },
	{ "json", 'j', OPTION_FLAG, offsetof(struct config, json), NULL,
	  N_("everything, for machines") },
};

static const char *const examples[] = {
	"minato explain 443",
	N_("a number: its use, risk, measure, and who holds it here"),
	"minato explain ssh \"file sharing\"",
	N_("names and plain words, several at once"),
	"minato explain 8000-8100",
	N_("a range, or one protocol: 25565/udp"),
	"minato explain firefox",
	N_("a running program: which ports it uses"),
	"sudo minato explain 203.0.113.9",
	N_("an address: who it is, what it may reach, whether it is kept out"),
	"minato explain --list risky",
	N_("all ports of high and critical risk with their measures"),
	"minato explain 80 --measures",
	N_("asks the own web server, too: does it redirect, list folders, let out of them"),
	"minato explain 443 --figure",
	N_("with a drawing of the number"),
	"minato explain nat",
	N_("a word that you met: what it means, with a drawing of this host"),
	"minato explain --terms",
	N_("all words of the glossary"),
	"minato explain 8080 --from 198.51.100.7",
	N_("which rule lets that address in or keeps it out, proven by the kernel"),
	"sudo minato explain 25 --to 198.51.100.7 --as postfix",
	N_("whether that user may connect there, by which declaration and which rules"),
	NULL,
};

const struct command command_explain = {
	.name = "explain",
	.arguments = "PORT|RANGE|NAME|WORDS|PROGRAM|ADDRESS|TERM...",
	.summary = N_("a port, service, program or word: use, risk, measure, holder"),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = UINT_MAX,
	.add_words = add_words,
	.run = run,
};
