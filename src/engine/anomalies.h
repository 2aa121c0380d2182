/* What is unusual on the ports of this host, see lib/anomaly. */
#pragma once

#include "engine.h"
#include "view/view.h"

/* Reads what was learned before. */
void anomalies_start(struct engine *engine);
/* What a look has to ask for beyond the usual: enum observe_flags. */
unsigned anomalies_flags(const struct engine *engine);
/* After a look, whose inventory is the engine's now: tells the model, judges, records the news. */
void anomalies_take(struct engine *engine);
/* Connections that the kernel counted. @param data  the engine. */
void anomalies_peer(const struct observe_peer *peer, void *data);
/* The kernel's programs are others now, or none: their counts begin anew. */
void anomalies_forget_tallies(struct engine *engine);
/* Packets that the keeper counted. */
void anomalies_refused(struct engine *engine, const struct event *event);
/* Puts those that stand in place of the ones before into the findings, unsorted. */
void anomalies_findings(struct engine *engine);
/* A person says that one is fine, or is not any more. */
void anomalies_fine(struct engine *engine, const struct wire_fine *order);
json_t *anomalies_document(const struct engine *engine);
void anomalies_save(struct engine *engine);
void anomalies_end(struct engine *engine);

/* ---- between the two files ---- */

/* What the kernel counted since it was asked last. */
void anomalies_feed_counts(struct engine *engine);
/* The model judges, and its news are recorded. @param looked  as anomaly_tick() */
void anomalies_tick(struct engine *engine, bool looked);
void anomalies_feed_deinit(struct engine *engine);
