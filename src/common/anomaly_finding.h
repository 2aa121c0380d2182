/* An anomaly as a finding: its message with the evidence as facts. */
#pragma once

#include "anomaly/anomaly.h"
#include "model/finding.h"

/* Every id of such a finding begins so. */
#define ANOMALY_FINDING_PREFIX "anomaly-"

/* Adds it to the list, unsorted. @return it, or NULL without memory. It dies with the next one. */
struct finding *anomaly_finding(struct findings *out, const struct anomaly *anomaly);
/* Whether a finding is one of those. */
bool anomaly_is_finding(const struct finding *finding);
