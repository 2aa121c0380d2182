/* What the checks of declarations share. Private to policy. */
#pragma once

#include "policy/reader.h"

/* One declaration, with what it takes to point at its parts. */
struct view {
	struct policy_declaration *declaration;
	const struct node *node;
	bool here;    /* a port of this host, not of another device */
	bool forward; /* of `forward:` */
};

/* The value of a key, or the declaration's name when it is not written. */
const struct node *value_or_name(const struct view *v, const char *key);
/* The node that wrote a port of the declaration. */
const struct node *port_node(const struct view *v, const struct policy_ports *ports);

/* Sets `from` to any. */
void from_any(struct reader *reader, struct policy_declaration *d);
/* Takes the owner from the defaults, or complains. */
void fill_owner(struct reader *reader, const struct view *v);
void check_dates(struct reader *reader, const struct view *v);
void check_confirmed(struct reader *reader, const struct view *v);

/* `defend:`, when every declaration is known. */
void check_defend(struct reader *reader);
/* The declarations of `outbound:`. */
void check_outbound(struct reader *reader, const struct bag *bag);
