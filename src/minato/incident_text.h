/* Incidents in words. */
#pragma once

#include "base/str.h"
#include "model/event.h"
#include "model/incident.h"

/* "192.0.2.7 scanned 65,535 ports in 9 s, 3 answered, all in policy (SYN scan, nmap)". */
void incident_add_sentence(struct str *out, const struct incident *incident);

/* The same of an event of such a kind, with the incident's number before it.
 * @return false when it is none, or cannot be read: then nothing was appended. */
bool incident_add_event(struct str *out, const struct event *event);

/* "SYN scan" and so on for the word of an incident; another word is returned as it is. */
const char *incident_probe_words(const char *probe);

/* "22/tcp, 53/udp": those that answered; `undeclared`: those of them that are not in the policy. */
void incident_add_answered(struct str *out, const struct incident *incident, bool undeclared);
