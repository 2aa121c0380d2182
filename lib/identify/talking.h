/* How the parts of one conversation fit together. Private to lib/identify. */
#pragma once

#include "identify/parts.h"

/* Connections in their order. */
enum talking_step { STEP_USUAL, STEP_HTTP, STEP_TLS, STEPS };
/* Bits of `tried`; of UDP it is the number of questions. */
enum { TRIED_HTTP = 1 << 0, TRIED_TLS = 1 << 1 };
enum { UDP_TRIES = 2 };

/* ---- what is done next (turns.c) ---- */

void talking_act(struct identify_talking *t, enum identify_action action, usec_t wait);
/* Completes the identity; nothing more is done. */
void talking_finish(struct identify_talking *t);
void talking_connect_again(struct identify_talking *t);
/* Language and TLS of a step. @return whether it is worth a connection. */
bool talking_take_step(struct identify_talking *t, unsigned step);
/* The next step that is, or the end. */
void talking_next_connection(struct identify_talking *t);
/* It answered that it speaks TLS. */
void talking_want_tls(struct identify_talking *t);
void talking_say_datagram(struct identify_talking *t);
/* The question of this stage. @return whether there is one. */
bool talking_say(struct identify_talking *t);
/* Waits: long for who speaks first. */
void talking_speak_or_listen(struct identify_talking *t);

/* ---- what was heard (hearing.c) ---- */

/* @param whole  no more will come. @return whether it is settled, else more is waited for. */
bool talking_consider(struct identify_talking *t, bool whole);
