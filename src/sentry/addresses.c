/* The host's own addresses: only what is sent to one of them is looked at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "common/say.h"
#include "links/links.h"
#include "sentry.h"

struct sentry_address {
	struct addr address;
	uint32_t round; /* when it was named last */
	UT_hash_handle hh;
};

static struct sentry_address *find(const struct sentry_addresses *addresses,
				   const struct addr *address)
{
	struct sentry_address *found = NULL;
	HASH_FIND(hh, addresses->all, address, sizeof(*address), found);
	return found;
}

bool addresses_have(const struct sentry_addresses *addresses, const struct addr *address)
{
	return find(addresses, address) != NULL;
}

static void drop(struct sentry_addresses *addresses, struct sentry_address *address)
{
	HASH_DEL(addresses->all, address);
	free(address);
	addresses->now--;
}

static void add(struct sentry_addresses *addresses, const struct addr *address)
{
	struct sentry_address *entry =
		addresses->now < SENTRY_ADDRESSES_MAX ? calloc(1, sizeof(*entry)) : NULL;
	if (entry == NULL) {
		return;
	}
	entry->address = *address;
	entry->round = addresses->round;
	HASH_ADD(hh, addresses->all, address, sizeof(entry->address), entry);
	addresses->now = HASH_COUNT(addresses->all);
	if (find(addresses, address) == NULL) {
		free(entry); /* no memory for the table */
	}
}

/* The same address may stand on two interfaces: when one loses it, all are asked for. */
static void on_address(const struct links_address *told, void *data)
{
	struct sentry_addresses *addresses = data;
	struct sentry_address *known = find(addresses, &told->address);
	if (told->gone) {
		(void)links_ask(addresses->socket,
				LINKS_ADDRESSES); /* its end drops what is gone */
		return;
	}
	if (known != NULL) {
		known->round = addresses->round;
	} else {
		add(addresses, &told->address);
	}
}

static void on_all_told(void *data)
{
	struct sentry_addresses *addresses = data;
	struct sentry_address *address;
	struct sentry_address *next;
	HASH_ITER (hh, addresses->all, address, next) {
		if (address->round != addresses->round) {
			drop(addresses, address);
		}
	}
	addresses->round++;
	addresses->told = true;
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *data)
{
	(void)source, (void)events;
	struct sentry *sentry = data;
	const struct links_handler handler = { .address = on_address,
					       .done = on_all_told,
					       .data = &sentry->addresses };
	int r = links_read(fd, &handler);
	if (r == -ENOBUFS || r == -EBUSY) {
		r = links_ask(fd, LINKS_ADDRESSES);
	}
	if (r < 0 && r != -EBUSY) {
		say(SAY_WARNING, "changes of addresses are not heard any more: %s", strerror(-r));
		sentry->addresses.source = sd_event_source_disable_unref(sentry->addresses.source);
	}
	sentry_begin_when_known(sentry);
	return 0;
}

int addresses_open(struct sentry_addresses *addresses, struct err *e)
{
	return links_open(&addresses->socket, LINKS_ADDRESSES, e);
}

int addresses_watch(struct sentry *sentry, struct err *e)
{
	struct sentry_addresses *addresses = &sentry->addresses;
	const int r = sd_event_add_io(sentry->loop, &addresses->source, addresses->socket, EPOLLIN,
				      on_socket, sentry);
	return r < 0 ? err_system(e, r, "cannot watch addresses") : 0;
}

void addresses_deinit(struct sentry_addresses *addresses)
{
	struct sentry_address *address;
	struct sentry_address *next;
	HASH_ITER (hh, addresses->all, address, next) {
		drop(addresses, address);
	}
	addresses->source = sd_event_source_disable_unref(addresses->source);
	close_fdp(&addresses->socket);
}
