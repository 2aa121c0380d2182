/* Questions of a policy, put to the kernel: packets through a copy of the whole packet filter. */
#include "twin_ask.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/netlink.h"

enum { NETWORKS_MAX = 32 };

_Static_assert((int)ENFORCE_INTERFACE_BYTES == (int)TWIN_INTERFACE_BYTES, "names of interfaces");

struct work {
	const struct twin_asking *asking;
	struct enforce_sources sources;
	struct addr *to; /* beside the sources: the address that each would be answered from */
	struct prefix networks[NETWORKS_MAX];
	struct enforce_questions questions;
	struct twin_packet *packets; /* beside the questions */
};

static bool is_own(const void *host, const struct addr *address)
{
	return twin_host_has(host, address);
}

/* ---- questions ---- */

/* From where no route leads nobody comes. */
static int find_ways(struct work *work)
{
	work->to = calloc(work->sources.list.count + 1, sizeof(*work->to));
	if (work->to == NULL) {
		return -ENOMEM;
	}
	_cleanup_(close_fdp) int route = netlink_open(NETLINK_ROUTE);
	for (size_t i = 0; i < work->sources.list.count; i++) {
		struct enforce_source *source = &work->sources.list.items[i];
		source->absent =
			twin_way(source->interface, &work->to[i], route, &source->from, NULL) < 0;
	}
	return 0;
}

/* Those that come in through one interface behind each other: they are asked together. */
static int by_interface(const void *left, const void *right, void *data)
{
	const struct enforce_question *a = left;
	const struct enforce_question *b = right;
	const struct enforce_source *sources = data;
	int order = strcmp(sources[a->source].interface, sources[b->source].interface);
	order = order != 0 ? order : b->login - a->login;
	order = order != 0 ? order : (int)a->port.protocol - (int)b->port.protocol;
	order = order != 0 ? order : (int)a->port.port - (int)b->port.port;
	return order != 0 ? order : (a->source > b->source) - (a->source < b->source);
}

/* A socket that is bound to one address is asked for there. */
static struct addr target_of(const struct work *work, const struct enforce_question *question)
{
	const struct inventory *inventory = work->asking->inventory;
	const struct addr usual = work->to[question->source];
	const enum protocol protocol = question->port.protocol;
	if (inventory == NULL ||
	    inventory_listener_at(inventory, protocol, &usual, question->port.port) != NULL) {
		return usual;
	}
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		const struct addr bound = addr_unmap(&l->address);
		if (l->port == question->port.port && protocol_registry(l->protocol) == protocol &&
		    inventory_is_host(inventory, l->netns) && bound.family == usual.family &&
		    !addr_is_any(&bound) && addr_exposure(&bound) != EXPOSURE_LOOPBACK) {
			return bound;
		}
	}
	return usual;
}

static int make_packets(struct work *work)
{
	struct enforce_questions *questions = &work->questions;
	work->packets = calloc(questions->list.count + 1, sizeof(*work->packets));
	if (work->packets == NULL) {
		return -ENOMEM;
	}
	if (questions->list.count > 0) {
		qsort_r(questions->list.items, questions->list.count,
			sizeof(questions->list.items[0]), by_interface, work->sources.list.items);
	}
	for (size_t i = 0; i < questions->list.count; i++) {
		const struct enforce_question *question = &questions->list.items[i];
		const struct enforce_source *source = &work->sources.list.items[question->source];
		struct twin_packet *packet = &work->packets[i];
		*packet = (struct twin_packet){
			.protocol =
				question->port.protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP,
			.from = source->from,
			.to = question->login ? work->asking->login->local
					      : target_of(work, question),
			.port = question->port.port,
		};
		memcpy(packet->interface, source->interface, sizeof(packet->interface));
	}
	return 0;
}

static bool anywhere_is_absent(const struct work *work)
{
	for (size_t i = 0; i < work->sources.list.count; i++) {
		const struct enforce_source *source = &work->sources.list.items[i];
		if (source->place == ENFORCE_PLACE_ANYWHERE && source->absent) {
			return true;
		}
	}
	return false;
}

static int gather(struct work *work, const struct enforce_asking *ask)
{
	free(work->to);
	work->to = NULL;
	enforce_sources_deinit(&work->sources);
	int r = enforce_sources(&work->sources, ask);
	return r < 0 ? r : find_ways(work);
}

static int prepare(struct work *work, struct twin_unasked *out, const struct twin_host *host)
{
	struct enforce_asking ask = work->asking->ask;
	const struct login *login = work->asking->login;
	ask.is_own = is_own;
	ask.host = host;
	if (login != NULL && login->kind == LOGIN_NETWORK) {
		ask.login = &login->remote;
		ask.login_port = login->local_port;
	}
	int r = gather(work, &ask);
	/* Where no route leads out, whoever comes is of a network that the host is in. */
	if (r == 0 && (ask.reach_only || anywhere_is_absent(work))) {
		ask.networks = work->networks;
		ask.network_count = twin_host_networks(host, work->networks, NETWORKS_MAX);
		r = gather(work, &ask);
	}
	for (size_t i = 0; i < work->sources.list.count; i++) {
		out->absent += work->sources.list.items[i].absent;
	}
	r = r < 0 ? r : enforce_questions(&work->questions, &ask, &work->sources);
	out->left_out = work->questions.left_out;
	return r < 0 ? r : make_packets(work);
}

/* ---- answers ---- */

static int take(void *data, size_t index, struct twin_answer *answer)
{
	const struct work *work = data;
	const struct enforce_question *question = &work->questions.list.items[index];
	const struct twin_asked asked = {
		.question = question,
		.source = &work->sources.list.items[question->source],
		.packet = &work->packets[index],
		.answer = answer,
	};
	return work->asking->take(work->asking->data, &asked);
}

static int ask_all(struct work *work, struct twin *twin, struct err *e)
{
	const struct twin_taker taker = { .take = take, .data = work };
	const struct twin_doubt *doubts = NULL;
	const size_t count = twin_doubts(twin, &doubts);
	for (size_t i = 0; i < count; i++) {
		int r = work->asking->doubt(work->asking->data, &doubts[i]);
		if (r < 0) {
			return err_system(e, r, "cannot ask the twin");
		}
	}
	return twin_probe_all(twin, work->packets, work->questions.list.count, &taker, e);
}

static void work_deinit(struct work *work)
{
	enforce_questions_deinit(&work->questions);
	enforce_sources_deinit(&work->sources);
	free(work->to);
	free(work->packets);
}

int twin_ask(struct twin_unasked *out, const struct twin_asking *asking, struct err *e)
{
	_cleanup_(twin_host_freep) struct twin_host *host = NULL;
	_cleanup_(twin_freep) struct twin *twin = NULL;
	_cleanup_(work_deinit) struct work work = { .asking = asking };
	*out = (struct twin_unasked){ 0 };
	int r = twin_host_read(&host, NULL, asking->instead, e);
	if (r < 0) {
		return r;
	}
	if (asking->rules_bytes_max > 0 && twin_host_rules_bytes(host) > asking->rules_bytes_max) {
		return err_set(e, EFBIG, "the host has too many rules to ask about here");
	}
	r = prepare(&work, out, host);
	if (r < 0) {
		return err_system(e, r, "cannot ask the twin");
	}
	r = twin_new(&twin, host, asking->candidate, e);
	return r < 0 ? r : ask_all(&work, twin, e);
}

static int add_port(struct twin_ports *out, enum protocol protocol, uint16_t number)
{
	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) {
		return 0;
	}
	struct enforce_port *port = vec_push(&out->list);
	if (port == NULL) {
		return -ENOMEM;
	}
	*port = (struct enforce_port){ protocol, number };
	return 0;
}

int twin_ports_find(struct twin_ports *out, const struct inventory *inventory)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (addr_exposure(&l->address) != EXPOSURE_LOOPBACK &&
		    inventory_is_host(inventory, l->netns)) {
			r = add_port(out, protocol_registry(l->protocol), l->port);
		}
	}
	for (size_t i = 0; r == 0 && i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (inventory_is_host(inventory, p->netns)) {
			r = add_port(out, protocol_registry(p->protocol), p->first_port);
		}
	}
	return r;
}
