/* What the parts of the normal form share. Private to policy. */
#pragma once

#include "policy/policy.h"
#include "policy/tree.h"

/* The tree that is being made; every step fails silently once one has. */
struct form {
	struct arena *arena;
	const struct policy *policy;
	bool failed;
};

void put(struct form *f, struct node *mapping, const char *key, struct node *value);
/* Nothing for NULL. */
void put_text(struct form *f, struct node *mapping, const char *key, const char *text);
/* Without quotes; nothing for "". */
void put_word(struct form *f, struct node *mapping, const char *key, const char *word);
/* Nothing for an empty list; a list of one is written as its item. */
void put_list(struct form *f, struct node *mapping, const char *key, struct node *list);
void put_from(struct form *f, struct node *mapping, const char *key,
	      const struct policy_from *items, size_t count);
void put_ports(struct form *f, struct node *mapping, const char *key,
	       const struct policy_ports *items, size_t count);
/* Under `rate`; nothing for none. */
void put_rate(struct form *f, struct node *mapping, const struct policy_rate *rate);

/* `defend:`, when anything in it is said. */
void put_defend(struct form *f, struct node *root);
