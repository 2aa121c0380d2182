/* minato audit: all ports of one's own hosts, held against the policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "audit_self.h"
#include "audit_tls.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "judge.h"
#include "policy/policy.h"
#include "probe/probe.h"
#include "view/view.h"
#include "words.h"

struct config {
	const char *ports, *udp, *rate;
	bool authorized, connect, resume, due, no_services, snmp_public, measures, json;
	bool tls, quick;
	uint64_t passive;
	const char *name;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "ports", 'p', OPTION_STRING, FIELD(ports), "LIST",
	  N_("these TCP ports instead of all: 22,80,8000-8100; \"none\" for UDP alone") },
	{ "udp", 'u', OPTION_STRING, FIELD(udp), "LIST",
	  N_("these UDP ports too, 64 at most; the declared ones are always asked") },
	{ "rate", 'r', OPTION_STRING, FIELD(rate), "N|max",
	  N_("packets per second, all hosts together (10000; this host by itself: max)") },
	{ "authorized", 'a', OPTION_FLAG, FIELD(authorized), NULL,
	  N_("I may audit hosts that the policy does not declare") },
	{ "due", 'd', OPTION_FLAG, FIELD(due), NULL,
	  N_("the devices of the policy whose every: has gone by; for minato-audit.timer") },
	{ "connect", 'c', OPTION_FLAG, FIELD(connect), NULL,
	  N_("by whole connections, as without rights, instead of packets of its own") },
	{ "resume", 0, OPTION_FLAG, FIELD(resume), NULL,
	  N_("go on with what the last audit did not ask, as it was ended before") },
	{ "no-services", 'n', OPTION_FLAG, FIELD(no_services), NULL,
	  N_("do not ask what speaks at the open ports") },
	{ "tls", 't', OPTION_FLAG, FIELD(tls), NULL,
	  N_("how open TCP ports encrypt, with a grade; without HOST those of this host") },
	{ "quick", 'q', OPTION_FLAG, FIELD(quick), NULL,
	  N_("of --tls: only plaintext, TLS, STARTTLS or unknown") },
	{ "name", 0, OPTION_STRING, FIELD(name), "NAME",
	  N_("of --tls: certificates must be for this name, which servers are told, too") },
	{ "measures", 'm', OPTION_FLAG, FIELD(measures), NULL,
	  N_("ask open ports of my own hosts which measures are done: logins, TLS, relay, "
	     "listings") },
	{ "passive", 0, OPTION_NUMBER, FIELD(passive), "SECONDS",
	  N_("of --tls: ask nothing; watch what connections to this host begin with"), 1, 3600 },
	{ "snmp-public", 0, OPTION_FLAG, FIELD(snmp_public), NULL,
	  N_("ask SNMP agents with the community \"public\", too: does it let everybody read?") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* What is to be asked. */
struct plan {
	struct portset tcp, udp;
	bool resume, rate_given;
	const struct policy *policy; /* NULL = none */
	bool only_tcp;               /* TLS is asked for there alone */
	uint32_t rate;
	enum sweep_mode mode;
	bool measures;
	bool snmp_public;
	bool services; /* what speaks at open ports is asked, too */
	uint16_t source_first, source_last;
	struct portset reserved;
};

/* ---- options ---- */

static int complain_of_list(const struct context *context, const char *text)
{
	struct err e = ERR_INIT;
	(void)err_set(&e, -EINVAL, _("%.64s: no list of ports; write 22,80,8000-8100"), text);
	complain(context, err_text(&e), "minato help audit");
	return EXIT_USAGE;
}

static int read_options(struct plan *plan, const struct context *context,
			const struct config *config)
{
	uint64_t rate = SWEEP_RATE_DEFAULT;
	if (config->ports == NULL) {
		portset_add_range(&plan->tcp, 1, UINT16_MAX);
	} else if (strcmp(config->ports, "none") != 0 &&
		   audit_parse_ports(&plan->tcp, config->ports) < 0) {
		return complain_of_list(context, config->ports);
	}
	if (config->udp != NULL && audit_parse_ports(&plan->udp, config->udp) < 0) {
		return complain_of_list(context, config->udp);
	}
	if (portset_count(&plan->udp) > SWEEP_UDP_PORTS_MAX) {
		complain(context, _("more than 64 UDP ports: each takes more than a second"),
			 "minato help audit");
		return EXIT_USAGE;
	}
	if (config->rate != NULL && strcmp(config->rate, "max") == 0) {
		rate = SWEEP_RATE_MAX;
	} else if (config->rate != NULL && parse_u64(&rate, config->rate, 1, SWEEP_RATE_MAX) < 0) {
		complain(context, _("--rate takes packets per second, 1 to 1000000, or max"),
			 "minato help audit");
		return EXIT_USAGE;
	}
	if (config->resume && (config->ports != NULL || config->udp != NULL)) {
		complain(context, _("--resume asks what is left; it takes no ports"),
			 "minato help audit");
		return EXIT_USAGE;
	}
	plan->resume = config->resume;
	plan->rate_given = config->rate != NULL;
	plan->rate = (uint32_t)rate;
	plan->only_tcp = config->tls;
	plan->mode = config->connect ? SWEEP_CONNECT : SWEEP_RAW;
	/* Who asks every few minutes by itself leaves the services alone. */
	plan->measures = config->measures;
	plan->snmp_public = config->snmp_public;
	plan->services = !config->no_services && !config->due && !config->tls;
	return EXIT_IN_ORDER;
}

/* Questions come from ports that no program of this host is given by the kernel. */
static int read_sources(struct plan *plan, const struct context *context)
{
	struct policy_environment environment;
	policy_environment_read(&environment, &plan->reserved, context->now);
	const struct port_range *range = &environment.ephemeral;
	if (sweep_sources(&plan->source_first, &plan->source_last,
			  range->first == 0 ? 32768 : range->first,
			  range->first == 0 ? 60999 : range->last) < 0) {
		complain(context,
			 _("net.ipv4.ip_local_port_range leaves no 128 ports for questions"),
			 "sysctl net.ipv4.ip_local_port_range='32768 60999'");
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

/* ---- parts ---- */

static int add_part(struct audit_parts *parts, struct audit_target *target, const struct plan *plan,
		    const struct portset *ports, enum protocol protocol)
{
	struct audit_part *part = &parts->items[parts->count];
	*part = (struct audit_part){
		.target = target,
		.protocol = protocol,
		.order = { .mode = protocol == PROTOCOL_UDP ? SWEEP_UDP : plan->mode,
			   .rate = plan->rate,
			   .target = target->address,
			   .source_first = plan->source_first,
			   .source_last = plan->source_last,
			   .ports = *ports },
	};
	/* Nobody holds it, as a rule; when somebody does, silence stays unknown. At most 64 ports
	 * are asked, so one is free. */
	for (uint16_t port = 40123; protocol == PROTOCOL_UDP && part->order.control == 0; port++) {
		part->order.control = portset_has(ports, port) ? 0 : port;
	}
	if (getrandom(&part->order.seed, sizeof(part->order.seed), 0) !=
	    (ssize_t)sizeof(part->order.seed)) {
		return -EIO;
	}
	parts->count++;
	return 0;
}

/* The declared UDP ports, as many as can be asked. */
static void take_udp(struct portset *out, const struct audit_target *target,
		     const struct plan *plan)
{
	struct portset declared = { 0 };
	*out = plan->udp;
	audit_declared_ports(&declared, PROTOCOL_UDP, &target->declared);
	for (int32_t port = portset_next(&declared, 1); port >= 0;
	     port = portset_next(&declared, (uint32_t)port + 1)) {
		if (portset_count(out) < SWEEP_UDP_PORTS_MAX) {
			portset_add(out, (uint16_t)port);
		}
	}
}

/* What an audit that was ended before has left. */
static int add_left(struct audit_parts *parts, struct audit_target *target, const struct plan *plan,
		    enum protocol protocol, struct err *e)
{
	bool compared = false;
	_cleanup_(freep) struct audit_layer *before = NULL;
	int r = audit_last_left(&before, &compared, &target->address, protocol, e);
	if (r == 0 && before != NULL) {
		r = add_part(parts, target, plan, &before->left, protocol);
	}
	if (r == 0 && before != NULL) {
		parts->items[parts->count - 1].before = steal(&before);
		parts->items[parts->count - 1].before_compared = compared;
	}
	return r;
}

static int make_parts(struct audit_parts *parts, struct audit_targets *targets,
		      const struct plan *plan, struct err *e)
{
	int r = 0;
	/* What never leaves this host disturbs nobody. */
	bool own = !plan->rate_given;
	for (size_t i = 0; i < targets->count; i++) {
		own = own && targets->items[i].own;
	}
	parts->rate = own ? SWEEP_RATE_MAX : plan->rate;
	for (size_t i = 0; i < targets->count && r == 0 && plan->resume; i++) {
		r = add_left(parts, &targets->items[i], plan, PROTOCOL_TCP, e);
		r = r < 0 ? r : add_left(parts, &targets->items[i], plan, PROTOCOL_UDP, e);
	}
	for (size_t i = 0; i < targets->count && r == 0 && !plan->resume; i++) {
		struct portset udp;
		take_udp(&udp, &targets->items[i], plan);
		if (portset_count(&plan->tcp) > 0) {
			r = add_part(parts, &targets->items[i], plan, &plan->tcp, PROTOCOL_TCP);
		}
		if (r == 0 && portset_count(&udp) > 0 && !plan->only_tcp) {
			r = add_part(parts, &targets->items[i], plan, &udp, PROTOCOL_UDP);
		}
	}
	return r;
}

/* ---- the end ---- */

/* When nothing at all came back, whether anybody is there. */
static void look_at_link(struct audit_targets *targets, const struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		struct audit_target *target = &targets->items[part->target - targets->items];
		struct probe_local local;
		if (part->job != NULL && part->job->end.facts.answered == 0 &&
		    probe_local(&local, &target->address, NULL) == 0 && !local.to_itself &&
		    local.gateway.family == ADDR_NONE && local.next_hop == PROBE_NEIGHBOUR_SILENT) {
			target->next_hop_silent = target->interface;
		}
	}
}

static int exit_code(const struct audit_parts *parts)
{
	int code = EXIT_IN_ORDER;
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		if (!audit_is_whole(part)) {
			return EXIT_ERROR;
		}
		for (size_t k = 0; k < part->row_count; k++) {
			code = audit_differs(part->rows[k].verdict) ? EXIT_DIFFERS : code;
		}
		code = part->change_count > 0 ? EXIT_DIFFERS : code;
	}
	return code;
}

/* @param self  NULL = it was not asked for. */
static int show(const struct audit_targets *targets, const struct audit_parts *parts,
		const struct audit_self *self, const struct context *context, bool json)
{
	struct str text = STR_INIT(1 << 26);
	json_t *audits = json ? json_array() : NULL;
	for (size_t i = 0; i < targets->count; i++) {
		if (json) {
			json_array_append_new(audits,
					      audit_json(&targets->items[i], parts, context));
		} else {
			audit_add(&text, &targets->items[i], parts, context);
		}
	}
	if (!json && self != NULL) {
		audit_self_add(&text, self, context);
	}
	if (json) {
		json_t *document = view_document(context->now);
		json_object_set_new(document, "audits", audits);
		json_object_set_new(document, "self",
				    self == NULL ? json_null() : audit_self_json(self));
		(void)view_print(&text, document, context->out_terminal); /* kept in text.error */
	}
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}

/* What others reach of this host is not told by asking it from itself. */
static bool is_self_asked(const struct audit_targets *targets, const struct plan *plan)
{
	bool own = false;
	for (size_t i = 0; i < targets->count; i++) {
		own |= targets->items[i].own;
	}
	return own && !plan->resume && portset_count(&plan->tcp) > 0;
}

/* @param tls  NULL = the ports themselves are shown, else how they encrypt. */
static int audit(struct audit_targets *targets, const struct plan *plan,
		 const struct context *context, const struct audit_tls_options *tls, bool json)
{
	_cleanup_(freep) struct audit_parts *parts = calloc(1, sizeof(*parts));
	struct err e = ERR_INIT;
	if (parts == NULL || make_parts(parts, targets, plan, &e) < 0) {
		complain(context, e.code != 0 ? err_text(&e) : _("not enough memory"), NULL);
		return EXIT_ERROR;
	}
	if (parts->count == 0 && plan->resume) {
		complain(context,
			 _("nothing is left: no audit of it was ended before all was asked"),
			 "minato audit HOST");
		return EXIT_USAGE;
	}
	if (parts->count == 0) {
		complain(context, _("there is nothing to ask: no TCP port, and no UDP port"),
			 "minato help audit");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < targets->count; i++) {
		struct audit_target *target = &targets->items[i];
		target->recorded = target->authorized && audit_record(target);
	}
	const bool ended = audit_run(parts, context); /* what was ended early says so itself */
	if (!ended && plan->services) {
		audit_services(targets, parts, context, plan->snmp_public);
	}
	look_at_link(targets, parts);
	audit_last_over(targets, context);
	if (tls != NULL) {
		const int tls_code = audit_tls_swept(parts, context, tls);
		audit_parts_deinit(parts);
		return tls_code;
	}
	struct audit_measures *measures =
		!ended && plan->measures ? audit_measures_ask(targets, parts) : NULL;
	struct audit_self self = { 0 };
	const bool asked = !ended && is_self_asked(targets, plan);
	if (asked) {
		audit_self_find(&self, context, plan->policy, &plan->tcp);
	}
	int code = show(targets, parts, asked ? &self : NULL, context, json);
	code = code != EXIT_IN_ORDER ? code : exit_code(parts);
	if (code == EXIT_IN_ORDER && asked && self.reach.contradictions.count > 0) {
		code = EXIT_DIFFERS;
	}
	audit_self_deinit(&self);
	audit_measures_free(measures);
	audit_parts_deinit(parts);
	return code;
}

static int audit_named(struct audit_targets *targets, const struct plan *plan,
		       const struct context *context, const struct policy *policy,
		       const struct config *config, const char *const *names, unsigned count)
{
	const int code =
		audit_find_targets(targets, context, policy, names, count, config->authorized);
	const struct audit_tls_options tls = { config->name, config->quick, config->json };
	return code == EXIT_IN_ORDER
		       ? audit(targets, plan, context, config->tls ? &tls : NULL, config->json)
		       : code;
}

static int audit_due(struct audit_targets *targets, const struct plan *plan,
		     const struct context *context, const struct policy *policy,
		     const struct config *config)
{
	struct err e = ERR_INIT;
	struct audit_due due;
	if (audit_find_due(&due, context, policy, &e) < 0) {
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	if (due.count == 0 && !config->json) {
		return audit_say_nothing_due(&due, context);
	}
	if (due.count == 0) {
		const struct audit_parts none = { 0 };
		return show(targets, &none, NULL, context, true);
	}
	return audit_named(targets, plan, context, policy, config, due.names, (unsigned)due.count);
}

/* What goes together. */
static int check_words(const struct context *context, const struct config *config, unsigned count)
{
	const char *fault =
		config->passive > 0 && (!config->tls || count > 0)
			? _("--passive belongs to --tls, and takes no hosts and no ports")
		: config->due && count > 0 ? _("--due takes no hosts: the policy says which")
		: !config->due && !config->tls && count == 0
			? _("which host? One of hosts:, self, an address or a name")
		: !config->tls && (config->quick || config->name != NULL)
			? _("--quick and --name belong to --tls")
		: config->tls && (config->due || config->resume)
			? _("--tls goes with neither --due nor --resume")
		: config->tls && config->measures
			? _("--tls and --measures are two audits: one after the other")
		: config->name != NULL && strlen(config->name) >= TLS_HOST_BYTES
			? _("that name is too long for a host")
			: NULL;
	if (fault != NULL) {
		complain(context, fault, "minato help audit");
	}
	return fault != NULL ? EXIT_USAGE : EXIT_IN_ORDER;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct judgement judgement = { 0 };
	_cleanup_(freep) struct audit_targets *targets = calloc(1, sizeof(*targets));
	_cleanup_(freep) struct plan *plan = calloc(1, sizeof(*plan));
	if (targets == NULL || plan == NULL) {
		return EXIT_ERROR;
	}
	const struct audit_tls_options tls = { config->name, config->quick, config->json };
	int code = check_words(context, config, count);
	if (code == EXIT_IN_ORDER && config->passive > 0) {
		return audit_tls_passive(context, config->passive, config->json);
	}
	if (code == EXIT_IN_ORDER && config->tls && audit_tls_is_own(arguments, count)) {
		return audit_tls_own(context, &tls, arguments, count);
	}
	code = code != EXIT_IN_ORDER ? code : read_options(plan, context, config);
	code = code != EXIT_IN_ORDER ? code : read_sources(plan, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = judge_policy(&judgement, context);
	const struct policy *policy = judgement_policy(&judgement);
	plan->policy = policy;
	if (code == EXIT_IN_ORDER) {
		code = config->due ? audit_due(targets, plan, context, policy, config)
				   : audit_named(targets, plan, context, policy, config, arguments,
						 count);
	}
	judgement_deinit(&judgement);
	return code;
}

static const char *const aliases[] = { "scan", NULL };
static const char *const examples[] = {
	"minato audit nas",
	N_("all TCP ports of a device under hosts: of the policy, and its declared UDP ports"),
	"minato audit --ports 1-1024 --udp 53,123 self",
	N_("some ports of this host, asked from itself"),
	"minato audit --resume nas",
	N_("what the last audit of it did not ask, as it was ended before"),
	"minato audit --due",
	N_("those whose every: has gone by since they were asked last"),
	"minato audit --authorized 192.0.2.10",
	N_("a host of one's own that the policy does not declare"),
	"minato audit --tls",
	N_("how each listening or declared TCP port of this host encrypts"),
	"minato audit --tls --name www.example.net 443",
	N_("one port, whose certificate must be for that name"),
	NULL,
};

const struct command command_audit = {
	.name = "audit",
	.aliases = aliases,
	.arguments = "[HOST|PORTS]...",
	.summary = N_("all ports of one's own hosts, held against the policy"),
	.description = N_(
		"Asks all 65,535 TCP ports of a host, and chosen UDP ports, and compares: open and "
		"declared, open and not declared, declared and not to be reached. HOST is self, a "
		"name "
		"under hosts: of the policy, an address or a host name; one that the policy does "
		"not "
		"declare takes --authorized. Questions to ports known to answer measure what is "
		"lost "
		"on the way; silent ports are asked again until it is proven that none is missed, "
		"or "
		"it says that it is unproven and why. As root it sends packets of its own, else it "
		"makes connections. What speaks at open ports is asked then, by its own handshake "
		"and "
		"without a login, unless there is --no-services. Ctrl-C ends it with what is "
		"known, and --resume goes on. What "
		"is found is kept, and "
		"the "
		"next "
		"audit tells what opened or closed since. Exit code 2: something differs from the "
		"policy, or from the last audit. With --tls it tells instead how each open port "
		"encrypts: plaintext, TLS, STARTTLS or unknown, versions, ciphers, certificate, a "
		"grade from A to F with the reasons and what to set; it makes some dozen "
		"connections to each port, one after the other, and never logs in."),
	.examples = examples,
	.common = true,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.min_arguments = 0,
	.max_arguments = UINT32_MAX,
	.run = run,
};
