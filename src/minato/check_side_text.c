/* This host's own side of a check, in words. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "words.h"

/* ---- "check your own connection first" ---- */

static bool is_far(const struct check *check)
{
	return check->cause == PROBE_FILTERED || check->cause == PROBE_UNREACHABLE ||
	       check->cause == PROBE_LOCAL || check->cause == PROBE_NO_RESOLVER ||
	       (check->cause == PROBE_UNKNOWN && check->output != CHECK_OUTPUT_NOT_ASKED);
}

/* Each part says what it found. @return whether the fault is found: then nothing further counts. */
static bool add_link(struct str *out, const struct probe_local *local)
{
	if (!local->has_route) {
		str_add(out, !local->any_link ? _("no interface has a link: see the cable or Wi-Fi")
			     : !local->any_address
				     ? _("no interface has an address: see DHCP, and ip "
					 "addr")
				     : _("no route leads there: see ip route"));
		return true;
	}
	if (local->link_down) {
		str_printf(out, _("%s has no link: see the cable or Wi-Fi"), local->interface);
		return true;
	}
	str_printf(out, _("%s has its link"), local->interface);
	return false;
}

static void add_address(struct str *out, const struct probe_local *local)
{
	char address[ADDR_TEXT_BYTES];
	if (local->source.family != ADDR_NONE) {
		str_printf(out, _(", address %s"), addr_format(&local->source, address));
	}
}

static bool add_router(struct str *out, const struct probe_local *local)
{
	char address[ADDR_TEXT_BYTES];
	const bool silent = local->next_hop == PROBE_NEIGHBOUR_SILENT;
	if (local->gateway.family == ADDR_NONE) {
		str_add(out, silent ? _(", nobody answers for that address on the link")
				    : _(", the target is on the same link"));
		return silent;
	}
	str_printf(out,
		   silent ? _(", the router %s does not answer: the fault is on this side")
		   : local->next_hop == PROBE_NEIGHBOUR_ANSWERS ? _(", the router %s answers")
								: _(", the router is %s"),
		   addr_format(&local->gateway, address));
	return silent;
}

static bool add_resolver(struct str *out, const struct check *check)
{
	char address[ADDR_TEXT_BYTES];
	switch (check->dns) {
	case CHECK_DNS_NONE:
		str_add(out, _(", no resolver is named in /etc/resolv.conf"));
		return true;
	case CHECK_DNS_SILENT:
		str_printf(out, _(", the resolver %s does not answer"),
			   addr_format(&check->resolver, address));
		return true;
	case CHECK_DNS_ANSWERS:
		str_printf(out, _(", the resolver %s answers for itself, but not for this name"),
			   addr_format(&check->resolver, address));
		return false;
	case CHECK_DNS_NOT_ASKED:
		break;
	}
	if (check->names.count > 0) {
		str_add(out, _(", the resolver answers"));
	}
	return false;
}

static void add_output(struct str *out, const struct check *check)
{
	switch (check->output) {
	case CHECK_OUTPUT_RIGHTS:
		str_add(out, _(", the own rules were not asked (root may)"));
		break;
	case CHECK_OUTPUT_GOES:
		str_add(out, _(", the own rules let it out"));
		break;
	case CHECK_OUTPUT_UNKNOWN:
		str_add(out, _(", what the own rules do is not known"));
		break;
	case CHECK_OUTPUT_ENDS:
		str_printf(out, _(", an own rule ends it: %s"), check->output_rule);
		break;
	case CHECK_OUTPUT_NOT_ASKED:
		break;
	}
}

void check_add_side(struct str *out, const struct check *check)
{
	const struct probe_local *local = &check->local;
	const bool no_way = check->dns == CHECK_DNS_NONE && !local->has_route;
	if (!is_far(check) || check->own) {
		return;
	}
	check_add_label(out, _("this side"));
	if (no_way) {
		str_add(out, _("no resolver is named in /etc/resolv.conf\n"));
		return;
	}
	if (!local->to_itself) { /* a resolver of its own, as systemd-resolved, is no way out */
		if (add_link(out, local)) {
			str_add_char(out, '\n');
			return;
		}
		add_address(out, local);
		if (add_router(out, local)) {
			str_add_char(out, '\n');
			return;
		}
	} else {
		str_add(out, _("the resolver is on this host"));
	}
	if (!add_resolver(out, check)) {
		add_output(out, check);
	}
	str_add_char(out, '\n');
}

/* ---- an own port ---- */

static void add_queue(struct str *out, const struct check *check)
{
	const struct check_queue *queue = &check->queue;
	const bool full = check->inside == CHECK_INSIDE_FULL;
	if (queue->room == 0 || (!full && queue->waiting == 0)) {
		return;
	}
	check_add_label(out, _("queue"));
	str_printf(out, _("%u wait for accept(), room for %u"), queue->waiting, queue->room);
	if (queue->counted) {
		str_printf(out, _("; lost to full queues here: %llu, %llu of them meanwhile"),
			   (unsigned long long)queue->lost, (unsigned long long)queue->lost_now);
	}
	str_add_char(out, '\n');
}

void check_add_inside(struct str *out, const struct check *check)
{
	static const char *const words[] = {
		[CHECK_INSIDE_NOBODY] = N_("nothing listens on that port"),
		[CHECK_INSIDE_ELSEWHERE] = N_("something listens, but on another address"),
		[CHECK_INSIDE_LISTENS] = N_("something listens"),
		[CHECK_INSIDE_FULL] = N_("something listens, and its queue of connections is full"),
	};
	if (check->inside == CHECK_INSIDE_UNKNOWN) {
		return;
	}
	check_add_label(out, _("inside"));
	str_add(out, _(words[check->inside]));
	if (check->program[0] != '\0') {
		str_add(out, ": ");
		text_escape(out, check->program);
	}
	str_add_char(out, '\n');
	add_queue(out, check);
}
