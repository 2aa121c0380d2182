/* Words that the text and the SVG form of the table of risks share; private to lib/figure. */
#pragma once

#include "figure/words.h"

/* "high". Appends. */
void risks_severity(struct str *out, const struct figure_risk *risk, enum language language);
/* "open to other machines". Appends. */
void risks_state(struct str *out, const struct figure_risk *risk, enum language language);
