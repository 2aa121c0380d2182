/*
 * Interfaces and addresses of this host, and how they change: rtnetlink, read without any right.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

struct links_interface {
	uint32_t index;
	char name[IF_NAMESIZE];
	bool loopback;
	bool up;
	bool gone; /* removed; it has no name any more */
};

struct links_address {
	struct addr address;
	uint32_t interface; /* index */
	bool gone;
};

/* What is told; NULL = not wanted. */
struct links_handler {
	void (*interface)(const struct links_interface *interface, void *data);
	void (*address)(const struct links_address *address, void *data);
	void (*done)(void *data); /* all that was there has been told: what was not is not there */
	void *data;
};

/*
 * Reads what one recv(2) gave. Pure.
 * @return 0; -ENOBUFS what was told is not whole: ask once more; negative errno of the kernel's
 *         refusal; -EBADMSG for bytes that are no such messages.
 */
int links_parse(const void *bytes, size_t length, const struct links_handler *handler);

enum links_kind {
	LINKS_INTERFACES,
	LINKS_ADDRESSES,
};

/*
 * A socket that tells of changes from now on, and of all that is there at first.
 * @return 0; negative errno of socket(2), bind(2), send(2). The socket is the caller's.
 */
int links_open(int *out, enum links_kind kind, struct err *e);

/* Asks for all that is there once more. @return 0 or negative errno. */
int links_ask(int socket, enum links_kind kind);

/*
 * Hands over what waits.
 * @return 0; -ENOBUFS something was lost: ask once more; other negative errno: it tells no more.
 */
int links_read(int socket, const struct links_handler *handler);
