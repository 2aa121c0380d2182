/* Words of the table of risks. */
#include "figure/risks.h"

void risks_severity(struct str *out, const struct figure_risk *risk, enum language language)
{
	static const char *const ids[] = {
		[SEVERITY_NONE] = "figure-risk-none",         [SEVERITY_LOW] = "figure-risk-low",
		[SEVERITY_MEDIUM] = "figure-risk-medium",     [SEVERITY_HIGH] = "figure-risk-high",
		[SEVERITY_CRITICAL] = "figure-risk-critical",
	};
	figure_words(out, language, ids[risk->risk], NULL, 0);
}

void risks_state(struct str *out, const struct figure_risk *risk, enum language language)
{
	static const char *const ids[] = {
		[FIGURE_RISK_UNKNOWN] = "figure-risk-unknown",
		[FIGURE_RISK_CLOSED] = "figure-risk-closed",
		[FIGURE_RISK_INSIDE] = "figure-risk-inside",
		[FIGURE_RISK_OPEN] = "figure-risk-open",
	};
	figure_words(out, language, ids[risk->state], NULL, 0);
}
