/* Listing the sockets of each namespace into an inventory. */
#include "observe/io/listing.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "observe/io/dump.h"
#include "observe/io/sockets.h"
#include "observe/tally.h"

/* MPTCP first: its sockets tell which TCP sockets are only their inner part. */
static const enum protocol protocols[] = {
	PROTOCOL_MPTCP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP, PROTOCOL_DCCP, PROTOCOL_UDPLITE,
};

enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

struct inodes {
	VEC(uint64_t) list;
};

struct listing {
	struct inventory *inventory;
	uint32_t netns;
	const struct observe_socket *socket;
	struct inodes outer; /* inodes of MPTCP sockets, sorted before TCP is asked for */
	struct tally *tally;
	const struct port_filter *filter; /* NULL = all ports */
	bool keep;
};

static int compare_inodes(const void *pa, const void *pb)
{
	const uint64_t a = *(const uint64_t *)pa;
	const uint64_t b = *(const uint64_t *)pb;
	return a < b ? -1 : a > b;
}

/* The TCP socket inside an MPTCP socket has the same inode: one row is enough. */
static bool is_inner(const struct listing *listing, const struct socket_facts *facts)
{
	return facts->protocol == PROTOCOL_TCP && facts->inode != 0 &&
	       listing->outer.list.count > 0 &&
	       bsearch(&facts->inode, listing->outer.list.items, listing->outer.list.count,
		       sizeof(facts->inode), compare_inodes) != NULL;
}

static int note_outer(struct listing *listing, const struct socket_facts *facts)
{
	if (facts->protocol != PROTOCOL_MPTCP) {
		return 0;
	}
	uint64_t *inode = vec_push(&listing->outer.list);
	if (inode == NULL) {
		return -ENOMEM;
	}
	*inode = facts->inode;
	return 0;
}

static int ask_all(struct listing *listing, uint32_t (*states)(enum protocol),
		   dump_function *function, struct err *e)
{
	listing->outer.list.count = 0;
	for (size_t i = 0; i < PROTOCOLS; i++) {
		int r = dump_sockets(listing->socket, protocols[i], states(protocols[i]),
				     listing->filter, function, listing, e);
		if (r < 0 && r != -EOPNOTSUPP) {
			return r;
		}
		if (protocols[i] == PROTOCOL_MPTCP && listing->outer.list.count > 0) {
			qsort(listing->outer.list.items, listing->outer.list.count,
			      sizeof(*listing->outer.list.items), compare_inodes);
		}
	}
	return 0;
}

/* In the namespace of the diag socket, whatever the caller's is. */
static void name_interface(const struct listing *listing, struct listener *listener)
{
	struct ifreq request = { .ifr_ifindex = (int)listener->interface };
	if (ioctl(listing->socket->fd, SIOCGIFNAME, &request) == 0) {
		request.ifr_name[IFNAMSIZ - 1] = '\0';
		listener->interface_name =
			arena_strdup(&listing->inventory->arena, request.ifr_name);
	}
}

static int take_listener(const struct socket_facts *facts, void *data)
{
	struct listing *listing = data;
	if (facts->local_port == 0 || is_inner(listing, facts)) {
		return 0; /* a UDP socket that was never bound waits for nobody */
	}
	struct listener *listener = vec_push(&listing->inventory->listeners);
	if (listener == NULL) {
		return -ENOMEM;
	}
	*listener = diag_listener(facts);
	listener->netns = listing->netns;
	if (listener->interface != 0) {
		name_interface(listing, listener);
	}
	return note_outer(listing, facts);
}

static int add_netns(struct inventory *inventory, const struct observe_socket *socket)
{
	struct netns *netns = vec_push(&inventory->netns);
	if (netns == NULL) {
		return -ENOMEM;
	}
	*netns = (struct netns){ .inode = socket->inode,
				 .cookie = socket->cookie,
				 .kind = socket->kind,
				 .pid = socket->pid,
				 .visible = sockets_listable(socket) };
	if (socket->name[0] != '\0') {
		netns->name = arena_strdup(&inventory->arena, socket->name);
	}
	inventory->coverage.netns_hidden += !sockets_listable(socket);
	return 0;
}

int list_listeners(struct inventory *inventory, const struct observe_sockets *sockets,
		   struct err *e)
{
	struct listing listing = { .inventory = inventory };
	int r = 0;
	for (size_t i = 0; r == 0 && i < sockets->list.count; i++) {
		const struct observe_socket *socket = &sockets->list.items[i];
		listing.netns = (uint32_t)i;
		listing.socket = socket;
		r = add_netns(inventory, socket);
		if (r == 0 && sockets_listable(socket)) {
			r = ask_all(&listing, diag_listening_states, take_listener, e);
		}
	}
	vec_free(&listing.outer.list);
	return r < 0 ? err_system(e, r, "cannot list listening sockets") : 0;
}

static int keep_connection(const struct listing *listing, const struct socket_facts *facts,
			   enum direction direction)
{
	struct connection *connection = vec_push(&listing->inventory->connections);
	if (connection == NULL) {
		return -ENOMEM;
	}
	*connection = diag_connection(facts);
	connection->netns = listing->netns;
	connection->direction = direction;
	return 0;
}

static int take_connection(const struct socket_facts *facts, void *data)
{
	struct listing *listing = data;
	if (is_inner(listing, facts)) {
		return 0;
	}
	enum direction direction = DIRECTION_UNKNOWN;
	int r = tally_take(listing->tally, facts, &direction);
	if (r == 0) {
		r = note_outer(listing, facts);
	}
	return r == 0 && listing->keep ? keep_connection(listing, facts, direction) : r;
}

static uint32_t established_states(enum protocol protocol)
{
	(void)protocol; /* all know this one */
	return 1U << SOCKET_ESTABLISHED;
}

/* Counting alone needs only those connections that a listener can have taken. */
static void filter_listeners(struct port_filter *filter, const struct tally *tally, uint32_t netns)
{
	struct portset ports = { 0 };
	tally_ports(&ports, tally, netns);
	port_filter_make(filter, &ports);
}

struct counting {
	struct listing listing;
	const struct observe_sockets *sockets;
	struct port_filter filter;
	pthread_t thread;
	bool running; /* in its thread */
	int result;
	struct err error;
};

static void *count_all(void *data)
{
	struct counting *counting = data;
	struct listing *listing = &counting->listing;
	for (size_t i = 0; counting->result == 0 && i < counting->sockets->list.count; i++) {
		listing->netns = (uint32_t)i;
		listing->socket = &counting->sockets->list.items[i];
		if (!sockets_listable(listing->socket)) {
			continue;
		}
		tally_enter(listing->tally, listing->netns);
		if (!listing->keep) {
			filter_listeners(&counting->filter, listing->tally, listing->netns);
		}
		counting->result =
			ask_all(listing, listing->keep ? diag_connected_states : established_states,
				take_connection, &counting->error);
	}
	return NULL;
}

struct counting *counting_begin(struct inventory *inventory, const struct observe_sockets *sockets,
				bool keep)
{
	struct counting *counting = calloc(1, sizeof(*counting));
	if (counting == NULL) {
		return NULL;
	}
	counting->sockets = sockets;
	counting->listing.inventory = inventory;
	counting->listing.keep = keep;
	counting->listing.filter = keep ? NULL : &counting->filter;
	counting->listing.tally = tally_new(inventory);
	if (counting->listing.tally == NULL) {
		free(counting);
		return NULL;
	}
	/* Owners of connections are joined next, so these must be there; counts can wait. */
	counting->running =
		!keep && pthread_create(&counting->thread, NULL, count_all, counting) == 0;
	if (!counting->running) {
		(void)count_all(counting); /* the result is kept inside */
	}
	return counting;
}

int counting_end(struct counting *counting, struct inventory *inventory, struct err *e)
{
	if (counting == NULL) {
		return err_system(e, ENOMEM, "cannot count connections");
	}
	if (counting->running) {
		(void)pthread_join(counting->thread, NULL); /* ours, joined once */
	}
	int r = counting->result;
	if (r == 0) {
		tally_finish(counting->listing.tally, inventory);
		inventory->coverage.connections_known = true;
	} else {
		(void)err_set(e, r, "%s", err_text(&counting->error));
	}
	vec_free(&counting->listing.outer.list);
	(void)tally_free(counting->listing.tally);
	free(counting);
	return r;
}

/* /proc/net tells no cookie. */
static uint64_t identity(uint64_t cookie, uint64_t inode)
{
	return cookie != 0 ? cookie : inode;
}

static int take_cookie(const struct socket_facts *facts, void *data)
{
	struct inodes *cookies = data;
	uint64_t *cookie = vec_push(&cookies->list);
	if (cookie == NULL) {
		return -ENOMEM;
	}
	*cookie = identity(facts->cookie, facts->inode);
	return 0;
}

/* Is there a listener of this namespace and protocol without owner? */
static bool in_doubt(const struct inventory *inventory, size_t netns, enum protocol protocol)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		if (listener->owner_count == 0 && listener->netns == netns &&
		    listener->protocol == protocol) {
			return true;
		}
	}
	return false;
}

static int open_cookies(struct inodes *cookies, const struct inventory *inventory,
			const struct observe_sockets *sockets, struct err *e)
{
	for (size_t i = 0; i < sockets->list.count * PROTOCOLS; i++) {
		const struct observe_socket *socket = &sockets->list.items[i / PROTOCOLS];
		enum protocol protocol = protocols[i % PROTOCOLS];
		if (!sockets_listable(socket) || !in_doubt(inventory, i / PROTOCOLS, protocol)) {
			continue;
		}
		int r = dump_sockets(socket, protocol, diag_listening_states(protocol), NULL,
				     take_cookie, cookies, e);
		if (r < 0 && r != -EOPNOTSUPP) {
			return r;
		}
	}
	if (cookies->list.count > 0) {
		qsort(cookies->list.items, cookies->list.count, sizeof(*cookies->list.items),
		      compare_inodes);
	}
	return 0;
}

static bool is_open(const struct inodes *cookies, const struct listener *listener)
{
	const uint64_t key = identity(listener->cookie, listener->inode);
	return cookies->list.count > 0 && bsearch(&key, cookies->list.items, cookies->list.count,
						  sizeof(key), compare_inodes) != NULL;
}

static void move(struct inventory *inventory, size_t from, size_t to)
{
	const struct listener listener = inventory->listeners.items[from];
	inventory->listeners.items[to] = listener;
	for (uint32_t i = 0; i < listener.owner_count; i++) {
		inventory->owners.items[listener.first_owner + i].listener = (uint32_t)to;
	}
}

int drop_closed(struct inventory *inventory, const struct observe_sockets *sockets, struct err *e)
{
	struct inodes cookies = { 0 };
	int r = open_cookies(&cookies, inventory, sockets, e);
	size_t kept = 0;
	for (size_t i = 0; r == 0 && i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		bool foreign = !inventory->netns.items[listener->netns].visible;
		if (listener->owner_count > 0 || foreign || is_open(&cookies, listener)) {
			move(inventory, i, kept++);
		}
	}
	if (r == 0) {
		inventory->listeners.count = kept;
	}
	vec_free(&cookies.list);
	return r;
}
