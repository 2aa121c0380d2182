/* Who holds the sockets of an inventory, by the best way that this process may go. */
#include "observe/io/find-owners.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "observe/io/iterator.h"
#include "observe/io/proc.h"
#include "observe/records.h"

static int read_one(struct sightings *sightings, const struct observe_request *request,
		    enum iterator which, enum owner_source *source)
{
	_cleanup_(close_fdp) int fd =
		iterator_open(which, request->bpf_directory, request->without, source);
	return fd < 0 ? fd : iterator_read(fd, records_take_listeners, sightings);
}

/* Looks into the descriptors of those few processes whose sockets did not fit. */
static int read_rest(struct sightings *sightings)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sightings->more.count; i++) {
		r = proc_holdings_of(&sightings->holdings, sightings->more.items[i]);
	}
	return r;
}

/* The fast iterator first; the thorough one where /proc does not let us see what it left out. */
static int read_listeners(struct sightings *sightings, const struct observe_request *request,
			  enum owner_source *source)
{
	int r = read_one(sightings, request, ITERATOR_LISTENER_OWNERS, source);
	if (r < 0 || (r = read_rest(sightings)) == 0 || r == -ENOMEM) {
		return r;
	}
	return read_one(sightings, request, ITERATOR_LISTENER_FILES, source);
}

/* The iterator over all sockets tells of the listening ones too, but not of their addresses. */
static int read_connections(struct sightings *sightings, const struct observe_request *request,
			    enum owner_source *source)
{
	_cleanup_(close_fdp) int fd = iterator_open(
		ITERATOR_CONNECTION_OWNERS, request->bpf_directory, request->without, source);
	return fd < 0 ? fd : iterator_read(fd, records_take_connections, &sightings->holdings);
}

static int by_iterator(struct inventory *inventory, const struct observe_request *request,
		       struct sightings *sightings)
{
	struct coverage *coverage = &inventory->coverage;
	int r = read_listeners(sightings, request, &coverage->owner_source);
	if (r == 0 && (request->flags & OBSERVE_CONNECTIONS) != 0) {
		r = read_connections(sightings, request, &coverage->owner_source);
	}
	if (r == 0 && (request->flags & OBSERVE_ALL_NETNS) != 0) {
		r = sightings_add_foreign(sightings, inventory);
	}
	coverage->owners_complete = r == 0 && proc_sees_all();
	return r;
}

static int by_proc(struct inventory *inventory, struct sightings *sightings, unsigned without,
		   struct err *e)
{
	struct proc_coverage seen = { 0 };
	vec_free(&sightings->holdings.list); /* of an iterator that failed halfway */
	if ((without & OBSERVE_WITHOUT_PROC) != 0) {
		inventory->coverage.owner_source = OWNER_SOURCE_NONE;
		inventory->coverage.owners_complete = false;
		return 0;
	}
	int r = proc_holdings(&sightings->holdings, &seen, e);
	inventory->coverage.owner_source = OWNER_SOURCE_PROC;
	inventory->coverage.owners_complete = r == 0 && seen.complete;
	inventory->coverage.processes_hidden = seen.processes_hidden;
	return r;
}

/* Without a pin, on a small host that hides nothing from us, /proc is the quickest way. */
static bool try_proc(struct inventory *inventory, const struct observe_request *request,
		     struct sightings *sightings)
{
	_cleanup_(close_fdp) int pin = iterator_open_pin(ITERATOR_LISTENER_OWNERS,
							 request->bpf_directory, request->without);
	if (pin >= 0 || (request->without & OBSERVE_WITHOUT_PROC) != 0 || !proc_is_quick()) {
		return false;
	}
	return by_proc(inventory, sightings, request->without, NULL) == 0 &&
	       inventory->coverage.owners_complete && inventory->coverage.netns_hidden == 0;
}

static int find_holdings(struct inventory *inventory, const struct observe_request *request,
			 struct sightings *sightings, struct err *e)
{
	if (try_proc(inventory, request, sightings)) {
		return 0;
	}
	inventory->coverage.processes_hidden = 0;
	sightings->holdings.list.count = 0;
	int r = by_iterator(inventory, request, sightings);
	return r < 0 && r != -ENOMEM ? by_proc(inventory, sightings, request->without, e) : r;
}

int find_owners(struct inventory *inventory, const struct observe_request *request, struct err *e)
{
	struct sightings sightings = { .inventory = inventory };
	int r = find_holdings(inventory, request, &sightings, e);
	if (r == 0) {
		r = owners_join(inventory, &sightings.holdings);
	}
	sightings_deinit(&sightings);
	return r < 0 ? err_system(e, r, "owners of the sockets") : 0;
}
