/* Conversations by kind of service. Private to lib/measure. */
#pragma once

#include "measure/measure.h"

/* Begins to say text; what comes for it is heard. */
void talk_say(struct measure_talking *talking, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void talk_end(struct measure_talking *talking);
/* An answer and what it rests on: `about`, then the first line of the bytes, made harmless. */
void talk_tell(struct measure_talking *talking, enum measure_question question,
	       enum measure_told told, const char *about, const uint8_t *bytes, size_t length);

/* One stage of each: what was heard. */
void talk_http(struct measure_talking *talking, const uint8_t *bytes, size_t length);
void talk_smtp(struct measure_talking *talking, const uint8_t *bytes, size_t length);
void talk_ftp(struct measure_talking *talking, const uint8_t *bytes, size_t length);
/* The question of HTTP for this stage. */
void talk_http_ask(struct measure_talking *talking);
/* Whether an answer of HTTP is all there. */
bool talk_http_whole(const uint8_t *bytes, size_t length);
/* The number that a reply of SMTP or FTP begins with; 0 = none. */
unsigned talk_reply(const uint8_t *bytes, size_t length);
