/* This host from outside: what its rules do with a packet to each port, as the kernel decides in a
 * copy of them. */
#include "audit_self.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "base/io/netlink.h"
#include "look.h"
#include "observe/observe.h"
#include "rules.h"
#include "twin_ask.h"

enum { PORTS = 65535, CHUNK = 2048, NETWORKS_MAX = 32 };

/* For all families together: where a rule takes long, ports are a sample. */
static const usec_t TIME_MOST = 6 * USEC_PER_SEC;

struct asking {
	struct audit_outside *outside;
	const struct portset *heard;          /* TCP */
	const struct portset *wanted, *edges; /* ports; the edges of the rules are asked first */
	const struct twin_packet *packets;
};

static bool is_own(const void *host, const struct addr *address)
{
	return twin_host_has(host, address);
}

/* ---- from where ---- */

/* Of each family an address that nobody names; where no way leads from there, one of a network that
 * the host is in. */
static void choose(struct audit_self *self, char interfaces[2][TWIN_INTERFACE_BYTES],
		   const struct enforce_sources *sources)
{
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	for (unsigned family = 0; family < 2; family++) {
		struct audit_outside *o = &self->outside[self->count];
		bool found = false;
		for (size_t i = 0; i < sources->list.count && !(found && o->anywhere); i++) {
			const struct enforce_source *s = &sources->list.items[i];
			const bool anywhere = s->place == ENFORCE_PLACE_ANYWHERE;
			char interface[TWIN_INTERFACE_BYTES];
			struct addr to;
			if (s->from.family != (family == 0 ? ADDR_IPV4 : ADDR_IPV6) ||
			    (found && !anywhere) ||
			    twin_way(interface, &to, route, &s->from, NULL) < 0 ||
			    strcmp(interface, "lo") == 0) {
				continue;
			}
			found = true;
			o->from = s->from;
			o->to = to;
			o->anywhere = anywhere;
			memcpy(interfaces[self->count], interface, TWIN_INTERFACE_BYTES);
		}
		self->count += found;
	}
}

static int find_outside(struct audit_self *self, char interfaces[2][TWIN_INTERFACE_BYTES],
			const struct twin_host *host, const struct policy *policy,
			const struct context *context)
{
	struct prefix networks[NETWORKS_MAX];
	struct enforce_sources sources = { 0 };
	const struct enforce_asking ask = {
		.policy = policy,
		.environment = rules_environment(context),
		.is_own = is_own,
		.host = host,
		.questions_max = 1,
		.reach_only = true,
		.networks = networks,
		.network_count = twin_host_networks(host, networks, NETWORKS_MAX),
	};
	const int r = enforce_sources(&sources, &ask);
	if (r == 0) {
		choose(self, interfaces, &sources);
	}
	enforce_sources_deinit(&sources);
	return r;
}

/* ---- all ports ---- */

/* Whatever time ends it at, those that were asked are spread over all. */
static uint16_t port_at(uint32_t index)
{
	uint32_t port = 0;
	for (unsigned bit = 0; bit < 16; bit++) {
		port |= (index >> bit & 1) << (15 - bit);
	}
	return (uint16_t)port;
}

static int take(void *data, size_t index, struct twin_answer *answer)
{
	struct asking *asking = data;
	struct audit_outside *o = asking->outside;
	const uint16_t port = asking->packets[index].port;
	o->asked++;
	if (twin_is_doubtful(answer)) {
		o->unproven++;
	} else if (twin_gets_in(answer)) {
		portset_add(&o->let_in, port);
		if (answer->outcome == TWIN_ACCEPTED && !portset_has(asking->heard, port)) {
			portset_add(&o->unheard, port);
		}
	}
	return 0;
}

static int ask_ports(const struct asking *given, struct twin *twin, const char *interface,
		     usec_t end, struct err *e)
{
	_cleanup_(freep) struct twin_packet *packets = calloc(CHUNK, sizeof(*packets));
	struct asking asking = *given;
	const struct twin_taker taker = { .take = take, .data = &asking };
	int r = packets == NULL ? -ENOMEM : 0;
	asking.packets = packets;
	for (uint32_t next = 0; next < 2 * PORTS && r == 0 && clock_monotonic() < end;) {
		uint32_t count = 0;
		for (; count < CHUNK && next < 2 * PORTS; next++) {
			const uint16_t port = port_at(next % PORTS + 1);
			if (!portset_has(asking.wanted, port) ||
			    portset_has(asking.edges, port) != (next < PORTS)) {
				continue;
			}
			packets[count] = (struct twin_packet){ .protocol = IPPROTO_TCP,
							       .from = asking.outside->from,
							       .to = asking.outside->to,
							       .port = port };
			memcpy(packets[count++].interface, interface, TWIN_INTERFACE_BYTES);
		}
		r = count == 0 ? 0 : twin_probe_all(twin, packets, count, &taker, e);
	}
	return r;
}

/* TCP ports that somebody has: what is let in to others meets nobody. */
static int find_heard(struct portset *out, const struct inventory *inventory)
{
	struct twin_ports ports = { 0 };
	const int r = twin_ports_find(&ports, inventory);
	for (size_t i = 0; i < ports.list.count; i++) {
		if (ports.list.items[i].protocol == PROTOCOL_TCP) {
			portset_add(out, ports.list.items[i].port);
		}
	}
	vec_free(&ports.list);
	return r;
}

static int ask_all(struct audit_self *self, const struct policy *policy, const struct portset *tcp,
		   const struct context *context, struct err *e)
{
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	char interfaces[2][TWIN_INTERFACE_BYTES];
	struct portset heard = { 0 }, edges = { 0 };
	int r = find_heard(&heard, &self->inventory);
	r = r < 0 ? r : twin_host_read(&host, NULL, NULL, e);
	if (r == 0) {
		twin_host_edges(&edges, host);
	}
	r = r < 0 ? r : find_outside(self, interfaces, host, policy, context);
	r = r < 0 ? r : twin_new(&twin, host, NULL, e);
	usec_t now = clock_monotonic();
	const usec_t end = now + TIME_MOST;
	for (size_t i = 0; i < self->count && r == 0; i++) {
		const usec_t share = (end - now) / (usec_t)(self->count - i);
		const struct asking asking = { &self->outside[i], &heard, tcp, &edges, NULL };
		r = ask_ports(&asking, twin, interfaces[i], now + share, e);
		now = clock_monotonic();
	}
	return r;
}

void audit_self_find(struct audit_self *out, const struct context *context,
		     const struct policy *policy, const struct portset *tcp)
{
	const usec_t begun = clock_monotonic();
	*out = (struct audit_self){ .why = ERR_INIT, .wanted = portset_count(tcp) };
	int r = look(&out->inventory, context, OBSERVE_OWNERS | OBSERVE_PUBLISHED, &out->why);
	if (r == 0) {
		reach_find(&out->reach, context, &out->inventory, policy);
		out->why = out->reach.why;
		r = out->why.code;
	}
	r = r < 0 ? r : ask_all(out, policy, tcp, context, &out->why);
	if (r < 0 && out->why.code == 0) {
		(void)err_system(&out->why, r, "cannot ask the twin");
	}
	out->took = clock_monotonic() - begun;
}

void audit_self_deinit(struct audit_self *self)
{
	reach_deinit(&self->reach);
	inventory_deinit(&self->inventory);
}
