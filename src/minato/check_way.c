/* The way to a port of this host: from the program over the host's rules, the LAN and the router to
 * the Internet, as far as somebody here can tell. */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "base/sockaddr.h"
#include "check.h"
#include "explain_way_text.h"
#include "twin/twin.h"
#include "twin_ask.h"
#include "words.h"

enum { RULES_BYTES_MAX = 1 << 20 }; /* beyond, a copy takes longer than anybody waits here */

/* Somebody on the Internet: addresses of documentation (RFC 5737, RFC 3849), which nobody has. */
static const char *const strangers[] = { "198.51.100.7", "2001:db8:ffff::7" };

static void set(struct check *check, enum check_place place, enum check_state state,
		enum check_basis basis, const char *detail, const char *more)
{
	struct check_way_step *step = &check->way[place];
	struct str safe = STR_INIT(1 << 16);
	step->state = (uint8_t)state;
	step->basis = (uint8_t)basis;
	text_escape(&safe, detail);
	(void)str_copy(step->detail, sizeof(step->detail), str_text(&safe));
	str_clear(&safe);
	text_escape(&safe, more);
	(void)str_copy(step->more, sizeof(step->more), str_text(&safe));
	str_deinit(&safe);
}

/* ---- the listener ---- */

static bool is_of(const struct listener *l, const struct check *check,
		  const struct inventory *inventory)
{
	return l->port == check->target.port &&
	       protocol_registry(l->protocol) == check->target.service->protocol &&
	       inventory_is_host(inventory, l->netns);
}

static void find_listener(struct check *check, const struct inventory *inventory)
{
	struct str addresses = STR_INIT(4096);
	bool outside = false;
	for (size_t i = 0; inventory != NULL && i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		char address[ADDR_TEXT_BYTES];
		if (is_of(l, check, inventory)) {
			outside = outside || addr_exposure(&l->address) != EXPOSURE_LOOPBACK;
			str_printf(&addresses, "%s%s", addresses.length > 0 ? ", " : "",
				   addr_format(&l->address, address));
		}
	}
	if (inventory == NULL) {
		set(check, CHECK_LISTENER, CHECK_STATE_UNKNOWN, CHECK_LISTENS_UNSEEN, "", "");
	} else if (addresses.length == 0) {
		set(check, CHECK_LISTENER, CHECK_STATE_REFUSED, CHECK_LISTENS_NOBODY, "", "");
	} else if (check->inside == CHECK_INSIDE_FULL) {
		set(check, CHECK_LISTENER, CHECK_STATE_REFUSED, CHECK_LISTENS_FULL, check->program,
		    str_text(&addresses));
	} else {
		set(check, CHECK_LISTENER, outside ? CHECK_STATE_DONE : CHECK_STATE_REFUSED,
		    outside ? CHECK_LISTENS : CHECK_LISTENS_INSIDE, check->program,
		    str_text(&addresses));
	}
	str_deinit(&addresses);
}

/* ---- where this host stands ---- */

struct place {
	struct probe_local out; /* the way to the Internet */
	struct addr stranger;   /* somebody there, of the family that leads out */
	struct addr own;        /* of the LAN; ADDR_NONE = there is none */
	char interface[IF_NAMESIZE];
};

/* Without a way out: the first address that is not loopback's or link-local. */
static void find_any(struct place *place)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0) {
		return;
	}
	for (const struct ifaddrs *i = all; i != NULL && place->own.family == ADDR_NONE;
	     i = i->ifa_next) {
		const struct addr address = addr_from_sockaddr(i->ifa_addr);
		const bool local = address.family == ADDR_IPV6 && address.bytes[0] == 0xfe &&
				   (address.bytes[1] & 0xc0) == 0x80;
		if (address.family != ADDR_NONE && !local && (i->ifa_flags & IFF_LOOPBACK) == 0 &&
		    (i->ifa_flags & IFF_UP) != 0) {
			place->own = address;
			(void)str_copy(place->interface, sizeof(place->interface), i->ifa_name);
		}
	}
	freeifaddrs(all);
	if (place->own.family != ADDR_NONE) {
		(void)addr_parse(&place->stranger,
				 strangers[place->own.family == ADDR_IPV6 ? 1 : 0]);
	}
}

static void find_place(struct place *place)
{
	for (unsigned i = 0; i < 2 && !place->out.has_route; i++) {
		(void)addr_parse(&place->stranger, strangers[i]); /* valid as they stand here */
		(void)probe_local(&place->out, &place->stranger, NULL); /* else there is none */
	}
	if (place->out.has_route) {
		place->own = place->out.source;
		(void)str_copy(place->interface, sizeof(place->interface), place->out.interface);
	} else {
		find_any(place);
	}
}

/* Somebody on the LAN: the router, or a number beside the own one. */
static struct addr neighbour_of(const struct place *place)
{
	struct addr address = place->own;
	uint8_t *last = &address.bytes[address.family == ADDR_IPV4 ? 3 : 15];
	if (place->out.gateway.family == address.family) {
		return place->out.gateway;
	}
	do {
		(*last)++;
	} while (*last == 0 || *last == 255);
	return address;
}

/* ---- the rules ---- */

/* What the twin says of a packet from there. */
struct question {
	struct addr from;
	enum check_state state;
	enum check_basis basis;
	char more[192];
};

static void take_answer(struct question *q, const struct twin_answer *answer,
			const struct twin_packet *packet)
{
	struct str text = STR_INIT(1 << 16);
	if (twin_is_doubtful(answer)) {
		const struct twin_doubt *doubt = twin_asked_doubt(answer);
		q->basis = CHECK_RULES_DOUBT;
		str_add(&text, doubt == NULL ? "?" : doubt->detail);
	} else if (twin_gets_in(answer)) {
		q->state = CHECK_STATE_DONE;
		q->basis = answer->outcome == TWIN_FORWARDED ? CHECK_RULES_SEND_ON
							     : CHECK_RULES_LET_IN;
		str_add(&text, packet->interface);
	} else {
		q->state = CHECK_STATE_REFUSED;
		q->basis = CHECK_RULES_END;
		if (answer->deciding != NULL) {
			way_add_deciding(&text, answer->deciding);
		} else {
			str_add(&text, twin_cause_name(answer->cause));
		}
	}
	(void)str_copy(q->more, sizeof(q->more), str_text(&text));
	str_deinit(&text);
}

static int ask_one(struct question *q, struct twin *twin, int route, const struct check *check,
		   struct err *e)
{
	struct twin_answer answer = { .reject = "" };
	struct twin_packet packet = {
		.protocol = check->order.udp != 0 ? IPPROTO_UDP : IPPROTO_TCP,
		.from = q->from,
		.port = check->target.port,
	};
	int r = twin_way(packet.interface, &packet.to, route, &q->from, e);
	/* A socket bound to one address is asked for there. */
	const struct addr *bound = &check->order.addresses[0];
	if (addr_exposure(bound) != EXPOSURE_LOOPBACK && bound->family == packet.to.family) {
		packet.to = *bound;
	}
	r = r < 0 ? r : twin_probe(twin, &packet, &answer, e);
	if (r == 0) {
		take_answer(q, &answer, &packet);
	}
	twin_answer_deinit(&answer);
	return r;
}

static int ask_twin(struct question *questions, size_t count, const struct check *check,
		    struct err *e)
{
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	int r = twin_host_read(&host, NULL, NULL, e);
	if (r == 0 && twin_host_rules_bytes(host) > RULES_BYTES_MAX) {
		return err_set(e, EFBIG, "the host has too many rules to ask about here");
	}
	r = r < 0 ? r : twin_new(&twin, host, NULL, e);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = ask_one(&questions[i], twin, route, check, e);
	}
	return r;
}

static void judge_rules(struct check *check, const struct place *place)
{
	char from[ADDR_TEXT_BYTES];
	struct err e = ERR_INIT;
	struct question questions[] = { { .from = place->stranger },
					{ .from = neighbour_of(place) } };
	/* Where no way leads out, whoever comes is of the LAN. */
	const bool out = place->out.has_route;
	struct question *first = out ? &questions[0] : &questions[1];
	struct question *lan = &questions[1];
	int r = ask_twin(first, out ? 2 : 1, check, &e);
	if (r == -EPERM || r == -EACCES) {
		first->basis = lan->basis = CHECK_RULES_RIGHTS;
	} else if (r < 0) {
		first->basis = lan->basis = CHECK_RULES_UNASKED;
		(void)str_copy(first->more, sizeof(first->more), err_text(&e));
	}
	set(check, CHECK_FIREWALL, r < 0 ? CHECK_STATE_UNKNOWN : first->state, first->basis,
	    addr_format(&first->from, from), first->more);
	if (r == 0 && lan->state == CHECK_STATE_REFUSED) {
		set(check, CHECK_LAN, CHECK_STATE_REFUSED, CHECK_RULES_END,
		    addr_format(&lan->from, from), lan->more);
	} else {
		const bool proven = r == 0 && lan->state == CHECK_STATE_DONE;
		set(check, CHECK_LAN, proven ? CHECK_STATE_DONE : CHECK_STATE_UNKNOWN,
		    proven ? CHECK_LAN_REACHED : CHECK_LAN_IF, addr_format(&place->own, from),
		    place->interface);
	}
}

/* ---- the router ---- */

static bool is_shared(const struct addr *address)
{
	struct prefix shared;
	return prefix_parse(&shared, "100.64.0.0/10") == 0 && prefix_has(&shared, address);
}

static void judge_router(struct check *check, const struct place *place)
{
	char own[ADDR_TEXT_BYTES];
	char router[ADDR_TEXT_BYTES];
	const struct probe_local *out = &place->out;
	(void)addr_format(&place->own, own);
	(void)addr_format(&out->gateway, router);
	if (!out->has_route) {
		set(check, CHECK_ROUTER, CHECK_STATE_REFUSED, CHECK_ROUTER_NONE, "", "");
	} else if (out->next_hop == PROBE_NEIGHBOUR_SILENT && out->gateway.family != ADDR_NONE) {
		set(check, CHECK_ROUTER, CHECK_STATE_REFUSED, CHECK_ROUTER_SILENT, own, router);
	} else if (is_shared(&place->own)) {
		set(check, CHECK_ROUTER, CHECK_STATE_UNKNOWN, CHECK_ROUTER_SHARED, own, router);
	} else if (addr_exposure(&place->own) == EXPOSURE_PUBLIC) {
		set(check, CHECK_ROUTER, CHECK_STATE_DONE, CHECK_ROUTER_PUBLIC, own, router);
	} else {
		set(check, CHECK_ROUTER, CHECK_STATE_UNKNOWN, CHECK_ROUTER_PRIVATE, own, router);
	}
}

void check_way(struct check *check, const struct inventory *inventory)
{
	struct place place = { .own = { 0 } };
	check->has_way = true;
	find_listener(check, inventory);
	find_place(&place);
	if (place.own.family == ADDR_NONE) {
		set(check, CHECK_FIREWALL, CHECK_STATE_UNKNOWN, CHECK_RULES_UNASKED, "",
		    _("nobody can come in"));
		set(check, CHECK_LAN, CHECK_STATE_REFUSED, CHECK_LAN_NO_ADDRESS, "", "");
	} else {
		judge_rules(check, &place);
	}
	if (place.out.link_down) {
		set(check, CHECK_LAN, CHECK_STATE_REFUSED, CHECK_LAN_NO_LINK, "", place.interface);
	}
	judge_router(check, &place);
	set(check, CHECK_INTERNET, CHECK_STATE_UNKNOWN, CHECK_INTERNET_UNPROVEN, "", "");
}

void check_way_internet(struct check *check)
{
	struct str proof = STR_INIT(1024);
	const enum probe_cause cause = check_via_cause(check);
	if (check->via == NULL || !check->has_way) {
		return;
	}
	check_add_via_proof(&proof, check);
	const bool told = check->seen.given != 0 && cause != PROBE_UNKNOWN;
	const bool in = told && (cause < PROBE_LOCAL || cause > PROBE_REFUSED_FIREWALL);
	set(check, CHECK_INTERNET,
	    !told ? CHECK_STATE_UNKNOWN
	    : in  ? CHECK_STATE_DONE
		  : CHECK_STATE_REFUSED,
	    !told ? CHECK_INTERNET_UNTOLD
	    : in  ? CHECK_INTERNET_SEEN
		  : CHECK_INTERNET_UNSEEN,
	    check->via, str_text(&proof));
	str_deinit(&proof);
}
