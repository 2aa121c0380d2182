/* The way of a packet to a port: what the kernel does with it, rule by rule. */
#include "explain_way.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bans.h"
#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "explain_way_text.h"
#include "look.h"
#include "twin_ask.h"
#include "view/view.h"
#include "words.h"

enum { OUTPUT_MAX_BYTES = 16 << 20 };

static const char example[] = "minato explain 22 --from 198.51.100.7";

/* ---- What was asked ---- */

static int read_port(struct twin_packet *packet, const struct explain *explain, const char *word)
{
	_cleanup_(freep) struct subject *subject = calloc(1, sizeof(*subject));
	if (subject == NULL) {
		return EXIT_ERROR;
	}
	explain_resolve(subject, explain, word);
	if (subject->kind != SUBJECT_PORTS || subject->first != subject->last) {
		return explain_wrong(explain, _("--from asks for one port, which \"%s\" is not"),
				     word, example);
	}
	enum protocol protocol = subject->protocol;
	if (protocol == PROTOCOL_NONE && subject->knowledge != NULL) {
		protocol = subject->knowledge->ports[0].protocol;
	}
	if (protocol != PROTOCOL_NONE && protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) {
		return explain_wrong(explain, _("--from knows tcp and udp, which \"%s\" is not"),
				     word, example);
	}
	packet->protocol = protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	packet->port = subject->first;
	return EXIT_IN_ORDER;
}

static int read_addresses(struct twin_packet *packet, const struct explain *explain,
			  const struct way_request *request)
{
	if (addr_parse(&packet->from, request->from) < 0) {
		return explain_wrong(explain, _("--from: \"%s\" is not an address"), request->from,
				     example);
	}
	if (request->to != NULL && addr_parse(&packet->to, request->to) < 0) {
		return explain_wrong(explain, _("--to: \"%s\" is not an address"), request->to,
				     example);
	}
	if (request->to != NULL && packet->from.family != packet->to.family) {
		return explain_wrong(explain, _("--to: \"%s\" is not of the family of --from"),
				     request->to, example);
	}
	if (request->interface != NULL && strlen(request->interface) >= TWIN_INTERFACE_BYTES) {
		return explain_wrong(explain, _("--interface: there is no \"%s\""),
				     request->interface, example);
	}
	return EXIT_IN_ORDER;
}

/* What was not said is what the host's routes say. */
static int complete(struct twin_packet *packet, const struct explain *explain,
		    const struct way_request *request, const struct twin_host *host)
{
	struct err e = ERR_INIT;
	char interface[TWIN_INTERFACE_BYTES];
	struct addr to;
	if (request->interface == NULL) {
		_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
		if (twin_way(interface, &to, route, &packet->from, &e) < 0) {
			complain(explain->context, err_text(&e),
				 _("say where it comes in: --interface NAME"));
			return EXIT_ERROR;
		}
		(void)str_copy(packet->interface, sizeof(packet->interface), interface);
		packet->to = request->to != NULL ? packet->to : to;
		return EXIT_IN_ORDER;
	}
	(void)str_copy(packet->interface, sizeof(packet->interface), request->interface);
	int r = request->to != NULL ? 0
				    : twin_host_address(&packet->to, host, packet->interface,
							(enum addr_family)packet->from.family);
	if (r == -ENODEV) {
		return explain_wrong(explain, _("--interface: there is no \"%s\""),
				     request->interface, example);
	}
	return r < 0 ? explain_wrong(explain,
				     _("\"%s\" has no address of that family: say --to ADDRESS"),
				     request->interface, example)
		     : EXIT_IN_ORDER;
}

/* ---- Whether anybody listens ---- */

static enum way_listening find_listener(const struct context *context,
					const struct twin_packet *packet)
{
	struct inventory inventory;
	if (look(&inventory, context, 0, NULL) < 0) {
		return WAY_LISTENING_UNKNOWN;
	}
	const struct listener *found = inventory_listener_at(
		&inventory, (enum protocol)packet->protocol, &packet->to, packet->port);
	inventory_deinit(&inventory);
	return found != NULL ? WAY_LISTENING : WAY_LISTENING_NOBODY;
}

/* ---- Asking the twin ---- */

static int failed(const struct explain *explain, int r, const struct err *e)
{
	complain(explain->context, err_text(e), NULL);
	return r == -EPERM || r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

static int print(const struct explain *explain, const struct way_request *request,
		 const struct way_told *told)
{
	struct str out = STR_INIT(OUTPUT_MAX_BYTES);
	if (request->json) {
		json_t *document = view_document(explain->context->now);
		(void)json_object_set_new(document, "way", way_json(told)); /* printed as far */
		(void)view_print(&out, document, explain->context->out_terminal); /* likewise */
	} else {
		way_text(&out, explain, told);
	}
	int code = print_text(&out);
	str_deinit(&out);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	return way_reachable(told) ? EXIT_IN_ORDER : EXIT_DIFFERS;
}

/* Bans hold where packets come in from outside. */
static bool is_tapped(const struct twin_packet *packet)
{
	return strcmp(packet->interface, "lo") != 0;
}

static int ask(const struct explain *explain, const struct way_request *request,
	       struct twin_packet *packet)
{
	struct err e = ERR_INIT;
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	int r = twin_host_read(&host, NULL, NULL, &e);
	if (r < 0) {
		return failed(explain, r, &e);
	}
	int code = complete(packet, explain, request, host);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	r = twin_new(&twin, host, NULL, &e);
	if (r < 0) {
		return failed(explain, r, &e);
	}
	struct twin_answer answer;
	r = twin_probe(twin, packet, &answer, &e);
	struct way_told told = { .packet = packet, .answer = &answer };
	told.doubt_count = twin_doubts(twin, &told.doubts);
	if (r == 0 && answer.outcome == TWIN_ACCEPTED) {
		struct twin_packet last = *packet;
		last.to = answer.to;
		last.port = answer.port;
		told.listening = find_listener(explain->context, &last);
	}
	struct bans bans = { 0 };
	if (r == 0 && explain->root && bans_read(&bans, explain->context) == EXIT_IN_ORDER) {
		const struct addr from = addr_unmap(&packet->from);
		told.bans = &bans;
		told.ban = is_tapped(packet) ? bans_against(&bans, &from) : NULL;
	}
	code = r < 0 ? failed(explain, r, &e) : print(explain, request, &told);
	bans_deinit(&bans);
	twin_answer_deinit(&answer);
	return code;
}

int explain_way(const struct explain *explain, const struct way_request *request, const char *word)
{
	struct twin_packet packet = { 0 };
	int code = read_port(&packet, explain, word);
	code = code != EXIT_IN_ORDER ? code : read_addresses(&packet, explain, request);
	return code != EXIT_IN_ORDER ? code : ask(explain, request, &packet);
}
