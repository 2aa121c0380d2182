/* What is known of the devices near this host: neighbours, policy, audits, connections. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit.h"
#include "base/cleanup.h"
#include "base/io/clock.h"
#include "conntrack/conntrack.h"
#include "devices_show.h"
#include "words.h"

/* ---- audits ---- */

static void take_record(struct devices_facts *facts, const struct audit_record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct audit_layer *layer = &record->layers[i];
		struct portset *open = &facts->open[layer->protocol == PROTOCOL_UDP];
		for (int32_t port = portset_next(&layer->open, 1); port >= 0;
		     port = portset_next(&layer->open, (uint32_t)port + 1)) {
			portset_add(open, (uint16_t)port);
		}
		facts->audited = layer->time > facts->audited ? layer->time : facts->audited;
	}
}

/* Where nobody has audited anything there is no folder, and none is made. */
static int open_records(void)
{
	char path[PATH_MAX];
	return audit_folder_path(path, "audits", NULL) < 0 || access(path, R_OK | X_OK) < 0
		       ? -ENOENT
		       : audit_records_open(path, NULL);
}

static int read_audits(struct devices_view *view)
{
	char aside[AUDIT_RECORD_NAME_BYTES];
	_cleanup_(close_fdp) int folder = open_records();
	_cleanup_(freep) struct audit_record *record = malloc(sizeof(*record));
	if (record == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; folder >= 0 && i < view->devices.list.count; i++) {
		const struct device *device = &view->devices.list.items[i];
		for (uint32_t k = 0; k < device->address_count; k++) {
			if (audit_record_read(record, aside, folder, &device->addresses[k],
					      AUDIT_RECORD_KEPT, NULL) == AUDIT_RECORD_READ) {
				take_record(&view->facts[i], record);
			}
		}
	}
	return 0;
}

/* ---- connections ---- */

struct place {
	struct addr address;
	size_t at; /* of the device */
};

struct places {
	struct devices_view *view;
	VEC(struct place) list; /* sorted */
};

static int compare_places(const void *left, const void *right)
{
	return addr_compare(&((const struct place *)left)->address,
			    &((const struct place *)right)->address);
}

static void add_talk(struct devices_facts *facts, enum protocol protocol, uint16_t port,
		     const struct addr *peer)
{
	for (uint32_t i = 0; i < facts->talk_count; i++) {
		struct devices_talk *talk = &facts->talks[i];
		if (talk->protocol == protocol && talk->port == port) {
			talk->count++;
			return;
		}
	}
	if (facts->talk_count < DEVICES_TALKS_MAX) {
		facts->talks[facts->talk_count++] =
			(struct devices_talk){ protocol, port, *peer, 1 };
	}
}

/* Who answers is whom the reply comes from, whatever NAT there is. */
static int take_flow(const struct conntrack_flow *flow, void *data)
{
	struct places *places = data;
	const struct place wanted = { .address = flow->reply.source };
	const bool lives = flow->protocol == PROTOCOL_TCP
				   ? flow->tcp_state == CONNTRACK_TCP_ESTABLISHED
				   : flow->protocol == PROTOCOL_UDP &&
					     (flow->status & CONNTRACK_SEEN_REPLY) != 0;
	const struct place *place =
		lives && places->list.count > 0
			? bsearch(&wanted, places->list.items, places->list.count, sizeof(wanted),
				  compare_places)
			: NULL;
	if (place != NULL) {
		add_talk(&places->view->facts[place->at], (enum protocol)flow->protocol,
			 flow->reply.source_port, &flow->original.source);
	}
	return 0;
}

/* Asking for it would wake it on a host that tracks nothing. */
static bool is_tracking(void)
{
	return access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) == 0;
}

static int read_connections(struct devices_view *view)
{
	struct places places = { .view = view };
	struct conntrack *conntrack = NULL;
	for (size_t i = 0; i < view->devices.list.count; i++) {
		const struct device *device = &view->devices.list.items[i];
		for (uint32_t k = 0; k < device->address_count; k++) {
			struct place *place = vec_push(&places.list);
			if (place == NULL) {
				vec_free(&places.list);
				return -ENOMEM;
			}
			*place = (struct place){ device->addresses[k], i };
		}
	}
	if (places.list.count > 0) {
		qsort(places.list.items, places.list.count, sizeof(places.list.items[0]),
		      compare_places);
	}
	const bool without = conntrack_without(getenv("MINATO_WITHOUT"));
	view->talks_known = is_tracking() && conntrack_open(&conntrack, without, NULL) == 0 &&
			    conntrack_dump(conntrack, AF_UNSPEC, take_flow, &places, NULL) == 0;
	(void)conntrack_close(conntrack);
	vec_free(&places.list);
	return 0;
}

/* ---- all of it ---- */

static int join(struct devices_view *out, struct err *e)
{
	struct devices_neighbours neighbours;
	struct devices_names names = { 0 };
	int r = devices_neighbours_read(&neighbours, e);
	if (r < 0) {
		return r;
	}
	r = devices_names_read(&names);
	for (size_t i = 0; r == 0 && i < out->found->names.list.count; i++) {
		struct devices_name *name = vec_push(&names.list);
		r = name == NULL ? -ENOMEM : 0;
		if (r == 0) {
			*name = out->found->names.list.items[i];
		}
	}
	if (r == 0) {
		r = devices_join(&out->devices, neighbours.list.items, neighbours.list.count,
				 out->policy, &names);
	}
	devices_names_deinit(&names);
	devices_neighbours_deinit(&neighbours);
	return r;
}

int devices_look(struct devices_view *out, const struct context *context,
		 const struct policy *policy, const struct devices_found *found)
{
	struct err e = ERR_INIT;
	*out = (struct devices_view){ .context = context,
				      .policy = policy,
				      .found = found,
				      .compared = policy != NULL && policy->hosts.count > 0,
				      .today = clock_local_day(context->now) };
	int r = join(out, &e);
	if (r == 0) {
		out->facts = calloc(out->devices.list.count + 1, sizeof(*out->facts));
		r = out->facts == NULL ? -ENOMEM : read_audits(out);
	}
	if (r == 0) {
		r = read_connections(out);
	}
	if (r < 0) {
		complain(context, e.code != 0 ? err_text(&e) : strerror(-r), NULL);
		return EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

void devices_view_deinit(struct devices_view *view)
{
	devices_deinit(&view->devices);
	free(view->facts);
	view->facts = NULL;
}

const struct devices_service *devices_next_service(const struct devices_view *view,
						   const struct device *device,
						   const struct devices_service *from)
{
	const struct devices_service *items = view->found->services.items;
	for (size_t i = from == NULL ? 0 : (size_t)(from - items) + 1;
	     i < view->found->services.count; i++) {
		if (device_has(device, &items[i].address)) {
			return &items[i];
		}
	}
	return NULL;
}

/* ---- against the policy ---- */

bool devices_port_undeclared(const struct devices_view *view, const struct device *device,
			     enum protocol protocol, uint16_t port)
{
	return device->host != NULL &&
	       devices_declaration(device->host, protocol, port, view->today) == NULL;
}

size_t devices_undeclared_ports(const struct devices_view *view, size_t at)
{
	const struct device *device = &view->devices.list.items[at];
	const struct devices_facts *facts = &view->facts[at];
	struct portset found[2] = { 0 };
	for (unsigned udp = 0; udp < 2; udp++) {
		const enum protocol protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
		for (int32_t port = portset_next(&facts->open[udp], 1); port >= 0;
		     port = portset_next(&facts->open[udp], (uint32_t)port + 1)) {
			if (devices_port_undeclared(view, device, protocol, (uint16_t)port)) {
				portset_add(&found[udp], (uint16_t)port);
			}
		}
	}
	/* Of UDP either end may be the one that serves. */
	for (uint32_t i = 0; i < facts->talk_count; i++) {
		const struct devices_talk *talk = &facts->talks[i];
		if (talk->protocol == PROTOCOL_TCP &&
		    devices_port_undeclared(view, device, PROTOCOL_TCP, talk->port)) {
			portset_add(&found[0], talk->port);
		}
	}
	return portset_count(&found[0]) + portset_count(&found[1]);
}

bool devices_is_undeclared(const struct devices_view *view, const struct device *device)
{
	return view->compared && device->host == NULL && device->state != DEVICES_SILENT;
}
