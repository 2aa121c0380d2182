/* One target: its name, the order for minato-probe, what this host knows itself. */
#include <errno.h>
#include <string.h>

#include "base/io/clock.h"
#include "check.h"
#include "words.h"

static const usec_t NAME_TIME = 5 * USEC_PER_SEC;

/* ---- the name ---- */

/* Whether a socket is the host's and of the port that is asked for. */
static bool is_of(const struct listener *l, const struct check *check,
		  const struct inventory *inventory)
{
	return l->port == check->target.port &&
	       protocol_registry(l->protocol) == check->target.service->protocol &&
	       inventory_is_host(inventory, l->netns);
}

/* Ports of this host: where something listens, else loopback. */
static void find_own_address(struct check *check, const struct inventory *inventory)
{
	const char *loopback = "127.0.0.1";
	struct addr *address = &check->target.address;
	for (size_t i = 0; inventory != NULL && i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (!is_of(l, check, inventory)) {
			continue;
		}
		const struct addr bound = addr_unmap(&l->address);
		if (!addr_is_any(&bound)) {
			*address = bound;
			return;
		}
		loopback = l->address.family == ADDR_IPV6 && l->v6_only ? "::1" : "127.0.0.1";
	}
	(void)addr_parse(address, loopback); /* valid as they stand here */
}

/* @return whether there is something to connect to. */
static bool find_addresses(struct check *check, const struct inventory *inventory, struct err *e)
{
	struct probe_target *target = &check->target;
	if (target->host[0] == '\0') {
		find_own_address(check, inventory);
		target->literal = true;
		(void)addr_format(&target->address, check->order.host);
	}
	if (target->literal) {
		probe_order_addresses(&check->order, &target->address, 1);
		return true;
	}
	const char *const names[] = { target->host };
	const usec_t begin = clock_monotonic();
	int r = resolve_names(&check->names, names, 1, NAME_TIME, e);
	check->resolved = clock_monotonic() - begin;
	if (r < 0) {
		return false;
	}
	if (check->names.count > 0) { /* of too many the first ones */
		probe_order_addresses(&check->order, check->names.addresses, check->names.count);
		return true;
	}
	check->cause = check->names.outcome == RESOLVE_NO_REPLY ? PROBE_NO_RESOLVER : PROBE_NO_NAME;
	return false;
}

/* ---- what this host knows ---- */

/* The address that tells most: the one that was connected to, else the first that was tried. */
static const struct addr *address_asked(const struct check *check)
{
	return check->evidence != NULL && check->evidence->to.family != ADDR_NONE
		       ? &check->evidence->to
	       : check->count > 0 ? &check->records[0].to
				  : &check->order.addresses[0];
}

static void take_program(struct check *check, const struct inventory *inventory,
			 const struct listener *l)
{
	const struct process *process = inventory_listener_process(inventory, l);
	if (process != NULL) {
		(void)str_copy(check->program, sizeof(check->program), process->name);
	}
}

void check_look_inside(struct check *check, const struct inventory *inventory)
{
	const struct listener *there =
		inventory_listener_at(inventory, check->target.service->protocol,
				      address_asked(check), check->target.port);
	check->inside = CHECK_INSIDE_NOBODY;
	if (there != NULL) {
		take_program(check, inventory, there);
		check->queue.waiting = there->queue;
		check->queue.room = there->backlog;
		/* By now there may be room again: who was lost meanwhile is counted. */
		const bool lost = check->cause == PROBE_FILTERED && check->queue.lost_now > 0;
		check->inside = (there->backlog > 0 && there->queue > there->backlog) || lost
					? CHECK_INSIDE_FULL
					: CHECK_INSIDE_LISTENS;
		return;
	}
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		if (is_of(&inventory->listeners.items[i], check, inventory)) {
			check->inside = CHECK_INSIDE_ELSEWHERE;
		}
	}
}

static void ask(struct check *check, const struct check_limits *limits, struct err *e)
{
	struct check_capture capture = { .socket = -1, .held = -1 };
	if (limits->capture) {
		check_capture_begin(&capture, check);
	}
	check_queue_begin(&check->queue);
	int r = probe_ask(check->records, PROBE_RECORDS_MAX, &check->count, &check->order, e);
	check_queue_end(&check->queue);
	(void)check_capture_end(&capture, check, e); /* in `e` */
	if (r == 0) {
		check->cause = probe_judge(&check->order, check->records, check->count, clock_now(),
					   &check->evidence);
		/* Without it the verdict stands, and says less. */
		(void)probe_local(&check->local, address_asked(check), NULL);
		check->own = check->local.to_itself;
	}
}

int check_run(struct check *out, const struct context *context, const struct probe_target *target,
	      const struct check_limits *limits, const struct inventory *inventory)
{
	struct err e = ERR_INIT;
	*out = (struct check){ .target = *target, .began = clock_now() };
	out->order = (struct probe_order){
		.talk = target->service->talk,
		.tls = target->service->tls,
		.udp = target->service->protocol == PROTOCOL_UDP,
		.unnamed = target->host[0] == '\0',
		.port = target->port,
		.connect_time = limits->connect_time,
		/* Who only listens does not wait as long as who was asked something. */
		.answer_time = target->service->talk == PROBE_TALK_NONE &&
					       target->service->tls == PROBE_TLS_NONE
				       ? USEC_PER_SEC
				       : limits->answer_time,
	};
	(void)str_copy(out->order.host, sizeof(out->order.host), target->host);
	(void)str_copy(out->order.path, sizeof(out->order.path), target->path);
	if (find_addresses(out, inventory, &e)) {
		ask(out, limits, &e);
	}
	if (e.code < 0) {
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	check_side(out);
	if (out->own && inventory != NULL) {
		check_look_inside(out, inventory);
	}
	out->took = clock_now() - out->began;
	return EXIT_IN_ORDER;
}
