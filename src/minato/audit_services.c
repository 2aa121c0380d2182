/* minato audit: what speaks at the ports that are open. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "words.h"

/* What is declared tells more than the number: a profile is a service. */
static void take_profile(struct identify_port *port, const struct audit_row *row)
{
	bool tls = false;
	const char *profile = row->declaration == NULL ? NULL : row->declaration->profile;
	const enum identify_talk talk =
		profile == NULL ? IDENTIFY_TALK_NONE : identify_talk_of(profile, &tls);
	if (talk != IDENTIFY_TALK_NONE && port->talk != IDENTIFY_TALK_LISTEN) {
		port->talk = (uint8_t)talk;
		port->tls = tls;
	}
}

/* Of one address: its open ports, as many as an order takes. */
static void collect(struct identify_order *order, const struct audit_target *target,
		    const struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		const struct audit_part *part = &parts->items[i];
		for (size_t k = 0; part->target == target && k < part->row_count; k++) {
			if (part->rows[k].state == SWEEP_OPEN &&
			    order->port_count < IDENTIFY_PORTS_MAX) {
				struct identify_port *port = &order->ports[order->port_count++];
				audit_service_port(port, part->protocol, part->rows[k].port);
				take_profile(port, &part->rows[k]);
			}
		}
	}
}

/* Hands what was told to the parts it belongs to. */
static void share(const struct audit_target *target, struct audit_parts *parts,
		  const struct identity *told, size_t count)
{
	for (size_t i = 0; i < parts->count; i++) {
		struct audit_part *part = &parts->items[i];
		if (part->target != target || part->identities != NULL) {
			continue;
		}
		part->identities = calloc(count, sizeof(*part->identities));
		for (size_t k = 0; part->identities != NULL && k < count; k++) {
			if (told[k].protocol == part->protocol) {
				part->identities[part->identity_count++] = told[k];
			}
		}
	}
}

static void show_progress(const struct context *context, const struct audit_target *target,
			  unsigned count)
{
	if (context->err_terminal && count > 0) {
		(void)fprintf(stderr,
			      ngettext("asking what speaks at %u port of %s",
				       "asking what speaks at %u ports of %s", count),
			      count, target->name);
		(void)fputc('\r', stderr);
	} else if (context->err_terminal) {
		(void)fprintf(stderr, "%*s\r", (int)context->columns - 1, "");
	}
	(void)fflush(stderr);
}

static void ask(struct audit_target *target, struct audit_parts *parts,
		const struct context *context, bool snmp_public)
{
	struct addr literal;
	_cleanup_(freep) struct identify_order *order = calloc(1, sizeof(*order));
	_cleanup_(freep) struct identity *told = calloc(IDENTIFY_PORTS_MAX, sizeof(*told));
	char host[ADDR_TEXT_BYTES];
	if (order == NULL || told == NULL) {
		(void)err_set(&target->services_fault, -ENOMEM, _("not enough memory"));
		return;
	}
	const bool named = !target->own && addr_parse(&literal, target->name) < 0;
	identify_order_init(order, &target->address,
			    named ? target->name : addr_format(&target->address, host));
	order->snmp_public = snmp_public;
	collect(order, target, parts);
	if (order->port_count == 0) {
		return;
	}
	show_progress(context, target, order->port_count);
	(void)identify_ask(told, order, audit_stopped(), &target->services_fault);
	show_progress(context, target, 0);
	share(target, parts, told, order->port_count);
}

void audit_services(struct audit_targets *targets, struct audit_parts *parts,
		    const struct context *context, bool snmp_public)
{
	for (size_t i = 0; i < targets->count && *audit_stopped() == 0; i++) {
		ask(&targets->items[i], parts, context, snmp_public);
	}
}

const struct identity *audit_identity(const struct audit_part *part, uint16_t port)
{
	for (size_t i = 0; i < part->identity_count; i++) {
		if (part->identities[i].port == port) {
			return &part->identities[i];
		}
	}
	return NULL;
}

bool audit_services_asked(const struct audit_target *target, const struct audit_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		if (parts->items[i].target == target && parts->items[i].identity_count > 0) {
			return true;
		}
	}
	return false;
}
