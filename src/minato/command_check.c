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
	struct inventory inventory;
	bool has_inventory;
	struct check_limits limits;
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

static int ask(struct check *check, const struct work *work, const struct probe_target *target)
{
	const struct inventory *inventory = work->has_inventory ? &work->inventory : NULL;
	int code = EXIT_IN_ORDER;
	for (uint64_t tries = 0; code == EXIT_IN_ORDER; tries++) {
		code = check_run(check, work->context, target, &work->limits, inventory);
		if (code != EXIT_IN_ORDER || check->cause == PROBE_ANSWERS ||
		    tries >= work->config->retry || stopped != 0) {
			break;
		}
		pause_for(1);
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

static int show_json(const struct work *work, json_t *checks)
{
	struct str text = STR_INIT(1 << 24);
	json_t *document = view_document(work->context->now);
	json_object_set_new(document, "checks", checks);
	(void)view_print(&text, document, work->context->out_terminal); /* kept in text.error */
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* ---- several ---- */

static int check_all(const struct work *work, const struct probe_target *targets, size_t count)
{
	json_t *checks = work->config->json ? json_array() : NULL;
	_cleanup_(freep) struct check *check = malloc(sizeof(*check));
	int worst = check == NULL ? EXIT_ERROR : EXIT_IN_ORDER;
	for (size_t i = 0; i < count && check != NULL && stopped == 0; i++) {
		int code = ask(check, work, &targets[i]);
		if (code == EXIT_IN_ORDER && checks != NULL) {
			json_array_append_new(checks, check_json(check, work->context));
			code = probe_cause_exit(check->cause);
		} else if (code == EXIT_IN_ORDER) {
			code = show(work, check);
		}
		worst = worst == EXIT_IN_ORDER ? code : worst;
	}
	if (checks != NULL) {
		const int code = show_json(work, checks);
		worst = code != EXIT_IN_ORDER ? code : worst;
	}
	return worst;
}

/* ---- watching ---- */

struct watching {
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

static int add_change(const struct work *work, const struct watching *w, const struct check *check)
{
	struct str text = STR_INIT(1 << 12);
	char when[LOG_TIME_BYTES];
	if (w->asked > 0 && w->last == check->cause) {
		return EXIT_IN_ORDER;
	}
	str_printf(&text, "%s  ", log_local_time(check->began, when));
	check_add_target(&text, &check->target);
	str_add(&text, "  ");
	check_add_cause(&text, check, work->context);
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

static int watch(const struct work *work, const struct probe_target *target)
{
	struct watching w = { 0 };
	_cleanup_(freep) struct check *check = malloc(sizeof(*check));
	int code = check == NULL ? EXIT_ERROR : EXIT_IN_ORDER;
	while (code == EXIT_IN_ORDER && stopped == 0) {
		code = check_run(check, work->context, target, &work->limits,
				 work->has_inventory ? &work->inventory : NULL);
		if (code == EXIT_IN_ORDER) {
			code = add_change(work, &w, check);
			w.times[w.asked++ % SPARKS] =
				check->cause == PROBE_ANSWERS ? check->took : -1;
			w.answered += check->cause == PROBE_ANSWERS;
			w.last = check->cause;
		}
		if (code == EXIT_IN_ORDER && stopped == 0) {
			pause_for(work->config->every);
		}
	}
	if (code == EXIT_IN_ORDER) {
		code = end_watching(&w);
	}
	return code == EXIT_IN_ORDER && w.answered < w.asked ? EXIT_ERROR : code;
}

/* ---- what the policy declares ---- */

/* Each port of a declaration that is one, or the first of a range; TCP alone answers a stranger. */
static size_t declared_targets(struct probe_target *out, size_t room, const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count && count < room; k++) {
			const struct policy_ports *ports = &d->ports.items[k];
			char text[32];
			(void)snprintf(text, sizeof(text), "%u/%s", ports->first,
				       protocol_name(ports->protocol));
			count += probe_target_parse(&out[count], text) == 0;
		}
	}
	return count;
}

static int check_declared(const struct work *work)
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
		code = check_all(work, targets, count);
	}
	judgement_deinit(&judgement);
	return code;
}

static bool concerns_this_host(const struct probe_target *targets, size_t count)
{
	struct probe_local local;
	bool does = count == 0;
	for (size_t i = 0; i < count && !does; i++) {
		does = targets[i].host[0] == '\0' ||
		       (targets[i].literal && probe_local(&local, &targets[i].address, NULL) == 0 &&
			local.to_itself);
	}
	return does;
}

static int run_targets(struct work *work, const struct probe_target *targets, size_t count)
{
	if (concerns_this_host(targets, count)) {
		work->has_inventory = look(&work->inventory, work->context,
					   OBSERVE_OWNERS | OBSERVE_DETAILS, NULL) == 0;
	}
	int code = count == 0                ? check_declared(work)
		   : work->config->every > 0 ? watch(work, &targets[0])
					     : check_all(work, targets, count);
	if (work->has_inventory) {
		inventory_deinit(&work->inventory);
	}
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
	return run_targets(&work, targets, count);
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
