/* The sentry: notes of packets in, incidents out. No rights, no file, nothing but descriptors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/portset.h"
#include "base/when.h"
#include "common/process.h"
#include "detect/detect.h"
#include "tap/tap.h"
#include "wire/wire.h"

enum {
	SENTRY_ADDRESSES_MAX = 65536, /* of this host; what is sent to others is not looked at */
	SENTRY_INCIDENTS_MAX = 256,   /* that go on at once, against this host */
	SENTRY_TOLD_MAX = 512,        /* ...and against those behind it */
	SENTRY_NOTES_A_TURN = 4096,   /* then the other sources of the loop have theirs */
};

struct sentry_address;

/* The host's own addresses. */
struct sentry_addresses {
	int socket;
	sd_event_source *source;
	struct sentry_address *all; /* by address */
	uint32_t round;             /* of telling: what the last whole one did not name is gone */
	uint32_t now;               /* how many there are */
	bool told;                  /* all of them, once */
};

/* Which ports are open, as the engine told. */
struct sentry_ports {
	struct portset open[2]; /* TCP, UDP */
	struct portset decoys;  /* TCP: held, and no service: whoever asks for them scans */
	uint32_t slices;        /* bit n: that slice of TCP came; bit 16 + n: of UDP */
	uint64_t base;          /* the number of the first incident; 0 = not told yet */
};

/* What was said of an incident that goes on. */
struct sentry_told {
	const struct detect *by; /* NULL = free */
	uint64_t id;             /* of that detector */
	uint64_t number;         /* by which the engine knows it */
	uint64_t packets;
};

enum { SENTRY_ASKING = 64 };

/* Connections to open ports that begin and are not made. */
struct sentry_floods {
	struct tap_begun *before; /* by port, when they were looked at last; NULL = never */
	uint64_t asked;           /* of all ports, a second ago */
	bool busy;                /* `before` is of then */
	/* By port modulo SENTRY_ASKING: the last note of who asked for an open one. */
	struct packet_note asking[SENTRY_ASKING];
};

enum {
	SENTRY_DEVICE_PORTS = 4096, /* ports of declared machines that were told */
	SENTRY_DEVICE_SHARES = 256, /* of machines, in what may be told */
};

struct sentry_device_port {
	struct addr address;
	uint16_t port; /* 0 = free */
	usec_t time;
};

struct sentry_share {
	usec_t at, saved; /* time that was not spent by then */
};

struct sentry_devices {
	struct sentry_device_port told[SENTRY_DEVICE_PORTS]; /* by hash; the last one stays */
	struct sentry_share shares[SENTRY_DEVICE_SHARES];
};

struct sentry {
	sd_event *loop;
	struct link parent;
	sd_event_source *tick, *notes, *patience;
	struct detect *detect;     /* of this host */
	struct detect *through;    /* of machines behind it; made with the first note of them */
	bool not_through;          /* there was no memory for it */
	struct tap_reader *reader; /* NULL = nothing is heard */
	struct wire_tap tap;
	struct sentry_floods floods;
	struct sentry_devices devices;
	struct sentry_addresses addresses;
	struct sentry_ports ports;
	uint16_t ephemeral_first; /* from here on the host chooses ports for its connections */
	bool judging;             /* ports and addresses are known, or it took too long */
	uint64_t judged;
	uint64_t numbered; /* incidents that were told */
	struct sentry_told told[SENTRY_TOLD_MAX];
	struct wire_watched watched; /* as last told */
};

/* ---- main.c ---- */

/* Judges packets from now on, when it is known what is open and which addresses are the host's. */
void sentry_begin_when_known(struct sentry *sentry);

/* ---- addresses.c ---- */

/* Before the rights go: opens the socket. @return 0 or negative errno. */
int addresses_open(struct sentry_addresses *addresses, struct err *e);
/* @return 0 or negative errno. */
int addresses_watch(struct sentry *sentry, struct err *e);
bool addresses_have(const struct sentry_addresses *addresses, const struct addr *address);
void addresses_deinit(struct sentry_addresses *addresses);

/* ---- ports.c ---- */

/* Takes a slice, and tells the detector what is open now and what is not any more. */
void ports_take(struct sentry *sentry, const struct wire_open_ports *slice);
/* Takes the list of decoy ports, "23,3389", in the place of the one before. */
void ports_take_decoys(struct sentry *sentry, const char *list);
/* Whether all of them have come. */
bool ports_are_known(const struct sentry_ports *ports);

/* ---- devices.c ---- */

/* A declared machine has answered (PACKET_DEVICE): tells, unless it was told lately or too often.
 */
void devices_note(struct sentry *sentry, const struct packet_note *note);

/* ---- floods.c ---- */

/* A note of this host that is judged. */
void floods_note(struct sentry_floods *floods, const struct packet_note *note);
/* Once a second: tells the detector of ports where many more connections began than were made. */
void floods_look(struct sentry *sentry);
void floods_deinit(struct sentry_floods *floods);

/* ---- tell.c ---- */

/* Tells what has changed since the last time. */
void tell_changes(struct sentry *sentry);
/* Once a second: what has grown without having doubled, and how the sentry is. */
void tell_growth(struct sentry *sentry);
/* To an engine that is new: what goes on, and how the sentry is. */
void tell_again(struct sentry *sentry);
