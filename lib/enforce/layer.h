/* Layers of generations by the names that the kernel has of them. Private to lib/enforce. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { LAYERS_SEEN_MAX = 64 };

struct layer {
	unsigned upper, base;
};

/* Every "gUPPER-over-BASE" that was met. */
struct layers {
	struct layer list[LAYERS_SEEN_MAX];
	size_t count;
};

/* Takes note of a chain's name, if it is one of a layer. */
void layers_note(struct layers *layers, const char *name);
/* Generations beneath one. */
unsigned layers_beneath(const struct layers *layers, unsigned generation);
/* Whether a number is that generation or one beneath it. */
bool layers_need(const struct layers *layers, unsigned generation, unsigned number);
/* The generation that the rules of enforce_layer() are laid over; 0 = they are no layer. */
unsigned layers_base_in(const char *rules, unsigned generation);
