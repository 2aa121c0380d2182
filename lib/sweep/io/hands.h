/* What is said to the hands, and what they say. Private to lib/sweep. */
#pragma once

#include "sweep/io/attempts.h"

/* Before anything else. @return 0 or negative errno. */
int hands_order(struct sweep_hands *hands, const struct sweep_order *order);
bool hands_full(const struct sweep_hands *hands);
/* Not where all are full. @return 0; ATTEMPTS_SHORT no room now, not asked; -EIO one has ended. */
int hands_begin(struct sweep_hands *hands, const struct sweep_question *question);
/* Tells of those that ended. @param wait_ms  for the first. @return 0; -EIO one has ended. */
int hands_hear(struct sweep_hands *hands, int wait_ms, attempt_ended *ended, void *data);
