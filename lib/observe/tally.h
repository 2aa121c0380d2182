/* Connections counted by the listener that took them, and their most frequent peers. */
#pragma once

#include "model/inventory.h"
#include "observe/diag.h"

struct tally;

/* Copies what it needs of the listeners. @return NULL without memory. */
struct tally *tally_new(const struct inventory *inventory);
/* @return NULL. NULL is allowed. */
struct tally *tally_free(struct tally *tally);

/* From now on, connections are of this namespace (an index into inventory.netns). */
void tally_enter(struct tally *tally, uint32_t netns);

/* Adds the ports of a namespace's listeners to a set. */
void tally_ports(struct portset *out, const struct tally *tally, uint32_t netns);

/*
 * Counts one connected socket.
 * @param direction set to inbound when a listener waits at its local end, else outbound.
 * @return 0 or -ENOMEM.
 */
int tally_take(struct tally *tally, const struct socket_facts *facts, enum direction *direction);

/*
 * Writes counts and peers into the listeners of all namespaces that were entered.
 * @param inventory the one of tally_new: listeners may have been added since, at the end.
 */
void tally_finish(const struct tally *tally, struct inventory *inventory);
