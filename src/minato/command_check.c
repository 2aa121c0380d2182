/* minato check: does a service answer, and why not. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "judge.h"
#include "look.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "view/view.h"
#include "words.h"

struct config {
	uint64_t seconds, retry, every;
	bool json, figure, packets;
	const char *svg; /* a file; NULL = none */
	const char *via; /* "ssh:USER@HOST"; NULL = from here alone */
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("how long each step may take (5)"), 1, 60 },
	{ "retry", 'r', OPTION_NUMBER, FIELD(retry), "TIMES",
	  N_("ask again, a second later, as long as it does not answer"), 0, 100 },
	{ "watch", 'w', OPTION_NUMBER, FIELD(every), "SECONDS",
	  N_("ask again and again; a line for each change, and one at the end"), 1, 3600 },
	{ "figure", 'f', OPTION_FLAG, FIELD(figure), NULL,
	  N_("draw what passed between both ends; as root from the captured packets") },
	{ "svg", 0, OPTION_STRING, FIELD(svg), "FILE", N_("write the same figure as SVG") },
	{ "packets", 'p', OPTION_FLAG, FIELD(packets), NULL,
	  N_("the bytes of each packet over the fields of its headers (as root)") },
	{ "via", 0, OPTION_STRING, FIELD(via), "ssh:USER@HOST",
	  N_("ask from that host too, over ssh: the view from outside") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

enum { TARGETS_MAX = 1024 };

struct work {
	const struct context *context;
	const struct config *config;
	struct inventory inventory; /* one look for all targets; else each takes its own */
	bool has_inventory;
	struct check_limits limits;
	bool named; /* targets were given */
	struct check_via via;
	const struct probe_target *targets;
	json_t *checks; /* NULL = words are wanted */
	int worst;      /* the first exit code that is not EXIT_IN_ORDER */
	size_t told;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* ---- targets ---- */

static int complain_of_target(const struct context *context, const char *text, int error)
{
	struct err e = ERR_INIT;
	struct str schemes = STR_INIT(1024);
	const char *next = "minato help check";
	switch (error) {
	case -ENOENT:
		probe_service_names(&schemes);
		(void)err_set(&e, error, _("%s: no such scheme; there are %s"), text,
			      str_text(&schemes));
		break;
	case -ERANGE:
		(void)err_set(&e, error, _("%s: a port is a number from 1 to 65535"), text);
		break;
	case -EDESTADDRREQ:
		(void)err_set(&e, error, _("%s: which port? write HOST:PORT, or https://HOST"),
			      text);
		break;
	default:
		(void)err_set(
			&e, error,
			_("%s: no target; write https://HOST, HOST:PORT, or a PORT of this host"),
			text);
		break;
	}
	complain(context, err_text(&e), next);
	str_deinit(&schemes);
	return EXIT_USAGE;
}

/* ---- one target ---- */

static int ask_once(struct check *check, const struct work *work, const struct probe_target *target,
		    bool look_anew)
{
	struct inventory own;
	const struct inventory *inventory =
		work->has_inventory && !look_anew ? &work->inventory : NULL;
	const unsigned flags = OBSERVE_OWNERS | OBSERVE_DETAILS;
	bool looked = false;
	if (inventory == NULL && target->host[0] == '\0') {
		looked = look(&own, work->context, flags, NULL) == 0;
		inventory = looked ? &own : NULL;
	}
	int code = check_run(check, work->context, target, &work->limits, inventory);
	if (code == EXIT_IN_ORDER && check->own && inventory == NULL) {
		looked = look(&own, work->context, flags, NULL) == 0;
		if (looked) {
			check_look_inside(check, &own);
			inventory = &own;
		}
	}
	if (code == EXIT_IN_ORDER && check->cause == PROBE_REFUSED &&
	    check->inside == CHECK_INSIDE_LISTENS) {
		/* Perhaps it began to listen in between: if so it does not refuse again. */
		code = check_run(check, work->context, target, &work->limits, inventory);
	}
	if (code == EXIT_IN_ORDER && work->limits.way && target->host[0] == '\0') {
		check_way(check, inventory);
	}
	if (looked) {
		inventory_deinit(&own);
	}
	return code;
}

/* check_ask_function. */
static int ask(struct check *check, const struct probe_target *target, const void *data)
{
	const struct work *work = data;
	int code = ask_once(check, work, target, false);
	for (uint64_t tries = 0;
	     code == EXIT_IN_ORDER && check->cause != PROBE_ANSWERS && tries < work->config->retry;
	     tries++) {
		check_pause(1);
		code = ask_once(check, work, target, true);
	}
	if (code == EXIT_IN_ORDER && work->via.name != NULL) {
		check_via_take(check, &work->via, (size_t)(target - work->targets));
	}
	/* The round of all declared ports stays quick. */
	if (code == EXIT_IN_ORDER && work->named) {
		check_identify(check);
	}
	return code;
}

static void add_extras(struct str *out, const struct work *work, const struct check *check)
{
	if (work->config->figure) {
		str_add_char(out, '\n');
		(void)check_figure(out, check, work->context, false); /* kept in out->error */
	}
	if (work->config->packets) {
		str_add_char(out, '\n');
		check_add_packets(out, check);
	}
}

static int show(const struct work *work, const struct check *check)
{
	struct str text = STR_INIT(1 << 20);
	check_add(&text, check, work->context);
	add_extras(&text, work, check);
	int code = print_text(&text);
	str_deinit(&text);
	return code != EXIT_IN_ORDER ? code : check_exit(check);
}

/* check_ask_function. */
static int ask_anew(struct check *check, const struct probe_target *target, const void *data)
{
	return ask_once(check, data, target, true);
}

static int show_json(const struct work *work)
{
	struct str text = STR_INIT(1 << 24);
	json_t *document = view_document(work->context->now);
	json_object_set_new(document, "checks", work->checks);
	(void)view_print(&text, document, work->context->out_terminal); /* kept in text.error */
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* ---- several ---- */

/* check_tell_function. */
static bool tell(const struct check *check, int code, void *data)
{
	struct work *work = data;
	work->told++;
	if (code == EXIT_IN_ORDER && work->config->svg != NULL) {
		code = check_write_svg(work->config->svg, check, work->context);
	}
	if (code == EXIT_IN_ORDER && work->checks != NULL) {
		json_array_append_new(work->checks, check_json(check, work->context));
		code = check_exit(check);
	} else if (code == EXIT_IN_ORDER) {
		code = show(work, check);
	}
	work->worst = work->worst == EXIT_IN_ORDER ? code : work->worst;
	return true;
}

static int check_all(struct work *work, const struct probe_target *targets, size_t count)
{
	const struct check_crew crew = { ask, tell, work, &stopped };
	work->checks = work->config->json ? json_array() : NULL;
	int r = check_crew(&crew, targets, count);
	if (r < 0) {
		work->worst = check_complain_of_crew(work->context, r);
	}
	if (work->checks != NULL) {
		const int code = show_json(work);
		work->worst = code != EXIT_IN_ORDER ? code : work->worst;
	}
	/* Nobody knows of those that were not asked to the end. */
	return work->worst == EXIT_IN_ORDER && work->told < count ? EXIT_ERROR : work->worst;
}

/* ---- what the policy declares ---- */

static bool is_among(const struct probe_target *target, const struct probe_target *targets,
		     size_t count)
{
	size_t i = 0;
	while (i < count && (targets[i].port != target->port ||
			     targets[i].service->protocol != target->service->protocol)) {
		i++;
	}
	return i < count;
}

/* Each port of a declaration that is one, or the first of a range, once.
 * @return how many there are, of which the first `room` are written. */
static size_t declared_targets(struct probe_target *out, size_t room, const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			struct probe_target target;
			char text[32];
			(void)snprintf(text, sizeof(text), "%u/%s", ports->first,
				       protocol_name(ports->protocol));
			if (probe_target_parse(&target, text) < 0 ||
			    is_among(&target, out, count < room ? count : room)) {
				continue;
			}
			if (count < room) {
				out[count] = target;
			}
			count++;
		}
	}
	return count;
}

/* One look, so that not each of many has to take its own. */
static void look_for_all(struct work *work, const struct probe_target *targets, size_t count)
{
	size_t own = 0;
	for (size_t i = 0; i < count; i++) {
		own += targets[i].host[0] == '\0';
	}
	work->has_inventory = own > 1 && look(&work->inventory, work->context,
					      OBSERVE_OWNERS | OBSERVE_DETAILS, NULL) == 0;
}

static int check_looked_at(struct work *work, const struct probe_target *targets, size_t count)
{
	look_for_all(work, targets, count);
	int code = EXIT_IN_ORDER;
	work->targets = targets;
	if (work->via.name != NULL) {
		code = check_via_ask(&work->via, work->context, targets, count,
				     (unsigned)work->config->seconds);
	}
	code = code != EXIT_IN_ORDER ? code : check_all(work, targets, count);
	if (work->has_inventory) {
		inventory_deinit(&work->inventory);
	}
	return code;
}

static void complain_of_many(const struct context *context, size_t count)
{
	struct err e = ERR_INIT;
	(void)err_set(&e, -E2BIG, _("%zu ports are declared; the first %d are asked"), count,
		      (int)TARGETS_MAX);
	complain(context, err_text(&e), "minato check PORT...");
}

static int check_declared(struct work *work)
{
	struct judgement judgement = { 0 };
	_cleanup_(freep) struct probe_target *targets = calloc(TARGETS_MAX, sizeof(*targets));
	int code = targets == NULL ? EXIT_ERROR : judge_policy(&judgement, work->context);
	if (code == EXIT_IN_ORDER && !judgement.declared) {
		complain(work->context, _("there is no policy yet, so say what to check"),
			 "minato check https://HOST");
		code = EXIT_USAGE;
	}
	if (code == EXIT_IN_ORDER) {
		const size_t count = declared_targets(targets, TARGETS_MAX, &judgement.policy);
		if (count > TARGETS_MAX) {
			complain_of_many(work->context, count);
		}
		code = check_looked_at(work, targets, count < TARGETS_MAX ? count : TARGETS_MAX);
	}
	judgement_deinit(&judgement);
	return code;
}

/* Words that do not go together. @return an exit code. */
static int judge_options(const struct context *context, const struct config *config, unsigned count)
{
	const bool draws = config->figure || config->packets || config->svg != NULL;
	const char *fault = NULL;
	struct probe_via via;
	struct err e = ERR_INIT;
	if (config->every > 0 && (count != 1 || config->json || draws)) {
		fault = _("--watch takes one target, and neither --json nor a figure");
	} else if (config->svg != NULL && count != 1) {
		fault = _("--svg takes one target");
	} else if (config->via != NULL && config->every > 0) {
		fault = _("--via and --watch do not go together");
	} else if (config->via != NULL && count > PROBE_VIA_MAX) {
		fault = _("--via takes 64 targets at most");
	} else if (config->via != NULL && probe_via_parse(&via, config->via) < 0) {
		fault = _("--via: write ssh:HOST, ssh:USER@HOST or ssh:USER@HOST:PORT");
	}
	if (fault != NULL) {
		complain(context, fault, "minato help check");
		return EXIT_USAGE;
	}
	if (config->packets && check_may_capture(&e) < 0) {
		const bool rights = e.code == -EPERM || e.code == -EACCES;
		complain(context,
			 rights ? _("only root, or who has CAP_NET_RAW, may capture packets")
				: err_text(&e),
			 rights ? _("sudo minato check --packets ...; without root: --figure")
				: NULL);
		return rights ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct work work = { .context = context, .config = config, .named = count > 0 };
	_cleanup_(freep) struct probe_target *targets = calloc(count + 1, sizeof(*targets));
	if (targets == NULL) {
		return EXIT_ERROR;
	}
	const int fault = judge_options(context, config, count);
	if (fault != EXIT_IN_ORDER) {
		return fault;
	}
	work.via.name = config->via;
	if (config->via != NULL) {
		(void)probe_via_parse(&work.via.from, config->via); /* it is good, see above */
	}
	work.limits.way = count == 1 && config->every == 0;
	work.limits.capture = config->figure || config->packets || config->svg != NULL;
	for (unsigned i = 0; i < count; i++) {
		int r = probe_target_parse(&targets[i], arguments[i]);
		if (r < 0) {
			return complain_of_target(context, arguments[i], r);
		}
	}
	const struct sigaction action = { .sa_handler = stop };
	(void)sigaction(SIGINT, &action, NULL); /* cannot fail with a valid signal */
	work.limits.connect_time = (usec_t)config->seconds * USEC_PER_SEC;
	work.limits.answer_time = work.limits.connect_time;
	const struct check_watch watch = { context, ask_anew, &work, &stopped, config->every };
	return count == 0          ? check_declared(&work)
	       : config->every > 0 ? check_watch(&watch, &targets[0])
				   : check_looked_at(&work, targets, count);
}

static const struct config defaults = { .seconds = 5 };
static const char *const examples[] = {
	"minato check https://192.0.2.10",
	N_("name, TCP, TLS, certificate, HTTP: each step and what became of it"),
	"minato check 25565",
	N_("a port of this host, from the program to its answer"),
	"minato check 25565 --via ssh:me@vps.example.net",
	N_("a port of this host, also as another host sees it"),
	"minato check smtp://192.0.2.10 ldap://192.0.2.10",
	N_("mail, directories, databases, chat, with STARTTLS; a scheme that is unknown lists all"),
	"minato check --figure https://192.0.2.10",
	N_("the packets between both ends as a ladder, captured when you are root"),
	"minato check --watch 5 ssh://192.0.2.10",
	N_("every five seconds, until Ctrl-C"),
	NULL,
};

const struct command command_check = {
	.name = "check",
	.arguments = "[SCHEME://HOST[:PORT]|HOST:PORT|PORT]...",
	.summary = N_("does a service answer, and why not"),
	.description = N_(
		"Connects as a client would, step by step, and says at which step it ends and why. "
		"Without a target every declared port of this host is asked. Nobody logs in and "
		"nothing is changed. The exit code tells the cause: 0 answers; 10 no such name, 11 "
		"no resolver, 12 this host's own fault, 13 no way there, 14 nothing comes back, 15 "
		"refused, 16 refused by a firewall, 17 broken off, 18 silent, 19 wants TLS, 20 no "
		"TLS, 21 TLS refused, 22 certificate, 23 the service does not work, 24 another "
		"service, 25 unknown, 26 TLS too old. --watch ends with that of its last round; "
		"with --via "
		"what is seen from outside counts where this side answers."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.max_arguments = UINT32_MAX,
	.run = run,
};
