/* Other machines of mine: who is near, what is declared of them, and what they were seen to offer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/event.h"
#include "model/protocol.h"
#include "policy/policy.h"

/* ---- what is declared ---- */

/* The entry of hosts: that has an address, the first one in the file's order; NULL = none. */
const struct policy_host *devices_host_with(const struct policy *policy,
					    const struct addr *address);
/* The entry with that name; NULL = none. @param policy  NULL = there is no policy. */
const struct policy_host *devices_host_named(const struct policy *policy, const char *name);

/*
 * The declaration of a port of another machine that has not run out, whoever may ask for it.
 * @param today  days since 1970-01-01. @return NULL when nobody declared it.
 */
const struct policy_declaration *devices_declaration(const struct policy_host *host,
						     enum protocol protocol, uint16_t port,
						     int64_t today);

/*
 * When it is to be audited again, by its `every:`, which is not 0.
 * @param asked  when it was last; 0 = never. @return `now` or earlier: it is due.
 */
usec_t devices_due_at(const struct policy_host *host, usec_t asked, usec_t now);

/* ---- ports that were seen to be open, each told once ---- */

enum {
	DEVICES_SEEN_MAX = 4096,       /* ports of all machines together */
	DEVICES_SEEN_PER_MACHINE = 32, /* one that answers at more of them is told of once more */
};

/* So long nobody has to see a port again that was told. */
#define DEVICES_SEEN_USEC (30 * USEC_PER_DAY)

struct devices_seen_port {
	struct addr address;
	enum protocol protocol;
	uint16_t port; /* 0 = "more than DEVICES_SEEN_PER_MACHINE" */
	usec_t last;
};

struct devices_seen {
	VEC(struct devices_seen_port) list;
};

enum devices_news {
	DEVICES_KNOWN, /* it was told before, or there is no room for more */
	DEVICES_NEW,
	DEVICES_MANY, /* more ports of that machine than are told one by one: told once */
};

/* An open port was seen. @return what is to be told; DEVICES_KNOWN also when memory ran out. */
enum devices_news devices_see(struct devices_seen *seen, const struct addr *address,
			      enum protocol protocol, uint16_t port, usec_t now);
/* It is closed again: the next time it is news. */
void devices_see_closed(struct devices_seen *seen, const struct addr *address,
			enum protocol protocol, uint16_t port);
/* Takes over an event of the past, in their order: EVENT_PORT_OPENED, EVENT_PORT_CLOSED. */
void devices_see_event(struct devices_seen *seen, const struct event *event);
void devices_seen_deinit(struct devices_seen *seen);

/* ---- the event that tells of it ---- */

/* A port that nobody declared and that answered; what audits find says so in words of its own. */
struct devices_opening {
	usec_t time;
	struct addr address; /* of the machine */
	uint16_t port;       /* 0 = many */
	enum protocol protocol;
	char host[EVENT_NAME_BYTES]; /* its name under hosts: */
	struct addr asked_by;        /* whom it answered */
	bool through;                /* by way of this host; otherwise this host itself asked */
};

/* @param out  is an EVENT_PORT_OPENED. */
void devices_write_event(struct event *out, const struct devices_opening *opening);
/* The reverse. @return 0; -EINVAL for an event that was not written so. */
int devices_read_event(struct devices_opening *out, const struct event *event);
