/* Incidents of the detector in words and as JSON. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "detect/detect.h"

/* Appends one line. @param with_target  whether to say which host it was. */
void detect_add_line(struct str *out, const struct detect_incident *incident, bool with_target);

/* "192.0.2.7 scanned 65,535 ports in 9 s, 3 answered, all in policy (SYN scan, nmap)".
 * @param policy  what to say after the answers; "" = nothing. */
void detect_add_sentence(struct str *out, const struct detect_incident *incident,
			 const char *policy);

/* "SYN scan" and so on in the reader's language. */
const char *detect_probe_words(enum detect_probe probe);

enum { DETECT_NUMBER_BYTES = 32, DETECT_PHRASE_BYTES = 160 };

/* "65,535": both languages group by three. @return out, of DETECT_NUMBER_BYTES. */
const char *detect_grouped(uint64_t number, char *out);

/* "1 port", "65,535 ports". @return out, of DETECT_PHRASE_BYTES. */
const char *detect_ports(uint64_t count, char *out);

/* A new reference; NULL when out of memory. */
json_t *detect_json(const struct detect_incident *incident);
