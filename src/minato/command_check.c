/* minato check: does a service answer, and why not. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "check.h"
#include "judge.h"
#include "log_rows.h"
#include "look.h"
#include "observe/observe.h"
#include "policy/policy.h"
#include "view/view.h"
#include "words.h"

struct config {
	uint64_t seconds, retry, every;
	bool json;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "timeout", 't', OPTION_NUMBER, FIELD(seconds), "SECONDS",
	  N_("how long each step may take (5)"), 1, 60 },
	{ "retry", 'r', OPTION_NUMBER, FIELD(retry), "TIMES",
	  N_("ask again, a second later, as long as it does not answer"), 0, 100 },
	{ "watch", 'w', OPTION_NUMBER, FIELD(every), "SECONDS",
	  N_("ask again and again; a line for each change, and one at the end"), 1, 3600 },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

enum { TARGETS_MAX = 1024, SPARKS = 60 };

struct work {
	const struct context *context;
	const struct config *config;
	struct inventory inventory; /* one look for all targets; else each takes its own */
	bool has_inventory;
	struct check_limits limits;
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

static void pause_for(uint64_t seconds)
{
	const struct timespec time = { .tv_sec = (time_t)seconds };
	(void)nanosleep(&time, NULL); /* a signal may end it, and shall */
}

/* ---- targets ---- */

static int complain_of_target(const struct context *context, const char *text, int error)
{
	struct err e = ERR_INIT;
	const char *next = "minato help check";
	switch (error) {
	case -ENOENT:
		(void)err_set(&e, error,
			      _("%s: no such scheme; there are http, https, tls, tcp, udp, "
				"ssh, smtp, submission, imap, pop3, ftp, postgresql, redis, "
				"dns, ntp, and smtps, imaps, pop3s, ftps, ldaps"),
			      text);
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
		}
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
		pause_for(1);
		code = ask_once(check, work, target, true);
	}
	return code;
}

static int show(const struct work *work, const struct check *check)
{
	struct str text = STR_INIT(1 << 16);
	check_add(&text, check, work->context);
	int code = print_text(&text);
	str_deinit(&text);
	return code != EXIT_IN_ORDER ? code : probe_cause_exit(check->cause);
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
	if (code == EXIT_IN_ORDER && work->checks != NULL) {
		json_array_append_new(work->checks, check_json(check, work->context));
		code = probe_cause_exit(check->cause);
	} else if (code == EXIT_IN_ORDER) {
		code = show(work, check);
	}
	work->worst = work->worst == EXIT_IN_ORDER ? code : work->worst;
	return true;
}

static int complain_of_crew(const struct work *work, int error)
{
	struct err e = ERR_INIT;
	(void)err_system(&e, error, "cannot start minato-probe");
	complain(work->context, err_text(&e), NULL);
	return EXIT_ERROR;
}

static int check_all(struct work *work, const struct probe_target *targets, size_t count)
{
	const struct check_crew crew = { ask, tell, work, &stopped };
	work->checks = work->config->json ? json_array() : NULL;
	int r = check_crew(&crew, targets, count);
	if (r < 0) {
		work->worst = complain_of_crew(work, r);
	}
	if (work->checks != NULL) {
		const int code = show_json(work);
		work->worst = code != EXIT_IN_ORDER ? code : work->worst;
	}
	/* Nobody knows of those that were not asked to the end. */
	return work->worst == EXIT_IN_ORDER && work->told < count ? EXIT_ERROR : work->worst;
}

/* ---- watching ---- */

struct watching {
	const struct work *work;
	int code;
	uint64_t asked, answered;
	usec_t times[SPARKS]; /* of the last ones, in a ring; -1 = no answer */
	enum probe_cause last;
};

/* Eight heights, from the quickest to the slowest of those that are shown. */
static void add_sparks(struct str *out, const struct watching *w)
{
	static const char *const heights[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const uint64_t count = w->asked < SPARKS ? w->asked : SPARKS;
	usec_t most = 1;
	for (uint64_t i = 0; i < count; i++) {
		most = w->times[i] > most ? w->times[i] : most;
	}
	for (uint64_t i = 0; i < count; i++) {
		const usec_t time = w->times[(w->asked - count + i) % SPARKS];
		str_add(out, time < 0 ? "x" : heights[time * 7 / most]);
	}
}

static int add_change(const struct watching *w, const struct check *check)
{
	const struct context *context = w->work->context;
	struct str text = STR_INIT(1 << 12);
	char when[LOG_TIME_BYTES];
	if (w->asked > 0 && w->last == check->cause) {
		return EXIT_IN_ORDER;
	}
	str_printf(&text, "%s  ", log_local_time(check->began, when));
	check_add_target(&text, &check->target);
	str_add(&text, "  ");
	check_add_cause(&text, check, context);
	str_add_char(&text, '\n');
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int end_watching(const struct watching *w)
{
	struct str text = STR_INIT(1 << 12);
	str_printf(&text, _("%llu of %llu answered (%.1f %%)  "), (unsigned long long)w->answered,
		   (unsigned long long)w->asked,
		   w->asked == 0 ? 0.0 : 100.0 * (double)w->answered / (double)w->asked);
	add_sparks(&text, w);
	str_add_char(&text, '\n');
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* check_ask_function. */
static int ask_watched(struct check *check, const struct probe_target *target, const void *data)
{
	const struct watching *w = data;
	return ask_once(check, w->work, target, true);
}

/* check_tell_function. */
static bool tell_watched(const struct check *check, int code, void *data)
{
	struct watching *w = data;
	w->code = code == EXIT_IN_ORDER ? add_change(w, check) : code;
	if (w->code == EXIT_IN_ORDER) {
		w->times[w->asked++ % SPARKS] = check->cause == PROBE_ANSWERS ? check->took : -1;
		w->answered += check->cause == PROBE_ANSWERS;
		w->last = check->cause;
	}
	return true;
}

static int watch(const struct work *work, const struct probe_target *target)
{
	struct watching w = { .work = work };
	const struct check_crew crew = { ask_watched, tell_watched, &w, &stopped };
	while (w.code == EXIT_IN_ORDER && stopped == 0) {
		int r = check_crew(&crew, target, 1);
		if (r < 0) {
			w.code = complain_of_crew(work, r);
		}
		if (w.code == EXIT_IN_ORDER && stopped == 0) {
			pause_for(work->config->every);
		}
	}
	if (w.code == EXIT_IN_ORDER) {
		w.code = end_watching(&w);
	}
	return w.code == EXIT_IN_ORDER && w.answered < w.asked ? EXIT_ERROR : w.code;
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
	const int code = check_all(work, targets, count);
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

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct work work = { .context = context, .config = config };
	_cleanup_(freep) struct probe_target *targets = calloc(count + 1, sizeof(*targets));
	if (targets == NULL) {
		return EXIT_ERROR;
	}
	if (config->every > 0 && (count != 1 || config->json)) {
		complain(context, _("--watch takes one target, and no --json"),
			 "minato help check");
		return EXIT_USAGE;
	}
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
	return count == 0          ? check_declared(&work)
	       : config->every > 0 ? watch(&work, &targets[0])
				   : check_looked_at(&work, targets, count);
}

static const struct config defaults = { .seconds = 5 };
static const char *const examples[] = {
	"minato check https://192.0.2.10",
	N_("name, TCP, TLS, certificate, HTTP: each step and what became of it"),
	"minato check 25565",
	N_("a port of this host, from the program to its answer"),
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
		"service, 25 unknown."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.defaults = &defaults,
	.max_arguments = UINT32_MAX,
	.run = run,
};
