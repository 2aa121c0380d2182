/* The inventory as a person counts it: sockets of one service together, published ports beside
 * them. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "model/inventory.h"
#include "model/severity.h"
#include "ports_filter.h"
#include "reach.h"

/* Sockets that are one service to a person: neighbours in the sorted inventory. */
struct ports_group {
	const struct listener *first;
	const struct process *process;
	enum exposure exposure;
	uint32_t queue, connections;
	bool counted;
	struct str addresses;
};

/* One line of the table: sockets of one service, or a published port. */
struct ports_row {
	struct ports_group group;
	const struct published *published; /* NULL = the group */
	enum severity danger;              /* what it is to others that can reach it */
	size_t place;                      /* in the order of the inventory */
};

struct ports_list {
	VEC(struct ports_row) rows;
};

/* What passes the filter, in the order of the inventory. @return 0 or -ENOMEM; needs
 * ports_list_deinit in either case. */
int ports_list_gather(struct ports_list *out, const struct inventory *inventory,
		      const struct ports_filter *filter);
void ports_list_deinit(struct ports_list *list);

/* Of more than `most` rows the most dangerous come first, in the order that all would have.
 * @param most 0 = all. @return how many they are. */
size_t ports_list_choose(struct ports_list *list, size_t most);
/* Orders all by danger, then by place. */
void ports_list_worst_first(struct ports_list *list);

/* "host", the name of a namespace, or NULL = it has none. */
const char *ports_netns_name(const struct inventory *inventory, uint32_t index);

/* From where it is reached: as the kernel decides, where it was asked; else how far the address
 * reaches. @param reach may be NULL. */
const char *ports_reach_words(const struct inventory *inventory, const struct reach *reach,
			      const struct ports_row *row);
/* Whether anybody but this machine gets there, as far as it is known. */
bool ports_is_reached(const struct inventory *inventory, const struct reach *reach,
		      const struct ports_row *row);
