/*
 * What this host passes on between others. Connections that live before the first rules have no
 * socket of this host, and where nothing tracked, conntrack has no entry: their packets would be
 * judged as if they began. So between loading the rules, from where on conntrack is awake, and the
 * first packet that meets them, some seconds go by, and what was met meanwhile is known.
 */
#include "rules_passing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"
#include "base/parse.h"
#include "base/sockaddr.h"
#include "conntrack/conntrack.h"
#include "words.h"

enum {
	WATCH_SECONDS = 3, /* what moves at all moves within them, telephony and games many times */
	WATCH_SECONDS_MAX = 60,
};

/* ---- addresses and routes ---- */

const char *passing_interface_of(const struct ifaddrs *list, const struct addr *address)
{
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		const struct addr has = addr_from_sockaddr(i->ifa_addr);
		if (addr_compare(&has, address) == 0) {
			return i->ifa_name;
		}
	}
	return NULL;
}

/* @param out  gets the name. @return it; NULL = not known. */
static const char *way_to(char out[TWIN_INTERFACE_BYTES], struct passing *passing,
			  const struct addr *to)
{
	struct passing_way *way =
		&passing->ways[to->bytes[to->family == ADDR_IPV6 ? 15 : 3] % PASSING_WAYS];
	struct addr from;
	if (addr_compare(&way->to, to) != 0) {
		way->to = *to;
		if (twin_way(way->interface, &from, passing->route, to, NULL) < 0) {
			way->interface[0] = '\0';
		}
	}
	(void)str_copy(out, TWIN_INTERFACE_BYTES, way->interface); /* the next may take its place */
	return out[0] == '\0' ? NULL : out;
}

enum enforce_verdict passing_decide(struct passing *passing, const struct enforce_packet *packet)
{
	char in[TWIN_INTERFACE_BYTES];
	char out[TWIN_INTERFACE_BYTES];
	const enum enforce_verdict verdict =
		enforce_decide_forward(passing->policy, packet, &passing->environment);
	if (verdict != ENFORCE_DEPENDS) {
		return verdict;
	}
	struct enforce_packet known = *packet;
	known.interface = way_to(in, passing, &packet->from);
	known.out = way_to(out, passing, &packet->to);
	return enforce_decide_forward(passing->policy, &known, &passing->environment);
}

/* ---- before the first rules ---- */

/* MINATO_WATCH_SECONDS is for tests, which have no connections but their own. */
static unsigned watch_seconds(void)
{
	const char *given = getenv("MINATO_WATCH_SECONDS");
	uint64_t seconds = WATCH_SECONDS;
	if (given != NULL) {
		(void)parse_u64(&seconds, given, 0, WATCH_SECONDS_MAX); /* else it stays */
	}
	return (unsigned)seconds;
}

static bool is_on(const char *path)
{
	FILE *file = fopen(path, "re");
	const int first = file == NULL ? EOF : fgetc(file);
	if (file != NULL) {
		(void)fclose(file); /* it was only read */
	}
	return first != EOF && first != '0';
}

static bool passes_on(void)
{
	return is_on("/proc/sys/net/ipv4/ip_forward") ||
	       is_on("/proc/sys/net/ipv6/conf/all/forwarding");
}

static bool may_pass(struct passing *passing, const struct conntrack_flow *flow,
		     const struct conntrack_tuple *as)
{
	const struct enforce_packet packet = { .protocol = (enum protocol)flow->protocol,
					       .port = as->destination_port,
					       .from = as->source,
					       .to = as->destination };
	return passing_decide(passing, &packet) != ENFORCE_CLOSED;
}

/* Where ports do not tell, the policy does: when it lets only the other way pass. */
static enum conntrack_turning choose(const struct conntrack_flow *flow, void *data)
{
	struct passing *passing = data;
	const struct conntrack_tuple *to = &flow->original;
	if (strcmp(protocol_name((enum protocol)flow->protocol), "?") == 0 ||
	    passing_interface_of(passing->interfaces, &to->source) != NULL ||
	    passing_interface_of(passing->interfaces, &to->destination) != NULL) {
		return CONNTRACK_TURN_NEVER;
	}
	return may_pass(passing, flow, to) || !may_pass(passing, flow, &flow->reply)
		       ? CONNTRACK_TURN_BY_PORTS
		       : CONNTRACK_TURN_LIKELY;
}

static int turn(const struct rules *rules, const struct context *context, struct err *e)
{
	struct ifaddrs *interfaces = NULL;
	struct conntrack *conntrack = NULL;
	size_t turned = 0;
	if (getifaddrs(&interfaces) < 0) {
		return err_system(e, errno, "cannot read the addresses of this host");
	}
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	struct passing passing = { .policy = &rules->wanted.policy,
				   .environment = rules_environment(context),
				   .interfaces = interfaces,
				   .route = route };
	int r = conntrack_open(&conntrack, conntrack_without(getenv("MINATO_WITHOUT")), e);
	if (r == 0) {
		r = conntrack_turn(conntrack, choose, &passing, &turned, e);
	}
	conntrack = conntrack_close(conntrack);
	freeifaddrs(interfaces);
	return r;
}

int rules_watch_passing(const struct rules *rules, const struct context *context, struct err *e)
{
	const unsigned seconds = watch_seconds();
	if (rules->before != NULL || seconds == 0 ||
	    !enforce_limits_forward(&rules->wanted.policy) || !passes_on()) {
		return 0;
	}
	struct str text = STR_INIT(512);
	struct timespec left = { .tv_sec = seconds };
	str_printf(&text,
		   _("For %u s the kernel watches what passes through this host, so that it "
		     "goes on.\n"),
		   seconds);
	(void)print_text(&text); /* nobody has to read it */
	str_deinit(&text);
	while (nanosleep(&left, &left) < 0 && errno == EINTR) {
	}
	return turn(rules, context, e);
}
