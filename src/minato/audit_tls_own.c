/* Which ports of this host are asked how they encrypt, and at which address. */
#include <errno.h>

#include "audit_tls.h"
#include "look.h"
#include "observe/observe.h"
#include "words.h"

struct finding_own {
	struct audit_tls_list *out;
	const struct portset *wanted; /* NULL = all */
	struct portset found;
	int error;
};

static bool is_wanted(const struct finding_own *f, uint16_t port)
{
	return port != 0 && (f->wanted == NULL || portset_has(f->wanted, port));
}

static void add(struct finding_own *f, const struct addr *address, uint16_t port)
{
	if (f->error == 0 && is_wanted(f, port)) {
		f->error = audit_tls_add_port(f->out, "self", address, port);
		portset_add(&f->found, port);
	}
}

static struct addr loopback(bool six)
{
	struct addr address = { 0 };
	(void)addr_parse(&address, six ? "::1" : "127.0.0.1"); /* valid as they stand here */
	return address;
}

/* A link-local address needs a zone, which an order has not. */
static bool is_link_local(const struct addr *a)
{
	return a->family == ADDR_IPV6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* Of every address loopback stands for all; one that IPv4 reaches is asked over IPv4 alone. */
static void add_listener(struct finding_own *f, const struct listener *l)
{
	const struct addr bound = addr_unmap(&l->address);
	if (!addr_is_any(&bound)) {
		if (!is_link_local(&bound)) {
			add(f, &bound, l->port);
		}
		return;
	}
	const bool six = l->address.family == ADDR_IPV6 && l->v6_only;
	if (!six || !portset_has(&f->found, l->port)) {
		const struct addr address = loopback(six);
		add(f, &address, l->port);
	}
}

static void add_listeners(struct finding_own *f, const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (protocol_registry(l->protocol) == PROTOCOL_TCP &&
		    inventory_is_host(inventory, l->netns)) {
			add_listener(f, l);
		}
	}
}

/* Declared ones where nobody listens: that they are closed is an answer, too. */
static void add_missing(struct finding_own *f, const struct portset *ports)
{
	const struct addr address = loopback(false);
	for (int32_t port = portset_next(ports, 1); port >= 0;
	     port = portset_next(ports, (uint32_t)port + 1)) {
		if (!portset_has(&f->found, (uint16_t)port)) {
			add(f, &address, (uint16_t)port);
		}
	}
}

/* Of a range only what listens is asked, as far as it was not named by the person. */
static void add_declared(struct finding_own *f, const struct policy *policy)
{
	struct portset ports = { 0 };
	for (size_t i = 0; policy != NULL && i < policy->declarations.count; i++) {
		const struct policy_declaration *d = &policy->declarations.items[i];
		for (size_t k = 0; k < d->ports.count; k++) {
			if (d->ports.items[k].protocol == PROTOCOL_TCP &&
			    d->ports.items[k].first == d->ports.items[k].last) {
				portset_add(&ports, d->ports.items[k].first);
			}
		}
	}
	add_missing(f, &ports);
}

int audit_tls_find_own(struct audit_tls_list *out, const struct context *context,
		       const struct policy *policy, const struct portset *wanted)
{
	struct inventory inventory;
	struct finding_own f = { .out = out, .wanted = wanted };
	int code = look_or_complain(&inventory, context, 0);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	add_listeners(&f, &inventory);
	inventory_deinit(&inventory);
	add_declared(&f, policy);
	if (wanted != NULL && portset_count(wanted) <= TLS_PORTS_MAX) {
		add_missing(&f, wanted);
	}
	if (f.error == -E2BIG) {
		complain(context, _("this host listens at more than 64 addresses; name the ports"),
			 "minato audit --tls 443");
		return EXIT_ERROR;
	}
	if (f.error < 0) {
		complain(context, _("not enough memory"), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}
