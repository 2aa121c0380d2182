/* minato devices: what is known of each device, and how it is shown. */
#pragma once

#include <jansson.h>

#include "base/portset.h"
#include "command.h"
#include "devices/devices.h"

enum { DEVICES_TALKS_MAX = 64 };

/* Connections that live now to one port of a device. */
struct devices_talk {
	enum protocol protocol;
	uint16_t port;
	struct addr peer; /* of the first one */
	uint32_t count;
};

/* What a device says that it offers. */
struct devices_service {
	struct addr address;
	char text[DEVICES_NAME_BYTES];
};

/* What was found out by asking. Zeroed: nobody was asked. */
struct devices_found {
	bool asked;
	struct devices_names names;
	VEC(struct devices_service) services;
};

/*
 * Asks for everybody on the connected networks in which the policy has a device, or with
 * `authorized` on all of them.
 * @return an exit code after a complaint. Needs devices_found_deinit in every case.
 */
int devices_discover(struct devices_found *found, const struct context *context,
		     const struct policy *policy, bool authorized);
void devices_found_deinit(struct devices_found *found);

/* What is known of a device beside its address. */
struct devices_facts {
	usec_t audited;         /* the last time; 0 = never, as far as the caller's records say */
	struct portset open[2]; /* what it offered then: TCP, UDP */
	struct devices_talk talks[DEVICES_TALKS_MAX];
	uint32_t talk_count;
};

struct devices_view {
	const struct context *context;
	const struct policy *policy; /* NULL = none */
	bool compared;               /* the policy declares devices at all */
	bool talks_known;            /* connections could be read */
	int64_t today;
	const struct devices_found *found;
	struct devices devices;
	struct devices_facts *facts; /* one for each */
};

/* The next service of a device behind `from` (NULL = the first); NULL = there is none. */
const struct devices_service *devices_next_service(const struct devices_view *view,
						   const struct device *device,
						   const struct devices_service *from);

/* Reads all that is known. @param policy, found  must outlive it. @return an exit code after a
 * complaint. Needs devices_view_deinit in every case. */
int devices_look(struct devices_view *out, const struct context *context,
		 const struct policy *policy, const struct devices_found *found);
void devices_view_deinit(struct devices_view *view);

/* Whether nobody declared a port of a device; not so of a device that is not declared itself. */
bool devices_port_undeclared(const struct devices_view *view, const struct device *device,
			     enum protocol protocol, uint16_t port);
/* Undeclared ports that it offered, or that are in use. */
size_t devices_undeclared_ports(const struct devices_view *view, size_t at);
/* A device that is there, and no entry of hosts: has it. */
bool devices_is_undeclared(const struct devices_view *view, const struct device *device);

enum { DEVICES_INTERFACE_BYTES = 16 };
/* Name of the interface where it is seen; NULL = none, or it is gone. */
const char *devices_interface(char out[DEVICES_INTERFACE_BYTES], const struct device *device);

/* "quiet, 5 min": whether it answers, and since when it was not heard of. Appends. */
void devices_add_state(struct str *out, const struct device *device);
/* "22/tcp 80/tcp +3": what it offered at the last audit. Appends.
 * @param undeclared  only ports that nobody declared; false = only the others. @return how many. */
size_t devices_add_ports(struct str *out, const struct devices_view *view, size_t at,
			 bool undeclared);
/* "ipp/tcp, upnp MediaServer": what it says itself. Appends. */
void devices_add_services(struct str *out, const struct devices_view *view,
			  const struct device *device);

/* The table, and one device in full. Appends. */
void devices_add_list(struct str *out, const struct devices_view *view);
void devices_add_one(struct str *out, const struct devices_view *view, size_t at);
json_t *devices_json(const struct devices_view *view, size_t at);
