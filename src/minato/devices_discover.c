/* minato devices --discover: everybody on networks of one's own is asked for once. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/cleanup.h"
#include "base/sockaddr.h"
#include "devices_show.h"
#include "discover/discover.h"
#include "words.h"

static const usec_t WAIT = 2 * USEC_PER_SEC;

struct choosing {
	const struct policy *policy;
	bool authorized;
	struct discover_order *order;
	struct prefix too_large; /* the last one that is; ADDR_NONE = none */
	bool foreign;            /* there is one without a device of the policy */
};

static uint8_t bits_of(const struct addr *mask)
{
	uint8_t bits = 0;
	while (bits < 32 && (mask->bytes[bits / 8] >> (7 - bits % 8) & 1) != 0) {
		bits++;
	}
	return bits;
}

static bool is_ours(const struct policy *policy, const struct prefix *network)
{
	for (size_t i = 0; policy != NULL && i < policy->hosts.count; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		for (size_t k = 0; k < host->addresses.count; k++) {
			if (prefix_has(network, &host->addresses.items[k].address)) {
				return true;
			}
		}
	}
	return false;
}

static bool is_chosen(const struct discover_order *order, const struct prefix *network)
{
	for (uint32_t i = 0; i < order->count; i++) {
		const struct prefix *has = &order->networks[i].prefix;
		if (has->bits == network->bits &&
		    addr_compare(&has->address, &network->address) == 0) {
			return true;
		}
	}
	return false;
}

static void take(struct choosing *c, const struct ifaddrs *i)
{
	const struct addr mask = addr_from_sockaddr(i->ifa_netmask);
	const struct prefix own = { addr_from_sockaddr(i->ifa_addr), bits_of(&mask) };
	if (own.address.family != ADDR_IPV4 || mask.family != ADDR_IPV4 || own.bits > 30 ||
	    (i->ifa_flags & IFF_UP) == 0 ||
	    (i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT | IFF_NOARP)) != 0) {
		return;
	}
	const struct prefix network = prefix_masked(&own);
	if (!c->authorized && !is_ours(c->policy, &network)) {
		c->foreign = true;
	} else if (network.bits < DISCOVER_BITS_LEAST) {
		c->too_large = network;
	} else if (!is_chosen(c->order, &network) && c->order->count < DISCOVER_NETWORKS_MAX) {
		c->order->networks[c->order->count++] =
			(struct discover_network){ network, own.address,
						   if_nametoindex(i->ifa_name) };
	}
}

static int refuse(const struct choosing *c, const struct context *context)
{
	struct err e = ERR_INIT;
	char text[PREFIX_TEXT_BYTES];
	if (c->too_large.address.family != ADDR_NONE) {
		(void)err_set(&e, -E2BIG, _("%s is too large: no network beyond /%d is asked"),
			      prefix_format(&c->too_large, text), DISCOVER_BITS_LEAST);
		complain(context, err_text(&e), "minato help devices");
	} else if (c->foreign) {
		complain(context,
			 _("no device of hosts: of the policy is on a network of this host: only "
			   "networks of one's own are asked"),
			 "minato devices --discover --authorized");
	} else {
		complain(context, _("this host is on no IPv4 network with neighbours"),
			 "ip -4 address");
	}
	return EXIT_USAGE;
}

static int choose(struct discover_order *order, const struct context *context,
		  const struct policy *policy, bool authorized)
{
	struct choosing c = { .policy = policy, .authorized = authorized, .order = order };
	struct err e = ERR_INIT;
	struct ifaddrs *list = NULL;
	*order = (struct discover_order){ .rate = DISCOVER_RATE, .wait = WAIT };
	if (getifaddrs(&list) < 0) {
		(void)err_system(&e, errno, "cannot read the addresses of this host");
		complain(context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		take(&c, i);
	}
	freeifaddrs(list);
	return order->count > 0 ? EXIT_IN_ORDER : refuse(&c, context);
}

/* As of an audit on a person's word: the daemon remembers which networks. */
static void record(const struct discover_order *order)
{
	for (uint32_t i = 0; i < order->count; i++) {
		_cleanup_(freep) struct audit_target *network = calloc(1, sizeof(*network));
		if (network != NULL) {
			network->address = order->networks[i].prefix.address;
			(void)audit_record(network);
		}
	}
}

static void say_what(const struct discover_order *order, const struct context *context)
{
	char text[PREFIX_TEXT_BYTES], span[SPAN_TEXT_BYTES];
	const size_t count = discover_address_count(order);
	const usec_t time = (usec_t)count * USEC_PER_SEC / (usec_t)order->rate + order->wait;
	for (uint32_t i = 0; context->err_terminal && i < order->count; i++) {
		(void)fprintf(stderr, "%s ", prefix_format(&order->networks[i].prefix, text));
	}
	if (context->err_terminal) {
		(void)fprintf(stderr, _("%zu addresses are asked for, about %s\n"), count,
			      span_format(time, span));
	}
}

static int keep(struct devices_found *found, const struct discover_record *record)
{
	if (record->kind == DISCOVER_NAME) {
		struct devices_name *name = vec_push(&found->names.list);
		if (name == NULL) {
			return -ENOMEM;
		}
		*name = (struct devices_name){ .address = record->from,
					       .source = DEVICES_NAME_SELF };
		(void)str_copy(name->name, sizeof(name->name), record->text);
		return 0;
	}
	for (size_t i = 0; i < found->services.count; i++) {
		const struct devices_service *service = &found->services.items[i];
		if (strcmp(service->text, record->text) == 0 &&
		    addr_compare(&service->address, &record->from) == 0) {
			return 0;
		}
	}
	struct devices_service *service = vec_push(&found->services);
	if (service == NULL) {
		return -ENOMEM;
	}
	service->address = record->from;
	(void)str_copy(service->text, sizeof(service->text), record->text);
	return 0;
}

int devices_discover(struct devices_found *found, const struct context *context,
		     const struct policy *policy, bool authorized)
{
	struct err e = ERR_INIT;
	struct discover_order order;
	size_t count = 0;
	const int code = choose(&order, context, policy, authorized);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	_cleanup_(freep) struct discover_record *records =
		calloc(DISCOVER_RECORDS_MAX, sizeof(*records));
	if (authorized) {
		record(&order);
	}
	say_what(&order, context);
	int r = records == NULL ? err_system(&e, ENOMEM, "cannot discover")
				: discover_ask(records, &count, &order, &e);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = keep(found, &records[i]);
	}
	if (r < 0) {
		complain(context, e.code != 0 ? err_text(&e) : strerror(-r), NULL);
		return EXIT_ERROR;
	}
	found->asked = true;
	return EXIT_IN_ORDER;
}

void devices_found_deinit(struct devices_found *found)
{
	devices_names_deinit(&found->names);
	vec_free(&found->services);
}
