/* Who must not be kept out, and who has proved his address: what the kernel and the host's files
 * say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/bans.h"
#include "common/say.h"
#include "conntrack/conntrack.h"
#include "keeper.h"
#include "observe/observe.h"

enum {
	TCP_ESTABLISHED_STATE = 1, /* include/net/tcp_states.h */
	TCP_SYN_SENT_STATE = 2,
	TCP_SYN_RECV_STATE = 3,
	SSH_PORT = 22,
	TRACKED_MAX = 65536, /* entries of conntrack that are looked through */
	SHARE = 5,           /* of the time, at most */
};

static const usec_t FRESH_USEC = USEC_PER_SEC;

/* What a reading adds to. */
struct reading {
	struct keeper_defence *defence;
	usec_t now;
	bool logins_known;
	int error;
};

/* People come in there; also where the policy says so by its profile. */
static bool is_login_port(const struct policy *policy, uint16_t port)
{
	const struct policy_declaration *d = NULL;
	while ((d = policy_declaration_for(policy, PROTOCOL_TCP, port, NULL, d)) != NULL) {
		if (d->profile != NULL && strcmp(d->profile, "ssh") == 0) {
			return true;
		}
	}
	return port == SSH_PORT;
}

static void add(struct reading *reading, const struct addr *address, enum defend_fact_kind kind)
{
	int r = defend_facts_add(&reading->defence->facts, address, kind, reading->now);
	/* What strangers make may be too much; of the own people nobody may be missing. */
	if (r == -ENOMEM || (r < 0 && kind < DEFEND_LIVE)) {
		reading->error = r;
	}
}

/* Somebody who is connected from outside to a port of this host, or was a moment ago. */
static void take_visitor(struct reading *reading, const struct addr *remote, uint16_t port,
			 bool live)
{
	const struct policy *policy = &reading->defence->policy;
	add(reading, remote, DEFEND_SHAKEN);
	if (!live) {
		return;
	}
	if (defend_is_client(policy, port, remote)) {
		add(reading, remote, DEFEND_CLIENT);
	}
	if (policy_declaration_for(policy, PROTOCOL_TCP, port, NULL, NULL) != NULL) {
		add(reading, remote, DEFEND_LIVE);
	}
	/* Where nobody says who is logged in, whoever is connected to a login is taken for one. */
	if (!reading->logins_known && is_login_port(policy, port)) {
		add(reading, remote, DEFEND_ADMIN);
	}
}

static void take_sockets(struct reading *reading, const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->connections.count; i++) {
		const struct connection *c = &inventory->connections.items[i];
		if (c->direction == DIRECTION_INBOUND && c->netns == 0 &&
		    protocol_registry(c->protocol) == PROTOCOL_TCP &&
		    c->state != TCP_SYN_SENT_STATE && c->state != TCP_SYN_RECV_STATE &&
		    !defend_is_decoy(&reading->defence->policy, c->local_port)) {
			take_visitor(reading, &c->remote, c->local_port,
				     c->state == TCP_ESTABLISHED_STATE);
		}
	}
}

static int read_sockets(struct reading *reading, struct err *e)
{
	struct inventory inventory;
	const struct observe_request request = {
		.flags = OBSERVE_CONNECTIONS,
		.without = observe_without_parse(getenv("MINATO_WITHOUT")),
		.now = clock_now(),
	};
	int r = observe_inventory(&inventory, &request, e);
	if (r == 0) {
		take_sockets(reading, &inventory);
		inventory_deinit(&inventory);
	}
	return r;
}

/* Published ports have no socket here. Only TCP proves anything: a datagram and its answer can come
 * about by two forged packets. */
static int take_flow(const struct conntrack_flow *flow, void *data)
{
	const uint32_t wanted = CONNTRACK_DNAT | CONNTRACK_ASSURED;
	struct reading *reading = data;
	struct portset *published = &reading->defence->published[flow->protocol == PROTOCOL_UDP];
	if ((flow->status & (CONNTRACK_DNAT | CONNTRACK_SEEN_REPLY)) ==
		    (CONNTRACK_DNAT | CONNTRACK_SEEN_REPLY) &&
	    (flow->protocol == PROTOCOL_TCP || flow->protocol == PROTOCOL_UDP)) {
		portset_add(published, flow->original.destination_port);
	}
	if (flow->protocol == PROTOCOL_TCP && (flow->status & wanted) == wanted) {
		take_visitor(reading, &flow->original.source, flow->original.destination_port,
			     flow->tcp_state == CONNTRACK_TCP_ESTABLISHED);
	}
	return 0;
}

static void read_published(struct reading *reading)
{
	const bool without = conntrack_without(getenv("MINATO_WITHOUT"));
	struct conntrack_state state = { 0 };
	struct conntrack *conntrack = NULL;
	if (conntrack_look(&state, without, NULL) == 0 && state.available && state.active &&
	    state.count <= TRACKED_MAX && conntrack_open(&conntrack, without, NULL) == 0) {
		(void)conntrack_dump(conntrack, AF_UNSPEC, take_flow, reading,
				     NULL); /* what came counts */
	}
	conntrack = conntrack_close(conntrack);
}

static int read_all(struct keeper_defence *defence, usec_t now, struct err *e)
{
	struct reading reading = { .defence = defence, .now = now };
	int r = bans_read_facts(&defence->facts, now, e);
	const bool complete = r >= 0;
	defence->facts.complete = false;
	reading.logins_known = r == DEFEND_LOGINS_KNOWN;
	/* Without a policy for it people still give orders, and must not keep themselves out. */
	if (complete &&
	    (defence->policy.defend.mode != POLICY_DEFEND_OFF || !reading.logins_known)) {
		r = read_sockets(&reading, e);
		read_published(&reading);
	}
	if (r >= 0 && reading.error < 0) {
		r = err_system(e, reading.error, "cannot note who is connected");
	}
	defence->facts.complete = r >= 0;
	return r < 0 ? r : 0;
}

/* What the policy opens, and what connections show to lead on to somewhere else. */
void keeper_facts_publish(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	struct portset open[2];
	struct err e = ERR_INIT;
	memcpy(open, defence->published, sizeof(open));
	defend_open_ports(&open[0], &open[1], &defence->policy);
	if (keeper->taps.tap == NULL ||
	    (defence->open_told && memcmp(open, defence->open, sizeof(open)) == 0)) {
		return;
	}
	if (tap_published_set(keeper->taps.tap, &open[0], &open[1], &e) < 0) {
		keeper_say(keeper, err_text(&e));
		return;
	}
	memcpy(defence->open, open, sizeof(open));
	defence->open_told = true;
}

bool keeper_facts_read(struct keeper *keeper)
{
	struct keeper_defence *defence = &keeper->defence;
	struct err e = ERR_INIT;
	const usec_t begin = clock_monotonic();
	if (begin < defence->facts_free_at) {
		return false;
	}
	int r = read_all(defence, clock_boot(), &e);
	if (r < 0) {
		keeper_say(keeper, err_text(&e));
	}
	const usec_t end = clock_monotonic();
	const usec_t pause = SHARE * (end - begin);
	defence->facts_free_at = end + (pause > FRESH_USEC ? pause : FRESH_USEC);
	if (r == 0 && keeper->taps.tap != NULL &&
	    bans_spare(keeper->taps.tap, &defence->policy, &defence->facts, &e) < 0) {
		keeper_say(keeper, err_text(&e));
	}
	keeper_facts_publish(keeper);
	return true;
}
