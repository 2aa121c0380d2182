/* Whether a program of this host may connect somewhere: the policy, and as root the kernel. */
#include "explain_outgoing.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/account.h"
#include "base/io/netlink.h"
#include "explain_outgoing_text.h"
#include "judge.h"
#include "rules.h"
#include "twin/twin.h"
#include "view/view.h"
#include "words.h"

enum { OUTPUT_MAX_BYTES = 16 << 20 };

static const char example[] = "minato explain 25 --to 198.51.100.7 --as postfix";

/* ---- what was asked ---- */

static int read_port(struct enforce_outgoing *packet, const struct explain *explain,
		     const char *word)
{
	_cleanup_(freep) struct subject *subject = calloc(1, sizeof(*subject));
	if (subject == NULL) {
		return EXIT_ERROR;
	}
	explain_resolve(subject, explain, word);
	enum protocol protocol = subject->protocol;
	if (protocol == PROTOCOL_NONE) {
		protocol = subject->knowledge != NULL ? subject->knowledge->ports[0].protocol
						      : PROTOCOL_TCP;
	}
	if (subject->kind != SUBJECT_PORTS || subject->first != subject->last ||
	    (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)) {
		return explain_wrong(explain,
				     _("--to asks for one port of tcp or udp, which \"%s\" is not"),
				     word, example);
	}
	packet->protocol = protocol;
	packet->port = subject->first;
	return EXIT_IN_ORDER;
}

static int read_packet(struct enforce_outgoing *packet, const struct explain *explain,
		       const struct outgoing_request *request, const char *word)
{
	int code = read_port(packet, explain, word);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	if (addr_parse(&packet->to, request->to) < 0) {
		return explain_wrong(explain, _("--to: \"%s\" is not an address"), request->to,
				     example);
	}
	if (request->user != NULL && account_uid(&packet->user, request->user) < 0) {
		return explain_wrong(explain, _("--as: there is no user \"%s\" here"),
				     request->user, example);
	}
	packet->user_known = request->user != NULL;
	packet->unit = request->unit;
	packet->program_known = packet->unit_alone = request->unit != NULL;
	return EXIT_IN_ORDER;
}

/* ---- the kernel ---- */

/* Where it goes out, and from which address. */
struct route {
	char interface[TWIN_INTERFACE_BYTES];
	struct addr from;
};

static int print(const struct explain *explain, const struct outgoing_request *request,
		 const struct outgoing_told *told)
{
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	if (request->json) {
		json_t *document = view_document(explain->context->now);
		(void)json_object_set_new(document, "outgoing", outgoing_json(told));
		(void)view_print(&out, document, explain->context->out_terminal); /* kept in out */
	} else {
		outgoing_text(&out, explain, told);
	}
	int code = print_text(&out);
	str_deinit(&out);
	return code != EXIT_IN_ORDER ? code : outgoing_goes(told) ? EXIT_IN_ORDER : EXIT_DIFFERS;
}

/* Without the kernel the policy's answer stands alone; why it was not asked goes to stderr. */
static int ask_and_print(const struct explain *explain, const struct outgoing_request *request,
			 struct outgoing_told *told, const struct route *route)
{
	struct err e = ERR_INIT;
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	const struct enforce_outgoing *asked = told->packet;
	const struct twin_packet packet = {
		.protocol = asked->protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP,
		.from = route->from,
		.to = asked->to,
		.port = asked->port,
		.interface = "lo",
	};
	struct twin_answer answer = { .reject = "" };
	struct way_told way = { .packet = &packet, .answer = &answer };
	int r = twin_host_read(&host, NULL, NULL, &e);
	if (r == 0) {
		r = twin_new_as(&twin, host, asked->user_known ? &asked->user : NULL, &e);
	}
	if (r == 0) {
		r = twin_probe(twin, &packet, &answer, &e);
	}
	if (r == 0) {
		way.doubt_count = twin_doubts(twin, &way.doubts);
		told->way = &way;
	} else {
		complain(explain->context, err_text(&e), NULL);
	}
	int code = print(explain, request, told);
	told->way = NULL;
	twin_answer_deinit(&answer);
	return code;
}

/* ---- the policy ---- */

static int answer(const struct explain *explain, const struct outgoing_request *request,
		  struct outgoing_told *told, struct enforce_outgoing *packet)
{
	struct err e = ERR_INIT;
	struct route route = { 0 };
	const struct enforce_environment environment = rules_environment(explain->context);
	_cleanup_(close_fdp) int fd = netlink_open(NETLINK_ROUTE);
	const bool routed = twin_way(route.interface, &route.from, fd, &packet->to, &e) == 0;
	packet->interface = routed ? route.interface : NULL;
	told->packet = packet;
	told->environment = environment;
	told->user = request->user;
	told->unit = request->unit;
	told->verdict = told->policy == NULL ? ENFORCE_OPEN
					     : enforce_decide_outgoing(told->policy, packet,
								       &environment, &told->by);
	told->kept_lost = told->confirmed && programs_lost(told->policy, explain->context);
	if (!routed) {
		complain(explain->context, err_text(&e), NULL);
	}
	/* What the host sends to itself never leaves: no rule for what goes out decides. */
	const bool to_itself = routed && strcmp(route.interface, "lo") == 0;
	told->unasked = to_itself       ? OUTGOING_TO_ITSELF
			: explain->root ? OUTGOING_FAILED
					: OUTGOING_RIGHTS;
	return explain->root && routed && !to_itself ? ask_and_print(explain, request, told, &route)
						     : print(explain, request, told);
}

/* As root by the rules that hold. */
static int by_rules(const struct explain *explain, const struct outgoing_request *request,
		    struct enforce_outgoing *packet)
{
	struct rules rules = { RULES_INIT };
	int code = rules_open(&rules, explain->context, false);
	if (code == EXIT_IN_ORDER) {
		struct outgoing_told told = { .policy = rules_before(&rules), .confirmed = true };
		code = answer(explain, request, &told, packet);
	}
	rules_close(&rules);
	return code;
}

static int by_file(const struct explain *explain, const struct outgoing_request *request,
		   struct enforce_outgoing *packet)
{
	struct judgement judgement;
	int code = judge_policy(&judgement, explain->context);
	if (code == EXIT_IN_ORDER) {
		struct outgoing_told told = { .policy = judgement_policy(&judgement) };
		code = answer(explain, request, &told, packet);
	}
	judgement_deinit(&judgement);
	return code;
}

int explain_outgoing(const struct explain *explain, const struct outgoing_request *request,
		     const char *word)
{
	struct enforce_outgoing packet = { 0 };
	int code = read_packet(&packet, explain, request, word);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	return explain->root ? by_rules(explain, request, &packet)
			     : by_file(explain, request, &packet);
}
